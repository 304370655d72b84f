/** Builds the demo's network around two daemons in this process, and runs traffic through it. */
import { fileURLToPath } from 'node:url';
import type { Bridge } from '../../bridge/bridge.js';
import { flowModFromText } from '../../bridge/flow-text.js';
import { Daemon } from '../../switch/daemon.js';
import { type Host, NetLab, until } from '../lab/netlab.js';
import { type DemoHost, flowsOf, gateway, HOSTS } from './network.js';

const TRANSFER = fileURLToPath(new URL('./transfer.js', import.meta.url));

export interface DemoSwitch {
  readonly name: 's1' | 's2';
  readonly daemon: Daemon;
  readonly bridge: Bridge;
}

export class Stage {
  readonly lab = new NetLab('wfx');
  readonly switches: DemoSwitch[] = [];
  private readonly hosts = new Map<string, Host>();

  async build(log: (text: string) => void): Promise<void> {
    for (const h of HOSTS) {
      const host = this.lab.host(h.name, { address: `${h.ip}/24`, mac: h.mac });
      this.lab.ip(`-n ${host.ns} route add default via ${gateway(h.vlan)}`);
      this.hosts.set(h.name, host);
    }
    this.lab.veth('wfx-t1', 'wfx-t2');
    for (const [name, trunk] of [
      ['s1', 'wfx-t1'],
      ['s2', 'wfx-t2'],
    ] as const) {
      // Nobody but this program talks to these switches: no sockets.
      const daemon = new Daemon({ runDir: null, log });
      const bridge = await daemon.addBridge(name, { type: 'null' });
      this.switches.push({ name, daemon, bridge });
      for (const h of HOSTS) {
        if (h.sw === name) daemon.addNamedPort(bridge, { name: this.host(h).outer, number: h.port });
      }
      daemon.addNamedPort(bridge, { name: trunk, number: 3 });
      for (const flow of flowsOf(name)) bridge.flowMod(flowModFromText(flow, 'add', () => undefined));
    }
  }

  host(h: DemoHost): Host {
    const host = this.hosts.get(h.name);
    if (!host) throw new Error(`no host ${h.name}`);
    return host;
  }

  /** Round trips: how many of `count` came back, and the average in ms. */
  async ping(from: DemoHost, to: DemoHost, count: number): Promise<{ received: number; averageMs: number }> {
    const r = await this.lab.insideAsync(
      this.host(from).ns,
      'ping',
      ...['-c', String(count), '-i', '0.05', '-W', '2', '-q', to.ip],
    );
    return {
      received: Number(/(\d+) received/.exec(r.stdout)?.[1] ?? 0),
      averageMs: Number(/= [\d.]+\/([\d.]+)\//.exec(r.stdout)?.[1] ?? Number.NaN),
    };
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
  }
}
