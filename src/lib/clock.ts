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

  /** Moves time forward by `ms`, running due timers in order of due time, then of creation. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      let next: Timer | undefined;
      for (const t of this.timers) {
        if (t.at <= end && (!next || t.at < next.at || (t.at === next.at && t.seq < next.seq))) next = t;
      }
      if (!next) break;
      const due = next;
      this.timers = this.timers.filter((t) => t !== due);
      this.time = Math.max(this.time, due.at);
      due.fn();
    }
    this.time = end;
  }
}
