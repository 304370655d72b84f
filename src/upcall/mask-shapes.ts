/**
 * The masks of the datapath's flows, and a budget of them for each port.
 *
 * A look-up in the datapath asks mask after mask, so what a packet costs grows with masks, not with flows. Rules on three fields of 16, 32 and 16 bits are enough for
 * a sender who flips one bit of each at a time to bring 8,192 masks, and 10,000 of such packets a second then take a processor. So a port brings no more than
 * MASKS_A_PORT: what would be one more is made a flow of everything that its packet has, and all of those share a mask or two. More bits are always
 * sound; the price is a miss for each connection of such a port that needs a mask of its own, which is what a switch without masks pays for all.
 */
import { finish, mix } from '../flowtable/mini.js';
import { DP_KEY_BYTES, K, LINE_BYTES } from '../packet/key.js';
import type { DpFlow } from './megaflows.js';

const DP_WORDS = DP_KEY_BYTES / 4;
const LINE_WORDS = LINE_BYTES / 4;

/** Pipelines of people have tens. Of as many, at 5 to 10 ns each, a look-up takes 2 microseconds at most. */
export const MASKS_A_PORT = 256;
/** Places for flows of a mask, a power of two; doubled when they are taken. */
const FIRST_ROWS = 4;

/**
 * A mask in the words it uses, and the flows that have it with what of their keys it looks at.
 *
 * A table of numbers leads from hashes to rows and from a row to the next of its hash: a Map would be an object that the collector walks and copies as it grows,
 * and takes three times as long where it no longer fits the processor's caches.
 */
export class MaskShape {
  /** The `lines` byte of the mask. */
  readonly lines: number;
  /** Flows that have it. */
  size = 0;
  /** By row. */
  private readonly flows: (DpFlow | undefined)[] = [];
  private values: Uint32Array;
  /** Signed, as `finish` gives them. */
  private hashes = new Int32Array(FIRST_ROWS);
  /** Row after this one under the same home, or -1. */
  private next = new Int32Array(FIRST_ROWS);
  /** First row of each home, or -1: as many as there are places for rows. */
  private homes = new Int32Array(FIRST_ROWS).fill(-1);
  private readonly free: number[] = [];
  private rows = 0;
  /** No flow has it any more; the same mask may come again as another object. */
  gone = false;

  constructor(
    readonly index: Uint8Array,
    readonly mask: Uint32Array,
    /** Port whose packet brought the mask; 0 nobody's. */
    readonly port: number,
    readonly hash: number,
  ) {
    this.values = new Uint32Array(index.length * FIRST_ROWS);
    this.lines = index.reduce(
      (lines, w) => (w < LINE_WORDS ? lines : lines | (1 << (Math.floor(w / LINE_WORDS) - 1))),
      0,
    );
  }

  /** The flow with these masked words, if it is there. */
  find(hash: number, values: Uint32Array): DpFlow | undefined {
    const n = this.index.length;
    const { homes, hashes, next, values: own } = this;
    for (let row = homes[hash & (homes.length - 1)]; row >= 0; row = next[row]) {
      if (hashes[row] !== hash) continue;
      const at = row * n;
      let i = 0;
      while (i < n && own[at + i] === values[i]) i++;
      if (i === n) return this.flows[row];
    }
    return undefined;
  }

  /** Where the next flow's masked words will be kept. */
  get nextRow(): number {
    return this.free.length > 0 ? this.free[this.free.length - 1] : this.rows;
  }

  /** Keeps a flow, whose `row` is `nextRow`, under its masked words. */
  add(hash: number, values: Uint32Array, flow: DpFlow): void {
    const row = this.free.pop() ?? this.rows++;
    if (row === this.next.length) this.grow();
    const n = this.index.length;
    const at = row * n;
    for (let i = 0; i < n; i++) this.values[at + i] = values[i];
    this.hashes[row] = hash;
    this.flows[row] = flow;
    this.lead(row);
    this.size++;
  }

  private lead(row: number): void {
    const home = this.hashes[row] & (this.homes.length - 1);
    this.next[row] = this.homes[home];
    this.homes[home] = row;
  }

  private grow(): void {
    const rows = this.next.length * 2;
    const { values, hashes } = this;
    this.values = new Uint32Array(rows * this.index.length);
    this.values.set(values);
    this.hashes = new Int32Array(rows);
    this.hashes.set(hashes);
    this.next = new Int32Array(rows);
    this.homes = new Int32Array(rows).fill(-1);
    for (let row = 0; row < this.rows; row++) if (this.flows[row]) this.lead(row);
  }

  word(row: number, i: number): number {
    return this.values[row * this.index.length + i];
  }

  remove({ row }: DpFlow): void {
    const home = this.hashes[row] & (this.homes.length - 1);
    if (this.homes[home] === row) this.homes[home] = this.next[row];
    else {
      let at = this.homes[home];
      while (this.next[at] !== row) at = this.next[at];
      this.next[at] = this.next[row];
    }
    this.flows[row] = undefined;
    this.free.push(row);
    this.size--;
  }
}

export class MaskShapes {
  private readonly byHash = new Map<number, MaskShape[]>();
  /** The one asked for last: packets come in runs of a kind. */
  private latest: MaskShape | undefined;
  /** How many each port has brought that are still in use. */
  private readonly brought = new Map<number, number>();
  count = 0;

  /** Has the port brought as many masks as it may? */
  isSpent(port: number): boolean {
    return this.broughtBy(port) >= MASKS_A_PORT;
  }

  broughtBy(port: number): number {
    return this.brought.get(port) ?? 0;
  }

  find(mask: Uint32Array): MaskShape | undefined {
    if (this.latest && sameMask(this.latest, mask)) return this.latest;
    const found = this.byHash.get(hashMask(mask))?.find((s) => sameMask(s, mask));
    if (found) this.latest = found;
    return found;
  }

  /** Makes it when it is not there: then it is the port's. */
  of(mask: Uint32Array, port = 0): MaskShape {
    const known = this.find(mask);
    if (known) return known;
    const hash = hashMask(mask);
    const list = this.byHash.get(hash);
    const index: number[] = [];
    for (let i = 0; i < DP_WORDS; i++) if (mask[i] !== 0) index.push(i);
    const used = Uint32Array.from(index, (i) => mask[i]);
    const shape = new MaskShape(Uint8Array.from(index), used, port, hash);
    if (list) list.push(shape);
    else this.byHash.set(hash, [shape]);
    this.charge(port, 1);
    return shape;
  }

  forget(shape: MaskShape): void {
    const list = this.byHash.get(shape.hash);
    const at = list?.indexOf(shape) ?? -1;
    if (!list || at < 0) return;
    if (this.latest === shape) this.latest = undefined;
    list.splice(at, 1);
    shape.gone = true;
    if (list.length === 0) this.byHash.delete(shape.hash);
    this.charge(shape.port, -1);
  }

  *all(): Generator<MaskShape> {
    for (const list of this.byHash.values()) yield* list;
  }

  private charge(port: number, by: 1 | -1): void {
    this.count += by;
    if (port === 0) return;
    const n = (this.brought.get(port) ?? 0) + by;
    if (n > 0) this.brought.set(port, n);
    else this.brought.delete(port);
  }
}

/** A mask becomes one of everything that the packet has. */
export function narrow(mask: Uint32Array, key: Uint8Array): void {
  const bytes = new Uint8Array(mask.buffer, mask.byteOffset, DP_KEY_BYTES);
  for (let line = 0; line * LINE_BYTES < DP_KEY_BYTES; line++) {
    const isThere = line === 0 || (key[K.lines.offset] >> (line - 1)) & 1;
    if (isThere) bytes.fill(0xff, line * LINE_BYTES, (line + 1) * LINE_BYTES);
  }
  bytes[K.lines.offset] = 0;
}

function hashMask(mask: Uint32Array): number {
  let h = 0;
  for (let i = 0; i < DP_WORDS; i++) if (mask[i] !== 0) h = mix(mix(h, i), mask[i]);
  return finish(h);
}

function sameMask({ index, mask }: MaskShape, wanted: Uint32Array): boolean {
  let at = 0;
  for (let i = 0; i < DP_WORDS; i++) {
    if (wanted[i] === 0) continue;
    if (index[at] !== i || mask[at] !== wanted[i]) return false;
    at++;
  }
  return at === index.length;
}
