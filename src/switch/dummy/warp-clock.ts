/**
 * The machine's time, until somebody stops it: then it stands, and moves only when it is told to. For tests of a whole switch: timeouts, probes and
 * aging happen at once and in a known order.
 */
import { type Clock, VirtualClock } from '../../lib/clock.js';
import { RealClock } from '../real-clock.js';

/** Longest that a timer of Node.js waits; a longer one would not wait at all. */
const MAX_WAIT_MS = 0x7fffffff;

export class WarpClock implements Clock {
  /** Holds the timers. While time runs it lags behind, as far as nothing was due. */
  private readonly timers = new VirtualClock();
  private readonly base: number;
  /** By how much we are ahead of the machine. */
  private ahead = 0;
  /** Where time stands: whole, so that sums of it are exact. Undefined while it runs. */
  private standing: number | undefined;
  private armedFor = Number.POSITIVE_INFINITY;
  private disarm: () => void = () => {};

  constructor(private readonly real: Clock = new RealClock()) {
    this.base = real.now();
  }

  now(): number {
    return this.standing ?? this.real.now() + this.ahead;
  }

  wall(): number {
    return this.real.wall();
  }

  after(ms: number, fn: () => void): () => void {
    const cancel = this.timers.after(this.lag() + Math.max(0, ms), fn);
    this.arm();
    return cancel;
  }

  /** Time stands from here on, at a whole millisecond. For good: the machine's does not come back. */
  stop(): void {
    if (this.standing !== undefined) return;
    this.standing = Math.ceil(this.now());
    this.timers.jump(this.lag());
    this.disarm();
    this.armedFor = Number.POSITIVE_INFINITY;
    this.arm();
  }

  /** Time is `ms` later, and what is due by then has run. */
  warp(ms: number): void {
    if (this.standing === undefined) this.ahead += ms;
    else this.standing += ms;
    this.timers.jump(this.lag());
    this.armedFor = Number.POSITIVE_INFINITY;
    this.arm();
  }

  private lag(): number {
    return Math.max(0, this.now() - this.base - this.timers.now());
  }

  private arm(): void {
    const due = this.timers.nextDue;
    if (due === undefined || due >= this.armedFor) return;
    const wait = due - this.timers.now() - this.lag();
    // What is due at once needs no time to pass.
    if (this.standing !== undefined && wait > 0) return;
    this.disarm();
    this.armedFor = due;
    // Rounded up: one that fires early would only be set again.
    this.disarm = this.real.after(Math.min(Math.max(0, Math.ceil(wait)), MAX_WAIT_MS), () => this.ring());
  }

  private ring(): void {
    this.armedFor = Number.POSITIVE_INFINITY;
    this.timers.jump(this.lag());
    this.arm();
  }
}
