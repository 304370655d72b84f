/**
 * When receive queues are dealt out anew by themselves (pmd-auto-lb), as Open vSwitch does it: every so many minutes, if a worker had too much to do in each of
 * the last twelve intervals of five seconds, and if that would even the loads out enough.
 *
 * Errs towards leaving queues where they are: a move makes a queue wait for a millisecond, and what a worker's caches know is not with the queue.
 */
import { variance } from './assign.js';
import type { AutoBalance } from './settings.js';
import { INTERVAL_MS, INTERVALS } from './usage.js';

const MINUTE_MS = 60_000;

/** Of workers that are not isolated. Loads are percent of a processor. */
export interface Loads {
  readonly workers: readonly number[];
  /** Of the last interval. */
  last(worker: number): number;
  /** How many queues the worker has that has most. */
  mostQueues(): number;
  /** Of each worker in all intervals that are known: as queues are now, and as they would be dealt out. */
  now(): readonly number[];
  planned(): readonly number[];
}

export class Balancer {
  /** Of each worker: intervals in a row in which it had too much to do. */
  private overloaded = new Map<number, number>();
  private since = 0;

  constructor(private readonly log: (text: string) => void) {}

  reset(): void {
    this.overloaded.clear();
    this.since = 0;
  }

  /** At the end of each interval. True: queues are to be dealt out anew. */
  look(settings: AutoBalance, loads: Loads): boolean {
    this.overloaded = new Map(
      loads.workers.map((w) => [w, loads.last(w) >= settings.load ? (this.overloaded.get(w) ?? 0) + 1 : 0]),
    );
    this.since += INTERVAL_MS;
    if (this.since < settings.interval * MINUTE_MS) return false;
    this.since = 0;
    if (loads.workers.length < 2 || ![...this.overloaded.values()].some((n) => n >= INTERVALS)) return false;
    return loads.mostQueues() > 1 && this.worthwhile(settings, loads);
  }

  private worthwhile({ improvement }: AutoBalance, loads: Loads): boolean {
    const [now, planned] = [loads.now(), loads.planned()].map((all) => Math.floor(variance(all.map(Math.floor))));
    const gain = planned < now ? Math.floor((100 * (now - planned)) / now) : 0;
    const met = gain >= improvement;
    this.log(
      `Numa node 0. Current variance ${now} Estimated variance ${planned}. Variance improvement ${gain}%. ` +
        `PMD load variance improvement threshold ${improvement}% is ${met ? 'met' : 'not met'}.`,
    );
    if (met) this.log('PMD auto load balance dry run. Requesting datapath reconfigure.');
    return met;
  }
}

/** What is to be said when settings become others. */
export function balanceNews(before: AutoBalance, now: AutoBalance): string[] {
  const out: string[] = [];
  if (before.interval !== now.interval) out.push(`PMD auto load balance interval set to ${now.interval} mins`);
  if (before.improvement !== now.improvement)
    out.push(`PMD auto load balance improvement threshold set to ${now.improvement}%`);
  if (before.load !== now.load) out.push(`PMD auto load balance load threshold set to ${now.load}%`);
  if (!now.on) return before.on ? [...out, 'PMD auto load balance is disabled.'] : out;
  if (out.length === 0 && before.on) return out;
  return [
    ...out,
    `PMD auto load balance is enabled, interval ${now.interval} mins, pmd load threshold ${now.load}%, improvement threshold ${now.improvement}%.`,
  ];
}
