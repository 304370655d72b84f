/**
 * A set of bit prefixes that tells how few bits of a value settle which of them match.
 *
 * A binary tree with paths compressed: a node holds the whole prefix down to it, and branches where stored prefixes part. Nodes live in flat
 * arrays, some 17 bytes each for 32-bit values, at most two nodes a distinct prefix.
 */
export class PrefixTrie {
  private prefix: Uint32Array;
  private length: Uint8Array;
  /** Children of node n at 2n and 2n + 1, by the bit after its prefix; -1 none. Of a free node, 2n is the next free one. */
  private child: Int32Array;
  /** How often the prefix was added; 0 for a mere branching point. */
  private count: Uint32Array;
  private root = -1;
  private free = -1;
  private used = 0;
  private live = 0;

  /** Set by `walk`: bits of the value that had to be looked at. */
  depth = 0;
  /** Set by `walk`: bit n says that a stored prefix of length n matches. */
  private readonly lengths = new Uint32Array(5);

  /** `words`: 32-bit words a value has; bit 0 is the highest of word 0. */
  constructor(private readonly words: number) {
    this.prefix = new Uint32Array(4 * words);
    this.length = new Uint8Array(4);
    this.child = new Int32Array(8);
    this.count = new Uint32Array(4);
  }

  /** Nodes in use. */
  get nodes(): number {
    return this.live;
  }

  /** Adds a prefix of `len` bits, 1 or more; bits past it are ignored. */
  add(value: Uint32Array, len: number): void {
    let parent = -1;
    for (let node = this.root; node >= 0; ) {
      const same = this.common(value, node, Math.min(len, this.length[node]));
      if (same < this.length[node]) {
        if (same === len) {
          const above = this.make(value, len, 1);
          this.child[2 * above + this.bitOfNode(node, len)] = node;
          this.relink(parent, node, above);
        } else {
          const branch = this.make(value, same, 0);
          const leaf = this.make(value, len, 1);
          this.child[2 * branch + bit(value, same)] = leaf;
          this.child[2 * branch + 1 - bit(value, same)] = node;
          this.relink(parent, node, branch);
        }
        return;
      }
      if (same === len) {
        this.count[node]++;
        return;
      }
      parent = node;
      node = this.child[2 * node + bit(value, this.length[node])];
    }
    const leaf = this.make(value, len, 1);
    if (parent < 0) this.root = leaf;
    else this.child[2 * parent + bit(value, this.length[parent])] = leaf;
  }

  /** Takes back one `add`. */
  remove(value: Uint32Array, len: number): void {
    let above = -1;
    let parent = -1;
    let node = this.root;
    while (node >= 0 && this.length[node] < len) {
      above = parent;
      parent = node;
      node = this.child[2 * node + bit(value, this.length[node])];
    }
    if (node < 0 || this.length[node] !== len || --this.count[node] > 0) return;
    if (this.splice(parent, node)) return;
    // A leaf went: its parent may have been there only to branch.
    if (parent >= 0 && this.count[parent] === 0) this.splice(above, parent);
  }

  /** Follows a value down; afterwards `depth` and `has` tell about it. */
  walk(value: Uint32Array): void {
    const { lengths, length, child } = this;
    lengths.fill(0);
    let depth = 0;
    for (let node = this.root; node >= 0; ) {
      const len = length[node];
      const same = this.common(value, node, len);
      if (same < len) {
        this.depth = same + 1;
        return;
      }
      depth = len;
      if (this.count[node] > 0) lengths[len >> 5] |= 1 << (len & 31);
      if (child[2 * node] < 0 && child[2 * node + 1] < 0) break;
      depth = len + 1;
      node = child[2 * node + bit(value, len)];
    }
    this.depth = depth;
  }

  /** After `walk`: is there a prefix of this length that matches? */
  has(len: number): boolean {
    return (this.lengths[len >> 5] & (1 << (len & 31))) !== 0;
  }

  /** Takes a node out that has one child at most and no count; false if it was a leaf. */
  private splice(parent: number, node: number): boolean {
    const left = this.child[2 * node];
    const right = this.child[2 * node + 1];
    if (left >= 0 && right >= 0) return true;
    const only = left >= 0 ? left : right;
    this.relink(parent, node, only);
    this.child[2 * node] = this.free;
    this.free = node;
    this.live--;
    return only >= 0;
  }

  private relink(parent: number, from: number, to: number): void {
    if (parent < 0) this.root = to;
    else if (this.child[2 * parent] === from) this.child[2 * parent] = to;
    else this.child[2 * parent + 1] = to;
  }

  private make(value: Uint32Array, len: number, count: number): number {
    let n = this.free;
    if (n >= 0) this.free = this.child[2 * n];
    else {
      n = this.used++;
      if (n === this.length.length) this.grow(2 * n);
    }
    this.live++;
    for (let i = 0; i < this.words; i++) this.prefix[n * this.words + i] = value[i];
    this.length[n] = len;
    this.count[n] = count;
    this.child[2 * n] = -1;
    this.child[2 * n + 1] = -1;
    return n;
  }

  private grow(capacity: number): void {
    const { prefix, length, child, count } = this;
    this.prefix = new Uint32Array(capacity * this.words);
    this.prefix.set(prefix);
    this.length = new Uint8Array(capacity);
    this.length.set(length);
    this.child = new Int32Array(2 * capacity);
    this.child.set(child);
    this.count = new Uint32Array(capacity);
    this.count.set(count);
  }

  /** Leading bits that value and node share, at most `limit`. */
  private common(value: Uint32Array, node: number, limit: number): number {
    const at = node * this.words;
    for (let i = 0; i < this.words; i++) {
      const x = value[i] ^ this.prefix[at + i];
      if (x !== 0) return Math.min(limit, 32 * i + Math.clz32(x));
    }
    return limit;
  }

  private bitOfNode(node: number, i: number): number {
    return (this.prefix[node * this.words + (i >> 5)] >>> (31 - (i & 31))) & 1;
  }
}

function bit(value: Uint32Array, i: number): number {
  return (value[i >> 5] >>> (31 - (i & 31))) & 1;
}
