/** A set of 32-bit hashes that counts how often each was added: open addressing, no objects, no garbage. */
export class CountedSet {
  private keys = new Int32Array(4);
  private counts = new Uint32Array(4);
  private distinct = 0;

  has(hash: number): boolean {
    const m = this.keys.length - 1;
    for (let i = hash & m; this.counts[i] > 0; i = (i + 1) & m) if (this.keys[i] === hash) return true;
    return false;
  }

  add(hash: number): void {
    this.put(hash, 1);
    if (this.distinct * 4 > this.keys.length * 3) {
      const { keys, counts } = this;
      this.keys = new Int32Array(keys.length * 2);
      this.counts = new Uint32Array(keys.length * 2);
      this.distinct = 0;
      for (let i = 0; i < keys.length; i++) if (counts[i] > 0) this.put(keys[i], counts[i]);
    }
  }

  /** Takes back one `add`. */
  remove(hash: number): void {
    const m = this.keys.length - 1;
    let i = hash & m;
    while (this.keys[i] !== hash || this.counts[i] === 0) {
      if (this.counts[i] === 0) return;
      i = (i + 1) & m;
    }
    if (--this.counts[i] > 0) return;
    this.distinct--;
    // Later members of the run move up, so that no gap cuts them off from their place.
    for (let j = (i + 1) & m; this.counts[j] > 0; j = (j + 1) & m) {
      const home = this.keys[j] & m;
      if (((j - home) & m) < ((j - i) & m)) continue;
      this.keys[i] = this.keys[j];
      this.counts[i] = this.counts[j];
      this.counts[j] = 0;
      i = j;
    }
  }

  private put(hash: number, count: number): void {
    const m = this.keys.length - 1;
    let i = hash & m;
    while (this.counts[i] > 0 && this.keys[i] !== hash) i = (i + 1) & m;
    if (this.counts[i] === 0) {
      this.keys[i] = hash;
      this.distinct++;
    }
    this.counts[i] += count;
  }
}
