/**
 * A set of 32-bit hashes that counts how often each was added: open addressing, no objects, no garbage. A hash and its count lie side by side: a
 * large set is outside the processor's caches, and each question waits for memory once.
 */
export class CountedSet {
  /** Hash and count (0: free), one pair after the other. */
  private cells = new Int32Array(8);
  private distinct = 0;

  has(hash: number): boolean {
    const { cells } = this;
    const m = cells.length - 1;
    for (let i = (hash << 1) & m; cells[i + 1] > 0; i = (i + 2) & m) if (cells[i] === hash) return true;
    return false;
  }

  add(hash: number): void {
    this.put(hash, 1);
    if (this.distinct * 8 > this.cells.length * 3) {
      const { cells } = this;
      this.cells = new Int32Array(cells.length * 2);
      this.distinct = 0;
      for (let i = 0; i < cells.length; i += 2) if (cells[i + 1] > 0) this.put(cells[i], cells[i + 1]);
    }
  }

  /** Takes back one `add`. */
  remove(hash: number): void {
    const { cells } = this;
    const m = cells.length - 1;
    let i = (hash << 1) & m;
    while (cells[i] !== hash || cells[i + 1] === 0) {
      if (cells[i + 1] === 0) return;
      i = (i + 2) & m;
    }
    if (--cells[i + 1] > 0) return;
    this.distinct--;
    // Later members of the run move up, so that no gap cuts them off from their place.
    for (let j = (i + 2) & m; cells[j + 1] > 0; j = (j + 2) & m) {
      const home = (cells[j] << 1) & m;
      if (((j - home) & m) < ((j - i) & m)) continue;
      cells[i] = cells[j];
      cells[i + 1] = cells[j + 1];
      cells[j + 1] = 0;
      i = j;
    }
  }

  private put(hash: number, count: number): void {
    const { cells } = this;
    const m = cells.length - 1;
    let i = (hash << 1) & m;
    while (cells[i + 1] > 0 && cells[i] !== hash) i = (i + 2) & m;
    if (cells[i + 1] === 0) {
      cells[i] = hash;
      this.distinct++;
    }
    cells[i + 1] += count;
  }
}
