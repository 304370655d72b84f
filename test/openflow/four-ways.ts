/**
 * A command four ways: ovs-ofctl and weft ofctl, each on ovs-vswitchd and on weft. weft ofctl runs in this process, which is forty times as fast as
 * starting it; rows that feed standard input start it.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from '../../src/cli/ofctl.js';
import { OpenFlowServer } from '../../src/openflow/server/server.js';
import { listenUnix } from '../../src/switch/of-sockets.js';
import { RealClock } from '../../src/switch/real-clock.js';
import { Switch } from '../../src/switch/switch.js';
import { RealOvs } from '../support/ovs.js';
import { BASE_FLOWS, type CommandRow } from './commands.js';

export interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** What of a text is this run's or this machine's own. */
export const OWN: readonly (readonly [RegExp, string])[] = [
  [/^\d{4}-\d\d-\d\dT[^|]*\|\d+\|.*\n/gm, ''],
  [/duration[=:][0-9.]+s/g, 'duration=Ns'],
  [/idle_age=\d+/g, 'idle_age=N'],
  [/hard_age=\d+, /g, ''],
  [/xid=(0x)?[0-9a-f]+/g, 'xid=N'],
  [/time=[0-9.]+ ms/g, 'time=N'],
  [/^(Finished in ).*/gm, '$1N'],
  [/dpid:[0-9a-f]{16}/g, 'dpid:D'],
  [/addr:[0-9a-f:]{17}/g, 'addr:A'],
  [/unix:\S*\/br0\.mgmt/g, 'unix:BR'],
  [/\/\S*\/(input|br0\.mgmt)/g, '$1'],
  [/lookup=\d+, matched=\d+/g, 'lookup=N'],
  // Counters of dummy devices: what they do not count is "?".
  [/(pkts|bytes|drop|errs|frame|over|crc|coll)=(\d+|\?)/g, '$1=N'],
  [/_q0_packets=\d+/g, '_q0_packets=N'],
  // The start of a message that is refused, its xid inside.
  [/^(00000000 {2}([0-9a-f]{2} ){4})([0-9a-f]{2} ){3}[0-9a-f]{2}-(.*?) \|.*\|$/gm, '$1N $4'],
];

/** What a port of weft's tests is and a dummy device is not: fast. */
const OF_DEVICES: readonly (readonly [RegExp, string])[] = [[/^ {4,}(current|speed):.*\n?/gm, '']];

/** A text without what weft's ports and dummy devices differ in. */
export function withoutDevices(o: Outcome): Outcome {
  let { out } = o;
  for (const [pattern, to] of OF_DEVICES) out = out.replace(pattern, to);
  return { ...o, out: out.trim() };
}

/** Lines in any order: that of flows and ports is nobody's promise. */
export function normal(text: string): string {
  let s = text;
  for (const [pattern, to] of OWN) s = s.replace(pattern, to);
  return s
    .split('\n')
    .map((l) => l.trimEnd())
    .sort()
    .join('\n')
    .trim();
}

/** A program that waits for ever fails its test instead of all. */
const PATIENCE_MS = 20_000;
const MAX_TRIES = 200;

export function spawned(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  input = '',
): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { env, maxBuffer: 64 << 20, timeout: PATIENCE_MS };
    const child = execFile(program, args, options, (error, out, err) => {
      resolve({ status: error ? Number(error.code ?? 1) : 0, out, err });
    });
    // A program that ends without reading its input is no fault.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** weft ofctl in this process. One at a time: where switches are is in the environment. */
async function inside(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Outcome> {
  const text = { out: '', err: '' };
  const before = { ovs: process.env.OVS_RUNDIR, weft: process.env.WEFT_RUNDIR };
  process.env.OVS_RUNDIR = env.OVS_RUNDIR;
  process.env.WEFT_RUNDIR = env.WEFT_RUNDIR;
  try {
    const add =
      (to: 'out' | 'err') =>
      (more: string): void => {
        text[to] += more;
      };
    const status = await main(args, 'ovs-ofctl', { out: add('out'), err: add('err'), isTty: false });
    return { status, ...text };
  } finally {
    for (const [name, value] of [
      ['OVS_RUNDIR', before.ovs],
      ['WEFT_RUNDIR', before.weft],
    ] as const) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

export type Program = 'ovs-ofctl' | 'weft ofctl';
export interface Place {
  readonly name: string;
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
}

/** What every session starts from. Errors do not matter: what is not there need not go. */
const RESET: readonly CommandRow[] = [
  { args: ['-O', 'OpenFlow13', 'del-groups', 'br0'] },
  { args: ['-O', 'OpenFlow13', 'del-meters', 'br0'] },
  { args: ['del-flows', 'br0'] },
  { args: ['del-tlv-map', 'br0'], untilDone: true },
  { args: ['set-frags', 'br0', 'normal'] },
];

const DUMP: CommandRow = { args: ['-O', 'OpenFlow14', '--no-names', 'dump-flows', 'br0'] };

export class FourWays {
  readonly ovs = new RealOvs();
  readonly sw: Switch;
  readonly theirs: Place;
  readonly ours: Place;
  private readonly dir = mkdtempSync(join(tmpdir(), 'weft-four-'));
  private readonly ofctl: string;
  private readonly server: OpenFlowServer;
  private stop: () => Promise<void> = async () => {};

  private constructor(fault: (e: unknown) => void) {
    const { dir } = this;
    const clock = new RealClock();
    this.sw = new Switch({ datapath: 'reference', clock });
    const bridge = this.sw.bridge('br0');
    for (let i = 1; i <= 2; i++) bridge.addPort(`p${i}`, { number: i });
    this.server = new OpenFlowServer(bridge.bridge, clock, { fault });
    this.ovs.addBridge('br0', 2, 'OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15');
    this.ofctl = join(dir, 'ovs-ofctl');
    symlinkSync(fileURLToPath(new URL('../../../bin/weft', import.meta.url)), this.ofctl);
    this.theirs = { name: 'ovs-vswitchd', dir: this.ovs.dir, env: { ...this.ovs.env, WEFT_RUNDIR: this.ovs.dir } };
    const env = { ...process.env, OVS_RUNDIR: dir, WEFT_RUNDIR: dir, OVS_LOGDIR: dir };
    this.ours = { name: 'weft', dir, env };
  }

  /** `fault` is told of weft's own bugs. */
  static async start(fault: (e: unknown) => void): Promise<FourWays> {
    const four = new FourWays(fault);
    four.stop = await listenUnix(join(four.dir, 'br0.mgmt'), (s) => void four.server.accept(s));
    return four;
  }

  async run(program: Program, row: CommandRow, on: Place): Promise<Outcome> {
    for (let tries = 1; ; tries++) {
      const o = await this.once(program, row, on);
      if (o.status === 0 || !row.untilDone || tries === MAX_TRIES) return o;
    }
  }

  private async once(program: Program, row: CommandRow, on: Place): Promise<Outcome> {
    const file = join(on.dir, 'input');
    if (row.input !== undefined) writeFileSync(file, row.input);
    const args = row.args.map((a) => (a === 'BR' ? 'br0' : a === 'FILE' ? file : a));
    const feeds = row.input !== undefined && !args.includes(file);
    const r =
      program === 'ovs-ofctl'
        ? await spawned('ovs-ofctl', args, on.env, row.input)
        : feeds
          ? await spawned(this.ofctl, args, on.env, row.input)
          : await inside(args, on.env);
    return { status: r.status, out: normal(r.out), err: normal(r.err) };
  }

  private async flows(on: Place): Promise<string> {
    const r = await this.run('ovs-ofctl', DUMP, on);
    return r.out;
  }

  /** Each from the same flows; what is told of one is also the flows that it leaves. */
  async each(
    program: Program,
    rows: readonly CommandRow[],
    on: Place,
  ): Promise<(Outcome & { readonly flows: string })[]> {
    for (const r of RESET) await this.run('ovs-ofctl', r, on);
    const out: (Outcome & { readonly flows: string })[] = [];
    let base: string | undefined;
    for (const r of rows) {
      if (base === undefined) {
        await this.run('ovs-ofctl', { args: ['del-flows', 'br0'] }, on);
        await this.run('ovs-ofctl', { args: ['-O', 'OpenFlow14', 'add-flows', 'br0', 'FILE'], input: BASE_FLOWS }, on);
        base = await this.flows(on);
      }
      const outcome = await this.run(program, r, on);
      const flows = await this.flows(on);
      out.push({ ...outcome, flows });
      // Most commands change no flow: the next need not put them back.
      if (flows !== base) base = undefined;
    }
    return out;
  }

  async session(program: Program, rows: readonly CommandRow[], on: Place): Promise<Outcome[]> {
    for (const r of RESET) await this.run('ovs-ofctl', r, on);
    const out: Outcome[] = [];
    for (const row of rows) out.push(await this.run(program, row, on));
    return out;
  }

  async close(): Promise<void> {
    this.server.close();
    await this.stop();
    this.sw.close();
    this.ovs.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
