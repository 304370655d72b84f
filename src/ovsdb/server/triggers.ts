/** Transactions that wait for their "wait": tried again after each commit, and when their time is over. */
import type { Clock } from '../../lib/clock.js';
import type { Database, TransactContext } from '../engine/database.js';
import type { Json } from '../json/json.js';

export interface Trigger {
  readonly db: Database;
  readonly operations: readonly Json[];
  readonly holdsLock: (lock: string) => boolean;
  done(results: readonly Json[]): void;
}

interface Waiting {
  readonly trigger: Trigger;
  readonly since: number;
  stopTimer: () => void;
}

/** Longest timer of the machine; a longer wait is tried again in between. */
const MAX_TIMER_MS = 0x7fffffff;

export class Triggers {
  private readonly waiting = new Map<Trigger, Waiting>();

  constructor(private readonly clock: Clock) {}

  get size(): number {
    return this.waiting.size;
  }

  /** Runs it now, or as soon as it can be; `done` is called when it was, at once or later. */
  run(trigger: Trigger): void {
    this.attempt({ trigger, since: this.clock.now(), stopTimer: () => {} }, 0);
  }

  /** Forgets one that waits; false when there is none. */
  cancel(trigger: Trigger): boolean {
    const w = this.waiting.get(trigger);
    w?.stopTimer();
    return this.waiting.delete(trigger);
  }

  /** After a commit to a database. One that runs may commit itself, which lets others run: they are tried by the caller's next call. */
  retry(db: Database): void {
    for (const w of [...this.waiting.values()]) {
      if (w.trigger.db === db && this.waiting.has(w.trigger)) this.attempt(w);
    }
  }

  private attempt(w: Waiting, elapsedMs = this.clock.now() - w.since): void {
    w.stopTimer();
    this.waiting.delete(w.trigger);
    const { trigger } = w;
    const context: TransactContext = { holdsLock: trigger.holdsLock, elapsedMs };
    const outcome = trigger.db.transact(trigger.operations, context);
    if (outcome.kind === 'done') {
      trigger.done(outcome.results);
      return;
    }
    this.waiting.set(trigger, w);
    if (outcome.timeoutMs === undefined) return;
    const left = Math.ceil(w.since + outcome.timeoutMs - this.clock.now());
    w.stopTimer = this.clock.after(Math.min(Math.max(left, 1), MAX_TIMER_MS), () => this.attempt(w));
  }
}
