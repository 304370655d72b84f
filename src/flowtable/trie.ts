/**
 * A set of bit prefixes that tells how few bits of a value settle which of them match.
 *
 * A binary tree with paths compressed: a node holds the whole prefix down to it, and branches where stored prefixes part. Nodes lie one behind the other
 * in one array, 16 bytes each for 32-bit values: a walk through a large tree waits for memory, once a node. At most two nodes a distinct prefix.
 */

/** Words of a node: its children by the bit after its prefix (-1 none; of a free node, the left one is the next free), its state, its prefix. */
const LEFT = 0;
const STATE = 2;
const PREFIX = 3;
/** State: the prefix's length in the low byte, and above it how often it was added, which is 0 for a mere branching point. */
const LENGTH = 0xff;
const ONE = 0x100;

export class PrefixTrie {
  private cells: Int32Array;
  private readonly stride: number;
  private root = -1;
  private free = -1;
  private used = 0;
  private live = 0;
  /** Nodes from the root to the prefix added last, each above the next; good while adding in order. */
  private readonly path: number[] = [];
  private pathLength = 0;

  /** Set by `walk`: bits of the value that had to be looked at. */
  depth = 0;
  /** Set by `walk`: bit n says that a stored prefix of length n matches. */
  private readonly lengths = new Uint32Array(5);

  /** `words`: 32-bit words a value has; bit 0 is the highest of word 0. */
  constructor(private readonly words: number) {
    this.stride = PREFIX + words;
    this.cells = new Int32Array(4 * this.stride);
  }

  /** Nodes in use. */
  get nodes(): number {
    return this.live;
  }

  /** Adds a prefix of `len` bits, 1 or more; bits past it are ignored. */
  add(value: Uint32Array, len: number): void {
    this.pathLength = 0;
    this.addBelowPath(value, len);
  }

  /**
   * Adds many, given in order (by value, a shorter one before a longer): each begins where the one before it ended, so that nodes are looked at
   * once, not for each prefix all the way from the root. For values of one word; a number is the value, its bits past the prefix 0, times 64,
   * plus the prefix's length.
   */
  addSorted(prefixes: Float64Array): void {
    this.pathLength = 0;
    for (let i = 0; i < prefixes.length; i++) {
      const whole = Math.floor(prefixes[i] / 64);
      const len = prefixes[i] - whole * 64;
      one[0] = whole;
      while (this.pathLength > 0 && !this.leads(this.path[this.pathLength - 1], one, len)) this.pathLength--;
      this.addBelowPath(one, len);
    }
  }

  /** Is the node's prefix a beginning of this one, or the same? */
  private leads(node: number, value: Uint32Array, len: number): boolean {
    const length = this.length(node);
    return length <= len && this.common(value, node, length) === length;
  }

  /** Adds a prefix that the last node of the path leads to; the path then ends with the prefix's own node, or the one above it. */
  private addBelowPath(value: Uint32Array, len: number): void {
    const { path } = this;
    let parent = -1;
    let node = this.root;
    if (this.pathLength > 0) {
      // Looked at again: it may be this very prefix.
      node = path[--this.pathLength];
      parent = this.pathLength > 0 ? path[this.pathLength - 1] : -1;
    }
    while (node >= 0) {
      const length = this.length(node);
      const same = this.common(value, node, Math.min(len, length));
      if (same < length) {
        const above = same === len ? this.above(node, value, len) : this.branch(node, value, same, len);
        this.relink(parent, node, above);
        path[this.pathLength++] = above;
        return;
      }
      path[this.pathLength++] = node;
      if (same === len) {
        this.cells[node * this.stride + STATE] += ONE;
        return;
      }
      parent = node;
      node = this.child(node, bit(value, length));
    }
    const leaf = this.make(value, len, ONE);
    if (parent < 0) this.root = leaf;
    else this.setChild(parent, bit(value, this.length(parent)), leaf);
    path[this.pathLength++] = leaf;
  }

  /** A new node of a prefix that is a beginning of the node's. */
  private above(node: number, value: Uint32Array, len: number): number {
    const made = this.make(value, len, ONE);
    this.setChild(made, this.bitOfNode(node, len), node);
    return made;
  }

  /** A new node where the value and the node part after `same` bits, with both as children. */
  private branch(node: number, value: Uint32Array, same: number, len: number): number {
    const made = this.make(value, same, 0);
    const leaf = this.make(value, len, ONE);
    const side = bit(value, same);
    this.setChild(made, side, leaf);
    this.setChild(made, 1 - side, node);
    return made;
  }

  /** Takes back one `add`. */
  remove(value: Uint32Array, len: number): void {
    let above = -1;
    let parent = -1;
    let node = this.root;
    while (node >= 0 && this.length(node) < len) {
      above = parent;
      parent = node;
      node = this.child(node, bit(value, this.length(node)));
    }
    if (node < 0 || this.length(node) !== len) return;
    const at = node * this.stride + STATE;
    this.cells[at] -= ONE;
    if (this.cells[at] >= ONE || this.splice(parent, node)) return;
    // A leaf went: its parent may have been there only to branch.
    if (parent >= 0 && this.cells[parent * this.stride + STATE] < ONE) this.splice(above, parent);
  }

  /** Follows a value down; afterwards `depth` and `has` tell about it. */
  walk(value: Uint32Array): void {
    const { lengths, cells, stride } = this;
    lengths.fill(0);
    let depth = 0;
    for (let node = this.root; node >= 0; ) {
      const at = node * stride;
      const state = cells[at + STATE];
      const len = state & LENGTH;
      const same = this.common(value, node, len);
      if (same < len) {
        this.depth = same + 1;
        return;
      }
      depth = len;
      if (state >= ONE) lengths[len >> 5] |= 1 << (len & 31);
      if (cells[at + LEFT] < 0 && cells[at + LEFT + 1] < 0) break;
      depth = len + 1;
      node = cells[at + LEFT + bit(value, len)];
    }
    this.depth = depth;
  }

  /** After `walk`: is there a prefix of this length that matches? */
  has(len: number): boolean {
    return (this.lengths[len >> 5] & (1 << (len & 31))) !== 0;
  }

  private length(node: number): number {
    return this.cells[node * this.stride + STATE] & LENGTH;
  }

  private child(node: number, side: number): number {
    return this.cells[node * this.stride + LEFT + side];
  }

  private setChild(node: number, side: number, child: number): void {
    this.cells[node * this.stride + LEFT + side] = child;
  }

  /** Takes a node out that has one child at most and no count; false if it was a leaf. */
  private splice(parent: number, node: number): boolean {
    const left = this.child(node, 0);
    const right = this.child(node, 1);
    if (left >= 0 && right >= 0) return true;
    const only = left >= 0 ? left : right;
    this.relink(parent, node, only);
    this.setChild(node, 0, this.free);
    this.free = node;
    this.live--;
    return only >= 0;
  }

  private relink(parent: number, from: number, to: number): void {
    if (parent < 0) this.root = to;
    else this.setChild(parent, this.child(parent, 0) === from ? 0 : 1, to);
  }

  private make(value: Uint32Array, len: number, count: number): number {
    let n = this.free;
    if (n >= 0) this.free = this.child(n, 0);
    else {
      n = this.used++;
      if (this.used * this.stride > this.cells.length) this.grow(n);
    }
    this.live++;
    const at = n * this.stride;
    this.cells[at + LEFT] = -1;
    this.cells[at + LEFT + 1] = -1;
    this.cells[at + STATE] = len | count;
    for (let i = 0; i < this.words; i++) this.cells[at + PREFIX + i] = value[i];
    return n;
  }

  /** By half: doubling leaves, on average, a quarter of the memory unused. */
  private grow(nodes: number): void {
    const { cells } = this;
    this.cells = new Int32Array((nodes + (nodes >> 1) + 1) * this.stride);
    this.cells.set(cells);
  }

  /** Leading bits that value and node share, at most `limit`. */
  private common(value: Uint32Array, node: number, limit: number): number {
    const at = node * this.stride + PREFIX;
    for (let i = 0; i < this.words; i++) {
      const x = value[i] ^ this.cells[at + i];
      if (x !== 0) return Math.min(limit, 32 * i + Math.clz32(x));
    }
    return limit;
  }

  private bitOfNode(node: number, i: number): number {
    return (this.cells[node * this.stride + PREFIX + (i >> 5)] >>> (31 - (i & 31))) & 1;
  }
}

/** A value of one word. */
const one = new Uint32Array(1);

function bit(value: Uint32Array, i: number): number {
  return (value[i >> 5] >>> (31 - (i & 31))) & 1;
}
