/**
 * Where a scenario plays: "machines", each a network namespace with a switch of its own that the real tools configure, joined by an underlay; hosts
 * behind their bridges; and who looks at the devices between. All of it goes with `close`, also after a failure.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mortal } from '../../src/cli/lab/mortal.js';
import { labRefusal, NetLab, until } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { LiveSwitch } from '../support/live.js';
import { like, type Seen, see, tell } from './frame.js';

/** Why a scenario cannot play here. */
export function scenarioRefusal(scenario: Scenario): string | undefined {
  const { 'ovs-vsctl': vsctl, 'ovs-ofctl': ofctl } = OVS_PROGRAMS;
  const tools = { ip: 'iproute2', ping: 'iputils-ping', tcpdump: 'tcpdump', sysctl: 'procps' };
  return labRefusal() ?? needPrograms({ 'ovs-vsctl': vsctl, 'ovs-ofctl': ofctl, ...tools, ...scenario.needs });
}

/** Who is told what was found. */
export interface Report {
  check(ok: boolean, what: string, detail?: string): void;
}

export interface Settings {
  /** `vxlan` or `gre`. */
  readonly tunnel: string;
  /** The quick form leaves out what takes long. */
  readonly quick: boolean;
  /** What carries tunnels: the host's stack, or a bridge around the device. */
  readonly underlay: Underlay;
}
export type Underlay = 'host' | 'bridge';

export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** Programs beside those of all, and their packages. */
  readonly needs?: Readonly<Record<string, string>>;
  play(stage: Stage, settings: Settings): Promise<void>;
}

const PATIENCE_MS = 10_000;
/** What tcpdump writes, little-endian. */
const PCAP = { header: 24, record: 16, captured: 8 } as const;

/** Sees every frame of a device, both ways. */
export class Watch {
  private readonly seen: Seen[] = [];
  /** What came of a record that is not whole yet; the file's header first. */
  private rest = Buffer.alloc(0);
  private header = true;
  private readonly child: ChildProcess;
  private said = '';

  constructor(
    private readonly report: Report,
    ns: string,
    device: string,
  ) {
    // The kernel makes room for a longest frame each: with tcpdump's own limit that is eight frames.
    const dump = ['-i', device, '-n', '-U', '--immediate-mode', '-s', '2000', '-B', '16384', '-w', '-'];
    this.child = spawn(...mortal('ip', ['netns', 'exec', ns, 'tcpdump', ...dump]), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (d: Buffer) => this.read(d));
    this.child.stderr?.on('data', (d) => {
      this.said += d;
    });
  }

  async ready(): Promise<void> {
    const listens = await until(() => this.said.includes('listening on'), PATIENCE_MS);
    if (!listens) throw new Error(`tcpdump: ${this.said}`);
  }

  private read(more: Buffer): void {
    let all = Buffer.concat([this.rest, more]);
    if (this.header && all.length >= PCAP.header) {
      all = all.subarray(PCAP.header);
      this.header = false;
    }
    let at = 0;
    while (!this.header && at + PCAP.record <= all.length) {
      const next = at + PCAP.record + all.readUInt32LE(at + PCAP.captured);
      if (next > all.length) break;
      this.seen.push(see(all.subarray(at + PCAP.record, next)));
      at = next;
    }
    this.rest = all.subarray(at);
  }

  frames(): readonly Seen[] {
    return this.seen;
  }

  /** A hop: a frame like this comes, within a while. Says what it saw. */
  async hop(what: string, want: Seen): Promise<void> {
    const found = (): Seen | undefined => this.frames().find((f) => like(f, want));
    await until(() => found() !== undefined, PATIENCE_MS);
    const got = found();
    this.report.check(
      got !== undefined,
      what,
      got ? tell(got) : `no frame like ${JSON.stringify(want)}: ${this.all()}`,
    );
  }

  /** No frame like this came. */
  never(what: string, want: Seen): void {
    const got = this.frames().find((f) => like(f, want));
    this.report.check(got === undefined, what, got && tell(got));
  }

  private all(): string {
    return ['', ...this.frames().map(tell)].slice(-12).join('\n      ');
  }

  close(): void {
    this.child.kill('SIGKILL');
  }
}

/** A machine: a namespace, and a switch in it. */
export class Machine {
  constructor(
    private readonly lab: NetLab,
    readonly name: string,
    readonly ns: string,
    readonly sw: LiveSwitch,
  ) {}

  private tool(program: string, args: readonly string[]): string {
    const r = this.sw.run(program, ...args);
    if (r.status === 0) return r.stdout;
    throw new Error(`${this.name}: ${program} ${args.join(' ')}: ${r.stderr || r.stdout || `status ${r.status}`}`);
  }

  /** A tool by its whole command, as people type it; what it said, and how it ended. */
  type(command: string): { status: number; said: string } {
    const [program, ...args] = command.split(' ');
    const r = this.sw.run(program, ...args);
    return { status: r.status, said: `${r.stdout}${r.stderr}`.trim() };
  }

  /** The real ovs-vsctl; arguments are split at blanks. */
  vsctl(text: string): string {
    return this.tool('ovs-vsctl', text.split(' '));
  }

  ofctl(...args: string[]): string {
    return this.tool('ovs-ofctl', args);
  }

  appctl(...args: string[]): string {
    return this.tool('weft', ['appctl', ...args]);
  }

  addFlows(bridge: string, flows: readonly string[]): void {
    for (const f of flows) this.ofctl('add-flow', bridge, f);
  }

  ip(text: string): void {
    this.lab.ip(`-n ${this.ns} ${text}`);
  }

  /** Frames that pass a bridge, with the tags that they have in it, come out of this device. */
  mirror(bridge: string, device: string): void {
    this.vsctl(
      `add-port ${bridge} ${device} -- set interface ${device} type=internal -- --id=@p get port ${device} -- ` +
        `--id=@m create mirror name=${device} select_all=true output_port=@p -- set bridge ${bridge} mirrors=@m`,
    );
    this.ip(`link set ${device} up`);
  }
}

export interface HostOptions {
  readonly mac: string;
  /** Address with its length. */
  readonly address: string;
  readonly gateway?: string;
  readonly mtu?: number;
}

export class Stage {
  private readonly switches: LiveSwitch[] = [];
  private readonly watches: Watch[] = [];
  readonly lab: NetLab;
  private wire = '';
  private cables = 0;

  constructor(
    readonly report: Report,
    private readonly underlay: Underlay = 'host',
    prefix = 'wsc-',
  ) {
    this.lab = new NetLab(prefix);
  }

  get check(): Report['check'] {
    return this.report.check;
  }

  /** A namespace with nothing in it that speaks unasked. */
  namespace(name: string): string {
    const ns = this.lab.namespace(name);
    this.sysctl(ns, 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1');
    return ns;
  }

  sysctl(ns: string, ...settings: string[]): void {
    const r = this.lab.inside(ns, 'sysctl', '-q', '-w', ...settings);
    if (r.status !== 0) throw new Error(`sysctl ${settings.join(' ')}: ${r.stderr}`);
  }

  /**
   * A machine whose device u0 is on the underlay, with this address if any; its switch runs. Where a bridge is to carry the tunnels, u0 is in one, br-phy, that has
   * the address; `byHost`: not here.
   */
  async machine(name: string, underlay?: string, byHost = false): Promise<Machine> {
    const ns = this.namespace(name);
    if (!this.wire) {
      this.wire = this.namespace('wire');
      this.lab.ip(`-n ${this.wire} link add name cable type bridge`);
      this.lab.ip(`-n ${this.wire} link set cable up`);
    }
    const end = `c${++this.cables}`;
    this.lab.ip(`-n ${ns} link add u0 type veth peer name ${end} netns ${this.wire}`);
    this.lab.ip(`-n ${this.wire} link set ${end} master cable`);
    this.lab.ip(`-n ${this.wire} link set ${end} up`);
    const bridged = underlay !== undefined && this.underlay === 'bridge' && !byHost;
    if (underlay && !bridged) this.lab.ip(`-n ${ns} addr add ${underlay} dev u0`);
    this.lab.ip(`-n ${ns} link set u0 up`);
    const sw = new LiveSwitch([], ['ip', 'netns', 'exec', ns]);
    this.switches.push(sw);
    if (!(await sw.ready())) throw new Error(`${name}: ${sw.output}`);
    const machine = new Machine(this.lab, name, ns, sw);
    if (!bridged) return machine;
    machine.vsctl('add-br br-phy -- add-port br-phy u0');
    machine.ip(`addr add ${underlay} dev br-phy`);
    machine.ip('link set br-phy up');
    return machine;
  }

  /** A host behind device `outer` of a machine. Returns its namespace. */
  host(machine: Machine, outer: string, options: HostOptions): string {
    const ns = this.namespace(`${machine.name}-${outer}`);
    const mtu = options.mtu ?? 1400;
    machine.ip(`link add ${outer} type veth peer name e0 netns ${ns}`);
    machine.ip(`link set ${outer} up`);
    for (const text of [
      `link set e0 address ${options.mac} mtu ${mtu}`,
      `addr add ${options.address} dev e0`,
      'link set e0 up',
      ...(options.gateway ? [`route add default via ${options.gateway}`] : []),
    ]) {
      this.lab.ip(`-n ${ns} ${text}`);
    }
    return ns;
  }

  async watch(ns: string, device: string): Promise<Watch> {
    const w = new Watch(this.report, ns, device);
    this.watches.push(w);
    await w.ready();
    return w;
  }

  /** A host talks with another: the first answer may take a while, then none is missing. */
  async talks(what: string, ns: string, to: string, count = 3): Promise<void> {
    const ping = (...args: string[]) => this.lab.insideAsync(ns, 'ping', ...args, to);
    const first = await until(async () => (await ping('-c', '1', '-W', '1')).status === 0, PATIENCE_MS);
    const answered = first ? (await this.lab.pings(ns, to, count)).length : 0;
    const ok = answered === count;
    const said = first ? `${answered} of ${count} pings answered` : 'no answer at all';
    this.check(ok, what, `${said}${ok ? '' : this.drops()}`);
  }

  /** What each switch says that it dropped, and why: a frame that is not there was not lost in one. */
  private drops(): string {
    return this.switches.map((sw) => `\n${sw.run('weft', 'appctl', 'weft/drops').stdout}`).join('');
  }

  /** A host does not get an answer. */
  async silent(what: string, ns: string, to: string): Promise<void> {
    const r = await this.lab.insideAsync(ns, 'ping', '-c', '2', '-i', '0.05', '-W', '0.3', to);
    this.check(
      r.status !== 0,
      what,
      r.stdout.split('\n').find((l) => l.includes('transmitted')),
    );
  }

  async close(): Promise<void> {
    for (const w of this.watches) w.close();
    for (const s of this.switches) await s.close();
    this.lab.close();
  }
}
