/** Time as an argument. Nothing below src/switch reads a real clock or sets a real timer. */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary start; fractions carry microseconds. */
  now(): number;
  /** Milliseconds since the Unix epoch, for text only. */
  wall(): number;
  /** Calls `fn` once, `ms` from now. The returned function cancels it; cancelling twice is harmless. */
  after(ms: number, fn: () => void): () => void;
}

interface Timer {
  at: number;
  seq: number;
  fn: () => void;
}

/** A clock that stands still until a test or a deterministic program moves it. */
export class VirtualClock implements Clock {
  private time = 0;
  private seq = 0;
  private timers: Timer[] = [];

  constructor(private readonly epochMs = 0) {}

  now(): number {
    return this.time;
  }

  wall(): number {
    return this.epochMs + this.time;
  }

  after(ms: number, fn: () => void): () => void {
    const timer: Timer = { at: this.time + Math.max(0, ms), seq: this.seq++, fn };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((t) => t !== timer);
    };
  }

  /** When the next timer is due; undefined without one. */
  get nextDue(): number | undefined {
    return this.next()?.at;
  }

  /** Moves time forward by `ms`, running due timers in order of due time, then of creation. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (let due = this.next(); due && due.at <= end; due = this.next()) this.fire(due, due.at);
    this.time = end;
  }

  /**
   * Time is `ms` later at once; then what is due runs, in the same order. As if the program had slept all the while: a timer that starts itself
   * again runs once and not once for each of its intervals.
   */
  jump(ms: number): void {
    this.time += ms;
    for (let due = this.next(); due && due.at <= this.time; due = this.next()) this.fire(due, this.time);
  }

  private next(): Timer | undefined {
    let next: Timer | undefined;
    for (const t of this.timers) if (!next || t.at < next.at || (t.at === next.at && t.seq < next.seq)) next = t;
    return next;
  }

  private fire(due: Timer, now: number): void {
    this.timers = this.timers.filter((t) => t !== due);
    this.time = Math.max(this.time, now);
    due.fn();
  }
}
