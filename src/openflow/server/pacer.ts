/**
 * How fast packets go up to one controller. A token bucket lets them pass; what comes faster waits in a queue for each port, and ports take turns, so
 * that a port that floods cannot keep the others' packets from the controller. When all queues together hold `burst` packets, the longest loses its
 * oldest.
 *
 * Without a rate everything passes: then only the connection's own bound holds (Connection.sendUnasked).
 */
import type { Clock } from '../../lib/clock.js';

export interface Rate {
  /** Packets a second. */
  readonly rate: number;
  /** Packets that pass at once after a pause, and that wait at most. */
  readonly burst: number;
}

/** OVS's controller_burst_limit when only a rate is said. */
export function rateLimit(rate: number, burst?: number): Rate {
  return { rate, burst: Math.max(1, burst ?? Math.floor(rate / 4)) };
}

export interface PacerCounts {
  bypassed: number;
  queued: number;
  dropped: number;
}

/** Of what a second's rate is there at first. */
const FIRST_FILL = 0.1;
/** Packets sent in one turn: others want the thread too. */
const TURN = 50;

type Make = () => Uint8Array;

export class Pacer {
  readonly counts: PacerCounts = { bypassed: 0, queued: 0, dropped: 0 };
  private readonly queues = new Map<number, Make[]>();
  private waiting = 0;
  private tokens: number;
  private filledAt: number;
  private cancel: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly limit: Rate,
    private readonly send: (make: Make) => void,
  ) {
    this.tokens = Math.min(limit.rate * FIRST_FILL, limit.burst);
    this.filledAt = clock.now();
  }

  get backlog(): number {
    return this.waiting;
  }

  /** `make` gives the bytes when it is their turn, or never. */
  offer(port: number, make: Make): void {
    this.fill();
    if (this.waiting === 0 && this.tokens >= 1) {
      this.tokens--;
      this.counts.bypassed++;
      this.send(make);
      return;
    }
    if (this.waiting >= this.limit.burst) this.drop();
    const queue = this.queues.get(port) ?? [];
    queue.push(make);
    this.queues.set(port, queue);
    this.waiting++;
    this.counts.queued++;
    this.later();
  }

  close(): void {
    this.cancel?.();
    this.cancel = undefined;
    this.queues.clear();
    this.waiting = 0;
  }

  private fill(): void {
    const now = this.clock.now();
    this.tokens = Math.min(this.tokens + ((now - this.filledAt) * this.limit.rate) / 1000, this.limit.burst);
    this.filledAt = now;
  }

  private later(): void {
    if (this.cancel) return;
    const ms = this.tokens >= 1 ? 0 : ((1 - this.tokens) * 1000) / this.limit.rate;
    // Timers are of whole milliseconds; at high rates several packets go at each.
    this.cancel = this.clock.after(Math.max(1, Math.ceil(ms)), () => {
      this.cancel = undefined;
      this.drain();
    });
  }

  private drain(): void {
    this.fill();
    for (let n = 0; n < TURN && this.waiting > 0 && this.tokens >= 1; n++) {
      const [port, queue] = this.queues.entries().next().value as [number, Make[]];
      // To the end of the line.
      this.queues.delete(port);
      const make = queue.shift() as Make;
      if (queue.length > 0) this.queues.set(port, queue);
      this.waiting--;
      this.tokens--;
      this.send(make);
    }
    if (this.waiting > 0) this.later();
  }

  private drop(): void {
    let longest: Make[] | undefined;
    let at = 0;
    for (const [port, queue] of this.queues) {
      if (longest && queue.length <= longest.length) continue;
      longest = queue;
      at = port;
    }
    if (!longest) return;
    longest.shift();
    if (longest.length === 0) this.queues.delete(at);
    this.waiting--;
    this.counts.dropped++;
  }
}
