/**
 * Speed of the daemon: node dist/bench/daemon.js [--rounds N] [--loop N] [--batch N] [--kind internal|dummy|veth] [--json]. Open vSwitch (ovsdb-server and ovs-vswitchd) and weft
 * (`switchd` with its own database), each fresh, in turn, round by round: start until it is ready, memory when idle, `ovs-vsctl add-port` in a loop, then many ports
 * in one transaction, then the end of all of them. The client is ovs-vsctl for both, and it waits until the switch has done it.
 */
import '../test/support/isolate.js';

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mortal } from '../src/cli/lab/mortal.js';
import { WEFT } from '../test/support/live.js';

const BRIDGE = 'br0';
const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
/** Clock ticks a second, in which /proc counts processor time. */
const TICKS = 100;
const READY_MS = 20_000;
/** Compilers and collectors of a fresh program are done by then. */
const IDLE_MS = 3_000;

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    loop: { type: 'string', default: '200' },
    batch: { type: 'string', default: '1000' },
    kind: { type: 'string', default: 'internal' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

interface Started {
  readonly pids: readonly number[];
  readonly env: NodeJS.ProcessEnv;
  close(): Promise<void>;
}

const sleep = (ms: number): Promise<void> => new Promise((r) => setTimeout(r, ms));

function start(env: NodeJS.ProcessEnv, program: string, ...args: string[]): { pid: number; end: () => Promise<void> } {
  const child = spawn(...mortal(program, args), { env, stdio: 'ignore' });
  const over = new Promise<void>((resolve) => child.on('close', () => resolve()));
  return {
    pid: child.pid ?? 0,
    end: () => {
      child.kill('SIGTERM');
      return over;
    },
  };
}

async function becomes(path: () => boolean): Promise<void> {
  const end = performance.now() + READY_MS;
  while (!path()) {
    if (performance.now() > end) throw new Error('a program does not start');
    await sleep(1);
  }
}

function environment(dir: string): NodeJS.ProcessEnv {
  const own = { OVS_RUNDIR: dir, OVS_LOGDIR: dir, OVS_DBDIR: dir, OVS_SYSCONFDIR: dir, WEFT_RUNDIR: dir };
  // As in lib/switches.ts.
  return { ...process.env, ...own, NODE_EXTRA_CA_CERTS: undefined };
}

function must(env: NodeJS.ProcessEnv, ...words: string[]): string {
  const r = spawnSync(words[0], words.slice(1), { env, encoding: 'utf8', maxBuffer: 64 << 20, timeout: 300_000 });
  if (r.status !== 0) throw new Error(`${words.slice(0, 6).join(' ')}: ${r.stderr || r.error?.message}`);
  return r.stdout;
}

const dummies = options.kind === 'dummy' ? ['--enable-dummy=override'] : [];

/** Both are ready when a configuration has been applied, which is what ovs-vsctl waits for. */
const PROGRAMS: Readonly<Record<string, (dir: string) => Promise<Started>>> = {
  ovs: async (dir) => {
    const env = environment(dir);
    must(env, 'ovsdb-tool', 'create', join(dir, 'conf.db'), SCHEMA);
    const quiet = ['--no-chdir', '--pidfile', '-vconsole:off', '-vfile:off', '-vsyslog:off'];
    const db = start(env, 'ovsdb-server', join(dir, 'conf.db'), `--remote=punix:${dir}/db.sock`, ...quiet);
    await becomes(() => existsSync(join(dir, 'db.sock')));
    must(env, 'ovs-vsctl', '--no-wait', 'init');
    const sw = start(env, 'ovs-vswitchd', `unix:${dir}/db.sock`, ...dummies, ...quiet);
    const close = async () => {
      await sw.end();
      await db.end();
    };
    return { pids: [sw.pid, db.pid], env, close };
  },
  weft: async (dir) => {
    const env = environment(dir);
    const sw = start(env, process.execPath, WEFT, 'switchd', ...dummies);
    await becomes(() => existsSync(join(dir, 'db.sock')));
    return { pids: [sw.pid], env, close: sw.end };
  },
};

/** Processor seconds of programs so far. */
function processor(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(rest[11]) + Number(rest[12]);
  }
  return ticks / TICKS;
}

function resident(pids: readonly number[]): number {
  const kb = (pid: number) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  return pids.reduce((sum, pid) => sum + kb(pid), 0) / 1024;
}

type Figures = Record<string, number>;

/** Devices that are there for both kinds of veth port. */
function devices(count: number): void {
  if (options.kind !== 'veth') return;
  const lines = Array.from({ length: count }, (_, i) => `link add x${i} type veth peer name y${i}\n`).join('');
  spawnSync('ip', ['-batch', '-'], { input: lines });
}

async function round(name: string): Promise<Figures> {
  const dir = mkdtempSync(join(tmpdir(), 'weft-bench-'));
  const out: Figures = {};
  const began = performance.now();
  const sw = await PROGRAMS[name](dir);
  const timed = (what: string, run: () => void): void => {
    const [clock, used] = [performance.now(), processor(sw.pids)];
    run();
    out[`${what}, s`] = (performance.now() - clock) / 1000;
    out[`${what}, processor s of the switch and its database`] = processor(sw.pids) - used;
  };
  const vsctl = (...args: string[]) => must(sw.env, 'ovs-vsctl', '--timeout=300', ...args);
  try {
    vsctl('show');
    // What `init` waits for is the switch.
    vsctl('set', 'open', '.', 'external-ids:ready=true');
    out['start to ready, s'] = (performance.now() - began) / 1000;
    vsctl(
      'add-br',
      BRIDGE,
      '--',
      'set',
      'bridge',
      BRIDGE,
      `datapath_type=${options.kind === 'dummy' ? 'dummy' : 'netdev'}`,
    );
    await sleep(IDLE_MS);
    out['idle, resident MB'] = resident(sw.pids);
    const port = (i: number): string[] => [
      'add-port',
      BRIDGE,
      `x${i}`,
      ...(options.kind === 'internal' ? ['--', 'set', 'interface', `x${i}`, 'type=internal'] : []),
    ];
    const [loop, batch] = [Number(options.loop), Number(options.batch)];
    timed(`${loop} calls of add-port`, () => {
      for (let i = 0; i < loop; i++) vsctl(...port(i));
    });
    timed(`${batch} ports in one transaction`, () => {
      const words: string[] = [];
      for (let i = 0; i < batch; i++) words.push('--', ...port(loop + i));
      vsctl(...words.slice(1));
    });
    out['with all ports, resident MB'] = resident(sw.pids);
    await sleep(IDLE_MS);
    out['with all ports at rest, resident MB'] = resident(sw.pids);
    timed('del-br', () => void vsctl('del-br', BRIDGE));
  } finally {
    await sw.close();
    rmSync(dir, { recursive: true, force: true });
  }
  return out;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const m = sorted.length >> 1;
  return sorted.length % 2 ? sorted[m] : (sorted[m - 1] + sorted[m]) / 2;
}

devices(Number(options.loop) + Number(options.batch));
const names = options.only === undefined ? Object.keys(PROGRAMS) : [options.only];
const all: Record<string, Figures[]> = Object.fromEntries(names.map((n) => [n, []]));
for (let i = 0; i < Number(options.rounds); i++) {
  for (const name of i % 2 ? [...names].reverse() : names) all[name].push(await round(name));
}
if (options.json) console.log(JSON.stringify(all));
for (const what of Object.keys(all[names[0]][0])) {
  const each = names.map((n) => median(all[n].map((f) => f[what])));
  const ratio = each.length > 1 ? `  ratio ${(each[1] / each[0]).toFixed(2)}` : '';
  const rounds =
    names.length > 1 ? all[names[0]].map((f, i) => (all[names[1]][i][what] / f[what]).toFixed(2)).join(' ') : '';
  console.log(
    `${what}: ${names.map((n, i) => `${n} ${each[i].toFixed(3)}`).join(', ')}${ratio}${rounds && ` (rounds ${rounds})`}`,
  );
}
