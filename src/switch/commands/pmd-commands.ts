/**
 * dpif-netdev/* and odp-execute/*: workers in the form of Open vSwitch's PMD threads. Of each choice between implementations there is one that works
 * here, the portable one; what is chosen is kept and told.
 */
import type { ControlCommand } from '../../control/unixctl.js';
import type { WorkerCounters } from '../../datapath/driver/counters.js';
import type { NativeDriver } from '../../datapath/driver/native-driver.js';
import { UserError } from '../../lib/errors.js';
import type { Core } from '../core.js';
import { DATAPATH_NAME } from '../datapath-text.js';

const DATAPATH = DATAPATH_NAME.split('@')[1];
const DEFAULT_SECONDS = 60;
const INTERVAL = 5;
const PERF_LOG_USAGE =
  'Usage: ovs-appctl dpif-netdev/pmd-perf-log-set [on|off] [-b before] [-a after] [-e|-ne] [-us usec] [-q qlen]';

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

const threadName = (w: number): string => `pmd thread numa_id 0 core_id ${w}:`;

function statistics(c: WorkerCounters, w: number): string {
  return lines([
    threadName(w),
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
    `  avg. packets per output batch: ${ratio(c.packets, c.batches)}`,
    ...cycles(c.idle_cycles, c.busy_cycles, c.packets),
  ]);
}

/** "  - EMC hits:   12  ( 50.0 % of ...)": a figure in twelve places and what part of another it is. */
function part(what: string, n: number, of: number, ofWhat: string): string {
  const share = of === 0 ? 0 : (100 * n) / of;
  return `${`  - ${what}:`.padEnd(20)}${String(n).padStart(14)}  (${share.toFixed(1).padStart(5)} % of ${ofWhat})`;
}

function performance(c: WorkerCounters, w: number): string[] {
  const used = c.idle_cycles + c.busy_cycles;
  const head = (what: string, n: number): string => `${`  ${what}:`.padEnd(20)}${String(n).padStart(14)}`;
  const out = [
    threadName(w),
    '',
    head('Iterations', c.batches + c.sleeps),
    `${head('- Used TSC cycles', used)}`,
    part('idle iterations', c.sleeps, c.batches + c.sleeps, 'used cycles'),
    part('busy iterations', c.batches, c.batches + c.sleeps, 'used cycles'),
    part('sleep iterations', c.sleeps, c.batches + c.sleeps, 'iterations'),
    head('Rx packets', c.packets),
  ];
  if (c.packets > 0) {
    const passes = c.packets + c.recirculations;
    out.push(
      `${head('Datapath passes', passes)}  (${ratio(passes, c.packets)} passes/pkt)`,
      part('PHWOL hits', 0, passes, 'passes'),
      part('MFEX Opt hits', 0, passes, 'passes'),
      part('Simple Match hits', 0, passes, 'passes'),
      part('EMC hits', c.microflow_hits, passes, 'passes'),
      part('SMC hits', 0, passes, 'passes'),
      part('Megaflow hits', c.megaflow_hits, passes, 'passes'),
      part('Upcalls', c.misses, passes, 'passes'),
      part('Lost upcalls', c.upcalls_lost, passes, 'passes'),
    );
  }
  return [...out, ''];
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

export function pmdCommands(core: Core, dp: NativeDriver): ControlCommand[] {
  let before: WorkerCounters[] = [];
  let since = core.now();
  const all = (): WorkerCounters[] =>
    Array.from({ length: dp.workers }, (_, w) => {
      const c = dp.workerCounters(w);
      const old = before[w];
      if (!old) return c;
      return {
        ...c,
        packets: c.packets - old.packets,
        batches: c.batches - old.batches,
        microflow_hits: c.microflow_hits - old.microflow_hits,
        megaflow_hits: c.megaflow_hits - old.megaflow_hits,
        misses: c.misses - old.misses,
        upcalls_lost: c.upcalls_lost - old.upcalls_lost,
        subtable_lookups: c.subtable_lookups - old.subtable_lookups,
        busy_cycles: c.busy_cycles - old.busy_cycles,
        idle_cycles: c.idle_cycles - old.idle_cycles,
        sleeps: c.sleeps - old.sleeps,
        recirculations: c.recirculations - old.recirculations,
      };
    });
  /** Counters of the workers that -pmd names. */
  const some = (args: readonly string[]): (readonly [number, WorkerCounters])[] => {
    const wanted = leading(optionOf(args, '-pmd'));
    return [...all().entries()].filter(([w]) => wanted === undefined || w === wanted);
  };
  const existing = (name: string | undefined): void => {
    if (name !== undefined && name !== DATAPATH) throw new UserError('please specify an existing datapath');
  };
  const lookup = new Choice(['autovalidator', 'generic'], 'generic');
  const parser = new Choice(['autovalidator', 'scalar', 'study'], 'scalar');
  const executor = new Choice(['scalar', 'autovalidator'], 'scalar');
  const workers = Array.from({ length: dp.workers }, (_, w) => w).join(',');
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
          .map(([w, c]) => statistics(c, w))
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
        before = now.map((c, w) => (wanted === undefined || w === wanted ? c : (before[w] ?? zeros(c))));
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
        const seconds = ((core.now() - since) / 1000).toFixed(3);
        const time = new Date(core.wall()).toISOString().slice(11, 23);
        return rows
          .map(([w, c]) => lines(['', `Time: ${time}`, `Measurement duration: ${seconds} s`, '', ...performance(c, w)]))
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
        for (const [w] of rows) {
          out.push(threadName(w), '  isolated : false');
          for (const port of core.dpPorts()) {
            if (dp.workerOf(port.vport) !== w) continue;
            const queues = core.device(port.vport)?.config.queues ?? 1;
            for (let q = 0; q < queues; q++) {
              const queue = String(q).padStart(2);
              out.push(`  port: ${port.name.padEnd(16)}  queue-id: ${queue} (enabled)   pmd usage: NOT AVAIL`);
            }
          }
          out.push('  overhead: NOT AVAIL');
        }
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
        // A port stays with its worker: there is nothing to move.
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
      run: () => `Available DPIF implementations:\n  dpif_scalar (pmds: ${workers})\n`,
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
          .map((n) => `  ${n} (available: True pmds: ${n === parser.active ? workers : 'none'})\n`)
          .join('')}`,
    },
    {
      name: 'dpif-netdev/miniflow-parser-set',
      usage: '[-pmd core] miniflow_implementation_name [study_pkt_cnt]',
      min: 1,
      max: 5,
      run: (args) => setParser(parser, dp.workers, args),
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

function setParser(parser: Choice, workers: number, args: readonly string[]): string {
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
  if (only !== undefined && only >= workers) fail(`${passed} ${only} not in use, pass a valid pmd thread ID`);
  parser.active = name;
  const where = only === undefined ? '' : `, on pmd thread ${only}`;
  return `Miniflow extract implementation set to ${name}${where}${studied}.\n`;
}
