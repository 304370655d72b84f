/** Numbers of datapath ports. */
import { UserError } from '../lib/errors.js';

/** One less than the ports a native datapath has room for: 0 is none. */
const MAX_VPORT = 4095;

export class VportNumbers {
  private next = 1;
  private readonly free: number[] = [];

  constructor(private readonly isTaken: (vport: number) => boolean) {}

  /**
   * `wish`: the number one would like to have, 0 any, else the lowest; undefined: numbers are used again only when there are no new ones, the oldest first,
   * since packets on their way may still carry an old one. Throws UserError when there is none left.
   */
  take(wish: number | undefined): number {
    if (wish !== undefined) return this.lowest(wish);
    const vport = this.next <= MAX_VPORT ? this.next++ : this.free.shift();
    if (vport === undefined) throw new UserError(`there are ${MAX_VPORT} ports already: no more fit the datapath`);
    return vport;
  }

  give(...vports: readonly number[]): void {
    this.free.push(...vports);
  }

  private lowest(wish: number): number {
    if (wish > 0 && wish <= MAX_VPORT && !this.isTaken(wish)) return wish;
    for (let n = 1; n <= MAX_VPORT; n++) if (!this.isTaken(n)) return n;
    throw new UserError(`there are ${MAX_VPORT} ports already: no more fit the datapath`);
  }
}
