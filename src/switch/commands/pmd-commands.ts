/**
 * dpif-netdev/* and odp-execute/*: workers in the form of Open vSwitch's PMD threads. Of each choice between implementations there is one that works
 * here, the portable one; what is chosen is kept and told.
 */
import type { ControlCommand } from '../../control/unixctl.js';
import type { WorkerCounters } from '../../datapath/driver/counters.js';
import { loadAddon } from '../../datapath/driver/load.js';
import type { NativeDriver } from '../../datapath/driver/native-driver.js';
import { WORKER_COUNTERS } from '../../datapath/native.js';
import { UserError } from '../../lib/errors.js';
import type { Core } from '../core.js';
import { DATAPATH_NAME } from '../datapath-text.js';
import type { Steering } from '../steering/steering.js';
import { INTERVAL_MS, INTERVALS } from '../steering/usage.js';
import { performance } from './pmd-perf.js';

const DATAPATH = DATAPATH_NAME.split('@')[1];
const INTERVAL = INTERVAL_MS / 1000;
const DEFAULT_SECONDS = INTERVAL * INTERVALS;
const PERF_LOG_USAGE =
  'Usage: ovs-appctl dpif-netdev/pmd-perf-log-set [on|off] [-b before] [-a after] [-e|-ne] [-us usec] [-q qlen]';

/** Worker counters that say how much there is now, and are not cleared. */
const STATES: ReadonlySet<string> = new Set(['subtables', 'flows', 'pending']);

const lines = (all: readonly string[]): string => all.map((l) => `${l}\n`).join('');
const ratio = (a: number, b: number): string => (b === 0 ? '0.00' : (a / b).toFixed(2));
const leading = (text: string | undefined): number | undefined => {
  const m = /^\d+/.exec(text ?? '');
  return m ? Number(m[0]) : undefined;
};

/** "-KEY VALUE" anywhere; what follows is not looked at. */
function optionOf(args: readonly string[], key: string): string | undefined {
  const at = args.indexOf(key);
  return at < 0 ? undefined : args[at + 1];
}

function cycles(idle: number, busy: number, packets: number): string[] {
  const all = idle + busy;
  if (all === 0) return [];
  const share = (n: number): string => `${((100 * n) / all).toFixed(2)}%`;
  const out = [`  idle cycles: ${idle} (${share(idle)})`, `  processing cycles: ${busy} (${share(busy)})`];
  if (packets === 0) return out;
  return [
    ...out,
    `  avg cycles per packet: ${ratio(all, packets)} (${all}/${packets})`,
    `  avg processing cycles per packet: ${ratio(busy, packets)} (${busy}/${packets})`,
  ];
}

const threadName = (core: number): string => `pmd thread numa_id 0 core_id ${core}:`;

function statistics(c: WorkerCounters, core: number): string {
  return lines([
    threadName(core),
    `  packets received: ${c.packets}`,
    `  packet recirculations: ${c.recirculations}`,
    `  avg. datapath passes per packet: ${ratio(c.packets + c.recirculations, c.packets)}`,
    '  phwol hits: 0',
    '  mfex opt hits: 0',
    '  simple match hits: 0',
    `  emc hits: ${c.microflow_hits}`,
    '  smc hits: 0',
    `  megaflow hits: ${c.megaflow_hits}`,
    `  avg. subtable lookups per megaflow hit: ${ratio(c.subtable_lookups, c.megaflow_hits)}`,
    `  miss with success upcall: ${c.misses - c.upcalls_lost}`,
    `  miss with failed upcall: ${c.upcalls_lost}`,
    `  avg. packets per output batch: ${ratio(c.sent_packets, c.sent_batches)}`,
    ...cycles(c.idle_cycles, c.busy_cycles, c.packets),
  ]);
}

/** Of a worker: its receive queues and what part of the time they take, in the last `seconds`. */
function receiveQueues(core: Core, steering: Steering, w: number, seconds: number): string[] {
  const { usage } = steering;
  const intervals = seconds / INTERVAL;
  const percent = (n: number | undefined) => (n === undefined ? 'NOT AVAIL' : `${String(Math.round(n)).padStart(2)} %`);
  const out = [threadName(steering.coreOf(w)), `  isolated : ${steering.isIsolated(w)}`];
  let sum = 0;
  for (const q of steering.queuesOf(w)) {
    const share = usage.queueShare(q, intervals);
    sum += share ?? 0;
    // Those of an AF_XDP port are looked at as one, the first.
    const { kind, queues } = core.device(q.vport)?.config ?? {};
    for (let n = q.queue; n <= (kind === 'xdp' && queues ? queues - 1 : q.queue); n++) {
      const name = `${q.port.padEnd(16)}  queue-id: ${String(n).padStart(2)} (enabled) `;
      out.push(`  port: ${name}  pmd usage: ${percent(n === q.queue ? share : 0)}`);
    }
  }
  const all = usage.workerShare(w, intervals);
  return [...out, `  overhead: ${percent(all === undefined ? undefined : Math.max(0, all - sum))}`];
}

/** Names of implementations, the one in use, and commands that show and choose. */
class Choice {
  private readonly chosen = new Map<string, number>();

  constructor(
    readonly names: readonly string[],
    public active: string,
  ) {}

  has(name: string): boolean {
    return this.names.includes(name);
  }

  priority(name: string, otherwise: number): number {
    return this.chosen.get(name) ?? otherwise;
  }

  setPriority(name: string, n: number): void {
    this.chosen.set(name, n);
  }
}

export function pmdCommands(core: Core, dp: NativeDriver, steering: Steering): ControlCommand[] {
  let before: WorkerCounters[] = [];
  let since = core.now();
  const all = (): (readonly [worker: number, counters: WorkerCounters])[] =>
    steering.shown().map((w) => [w, sinceCleared(w)]);
  const sinceCleared = (w: number): WorkerCounters => {
    const c = dp.workerCounters(w);
    const old = before[w];
    if (!old) return c;
    const out = { ...c };
    for (const name of WORKER_COUNTERS) if (!STATES.has(name)) out[name] -= old[name];
    return out;
  };
  /** Counters of the worker on the processor that -pmd names, or of all. */
  const some = (args: readonly string[]): (readonly [number, WorkerCounters])[] => {
    const wanted = leading(optionOf(args, '-pmd'));
    return all().filter(([w]) => wanted === undefined || steering.coreOf(w) === wanted);
  };
  const existing = (name: string | undefined): void => {
    if (name !== undefined && name !== DATAPATH) throw new UserError('please specify an existing datapath');
  };
  const lookup = new Choice(['autovalidator', 'generic'], 'generic');
  const parser = new Choice(['autovalidator', 'scalar', 'study'], 'scalar');
  const executor = new Choice(['scalar', 'autovalidator'], 'scalar');
  const workers = (): string =>
    steering
      .shown()
      .map((w) => steering.coreOf(w))
      .join(',');
  const showLookup = (): string =>
    `Available dpcls implementations:\n${lookup.names
      .map((n, i) => `  ${n} (Use count: 0, Priority: ${lookup.priority(n, i)})\n`)
      .join('')}`;

  return [
    {
      name: 'dpif-netdev/pmd-stats-show',
      usage: '[-pmd core] [dp]',
      min: 0,
      max: 3,
      run: (args) =>
        some(args)
          .map(([w, c]) => statistics(c, steering.coreOf(w)))
          .join(''),
    },
    {
      name: 'dpif-netdev/pmd-stats-clear',
      usage: '[-pmd core] [dp]',
      min: 0,
      max: 3,
      run(args) {
        const wanted = leading(optionOf(args, '-pmd'));
        const now = Array.from({ length: dp.workers }, (_, w) => dp.workerCounters(w));
        before = now.map((c, w) =>
          wanted === undefined || steering.coreOf(w) === wanted ? c : (before[w] ?? zeros(c)),
        );
        since = core.now();
        return '';
      },
    },
    {
      name: 'dpif-netdev/pmd-perf-show',
      usage: '[-nh] [-it iter-history-len] [-ms ms-history-len] [-pmd core] [dp]',
      min: 0,
      max: 8,
      run(args) {
        const rows = some(args);
        if (rows.length === 0) return '';
        const seconds = (core.now() - since) / 1000;
        const measured = { seconds, cyclesPerSecond: loadAddon().cyclesPerSecond() };
        const time = new Date(core.wall()).toISOString().slice(11, 23);
        return rows
          .map(([w, c]) =>
            lines([
              '',
              `Time: ${time}`,
              `Measurement duration: ${seconds.toFixed(3)} s`,
              '',
              threadName(steering.coreOf(w)),
              '',
              ...performance(c, measured),
            ]),
          )
          .join('');
      },
    },
    {
      name: 'dpif-netdev/pmd-perf-log-set',
      usage: 'on|off [-b before] [-a after] [-e|-ne] [-us usec] [-q qlen]',
      min: 0,
      max: 10,
      run(args) {
        for (let i = 0; i < args.length; i++) {
          if (['-b', '-a', '-us', '-q'].includes(args[i]) && leading(args[i + 1]) !== undefined) i++;
          else if (!['on', 'off', '-e', '-ne'].includes(args[i])) throw new UserError(PERF_LOG_USAGE);
        }
        return '';
      },
    },
    {
      name: 'dpif-netdev/pmd-rxq-show',
      usage: '[-pmd core] [-secs secs] [dp]',
      min: 0,
      max: 5,
      run(args) {
        const rows = some(args);
        if (rows.length === 0) return '';
        const asked = leading(optionOf(args, '-secs')) ?? 0;
        const seconds =
          asked === 0 || asked > DEFAULT_SECONDS ? DEFAULT_SECONDS : Math.ceil(asked / INTERVAL) * INTERVAL;
        const out = [`Displaying last ${seconds} seconds pmd usage %`];
        for (const [w] of rows) out.push(...receiveQueues(core, steering, w, seconds));
        return lines(out);
      },
    },
    {
      name: 'dpif-netdev/pmd-rxq-rebalance',
      usage: '[dp]',
      min: 0,
      max: 1,
      run([name]) {
        existing(name);
        void steering.rebalance();
        return 'pmd rxq rebalance requested.\n';
      },
    },
    {
      name: 'dpif-netdev/bond-show',
      usage: '[dp]',
      min: 0,
      max: 1,
      run([name]) {
        existing(name);
        return '';
      },
    },
    {
      name: 'dpif-netdev/subtable-lookup-prio-set',
      usage: '[lookup_func] [prio]',
      min: 2,
      max: 2,
      run([name, text]) {
        const n = leading(text) ?? 0;
        if (n > 255) throw new UserError('error converting priority, use integer in range 0-255\n');
        if (!lookup.has(name)) throw new UserError('error, subtable lookup function not found\n');
        lookup.setPriority(name, n);
        return 'Lookup priority change affected 0 dpcls ports and 0 subtables.\n';
      },
    },
    { name: 'dpif-netdev/subtable-lookup-info-get', usage: '', min: 0, max: 0, run: showLookup },
    { name: 'dpif-netdev/subtable-lookup-prio-get', usage: null, min: 0, max: 0, run: showLookup },
    {
      name: 'dpif-netdev/dpif-impl-get',
      usage: '',
      min: 0,
      max: 0,
      run: () => `Available DPIF implementations:\n  dpif_scalar (pmds: ${workers()})\n`,
    },
    {
      name: 'dpif-netdev/dpif-impl-set',
      usage: 'dpif_implementation_name',
      min: 1,
      max: 1,
      run([name]) {
        if (name === 'dpif_scalar') return 'DPIF implementation set to dpif_scalar.\n';
        throw new UserError(`DPIF implementation not available: Unknown DPIF implementation ${name}.\n`);
      },
    },
    {
      name: 'dpif-netdev/miniflow-parser-get',
      usage: '',
      min: 0,
      max: 0,
      run: () =>
        `Available MFEX implementations:\n${parser.names
          .map((n) => `  ${n} (available: True pmds: ${n === parser.active ? workers() : 'none'})\n`)
          .join('')}`,
    },
    {
      name: 'dpif-netdev/miniflow-parser-set',
      usage: '[-pmd core] miniflow_implementation_name [study_pkt_cnt]',
      min: 1,
      max: 5,
      run: (args) => setParser(parser, (core) => steering.shown().some((w) => steering.coreOf(w) === core), args),
    },
    {
      name: 'odp-execute/action-impl-set',
      usage: 'name',
      min: 1,
      max: 1,
      run([name]) {
        if (!executor.has(name)) throw new UserError(`Error: unknown action implementation, ${name}, specified!`);
        executor.active = name;
        return `Action implementation set to ${name}.\n`;
      },
    },
    {
      name: 'odp-execute/action-impl-show',
      usage: '',
      min: 0,
      max: 0,
      run: () =>
        `Available Actions implementations:\n${executor.names
          .map((n) => `  ${n} (available: Yes, active: ${n === executor.active ? 'Yes' : 'No'})\n`)
          .join('')}`,
    },
  ];
}

function zeros(c: WorkerCounters): WorkerCounters {
  const out = { ...c };
  for (const name of Object.keys(c)) if (name in out) out[name as keyof WorkerCounters] = 0;
  return out;
}

function setParser(parser: Choice, has: (core: number) => boolean, args: readonly string[]): string {
  const fail = (why: string): never => {
    throw new UserError(`Error: ${why}.\n`);
  };
  const rest = [...args];
  let only: number | undefined;
  const passed = 'miniflow extract parser not changed, PMD thread';
  if (rest[0] === '-pmd') {
    if (rest[1] === undefined) fail('-pmd option requires a thread id argument');
    only = leading(rest[1]);
    if (only === undefined) fail(`${passed} passed is not valid: '${rest[1]}'. Pass a valid pmd thread ID`);
    rest.splice(0, 2);
  }
  const [name, ...more] = rest;
  if (name === undefined) {
    fail('no miniflow extract name provided. Output of miniflow-parser-get shows implementation list');
  }
  if (!parser.has(name)) fail(`unknown miniflow extract implementation ${name}`);
  let studied = '';
  for (const word of more) {
    if (name !== 'study') fail(`unknown argument ${word}`);
    const n = leading(word);
    if (!n) fail(`invalid study_pkt_cnt value: ${word}`);
    studied = `, studying ${n} packets`;
  }
  if (only !== undefined && !has(only)) fail(`${passed} ${only} not in use, pass a valid pmd thread ID`);
  parser.active = name;
  const where = only === undefined ? '' : `, on pmd thread ${only}`;
  return `Miniflow extract implementation set to ${name}${where}${studied}.\n`;
}
