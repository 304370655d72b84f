/** Relations between matches in their few-words form, and sharing of what rules of one shape have in common. */
import { KEY_WORDS } from '../flow/key.js';
import { type Match, type MiniMatch, usedWords } from '../flow/match.js';

/** Is every packet of `narrow` also one of `wide`? (OpenFlow's loose matching: `narrow` is at least as specific.) */
export function miniCovers(wide: MiniMatch, narrow: MiniMatch): boolean {
  let j = 0;
  for (let i = 0; i < wide.index.length; i++) {
    while (j < narrow.index.length && narrow.index[j] < wide.index[i]) j++;
    if (j === narrow.index.length || narrow.index[j] !== wide.index[i]) return false;
    const mask = wide.mask[i];
    if ((narrow.mask[j] & mask) >>> 0 !== mask || (narrow.value[j] & mask) >>> 0 !== wide.value[i]) return false;
  }
  return true;
}

/** Is there a packet that both match? */
export function miniOverlaps(a: MiniMatch, b: MiniMatch): boolean {
  let j = 0;
  for (let i = 0; i < a.index.length; i++) {
    while (j < b.index.length && b.index[j] < a.index[i]) j++;
    if (j === b.index.length) return true;
    if (b.index[j] === a.index[i] && (a.value[i] ^ b.value[j]) & a.mask[i] & b.mask[j]) return false;
  }
  return true;
}

/** One round of a 32-bit hash: `h` is the state, `word` what is added. */
export function mix(h: number, word: number): number {
  let x = Math.imul(word, 0xcc9e2d51);
  x = (x << 15) | (x >>> 17);
  const r = h ^ Math.imul(x, 0x1b873593);
  return (Math.imul((r << 13) | (r >>> 19), 5) + 0xe6546b64) | 0;
}

/** Spreads the state over all bits: call once, after the last `mix`. Signed: small integers cost no garbage. */
export function finish(h: number): number {
  let x = h ^ (h >>> 16);
  x = Math.imul(x, 0x85ebca6b);
  x ^= x >>> 13;
  x = Math.imul(x, 0xc2b2ae35);
  return x ^ (x >>> 16);
}

/** The words a match looks at and the bits of them: equal for all rules of one shape. */
export interface Shape extends Pick<MiniMatch, 'index' | 'mask'> {
  /** As `hashShape` gives it, where it is known. */
  readonly hash?: number;
}

/** A match with the hash of its shape. */
export type ShapedMatch = MiniMatch & Shape;

export function hashShape(s: Shape): number {
  if (s.hash !== undefined) return s.hash;
  let h = 0;
  for (let i = 0; i < s.index.length; i++) h = mix(mix(h, s.index[i]), s.mask[i]);
  return finish(h);
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.mask === b.mask && a.index === b.index) return true;
  if (a.index.length !== b.index.length) return false;
  for (let i = 0; i < a.index.length; i++) if (a.index[i] !== b.index[i] || a.mask[i] !== b.mask[i]) return false;
  return true;
}

/** Enough for every real rule set; past it sharing starts over, which costs memory only. */
const MAX_SHAPES = 4096;

/**
 * Rules of one shape share its two arrays: a small typed array costs some 150 bytes, and 100,000 rules usually have few shapes.
 */
export class ShapePool {
  /** Each with the values that are lent. */
  private readonly byHash = new Map<number, ShapedMatch>();

  /**
   * As `minify` does, with `index` and `mask` of an earlier match of the same shape where there was one: then only `value` is made. With `lend`
   * nothing is, but the match is good only until the next one of its shape.
   */
  minify(m: Match, lend: boolean): ShapedMatch {
    const value = m.valueWords;
    const mask = m.maskWords;
    const n = usedWords(mask, used);
    let h = 0;
    for (let i = 0; i < n; i++) h = mix(mix(h, used[i]), mask[used[i]]);
    h = finish(h);
    let shape = this.byHash.get(h);
    if (!shape || !isShapeOf(shape, n, mask)) {
      const maskOf = Uint32Array.from(used.subarray(0, n), (w) => mask[w]);
      shape = { index: used.slice(0, n), value: new Uint32Array(n), mask: maskOf, hash: h };
      if (this.byHash.size >= MAX_SHAPES) this.byHash.clear();
      this.byHash.set(h, shape);
    }
    const match = lend ? shape : { ...shape, value: new Uint32Array(n) };
    for (let i = 0; i < n; i++) match.value[i] = value[used[i]];
    return match;
  }
}

const used = new Uint8Array(KEY_WORDS);

/** Are the words of a mask, of which `used` names the first n that are not 0, just this shape? */
function isShapeOf(shape: Shape, n: number, mask: Uint32Array): boolean {
  if (shape.index.length !== n) return false;
  for (let i = 0; i < n; i++) if (shape.index[i] !== used[i] || shape.mask[i] !== mask[used[i]]) return false;
  return true;
}
