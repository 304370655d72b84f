/** How many rules there are of each priority, and the highest. */
export class Priorities {
  /** Those that occur, ascending, and how often each does. */
  private readonly levels: number[] = [];
  private readonly counts: number[] = [];

  /** The highest priority there is; -1 when there is none. */
  get max(): number {
    return this.levels.length > 0 ? this.levels[this.levels.length - 1] : -1;
  }

  add(priority: number): void {
    const at = this.place(priority);
    if (this.levels[at] === priority) this.counts[at]++;
    else {
      this.levels.splice(at, 0, priority);
      this.counts.splice(at, 0, 1);
    }
  }

  remove(priority: number): void {
    const at = this.place(priority);
    if (this.levels[at] !== priority || --this.counts[at] > 0) return;
    this.levels.splice(at, 1);
    this.counts.splice(at, 1);
  }

  /** Where a priority stands, or would. The end first: most sets have one level, and lists are mostly loaded in order. */
  private place(priority: number): number {
    let lo = 0;
    let hi = this.levels.length;
    if (hi > 0 && this.levels[hi - 1] <= priority) return this.levels[hi - 1] === priority ? hi - 1 : hi;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (this.levels[mid] < priority) lo = mid + 1;
      else hi = mid;
    }
    return lo;
  }
}
