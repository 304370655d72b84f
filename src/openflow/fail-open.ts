/**
 * A standalone bridge forwards by itself when none of its controllers has been in charge for three probe intervals: one until a silent controller is
 * asked, one for it to answer, one to connect again. It goes on doing so until a controller shows by a flow or a packet that it is in charge; one
 * that accepts connections and drops them after some seconds would otherwise take the network down each time. To make such a one show itself, it is
 * sent a packet of no meaning now and then.
 */
import type { Clock } from '../lib/clock.js';
import type { Reconnect } from './reconnect.js';

const INTERVALS = 3;
const LOOK_MS = 1000;
const ASK_MS = 2000;

export interface FailOpenEvents {
  /** Forget the flows, be a learning switch. */
  enter(failedMs: number): void;
  leave(): void;
  /** Send controllers a packet that asks for an answer. */
  ask(): void;
}

export class FailOpen {
  isActive = false;
  private cancel: () => void = () => {};
  private askAt = 0;

  constructor(
    private readonly clock: Clock,
    private readonly controllers: readonly Reconnect[],
    private readonly probeMs: number,
    private readonly events: FailOpenEvents,
  ) {
    this.later();
  }

  /** Something may have changed for the better. */
  recover(): void {
    if (!this.isActive || !this.controllers.some((c) => c.isAdmitted)) return;
    this.isActive = false;
    this.events.leave();
  }

  close(): void {
    this.cancel();
  }

  private later(): void {
    this.cancel = this.clock.after(LOOK_MS, () => {
      this.look();
      this.later();
    });
  }

  private look(): void {
    this.recover();
    const failedMs = Math.min(...this.controllers.map((c) => c.failureMs));
    if (!this.isActive && failedMs !== Number.POSITIVE_INFINITY && failedMs >= INTERVALS * this.probeMs) {
      this.isActive = true;
      this.askAt = this.clock.now();
      this.events.enter(failedMs);
    }
    if (!this.isActive || this.clock.now() < this.askAt || !this.controllers.some((c) => c.isConnected)) return;
    this.askAt = this.clock.now() + ASK_MS;
    this.events.ask();
  }
}
