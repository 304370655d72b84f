/** When what changed is carried over to the datapath's flows: soon, in pieces, and never so that addresses learned all the time cost everything. */
import type { Clock } from '../lib/clock.js';
import type { Core } from './core.js';

/** Flows translated at a time: some ten milliseconds. Upcalls and connections get their turn in between. */
const WORK = 1000;
/** Between two pieces the thread is free for this many times as long as one took. */
const SHARE = 1;
const FREE_MS = 1;

export class Settler {
  private settling = false;
  private closed = false;

  constructor(
    private readonly core: Pick<Core, 'settle' | 'upcalls'>,
    private readonly clock: Clock,
  ) {}

  soon(): void {
    if (this.settling || this.closed) return;
    this.settling = true;
    setImmediate(() => {
      if (this.closed) return;
      const before = this.clock.now();
      this.core.settle(WORK);
      const took = this.clock.now() - before;
      const again = (): void => {
        this.settling = false;
        if (this.core.upcalls.unsettled) this.soon();
      };
      if (took < FREE_MS) again();
      else this.clock.after(took * SHARE, again);
    });
  }

  close(): void {
    this.closed = true;
  }
}
