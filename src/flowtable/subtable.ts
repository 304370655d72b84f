/**
 * The rules of one shape: they look at the same bits, so one hash of those bits finds the rule. tuple.ts tells how subtables make a table.
 *
 * Rules lie in flat arrays, not in objects of their own. Entry e (1 or more; 0 is none) has its rule in `held[e]` and, from e * stride in
 * `cells`: its hash, the next entry of its bucket, its age in two words (with the conjunction flag as top bit) and the words it wants, in the
 * order they are read. Entries of one match differ in priority and stand together in their bucket, the highest priority first.
 */
import type { MiniMatch } from '../flow/match.js';
import { CountedSet } from './counted-set.js';
import type { TrieUse } from './field-trie.js';
import type { Looked, Refusal } from './looked.js';
import { finish, mix, type Shape } from './mini.js';
import { Priorities } from './priorities.js';
import type { MatchHolder, Rule } from './rule.js';
import { N_STAGES, STAGE_OF_WORD } from './stages.js';

const HASH = 0;
const NEXT = 1;
const AGE = 2;
const AGE_HIGH = 3;
const VALUES = 4;

/** Words of the key that are read together, after those of the stages before. */
interface Stage extends Refusal {
  /** How many of the shape's words have been read after this stage. */
  readonly end: number;
  /** Prefix fields that begin here: asked before the words are read. */
  readonly tries: readonly TrieUse[];
  /** Hashes of what the rules want up to here. The last stage has none: the rules themselves tell. */
  readonly seen: CountedSet | undefined;
}

export class Subtable implements MatchHolder {
  readonly priorities = new Priorities();
  /** The highest priority as the order of subtables has it (tuple.ts). */
  filedMax = -1;
  size = 0;
  /** Words of the key in the order they are read, their masks, and where each stands in a match. */
  private readonly word: Uint8Array;
  private readonly mask: Uint32Array;
  private readonly place: Uint8Array;
  private readonly stages: readonly Stage[];
  private readonly stride: number;
  private cells: Int32Array;
  private buckets = new Int32Array(2);
  private readonly held: (Rule | undefined)[] = [undefined];
  /** Last entry freed; the chain goes on in NEXT. */
  private free = 0;

  constructor(
    readonly shape: Shape,
    readonly tries: readonly TrieUse[],
    /** Age of the first rule: none here is older. */
    readonly oldest: number,
    stageOfWord: Uint8Array = STAGE_OF_WORD,
  ) {
    const stageAt = (i: number) => stageOfWord[shape.index[i]];
    const order = Array.from(shape.index, (_, i) => i).sort((a, b) => stageAt(a) - stageAt(b) || a - b);
    this.place = Uint8Array.from(order);
    this.word = this.place.map((i) => shape.index[i]);
    this.mask = Uint32Array.from(order, (i) => shape.mask[i]);
    this.stride = VALUES + order.length;
    this.cells = new Int32Array(2 * this.stride);
    const stages: Stage[] = [];
    for (let s = 0, end = 0; s < N_STAGES; s++) {
      const from = end;
      while (end < order.length && stageAt(order[end]) === s) end++;
      if (end === from) continue;
      const here = tries.filter((u) => stageAt(u.from) === s);
      const seen = end < order.length ? new CountedSet() : undefined;
      const knows = (hash: number) => (seen ? seen.has(hash) : this.has(hash));
      stages.push({ word: this.word, mask: this.mask, end, tries: here, seen, knows });
    }
    this.stages = stages;
  }

  rule(entry: number): Rule {
    const r = this.held[entry];
    if (!r) throw new Error('weft bug: a classifier entry without a rule');
    return r;
  }

  isConjunction(entry: number): boolean {
    return this.cells[entry * this.stride + AGE_HIGH] < 0;
  }

  age(entry: number): number {
    const at = entry * this.stride;
    return (this.cells[at + AGE_HIGH] & 0x7fffffff) * 0x100000000 + (this.cells[at + AGE] >>> 0);
  }

  /** First entry that the key matches, or 0. The bits that the answer took are ORed into `mask`, all that was gone by into `looked`. */
  search(key: Uint32Array, mask: Uint32Array | undefined, looked: Looked | undefined): number {
    const { stages, word } = this;
    let h = 0;
    let i = 0;
    for (let s = 0; s < stages.length; s++) {
      const { end, tries, seen } = stages[s];
      for (let t = 0; t < tries.length; t++) if (tries[t].trie.excludes(key, tries[t].length, mask, looked)) return 0;
      for (; i < end; i++) h = mix(h, key[word[i]] & this.mask[i]);
      if (!seen) break;
      if (!seen.has(finish(h))) {
        if (mask) this.unwildcard(mask, end);
        looked?.refusals.push(stages[s]);
        return 0;
      }
      if (looked) this.unwildcard(looked.bits, end);
    }
    if (mask) this.unwildcard(mask, word.length);
    h = finish(h);
    const { cells, stride } = this;
    for (let e = this.buckets[h & (this.buckets.length - 1)]; e !== 0; e = cells[e * stride + NEXT]) {
      if (cells[e * stride + HASH] !== h || !this.wants(e, key)) continue;
      if (looked) this.unwildcard(looked.bits, word.length);
      return e;
    }
    if (stages.length > 0) looked?.refusals.push(stages[stages.length - 1]);
    return 0;
  }

  /** Is there an entry of this hash? */
  private has(hash: number): boolean {
    const { cells, stride, buckets } = this;
    let e = buckets[hash & (buckets.length - 1)];
    while (e !== 0 && cells[e * stride + HASH] !== hash) e = cells[e * stride + NEXT];
    return e !== 0;
  }

  /** The entry of the same match and next lower priority, or 0. */
  following(entry: number): number {
    const next = this.cells[entry * this.stride + NEXT];
    return next !== 0 && this.sameMatch(entry, next) ? next : 0;
  }

  find(match: MiniMatch, priority: number): Rule | undefined {
    const h = this.hash(match, 0);
    for (let e = this.buckets[h & (this.buckets.length - 1)]; e !== 0; e = this.cells[e * this.stride + NEXT]) {
      const r = this.rule(e);
      if (r.priority === priority && this.cells[e * this.stride + HASH] === h && this.is(e, match)) return r;
    }
    return undefined;
  }

  insert(rule: Rule, age: number, conjunction: boolean): void {
    const { match } = rule;
    const h = this.hash(match, 1);
    const e = this.allot();
    const at = e * this.stride;
    this.held[e] = rule;
    this.cells[at + HASH] = h;
    this.cells[at + AGE] = age;
    this.cells[at + AGE_HIGH] = Math.floor(age / 0x100000000) | (conjunction ? 0x80000000 : 0);
    for (let i = 0; i < this.place.length; i++) this.cells[at + VALUES + i] = match.value[this.place[i]];
    if (++this.size > this.buckets.length) this.split();
    this.link(e, rule.priority);
    this.priorities.add(rule.priority);
    for (const u of this.tries) u.trie.add(match, u);
    rule.filed?.(this, e);
  }

  /** False when the rule is not here. */
  remove(rule: Rule): boolean {
    const { match } = rule;
    const h = this.hash(match, 0);
    const bucket = h & (this.buckets.length - 1);
    let before = 0;
    let e = this.buckets[bucket];
    while (e !== 0 && this.held[e] !== rule) {
      before = e;
      e = this.cells[e * this.stride + NEXT];
    }
    if (e === 0) return false;
    rule.filed?.(undefined, 0);
    this.hash(match, -1);
    const next = this.cells[e * this.stride + NEXT];
    if (before === 0) this.buckets[bucket] = next;
    else this.cells[before * this.stride + NEXT] = next;
    this.held[e] = undefined;
    this.cells[e * this.stride + NEXT] = this.free;
    this.free = e;
    this.size--;
    this.priorities.remove(rule.priority);
    for (const u of this.tries) u.trie.remove(match, u);
    return true;
  }

  matchAt(entry: number): MiniMatch {
    const at = entry * this.stride + VALUES;
    const value = new Uint32Array(this.place.length);
    for (let i = 0; i < value.length; i++) value[this.place[i]] = this.cells[at + i];
    return { index: this.shape.index, value, mask: this.shape.mask };
  }

  /** Appends the rules that are at least as specific as `match`. */
  collect(match: MiniMatch, out: Rule[]): void {
    const wanted = this.wantedCells(match);
    if (!wanted) return;
    for (let e = 1; e < this.held.length; e++) {
      const r = this.held[e];
      if (r && this.agrees(e, match, wanted)) out.push(r);
    }
  }

  /** For each word of a match, which word of an entry holds it; undefined when this shape leaves bits open that the match fixes. */
  private wantedCells(match: MiniMatch): readonly number[] | undefined {
    const cells: number[] = [];
    for (let i = 0; i < match.index.length; i++) {
      const at = this.word.indexOf(match.index[i]);
      if (at < 0 || (this.mask[at] & match.mask[i]) >>> 0 !== match.mask[i]) return undefined;
      cells.push(VALUES + at);
    }
    return cells;
  }

  private agrees(entry: number, match: MiniMatch, cells: readonly number[]): boolean {
    const at = entry * this.stride;
    for (let i = 0; i < cells.length; i++) {
      if ((this.cells[at + cells[i]] & match.mask[i]) >>> 0 !== match.value[i]) return false;
    }
    return true;
  }

  *rules(): Generator<Rule> {
    for (const r of this.held) if (r) yield r;
  }

  /** The hash of a match of this shape; its parts are added to the stages' sets (1), taken from them (-1) or neither (0). */
  private hash(match: MiniMatch, change: -1 | 0 | 1): number {
    let h = 0;
    let i = 0;
    for (const { end, seen } of this.stages) {
      for (; i < end; i++) h = mix(h, match.value[this.place[i]]);
      if (!seen || change === 0) continue;
      if (change > 0) seen.add(finish(h));
      else seen.remove(finish(h));
    }
    return finish(h);
  }

  private unwildcard(mask: Uint32Array, words: number): void {
    for (let i = 0; i < words; i++) mask[this.word[i]] |= this.mask[i];
  }

  private wants(entry: number, key: Uint32Array): boolean {
    const at = entry * this.stride + VALUES;
    for (let i = 0; i < this.word.length; i++)
      if (this.cells[at + i] !== (key[this.word[i]] & this.mask[i])) return false;
    return true;
  }

  private is(entry: number, match: MiniMatch): boolean {
    const at = entry * this.stride + VALUES;
    for (let i = 0; i < this.place.length; i++) {
      if (this.cells[at + i] !== (match.value[this.place[i]] | 0)) return false;
    }
    return true;
  }

  private sameMatch(a: number, b: number): boolean {
    const { cells, stride } = this;
    if (cells[a * stride + HASH] !== cells[b * stride + HASH]) return false;
    for (let i = VALUES; i < stride; i++) if (cells[a * stride + i] !== cells[b * stride + i]) return false;
    return true;
  }

  private allot(): number {
    const e = this.free;
    if (e !== 0) {
      this.free = this.cells[e * this.stride + NEXT];
      return e;
    }
    const fresh = this.held.length;
    this.held.push(undefined);
    if ((fresh + 1) * this.stride > this.cells.length) {
      const cells = new Int32Array(Math.max(4, fresh + (fresh >> 1) + 1) * this.stride);
      cells.set(this.cells);
      this.cells = cells;
    }
    return fresh;
  }

  /** Puts an entry into its bucket: among those of its match by priority, else in front. */
  private link(entry: number, priority: number): void {
    const { cells, stride, buckets } = this;
    const bucket = cells[entry * stride + HASH] & (buckets.length - 1);
    let before = 0;
    let met = false;
    let e = buckets[bucket];
    for (; e !== 0; before = e, e = cells[e * stride + NEXT]) {
      if (this.sameMatch(e, entry)) {
        met = true;
        if (this.rule(e).priority < priority) break;
      } else if (met) break;
    }
    if (!met) {
      before = 0;
      e = buckets[bucket];
    }
    cells[entry * stride + NEXT] = e;
    if (before === 0) buckets[bucket] = entry;
    else cells[before * stride + NEXT] = entry;
  }

  /** Doubles the buckets. Each goes to two, in its order, so that entries of one match stay together. */
  private split(): void {
    const { cells, stride, buckets: old } = this;
    const buckets = new Int32Array(old.length * 2);
    for (let b = 0; b < old.length; b++) {
      let low = 0;
      let high = 0;
      for (let e = old[b], next = 0; e !== 0; e = next) {
        next = cells[e * stride + NEXT];
        cells[e * stride + NEXT] = 0;
        const up = (cells[e * stride + HASH] & old.length) !== 0;
        const tail = up ? high : low;
        if (tail === 0) buckets[up ? b + old.length : b] = e;
        else cells[tail * stride + NEXT] = e;
        if (up) high = e;
        else low = e;
      }
    }
    this.buckets = buckets;
  }
}
