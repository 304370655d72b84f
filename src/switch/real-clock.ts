import type { Clock } from '../lib/clock.js';

/** The machine's own time, in step with the workers' (CLOCK_MONOTONIC). Its timers keep the program alive. */
export class RealClock implements Clock {
  /** performance.now() counts from the start of the process and is four times cheaper than hrtime. */
  private readonly offset = Number(process.hrtime.bigint()) / 1e6 - performance.now();

  now(): number {
    return this.offset + performance.now();
  }

  wall(): number {
    return performance.timeOrigin + performance.now();
  }

  after(ms: number, fn: () => void): () => void {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  }
}
