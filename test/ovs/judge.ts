/** The judge: a real ovs-vswitchd with dummy ports and a clock that stands still. */
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { VlanSpec } from '../../src/bridge/vlan.js';
import { callControl } from '../../src/control/client.js';
import { formatHex } from '../../src/lib/bytes.js';
import { readPcap } from '../../src/packet/pcap.js';
import type { Pipeline } from '../pipelines/random-pipeline.js';
import { RealOvs } from '../support/ovs.js';
import { type Arrival, PORTS, type Sent } from './frames.js';

/** VLAN modes that ports have in turn, a row a world: as both sides are told. */
export const MODES: readonly (readonly (readonly [string[], VlanSpec])[])[] = [
  [],
  [
    [['tag=1'], { tag: 1 }],
    [['tag=2'], { tag: 2 }],
    [['trunks=1,2'], { trunks: [1, 2] }],
    [['tag=1', 'vlan_mode=native-tagged'], { tag: 1, vlanMode: 'native-tagged' }],
  ],
  [
    [['tag=2', 'vlan_mode=native-untagged', 'trunks=1'], { tag: 2, vlanMode: 'native-untagged', trunks: [1] }],
    [['tag=2', 'other_config:priority-tags=if-nonzero'], { tag: 2, priorityTags: 'if-nonzero' }],
    [[], {}],
    [['tag=1', 'other_config:priority-tags=if-nonzero'], { tag: 1, priorityTags: 'if-nonzero' }],
  ],
];

export type Modes = (typeof MODES)[number];

export class Judge {
  readonly ovs = new RealOvs();
  private readonly control: string;
  private readonly read = Array.from({ length: PORTS + 1 }, () => 0);

  constructor() {
    this.ovs.addBridge('br0', PORTS);
    this.ovs.appctl('time/stop');
    const name = readdirSync(this.ovs.dir).find((f) => /^ovs-vswitchd\.\d+\.ctl$/.test(f));
    if (!name) throw new Error('ovs-vswitchd has no control socket');
    this.control = join(this.ovs.dir, name);
  }

  call(method: string, ...params: string[]): Promise<string> {
    return callControl(connect(this.control), method, params);
  }

  setModes(modes: Modes): void {
    for (let i = 1; i <= PORTS; i++) {
      this.ovs.vsctl('clear', 'port', `p${i}`, 'tag', 'trunks', 'vlan_mode', 'other_config');
      const settings = modes[i - 1]?.[0] ?? [];
      if (settings.length > 0) this.ovs.vsctl('set', 'port', `p${i}`, ...settings);
    }
  }

  async load({ flows, version, groups = [] }: Pipeline): Promise<void> {
    this.ovs.ofctl('del-flows', 'br0');
    this.ovs.ofctl('-O', 'OpenFlow13', 'del-groups', 'br0');
    const g = this.ovs.try('ovs-ofctl', ['-O', 'OpenFlow15', 'add-groups', 'br0', '-'], `${groups.join('\n')}\n`);
    if (g.status !== 0) throw new Error(`ovs-ofctl refuses: ${g.stderr}\n${groups.join('\n')}`);
    const r = this.ovs.try('ovs-ofctl', ['-O', version, 'add-flows', 'br0', '-'], `${flows.join('\n')}\n`);
    if (r.status !== 0) throw new Error(`ovs-ofctl refuses: ${r.stderr}\n${flows.join('\n')}`);
    await this.call('fdb/flush', 'br0');
    await this.forget();
  }

  /** OVS brings its cached flows up to date in its own time; without any, each packet meets the tables as they are now. */
  forget(): Promise<string> {
    return this.call('revalidator/purge');
  }

  async receive(a: Arrival): Promise<void> {
    await this.call('netdev-dummy/receive', `p${a.port}`, formatHex(a.frame));
  }

  /** What left each port, once as much came as is expected, or nothing more comes for a while: OVS takes its time. */
  async sentAll(expected: Sent): Promise<string[][]> {
    const out = this.sent();
    for (let tries = 0; tries < 5 && !expected.same(out); tries++) {
      await this.forget();
      this.sent().forEach((more, i) => void out[i].push(...more));
    }
    return out;
  }

  /** What left each port since the last time, as hex. */
  sent(): string[][] {
    const out: string[][] = [];
    for (let i = 1; i <= PORTS; i++) {
      const { records } = readPcap(readFileSync(this.ovs.capture(i)));
      out.push(records.slice(this.read[i]).map((r) => formatHex(r.frame)));
      this.read[i] = records.length;
    }
    return out;
  }
}
