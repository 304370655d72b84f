/** Builds the demo's network around two daemons in this process, and runs traffic through it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bridge } from '../../bridge/bridge.js';
import { flowModFromText } from '../../bridge/flow-text.js';
import { parseIpv4 } from '../../lib/address.js';
import { readPcap } from '../../packet/pcap.js';
import { Daemon } from '../../switch/daemon.js';
import { type Host, NetLab, until } from '../lab/netlab.js';
import { type DemoHost, flowsOf, gateway, HOSTS, TRUNK_PORT } from './network.js';

const CAPTURE = 'capture';
const TRANSFER = fileURLToPath(new URL('./transfer.js', import.meta.url));

export interface DemoSwitch {
  readonly name: 's1' | 's2';
  readonly daemon: Daemon;
  readonly bridge: Bridge;
  /** What carries its tunnel: the veth, and a port that writes down what leaves until `captured` is called. */
  readonly wire: Bridge;
}

/** Ends of the tunnel. */
export const UNDERLAY = { s1: '172.31.255.1', s2: '172.31.255.2' } as const;
export const VNI = 42;
/** A frame of 1,500 bytes with a tag, and VXLAN around it. */
const WIRE_MTU = 1600;

export class Stage {
  readonly lab = new NetLab('wfx');
  readonly switches: DemoSwitch[] = [];
  private readonly dir = mkdtempSync(join(tmpdir(), 'weft-demo-'));
  private readonly hosts = new Map<string, Host>();

  async build(log: (text: string) => void): Promise<void> {
    for (const h of HOSTS) {
      const host = this.lab.host(h.name, { address: `${h.ip}/24`, mac: h.mac });
      this.lab.ip(`-n ${host.ns} route add default via ${gateway(h.vlan)}`);
      this.hosts.set(h.name, host);
    }
    this.lab.veth('wfx-t1', 'wfx-t2');
    for (const end of ['wfx-t1', 'wfx-t2']) this.lab.ip(`link set ${end} mtu ${WIRE_MTU}`);
    for (const [name, trunk] of [
      ['s1', 'wfx-t1'],
      ['s2', 'wfx-t2'],
    ] as const) {
      // Nobody but this program talks to these switches: no sockets.
      const daemon = new Daemon({ runDir: null, log });
      const bridge = await daemon.addBridge(name, { type: 'null' });
      const wire = await this.addWire(daemon, name, trunk);
      this.switches.push({ name, daemon, bridge, wire });
      for (const h of HOSTS) {
        if (h.sw === name) daemon.addNamedPort(bridge, { name: this.host(h).outer, number: h.port });
      }
      const options = { remote_ip: UNDERLAY[name === 's1' ? 's2' : 's1'], key: String(VNI) };
      daemon.addNamedPort(bridge, { name: `vx-${name}`, type: 'vxlan', number: TRUNK_PORT, options });
      for (const flow of flowsOf(name)) bridge.flowMod(flowModFromText(flow, 'add', () => undefined));
    }
  }

  /** The bridge that carries the tunnel. Nobody but the two of them is on the wire, so route and neighbor are put in by hand. */
  private async addWire(daemon: Daemon, name: 's1' | 's2', trunk: string): Promise<Bridge> {
    const wire = await daemon.addBridge(`${name}-wire`, { type: 'null' });
    daemon.addNamedPort(wire, { name: trunk, number: 1 });
    daemon.addNamedPort(wire, { name: CAPTURE, type: 'pcap', number: 2, options: { tx_pcap: this.file(name) } });
    for (const flow of ['in_port=LOCAL,actions=output:1,output:2', 'in_port=1,actions=LOCAL']) {
      wire.flowMod(flowModFromText(flow, 'add', () => undefined));
    }
    const peer = name === 's1' ? 's2' : 's1';
    const [own, other] = [parseIpv4(UNDERLAY[name]), parseIpv4(UNDERLAY[peer])];
    if (!own || !other) throw new Error('an address of the demo is none');
    const { underlay } = daemon.core;
    const by = { device: wire.name, gateway: undefined, source: own, mark: 0, user: true, local: false };
    underlay.addAddress(wire.name, own);
    underlay.routes.add({ prefix: other, length: 32, ...by });
    underlay.neighbors.learn(wire.name, other, daemon.core.addressOf(`${peer}-wire`), daemon.core.now());
    return wire;
  }

  private file(name: string): string {
    return join(this.dir, `${name}.pcap`);
  }

  /** Frames that a switch has sent on the wire; from now on they are not written down any more. */
  captured(s: DemoSwitch): Uint8Array[] {
    s.daemon.core.removePorts([{ bridge: s.wire, name: CAPTURE }]);
    s.wire.flowMod(flowModFromText('in_port=LOCAL,actions=output:1', 'add', () => undefined));
    return readPcap(readFileSync(this.file(s.name))).records.map((r) => r.frame);
  }

  host(h: DemoHost): Host {
    const host = this.hosts.get(h.name);
    if (!host) throw new Error(`no host ${h.name}`);
    return host;
  }

  /** Round trips: how many of `count` came back, and the average in ms. */
  async ping(from: DemoHost, to: DemoHost, count: number): Promise<{ received: number; averageMs: number }> {
    const times = await this.lab.pings(this.host(from).ns, to.ip, count, 2);
    const received = times.length;
    return { received, averageMs: times.reduce((a, b) => a + b, 0) / received };
  }

  /** Gbit/s of one TCP connection over some seconds; 0 when it did not come to be. */
  async tcp(from: DemoHost, to: DemoHost, port: number, seconds: number): Promise<number> {
    const node = (h: DemoHost, ...args: string[]) =>
      this.lab.startAsync('ip', ['netns', 'exec', this.host(h).ns, process.execPath, TRANSFER, ...args]);
    const server = node(to, 'serve', String(port));
    let said = '';
    server.child.stdout?.on('data', (d) => {
      said += d;
    });
    if (!(await until(() => said.includes('listening'), 5000))) return 0;
    await node(from, 'send', to.ip, String(port), String(seconds)).done;
    const heard = await until(() => /\n[\d]+ /.test(said), 5000);
    server.child.kill();
    const m = /\n(\d+) ([\d.]+)/.exec(said);
    return heard && m ? (Number(m[1]) * 8) / Number(m[2]) / 1e6 : 0;
  }

  /** What a connection attempt meets: open, refused or silent. */
  async tryTcp(from: DemoHost, to: DemoHost, port: number, ms: number): Promise<string> {
    const r = await this.lab.insideAsync(
      this.host(from).ns,
      process.execPath,
      ...[TRANSFER, 'try', to.ip, String(port), String(ms)],
    );
    return r.stdout.trim();
  }

  async close(): Promise<void> {
    for (const s of this.switches) await s.daemon.close();
    this.lab.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
