/**
 * Two hosts and a switch between them, each in a network namespace: what the rows over devices measure. Each side has hosts of its own, so that all sides can be
 * there at once and take turns.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NetLab } from '../../src/cli/lab/netlab.js';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { frames, PEERS } from './files.js';
import { type Daemon, must, native } from './programs.js';
import { Missing, type Session, type Turn } from './row.js';
import { Shared } from './shared.js';

const PROGRAMS = {
  ip: 'iproute2',
  ethtool: 'ethtool',
  iperf3: 'iperf3',
  tcpreplay: 'tcpreplay',
  ping: 'iputils-ping',
} as const;
/** Of every switch. */
export const BRIDGE = 'br-cmp';
/** Between two pings, and how many frames a second pass beside them under load: a quarter of what Open vSwitch can. */
const PING_SECONDS = 0.002;
const LOAD_PPS = 50_000;
/** More new flows a second than any switch decides, and so many of them that a table of flows is not yet full. */
const STORM_PPS = 250_000;
const STORM_FRAMES = 250_000;
/** So much of a storm is measured, once so many frames have arrived. */
const STORM_MS = 500;
const STORM_BEGUN = 2000;
const NEW_FLOWS_PPS = 5000;
const BUSY_PPS = 10_000;
/** Frames after a silence in a measurement of the usual length. */
const WAKES = 10;
/** What a switch that stood still has to catch up with: timers, and what the hosts said meanwhile. */
const RESUME_MS = 100;

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Nanoseconds that all threads of programs have run. */
export function processorNs(pids: readonly number[]): number {
  let ns = 0;
  for (const pid of pids) {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      try {
        ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
      } catch {
        // A thread that has just ended.
      }
    }
  }
  return ns;
}

/** Milliseconds. */
export interface PingTimes {
  readonly average: number;
  readonly p999: number;
}
export const PING_PARTS = ['average', 'p999'] as const;

/** Milliseconds. */
export interface WakeTimes {
  readonly median: number;
  readonly worst: number;
}
const WAKE_PARTS = ['median', 'worst'] as const;

/** Thousands a second. */
export interface Frames {
  readonly offered: number;
  readonly delivered: number;
}
const FLOOD_PARTS = ['offered', 'delivered'] as const;

export class Hosts implements Session {
  private readonly lab: NetLab;
  /** Namespaces: of the switch, of the hosts. */
  readonly middle: string;
  readonly hosts: readonly string[];
  private readonly daemons: Daemon[] = [];
  /** Programs whose processor time is the switch's. */
  private pids: readonly number[] = [];
  private env: NodeJS.ProcessEnv = {};
  private readonly floods = new Shared<Frames>(FLOOD_PARTS);
  private readonly wakes = new Shared<WakeTimes>(WAKE_PARTS);
  private readonly pings = { idle: new Shared<PingTimes>(PING_PARTS), load: new Shared<PingTimes>(PING_PARTS) };

  /** `prefix`: at most 4 characters, of this side alone. `count`: of hosts; those behind the second only send. */
  constructor(prefix: string, count = 2) {
    if (process.getuid?.() !== 0) throw new Missing('network namespaces need root');
    const missing = needPrograms(PROGRAMS);
    if (missing) throw new Missing(missing);
    this.lab = new NetLab(prefix);
    this.middle = this.lab.namespace('s');
    this.hosts = Array.from({ length: count }, (_, i) => this.lab.namespace(String(i + 1)));
  }

  /** Devices p1, p2, ... in the middle, each with e0 of a host behind it. `plain`: the hosts finish checksums and segments themselves. */
  wire(plain: boolean): void {
    this.hosts.forEach((host, i) => {
      const p = `p${i + 1}`;
      this.lab.ip(`link add ${p} netns ${this.middle} type veth peer name e0 netns ${host}`);
      this.lab.ip(`-n ${this.middle} link set ${p} up`);
      if (plain) this.lab.inside(host, 'ethtool', '-K', 'e0', 'tx', 'off');
    });
    this.address();
  }

  /** Devices of the middle become e0 of the hosts. */
  move(devices: readonly string[]): void {
    this.hosts.forEach((host, i) => {
      this.lab.ip(`-n ${this.middle} link set ${devices[i]} netns ${host}`);
      this.lab.ip(`-n ${host} link set ${devices[i]} name e0`);
    });
    this.address();
  }

  private address(): void {
    this.hosts.forEach((host, i) => {
      this.lab.ip(`-n ${host} link set e0 address 02:00:00:00:00:0${i + 1}`);
      this.lab.ip(`-n ${host} addr add 10.0.0.${i + 1}/24 dev e0`);
      this.lab.ip(`-n ${host} link set e0 up`);
    });
  }

  /** A daemon that ends with this. */
  ends(daemon: Daemon): Daemon {
    this.daemons.unshift(daemon);
    return daemon;
  }

  /** The switch is there. Throws Missing when no packet passes. */
  async pass(pids: readonly number[], env: NodeJS.ProcessEnv = {}): Promise<void> {
    this.pids = pids;
    this.env = env;
    for (let i = 0; i < 20; i++) {
      if ((await this.run(0, 'ping', '-c', '1', '-W', '1', '10.0.0.2')).status === 0) return;
    }
    throw new Missing('no packet passes the switch');
  }

  /** A program in the namespace of the switch, to its end. */
  inMiddle(...words: string[]): string {
    return this.lab.run('ip', ['netns', 'exec', this.middle, ...words]).stdout;
  }

  private run(host: number, ...words: string[]) {
    const [command, ...args] = words;
    return this.lab.insideAsync(this.hosts[host], command, ...args);
  }

  private count(host: 0 | 1, what: string): number {
    return Number(this.lab.inside(this.hosts[host], 'cat', `/sys/class/net/e0/statistics/${what}`).stdout);
  }

  /** Sends frames from a host for so long, at a rate or as fast as it can. */
  private async replay(seconds: number, pps?: number, host = 0, file = frames(1000), loops = '1000000'): Promise<void> {
    const rate = pps === undefined ? ['-t'] : ['-p', String(pps)];
    await this.run(
      host,
      'timeout',
      String(seconds),
      'tcpreplay',
      '-q',
      '-K',
      ...rate,
      '--loop',
      loops,
      '-i',
      'e0',
      file,
    );
  }

  /** Gbit/s of one TCP connection. */
  async tcp({ seconds }: Turn): Promise<number> {
    const server = this.run(1, 'timeout', String(seconds + 8), 'iperf3', '-s', '-1');
    await sleep(200);
    const client = await this.run(
      0,
      'timeout',
      String(seconds + 6),
      'iperf3',
      '-c',
      '10.0.0.2',
      '-t',
      String(Math.ceil(seconds)),
      '-J',
    );
    await server;
    const found = /"sum_received":\s*{[^}]*"bits_per_second":\s*([\d.e+]+)/.exec(client.stdout);
    if (!found) throw new Error(`iperf3: ${client.stdout.slice(-200)}${client.stderr}`);
    return Number(found[1]) / 1e9;
  }

  /** Frames of 60 bytes while a program sends as many as it can, for a second longer than it takes to measure. */
  private async whileSending({ seconds }: Turn, sender: Promise<unknown>): Promise<Frames> {
    await sleep(500);
    const from = performance.now();
    const [sent, came] = [this.count(0, 'tx_packets'), this.count(1, 'rx_packets')];
    await sleep(seconds * 1000);
    const [offered, delivered] = [this.count(0, 'tx_packets') - sent, this.count(1, 'rx_packets') - came];
    const ms = performance.now() - from;
    await sender;
    return { offered: offered / ms, delivered: delivered / ms };
  }

  /** Thousand 60-byte frames a second that arrive when tcpreplay sends as many as it can. */
  async small(turn: Turn): Promise<number> {
    return (await this.whileSending(turn, this.replay(turn.seconds + 1))).delivered;
  }

  /** The same frames from a sender that is not the limit (native/bench/flood_bench.cc). The switch's end of the pair, whoever's it is, has to poll for that. */
  async flood(part: keyof Frames, turn: Turn): Promise<number> {
    const rates = await this.floods.take(part, async () => {
      const program = native('flood');
      this.inMiddle('ethtool', '-K', 'p1', 'gro', 'on');
      const said = this.run(0, 'timeout', String(turn.seconds + 1), program, 'e0', frames(1000));
      const measured = await this.whileSending(turn, said);
      this.inMiddle('ethtool', '-K', 'p1', 'gro', 'off');
      if (measured.offered === 0) throw new Error(`the sender sent nothing: ${(await said).stderr}`);
      return measured;
    });
    return rates[part];
  }

  /** Its rules are those of a file. */
  rules(file: string): void {
    must(this.env, 'ovs-ofctl', 'del-flows', BRIDGE);
    must(this.env, 'ovs-ofctl', 'add-flows', BRIDGE, file);
  }

  /** Percent of the first host's frames that arrive at the second while the third sends others. */
  async beside(file: string, { seconds }: Turn): Promise<number> {
    const others = this.replay(seconds + 2.5, BUSY_PPS, 2, file);
    await sleep(1500);
    const [sent, arrived] = [this.count(0, 'tx_packets'), this.count(1, 'rx_packets')];
    await this.replay(seconds, LOAD_PPS);
    const all = this.count(0, 'tx_packets') - sent;
    const came = this.count(1, 'rx_packets') - arrived;
    await others;
    if (all === 0) throw new Error('the sender sent nothing');
    return (came / all) * 100;
  }

  /**
   * Frames of which each needs a flow of its own, and how many come through: decided, and answered by a flow. Thousands a second by the clock while more are
   * sent than can be; or by the processor time of the switch, at a rate that leaves it time.
   */
  async newFlows(file: string, by: 'clock' | 'processor', { seconds }: Turn): Promise<number> {
    this.rules(file);
    // Once for warmth.
    await this.newFlowsOnce(by, seconds);
    return await this.newFlowsOnce(by, seconds);
  }

  private async newFlowsOnce(by: 'clock' | 'processor', seconds: number): Promise<number> {
    must(this.env, 'ovs-appctl', 'dpctl/del-flows');
    // What it may decide at once is there again.
    await sleep(by === 'clock' ? 2000 : 300);
    const begin = this.count(1, 'rx_packets');
    if (by === 'clock') {
      const storm = this.replay(20, STORM_PPS, 0, frames(STORM_FRAMES), '1');
      const end = performance.now() + 10_000;
      let first = begin;
      while (first < begin + STORM_BEGUN && performance.now() < end) {
        await sleep(5);
        first = this.count(1, 'rx_packets');
      }
      const from = performance.now();
      await sleep(STORM_MS);
      const came = this.count(1, 'rx_packets') - first;
      const ms = performance.now() - from;
      await storm;
      return came / ms;
    }
    // Long beside the start of the sender, which takes some 100 ms.
    const each = Math.round(NEW_FLOWS_PPS * Math.max(1, Math.min(seconds, 2)));
    const ran = processorNs(this.pids);
    await this.replay(20, NEW_FLOWS_PPS, 0, frames(each), '1');
    await sleep(200);
    const came = this.count(1, 'rx_packets') - begin;
    // What the kernel dropped before the switch saw it cost the switch nothing.
    if (came < each / 4) throw new Error(`${came} of ${each} frames came through`);
    return (came / (processorNs(this.pids) - ran)) * 1e6;
  }

  /** Round trip through the switch, alone or beside frames. */
  async ping(state: 'idle' | 'load', part: keyof PingTimes, { seconds }: Turn): Promise<number> {
    const times = await this.pings[state].take(part, async () => {
      const load = state === 'load' ? this.replay(seconds + 1, LOAD_PPS) : Promise.resolve();
      if (state === 'load') await sleep(300);
      const count = String(Math.round(seconds / PING_SECONDS));
      const said = await this.run(0, 'ping', '-i', String(PING_SECONDS), '-c', count, '-W', '2', '10.0.0.2');
      await load;
      const ms = [...said.stdout.matchAll(/time=([\d.]+) ms/g)].map((m) => Number(m[1])).sort((a, b) => a - b);
      if (ms.length === 0) throw new Error('no ping came back');
      const average = ms.reduce((a, b) => a + b) / ms.length;
      return { average, p999: ms[Math.ceil(ms.length * 0.999) - 1] };
    });
    return times[part];
  }

  /** Milliseconds for a frame on its way through the switch after a silence of 1.1 s: the median of some, or the worst. */
  async wake(part: keyof WakeTimes, { seconds }: Turn): Promise<number> {
    const times = await this.wakes.take(part, async () => {
      const count = String(Math.max(2, Math.round((seconds * WAKES) / 1.5)));
      const said = await this.lab.startAsync(join(PEERS, 'idle-wake'), [...this.hosts.slice(0, 2), count]).done;
      const ms = said.stdout
        .split('\n')
        .filter(Boolean)
        .map((l) => Number(l) / 1000)
        .sort((a, b) => a - b);
      if (ms.length === 0 || ms.some(Number.isNaN)) throw new Error(`a frame did not come: ${said.stderr}`);
      return { median: ms[ms.length >> 1], worst: ms[ms.length - 1] };
    });
    return times[part];
  }

  /** Milliseconds a second that the switch runs, without traffic or with some. */
  async processor(state: 'idle' | 'busy', { seconds }: Turn): Promise<number> {
    const { pids } = this;
    const from = processorNs(pids);
    const start = performance.now();
    await (state === 'busy' ? this.replay(seconds, BUSY_PPS) : sleep(seconds * 1000));
    return (processorNs(pids) - from) / 1e3 / (performance.now() - start);
  }

  /** Its switch stands still, or goes on. */
  async pause(on: boolean): Promise<void> {
    for (const d of this.daemons) d.pause(on);
    if (!on) await sleep(RESUME_MS);
  }

  async close(): Promise<void> {
    for (const d of this.daemons) await d.close();
    this.lab.close();
  }
}
