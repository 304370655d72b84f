/**
 * Whether to look for a peer's next request for a moment, or to sleep until it comes.
 *
 * The problem: a program that asks for one thing at a time (ovs-ofctl add-flows waits for each flow's barrier) asks again some 20 µs after the answer.
 * Going to sleep in between and being woken costs more than that, most of all where processors are virtual. Looking costs a processor's time, which is
 * lost when nothing comes, and on a busy machine it may be the time that the peer needs to ask.
 *
 * The idea: look when the last requests came quickly. Each look in vain doubles how many must have, so that who errs soon sleeps as before.
 * Safe direction of error: sleeping, which is only slower.
 */

/** A look takes so long at most: the peer's wake-up and its next request, on a quiet machine. */
export const LOOK_US = 100;
/** What came within so long after the answer before it was quick. With the wake-up that looking would save. */
const QUICK_US = 200;
/** So many quick ones in a row at first, and at most. */
const LEAST = 4;
const MOST = 1 << 10;

export class Patience {
  private quick = 0;
  private wanted = LEAST;

  /** How long to look for the next request now, in microseconds. */
  get look(): number {
    return this.quick >= this.wanted ? LOOK_US : 0;
  }

  /** The next request came, so many microseconds after the one before had been dealt with. */
  came(afterUs: number, byLooking: boolean): void {
    if (afterUs > QUICK_US) this.quick = 0;
    else if (this.quick < MOST) this.quick++;
    if (byLooking && this.wanted > LEAST) this.wanted--;
  }

  /** Nothing came while we looked. */
  inVain(): void {
    this.quick = 0;
    this.wanted = Math.min(MOST, this.wanted * 2);
  }
}
