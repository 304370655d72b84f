/**
 * How busy workers and receive queues were, in intervals of five seconds, of which the last twelve are kept.
 *
 * A worker counts all cycles in which it did something. Which queue they were for it measures in some of its breaths only (native/worker/breath.cc): the
 * queue's share of those is its share of all.
 */
import type { NativeDriver } from '../../datapath/driver/native-driver.js';

export const INTERVAL_MS = 5000;
export const INTERVALS = 12;

export interface QueueId {
  readonly vport: number;
  readonly queue: number;
}

interface Reading {
  /** The processor's clock. */
  readonly at: number;
  /** By worker. */
  readonly busy: readonly number[];
  readonly measured: readonly number[];
  /** By name of the queue: measured cycles, and the worker they are of. */
  readonly queues: ReadonlyMap<string, { readonly worker: number; readonly cycles: number }>;
}

interface Interval {
  readonly cycles: number;
  readonly busy: readonly number[];
  readonly queues: ReadonlyMap<string, number>;
}

const nameOf = (q: QueueId): string => `${q.vport}/${q.queue}`;
const grown = (now: number | undefined, before: number | undefined): number => Math.max(0, (now ?? 0) - (before ?? 0));

export class Usage {
  private readonly intervals: Interval[] = [];
  private last: Reading | undefined;

  constructor(
    private readonly dp: Pick<NativeDriver, 'workers' | 'workerCounters' | 'queueCycles' | 'queuesOf'>,
    private readonly queues: () => Iterable<QueueId>,
    private readonly cycles: () => number,
  ) {}

  /** To be called at the end of each interval. */
  look(): void {
    const now = this.reading();
    if (this.last) this.intervals.push(interval(this.last, now));
    if (this.intervals.length > INTERVALS) this.intervals.shift();
    this.last = now;
  }

  /** What there is of it is of no use to anybody: workers have become others. */
  forget(): void {
    this.intervals.length = 0;
    this.last = this.reading();
  }

  /** Cycles of a queue in all intervals that are kept. */
  cyclesOf(q: QueueId): number {
    const name = nameOf(q);
    return this.intervals.reduce((sum, i) => sum + (i.queues.get(name) ?? 0), 0);
  }

  /** Percent of the time of the last intervals; undefined: nothing is known yet. */
  queueShare(q: QueueId, intervals = INTERVALS): number | undefined {
    const name = nameOf(q);
    return this.share(intervals, (i) => i.queues.get(name) ?? 0);
  }

  workerShare(worker: number, intervals = INTERVALS): number | undefined {
    return this.share(intervals, (i) => i.busy[worker] ?? 0);
  }

  private share(intervals: number, of: (i: Interval) => number): number | undefined {
    const some = this.intervals.slice(-intervals);
    const all = some.reduce((sum, i) => sum + i.cycles, 0);
    return all === 0 ? undefined : (100 * some.reduce((sum, i) => sum + of(i), 0)) / all;
  }

  private reading(): Reading {
    const { dp } = this;
    const workers = Array.from({ length: dp.workers }, (_, w) => dp.workerCounters(w));
    const queues = new Map<string, { worker: number; cycles: number }>();
    for (const q of this.queues()) {
      const worker = dp.queuesOf(q.vport)[q.queue] ?? 0;
      queues.set(nameOf(q), { worker, cycles: dp.queueCycles(q.vport, q.queue) });
    }
    return {
      at: this.cycles(),
      busy: workers.map((c) => c.busy_cycles),
      measured: workers.map((c) => c.measured_cycles),
      queues,
    };
  }
}

function interval(before: Reading, now: Reading): Interval {
  const busy = now.busy.map((n, w) => grown(n, before.busy[w]));
  const measured = now.measured.map((n, w) => grown(n, before.measured[w]));
  const queues = new Map<string, number>();
  for (const [name, q] of now.queues) {
    const cycles = grown(q.cycles, before.queues.get(name)?.cycles);
    const of = measured[q.worker] ?? 0;
    if (of > 0) queues.set(name, Math.min(busy[q.worker], (cycles * busy[q.worker]) / of));
  }
  return { cycles: now.at - before.at, busy, queues };
}
