/**
 * Speed of the control path: node dist/bench/control.js [--flows N] [--runs N] [--json]. The same flows through the same client into a real
 * ovs-vswitchd with a dummy datapath and into weft switchd, in turn, each switch fresh; then the same commands with `weft ofctl` as the client.
 *
 * Flows are random: TCP five-tuples over 4 tables, prefixes of mixed length. Both switches work for one client at a time, so a ratio of times is
 * one of whole commands, the client's own work included: what a user waits for.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Random } from '../src/lib/random.js';
import { LiveSwitch, WEFT } from '../test/support/live.js';
import { RealOvs } from '../test/support/ovs.js';

const TABLES = 4;
const PREFIXES = [8, 16, 20, 24, 28, 32];
const BRIDGE = 'br0';

/** One flow a line, no two alike. */
function randomFlows(count: number, r: Random): string {
  const seen = new Set<string>();
  const address = () => {
    const bits = r.pick(PREFIXES);
    const a = r.u32() & (bits === 0 ? 0 : -1 << (32 - bits));
    return `${[24, 16, 8, 0].map((s) => (a >>> s) & 255).join('.')}/${bits}`;
  };
  while (seen.size < count) {
    const table = r.below(TABLES);
    const match = `tcp,nw_src=${address()},nw_dst=${address()},tp_src=${r.below(65536)},tp_dst=${r.below(65536)}`;
    const next = table + 1 < TABLES && r.below(2) === 0 ? `resubmit(,${table + 1})` : `output:${1 + r.below(2)}`;
    seen.add(`table=${table},priority=${1 + r.below(8) * 100},${match},actions=${next}`);
  }
  return `${[...seen].join('\n')}\n`;
}

/** What a scenario needs of a switch. */
interface Target {
  readonly pid: number;
  readonly env: NodeJS.ProcessEnv;
  close(): Promise<void>;
}

function startOvs(): Target {
  const ovs = new RealOvs();
  ovs.addBridge(BRIDGE, 2, 'OpenFlow10,OpenFlow13,OpenFlow14');
  const pid = Number(readFileSync(join(ovs.dir, 'ovs-vswitchd.pid'), 'utf8'));
  return { pid, env: ovs.env, close: async () => ovs.close() };
}

async function startWeft(): Promise<Target> {
  const ports = ['--port', 'p1:type=null', '--port', 'p2:type=null'];
  // Its LOCAL port is a TAP: in a network of its own it meets nobody's.
  const sw = new LiveSwitch(['--bridge', `${BRIDGE}=p1,p2`, ...ports], ['unshare', '--net']);
  if (!(await sw.ready())) throw new Error(`weft switchd did not start: ${sw.output}`);
  sw.run('ovs-ofctl', 'del-flows', BRIDGE);
  return { pid: sw.pid, env: { ...process.env, OVS_RUNDIR: sw.dir, WEFT_RUNDIR: sw.dir }, close: () => sw.close() };
}

/** The programs that can be client, with the options that are the same for each. */
const CLIENTS = { 'ovs-ofctl': ['ovs-ofctl'], 'weft ofctl': [process.execPath, WEFT, 'ofctl'] } as const;
type Client = keyof typeof CLIENTS;

/** Clock ticks a second, in which /proc counts processor time. */
const TICKS = 100;

/** Processor seconds: fields of /proc/PID/stat behind the name, from the state on. */
function processorTime(pid: number | 'self', ...fields: readonly number[]): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.reduce((sum, f) => sum + Number(rest[f]), 0) / TICKS;
}

/** What a command took: by the clock, and of processors, the switch and the client together, which other programs disturb less. */
interface Took {
  readonly seconds: number;
  readonly processor: number;
}

/** Throws unless it succeeds. */
function timed(target: Target, client: Client, ...args: readonly string[]): Took {
  const [program, ...first] = CLIENTS[client];
  // utime and stime of the switch; cutime and cstime of ours, the programs that we waited for.
  const used = () => processorTime(target.pid, 11, 12) + processorTime('self', 13, 14);
  const before = used();
  const from = process.hrtime.bigint();
  const r = spawnSync(program, [...first, ...args], { env: target.env, stdio: ['ignore', 'ignore', 'pipe'] });
  const seconds = Number(process.hrtime.bigint() - from) / 1e9;
  if (r.error) throw r.error;
  if (r.status !== 0) throw new Error(`${client} ${args.join(' ')}: ${r.stderr}`);
  return { seconds, processor: used() - before };
}

function residentKb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

function countFlows(target: Target): number {
  const r = spawnSync('ovs-ofctl', ['dump-aggregate', BRIDGE], { env: target.env, encoding: 'utf8' });
  return Number(/flow_count=(\d+)/.exec(r.stdout)?.[1]);
}

/** By the name of what was measured: seconds, or bytes a flow. */
type Figures = Record<string, number>;
/** Names of processor times end so. */
const PROCESSOR = ' (processor)';

/** Loads, lists and deletes the flows of a file in a fresh switch, one by one or as a bundle. */
async function scenario(
  target: Target,
  client: Client,
  bundle: boolean,
  flows: { file: string; count: number },
): Promise<Figures> {
  const name = (what: string) => (bundle ? `${what}, OpenFlow 1.4` : what);
  const version = bundle ? ['-O', 'OpenFlow14'] : [];
  try {
    const out: Figures = {};
    const run = (what: string, ...args: readonly string[]): void => {
      const took = timed(target, client, ...version, ...args);
      out[what] = took.seconds;
      out[what + PROCESSOR] = took.processor;
    };
    const before = residentKb(target.pid);
    if (bundle) run('--bundle add-flows', '--bundle', 'add-flows', BRIDGE, flows.file);
    else run('add-flows', 'add-flows', BRIDGE, flows.file);
    const after = residentKb(target.pid);
    const n = countFlows(target);
    if (n !== flows.count) throw new Error(`the switch has ${n} flows of ${flows.count}`);
    out[`bytes a flow after ${bundle ? 'the bundle' : 'add-flows'}`] = ((after - before) * 1024) / n;
    run(name('dump-flows'), 'dump-flows', BRIDGE);
    run(name('del-flows'), 'del-flows', BRIDGE);
    return out;
  } finally {
    await target.close();
  }
}

interface Run {
  readonly ovs: Figures;
  readonly weft: Figures;
  /** Weft as client of weft. */
  readonly own: Figures;
}

async function run(flows: { file: string; count: number }): Promise<Run> {
  const out: Run = { ovs: {}, weft: {}, own: {} };
  for (const bundle of [false, true]) {
    Object.assign(out.ovs, await scenario(startOvs(), 'ovs-ofctl', bundle, flows));
    Object.assign(out.weft, await scenario(await startWeft(), 'ovs-ofctl', bundle, flows));
    Object.assign(out.own, await scenario(await startWeft(), 'weft ofctl', bundle, flows));
  }
  return out;
}

/** What a ratio to OVS may be; the others are shown only. */
const TARGETS: Figures = {
  'add-flows': 1,
  '--bundle add-flows': 1,
  'dump-flows': 1.5,
  'bytes a flow after add-flows': 1,
  'bytes a flow after the bundle': 1,
};

const median = (xs: readonly number[]): number => [...xs].sort((a, b) => a - b)[xs.length >> 1];

interface Line {
  readonly what: string;
  readonly ovs: number;
  readonly weft: number;
  /** Of one run to the same run: the median of the runs' ratios. */
  readonly ratio: number;
  readonly target?: number;
  readonly own: number;
  readonly ownRatio: number;
}

function summarise(runs: readonly Run[]): Line[] {
  const of = (pick: (r: Run) => number) => median(runs.map(pick));
  return Object.keys(runs[0].ovs).map((what) => ({
    what,
    ovs: of((r) => r.ovs[what]),
    weft: of((r) => r.weft[what]),
    ratio: of((r) => r.weft[what] / r.ovs[what]),
    target: TARGETS[what],
    own: of((r) => r.own[what]),
    ownRatio: of((r) => r.own[what] / r.ovs[what]),
  }));
}

function show(lines: readonly Line[], count: number, runs: number): string {
  const cells = [['', 'OVS', 'weft', 'ratio', 'at most', 'weft ofctl on weft', 'ratio']];
  for (const l of lines) {
    const figure = (x: number) => (l.what.startsWith('bytes') ? `${Math.round(x)} B` : `${x.toFixed(3)} s`);
    const target = l.target === undefined ? '' : l.target.toFixed(1);
    cells.push([
      l.what,
      figure(l.ovs),
      figure(l.weft),
      l.ratio.toFixed(2),
      target,
      figure(l.own),
      l.ownRatio.toFixed(2),
    ]);
  }
  const widths = cells[0].map((_, i) => Math.max(...cells.map((row) => row[i].length)));
  const text = cells.map((row) =>
    row.map((c, i) => (i === 0 ? c.padEnd(widths[0]) : c.padStart(widths[i]))).join('  '),
  );
  return `${count} flows, ${TABLES} tables, ${runs} ${runs === 1 ? 'run' : 'runs'}; clients are ovs-ofctl unless said\n${text.join('\n')}\n`;
}

const { values } = parseArgs({
  options: {
    flows: { type: 'string', default: '100000' },
    runs: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const dir = mkdtempSync(join(tmpdir(), 'weft-control-'));
try {
  const flows = { file: join(dir, 'flows.txt'), count: Number(values.flows) };
  writeFileSync(flows.file, randomFlows(flows.count, new Random(1)));
  const runs: Run[] = [];
  for (let i = 0; i < Number(values.runs); i++) runs.push(await run(flows));
  const lines = summarise(runs);
  process.stdout.write(
    values.json ? `${JSON.stringify({ flows: flows.count, runs, lines })}\n` : show(lines, flows.count, runs.length),
  );
  process.exitCode = lines.some((l) => l.target !== undefined && l.ratio > l.target) ? 1 : 0;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
