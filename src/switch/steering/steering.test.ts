/** Steering as a whole: a made-up datapath with loads, a clock that is moved, and what becomes of queues and of the log. */
import t from 'tap';
import type { WorkerCounters } from '../../datapath/driver/counters.js';
import { WORKER_COUNTERS } from '../../datapath/native.js';
import { VirtualClock } from '../../lib/clock.js';
import { type Steerable, Steering } from './steering.js';

const HZ = 1e9;
const INTERVAL = 5000;
const MASK = new Map([['pmd-cpu-mask', '3']]);

/** Queues with what each brings, in percent of a processor; ports are numbered from 1. */
class Machine implements Steerable {
  workers = 1;
  place: Steerable['place'] = () => [];
  readonly owner = new Map<string, number>();
  readonly spent = new Map<string, number>();
  readonly busy: number[] = [];
  readonly log: string[] = [];
  readonly clock = new VirtualClock();
  readonly steering: Steering;

  constructor(readonly load: Record<string, number>) {
    for (const name of Object.keys(load)) this.owner.set(name, 0);
    this.steering = new Steering({
      dp: this,
      clock: this.clock,
      ports: () =>
        [...new Set(Object.keys(load).map((q) => Number(q.split('/')[0])))].map((vport) => ({
          vport,
          name: `p${vport}`,
        })),
      machine: { processors: () => [0, 1], cycles: () => (this.clock.now() / 1000) * HZ },
      log: (text) => void this.log.push(text),
    });
  }
  queuesOf(vport: number): readonly number[] {
    return [...this.owner].filter(([name]) => name.startsWith(`${vport}/`)).map(([, w]) => w);
  }
  portCounters(): ReturnType<Steerable['portCounters']> {
    return { held: 0 } as ReturnType<Steerable['portCounters']>;
  }
  portsPause(): void {}
  steer(cores: readonly number[], moves: Parameters<Steerable['steer']>[1]): number[] {
    this.workers = cores.length;
    for (const m of moves) this.owner.set(`${m.vport}/${m.queue}`, m.worker);
    return [];
  }
  queueCycles(vport: number, queue: number): number {
    return this.spent.get(`${vport}/${queue}`) ?? 0;
  }
  workerCounters(w: number): WorkerCounters {
    const none = Object.fromEntries(WORKER_COUNTERS.map((name) => [name, 0])) as WorkerCounters;
    return { ...none, busy_cycles: this.busy[w] ?? 0, measured_cycles: this.busy[w] ?? 0 };
  }
  /** So many intervals pass, and moves that they bring end. */
  async pass(intervals: number): Promise<void> {
    for (let i = 0; i < intervals; i++) {
      for (const [name, w] of this.owner) {
        const cycles = (this.load[name] / 100) * HZ * (INTERVAL / 1000);
        this.spent.set(name, (this.spent.get(name) ?? 0) + cycles);
        this.busy[w] = (this.busy[w] ?? 0) + cycles;
      }
      this.clock.advance(INTERVAL);
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    }
  }
  configure(config: Record<string, string>, affinities: [string, string][] = []): Promise<void> {
    return this.steering.configure(new Map([...MASK, ...Object.entries(config)]), affinities);
  }
  /** Queues of each worker. */
  get owners(): string[] {
    return Array.from({ length: this.workers }, (_, w) =>
      [...this.owner]
        .filter(([, o]) => o === w)
        .map(([n]) => n)
        .join(' '),
    );
  }
}

const ON = { 'pmd-auto-lb': 'true' };
const ENABLED = 'PMD auto load balance is enabled, interval 1 mins, pmd load threshold 95%, improvement threshold 25%.';
const REQUEST = 'PMD auto load balance dry run. Requesting datapath reconfigure.';

/** Dealt out while nothing was known: 1/0 and 4/0 on worker 0, 2/0 and 3/0 on worker 1. */
const START = ['1/0 4/0', '2/0 3/0'];
/** Name, loads of ports 1 to 4, settings, affinities, intervals, queues of each worker then. */
const ROWS: readonly (readonly [
  string,
  readonly number[],
  Record<string, string>,
  readonly [string, string][],
  number,
  readonly string[],
])[] = [
  ['off: nothing moves', [60, 10, 10, 40], {}, [], 30, START],
  ['too much to do for a minute', [60, 10, 10, 40], ON, [], 12, ['1/0 3/0', '2/0 4/0']],
  ['not before', [60, 10, 10, 40], ON, [], 11, START],
  ['below the threshold', [60, 10, 10, 30], ON, [], 30, START],
  [
    'a threshold of its own',
    [60, 10, 10, 30],
    { ...ON, 'pmd-auto-lb-load-threshold': '90' },
    [],
    12,
    ['1/0 3/0', '2/0 4/0'],
  ],
  ['every two minutes', [60, 10, 10, 40], { ...ON, 'pmd-auto-lb-rebal-interval': '2' }, [], 23, START],
  ['after two minutes', [60, 10, 10, 40], { ...ON, 'pmd-auto-lb-rebal-interval': '2' }, [], 24, ['1/0 3/0', '2/0 4/0']],
  ['it would not help: one queue is all the load', [99, 10, 10, 0], ON, [], 30, START],
  ['it would not help enough', [60, 50, 40, 40], ON, [], 30, START],
  [
    'it need not help',
    [60, 50, 40, 40],
    { ...ON, 'pmd-auto-lb-improvement-threshold': '0' },
    [],
    12,
    ['1/0 4/0', '2/0 3/0'],
  ],
  [
    'in turn: loads do not count',
    [60, 10, 40, 10],
    { ...ON, 'pmd-rxq-assign': 'roundrobin' },
    [],
    30,
    ['1/0 3/0', '2/0 4/0'],
  ],
  ['one worker takes no others', [60, 10, 10, 40], ON, [['p2', '0:1']], 30, ['1/0 3/0 4/0', '2/0']],
  ['group', [60, 10, 40, 10], { ...ON, 'pmd-rxq-assign': 'group' }, [], 12, ['1/0', '2/0 3/0 4/0']],
];

for (const [name, loads, settings, affinities, intervals, owners] of ROWS) {
  t.test(`auto balance: ${name}`, async (t) => {
    const m = new Machine(Object.fromEntries(loads.map((load, i) => [`${i + 1}/0`, load])));
    await m.configure(settings, [...affinities]);
    const before = m.owners;
    await m.pass(intervals);
    t.same(m.owners, owners);
    const asked = m.log.filter((l) => l === REQUEST).length;
    if (String(before) === String(owners))
      t.equal(asked, settings['pmd-auto-lb-improvement-threshold'] === '0' ? 1 : 0);
    else t.equal(asked, 1);
    m.steering.close();
  });
}

t.test('what is said of it', async (t) => {
  const m = new Machine({ '1/0': 60, '2/0': 10, '3/0': 10, '4/0': 40 });
  await m.configure({});
  m.log.length = 0;
  await m.configure(ON);
  t.same(m.log.splice(0), [ENABLED]);
  await m.pass(12);
  t.same(m.log.splice(0), [
    'Numa node 0. Current variance 1600 Estimated variance 100. Variance improvement 93%. PMD load variance improvement threshold 25% is met.',
    REQUEST,
    'Performing pmd to rx queue assignment using cycles algorithm.',
    "Core  0 on numa node 0 assigned port 'p3' rx queue 0 (measured processing cycles 6000000000).",
    "Core  1 on numa node 0 assigned port 'p4' rx queue 0 (measured processing cycles 24000000000).",
  ]);
  await m.pass(30);
  t.same(m.log.splice(0), [], 'and then no more');
  await m.configure({
    ...ON,
    'pmd-auto-lb-rebal-interval': '3',
    'pmd-auto-lb-load-threshold': '50',
    'pmd-auto-lb-improvement-threshold': '10',
  });
  t.same(m.log.splice(0), [
    'PMD auto load balance interval set to 3 mins',
    'PMD auto load balance improvement threshold set to 10%',
    'PMD auto load balance load threshold set to 50%',
    'PMD auto load balance is enabled, interval 3 mins, pmd load threshold 50%, improvement threshold 10%.',
  ]);
  await m.configure({ 'pmd-rxq-assign': 'group' });
  t.same(m.log.slice(0, 5).sort(), [
    'PMD auto load balance improvement threshold set to 25%',
    'PMD auto load balance interval set to 1 mins',
    'PMD auto load balance is disabled.',
    'PMD auto load balance load threshold set to 95%',
    "Rxq to PMD assignment mode changed to: 'group'.",
  ]);
  m.steering.close();
});
