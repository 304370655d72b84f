/** How many rules there are of each priority, and the highest. */
export class Priorities {
  private readonly counts = new Map<number, number>();
  /** Those that occur, ascending. */
  private readonly levels: number[] = [];

  /** The highest priority there is; -1 when there is none. */
  get max(): number {
    return this.levels.length > 0 ? this.levels[this.levels.length - 1] : -1;
  }

  add(priority: number): void {
    const n = this.counts.get(priority) ?? 0;
    this.counts.set(priority, n + 1);
    if (n === 0) this.levels.splice(this.place(priority), 0, priority);
  }

  remove(priority: number): void {
    const n = this.counts.get(priority) ?? 0;
    if (n > 1) this.counts.set(priority, n - 1);
    else if (n === 1) {
      this.counts.delete(priority);
      this.levels.splice(this.place(priority), 1);
    }
  }

  /** Where a priority stands, or would. The ends first: most sets have one level, and lists are mostly loaded in order. */
  private place(priority: number): number {
    let lo = 0;
    let hi = this.levels.length;
    if (hi > 0 && this.levels[hi - 1] < priority) return hi;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (this.levels[mid] < priority) lo = mid + 1;
      else hi = mid;
    }
    return lo;
  }
}
