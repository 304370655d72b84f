/** The judge: a real ovs-vswitchd with dummy ports and a clock that stands still. */
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { VlanSpec } from '../../src/bridge/vlan.js';
import { callControl } from '../../src/control/client.js';
import { formatHex } from '../../src/lib/bytes.js';
import { readPcap } from '../../src/packet/pcap.js';
import type { Pipeline } from '../pipelines/random-pipeline.js';
import { RealOvs } from '../support/ovs.js';
import { type Arrival, type Change, PORTS, type Sent } from './frames.js';
import { PortLine } from './port-line.js';
import { Wire } from './wire.js';

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

const nothing = (): string[][] => Array.from({ length: PORTS }, () => []);

const MTU = 3000;

/** Meters 1 to 3: none ever drops anything. */
export const METERS: readonly string[] = [
  'meter=1,kbps,stats,band=type=drop,rate=4000000000',
  'meter=2,pktps,stats,band=type=drop,rate=4000000000',
  'meter=3,kbps,burst,stats,band=type=drop,rate=4000000000,burst_size=4000000000',
];

/** Who says nothing for so long has hung. */
const PATIENCE_MS = 30_000;

/** Bytes in front of the records of a capture. */
const PCAP_HEADER = 24;

export class Judge {
  readonly ovs = new RealOvs();
  private readonly path: string;
  private readonly wire: Wire;
  private ports?: PortLine;
  /** Bytes of each capture that were looked at. */
  private readonly read = Array.from({ length: PORTS + 1 }, () => PCAP_HEADER);
  private version: Pipeline['version'] = 'OpenFlow13';
  /** Packets that came in by each port. */
  private readonly arrived = Array.from({ length: PORTS + 1 }, () => 0);
  /** The port that is down; 0: none. */
  private down = 0;
  private readonly collected = nothing();
  /** When the pipeline was loaded. */
  private metered: readonly (readonly number[])[] = [];
  /** What meters said last, if nothing passed them since. */
  private counted?: readonly (readonly number[])[];

  constructor() {
    this.ovs.addBridge('br0', PORTS);
    // Room for what pipelines put around a frame.
    for (let i = 1; i <= PORTS; i++) this.ovs.vsctl('set', 'interface', `p${i}`, `mtu_request=${MTU}`);
    for (const meter of METERS) this.ovs.ofctl('-O', 'OpenFlow13', 'add-meter', 'br0', meter);
    this.ovs.appctl('time/stop');
    const name = readdirSync(this.ovs.dir).find((f) => /^ovs-vswitchd\.\d+\.ctl$/.test(f));
    if (!name) throw new Error('ovs-vswitchd has no control socket');
    this.path = join(this.ovs.dir, name);
    this.wire = new Wire(join(this.ovs.dir, 'br0.mgmt'));
    // A cached flow is for one sort of packet only: the others meet the tables.
    this.ovs.appctl('upcall/disable-megaflows');
  }

  /** True once ovs-vswitchd has ended, or hangs. */
  async isGone(): Promise<boolean> {
    try {
      await this.call('version');
      return false;
    } catch {
      return true;
    }
  }

  /** Of its log. */
  lastWords(): string {
    return readFileSync(join(this.ovs.dir, 'ovs-vswitchd.log'), 'utf8').trim().split('\n').pop() ?? '';
  }

  /** By a connection of its own: on one that stays, commands are answered before what the last one began is over. */
  async call(method: string, ...params: string[]): Promise<string> {
    const socket = connect(this.path);
    const timer = setTimeout(() => socket.destroy(), PATIENCE_MS);
    try {
      return await callControl(socket, method, params);
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.ports?.close();
    void this.wire.close();
    this.ovs.close();
  }

  /** What ports make of tags, and how many tags can be matched. */
  setModes(modes: Modes, vlanLimit = 1): void {
    const args = ['set', 'Open_vSwitch', '.', `other_config:vlan-limit=${vlanLimit}`];
    for (let i = 1; i <= PORTS; i++) {
      args.push('--', 'clear', 'port', `p${i}`, 'tag', 'trunks', 'vlan_mode', 'other_config');
      const settings = modes[i - 1]?.[0] ?? [];
      if (settings.length > 0) args.push('--', 'set', 'port', `p${i}`, ...settings);
    }
    this.ovs.vsctl(...args);
  }

  async load(pipeline: Pipeline): Promise<void> {
    this.version = pipeline.version;
    if (this.down !== 0) await this.change({ kind: 'port', port: this.down, up: true });
    await this.wire.load(pipeline);
    await this.call('fdb/flush', 'br0');
    await this.forget();
    this.metered = this.counted ?? (await this.meters());
  }

  /** Packets, bytes, drops and bytes dropped of each meter since it was made. */
  private async meters(): Promise<number[][]> {
    const stats = await this.wire.meterText();
    const counts =
      /^meter:(\d+) .*packet_in_count:(\d+) byte_in_count:(\d+) .*\n0: packet_count:(\d+) byte_count:(\d+)/gm;
    return [...stats.matchAll(counts)].map((m) => m.slice(1).map(Number)).sort((a, b) => a[0] - b[0]);
  }

  /** OVS brings its cached flows up to date in its own time; without any, each packet meets the tables as they are now. */
  forget(): Promise<string> {
    return this.call('revalidator/purge');
  }

  private async change(c: Change): Promise<void> {
    // What came before is over.
    await this.forget();
    if (c.kind === 'delete') await this.wire.deleteStrict(this.version, c.flow);
    else {
      this.collect();
      // A dummy port sends although it is down; no other one does.
      this.down = c.up ? 0 : c.port;
      this.ports ??= await PortLine.at(join(this.ovs.dir, 'br0.mgmt'), () => this.call('version'));
      await this.ports.set(c.port, c.up);
      // What watches ports is told in a later turn of the main loop, and each call takes one.
      for (let turns = 0; turns < 3; turns++) await this.call('version');
    }
    await this.forget();
  }

  /** What happens before a packet. */
  async pass(a: Arrival): Promise<void> {
    for (const c of a.changes) await this.change(c);
  }

  /** A packet that meets the tables as they are. */
  async receive(a: Arrival): Promise<void> {
    await this.forget();
    await this.arrive([a]);
  }

  /** Packets of one port, one after the other, that change nothing for each other. */
  async receiveTrain(train: readonly Arrival[]): Promise<void> {
    await this.arrive(train);
    const [{ port }] = train;
    // It takes one in each turn.
    while ((await this.wire.received(port)) < this.arrived[port]);
  }

  private async arrive(train: readonly Arrival[]): Promise<void> {
    const [{ port }] = train;
    this.counted = undefined;
    this.arrived[port] += train.length;
    await this.call('netdev-dummy/receive', `p${port}`, ...train.map((a) => formatHex(a.frame)));
  }

  /** What left each port, once as much came as is expected, or nothing more comes for a while: OVS takes its time. */
  async sentAll(expected: Sent): Promise<string[][]> {
    for (let tries = 0; tries < 5; tries++) {
      await this.forget();
      this.collect();
      if (expected.same(this.collected)) break;
    }
    return this.collected.splice(0, PORTS, ...nothing());
  }

  /** Puts aside what left. */
  private collect(): void {
    this.sent().forEach((more, i) => {
      if (i + 1 !== this.down) this.collected[i].push(...more);
    });
  }

  /** What left each port since the last time, as hex. */
  sent(): string[][] {
    const out: string[][] = [];
    for (let i = 1; i <= PORTS; i++) {
      const file = openSync(this.ovs.capture(i), 'r');
      const { size } = fstatSync(file);
      const bytes = new Uint8Array(Math.max(PCAP_HEADER, PCAP_HEADER + size - this.read[i]));
      readSync(file, bytes, 0, PCAP_HEADER, 0);
      readSync(file, bytes, PCAP_HEADER, bytes.length - PCAP_HEADER, this.read[i]);
      closeSync(file);
      this.read[i] = Math.max(size, PCAP_HEADER);
      out.push(readPcap(bytes).records.map((r) => formatHex(r.frame)));
    }
    return out;
  }

  /** Packets and bytes of each rule, of each group and its buckets, and of each meter. */
  async counters(): Promise<string[]> {
    this.counted = await this.meters();
    const meters = this.counted.map(([id, ...counts], i) =>
      meterText(
        id,
        counts.map((n, k) => n - this.metered[i][k + 1]),
      ),
    );
    return [...rulesOf(await this.wire.flowText()), ...groupsOf(await this.wire.groupText()), ...meters];
  }
}

/** `counts`: packets, bytes, drops, bytes dropped. */
export const meterText = (id: number, counts: readonly number[]): string => `meter:${id} ${counts.join(' ')}`;

/** "table=0 n_packets=5, n_bytes=100 priority=3,ip" of each line of dump-flows, in order of text. */
export function rulesOf(dump: string): string[] {
  return dump
    .split('\n')
    .flatMap((l) => {
      const [, table, counts] = /table=(\d+), (n_packets=\d+, n_bytes=\d+)/.exec(l) ?? [];
      return table ? [`table=${table} ${l.slice(0, l.indexOf(' actions=')).split(' ').pop()} ${counts}`] : [];
    })
    .sort();
}

/** "group_id=1,packet_count=0,byte_count=0,bucket0:packet_count=0,byte_count=0" */
function groupsOf(stats: string): string[] {
  return stats
    .split('\n')
    .filter((l) => l.includes('packet_count'))
    .map((l) => l.trim().replace(/duration=[^,]*,ref_count=\d+,/, ''))
    .sort();
}
