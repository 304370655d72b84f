/** The prefixes of one field that a table's rules match on: says which of them a key meets, and remembers the answer during a look-up. */
import type { MiniMatch } from '../flow/match.js';
import type { Looked } from './looked.js';
import type { Shape } from './mini.js';
import { leading, type PrefixField, prefixLength, readPrefix, swap, unwildcardPrefix } from './prefix.js';
import { PrefixTrie } from './trie.js';

/** Prefixes of one word that wait: enough that sorting them pays, few enough that a look-up that finds them waits some milliseconds at most. */
const MAX_WAITING = 16384;
/** Fewer are not worth sorting. */
const FEW = 16;

/**
 * A table is loaded in bulk, and no one asks meanwhile: new prefixes wait until someone does, and go in sorted, which takes a fifth of the time
 * (a large trie lies outside the processor's caches, and neighbours in order share most of their way down).
 */
export class FieldTrie {
  private readonly trie: PrefixTrie;
  private readonly scratch: Uint32Array;
  private walked = false;
  /** Prefixes not added yet, as PrefixTrie.addSorted takes them. */
  private waiting: number[] = [];

  constructor(readonly field: PrefixField) {
    this.trie = new PrefixTrie(field.words);
    this.scratch = new Uint32Array(field.words);
  }

  /** Call before each look-up: the next key is another one. */
  forget(): void {
    this.walked = false;
  }

  /** True when no rule of any shape has a prefix of this length that the key meets; then the bits that prove it are in the mask. */
  excludes(key: Uint32Array, length: number, mask: Uint32Array | undefined, looked?: Looked): boolean {
    const { trie } = this;
    if (!this.walked) {
      if (this.waiting.length > 0) this.settle();
      readPrefix(this.field, key, this.scratch);
      trie.walk(this.scratch);
      this.walked = true;
    }
    if (looked) unwildcardPrefix(this.field, looked.bits, trie.depth);
    if (trie.has(length)) return false;
    // A walk that ended early proves it for every longer prefix; a shorter one is settled by its own bits.
    if (mask) unwildcardPrefix(this.field, mask, Math.min(trie.depth, length));
    return true;
  }

  /** What a shape has to do with this field; undefined when it does not match on it by a prefix. */
  use(shape: Shape): TrieUse | undefined {
    const length = prefixLength(this.field, shape);
    if (length === 0) return undefined;
    const from = shape.index.indexOf(this.field.word);
    return { trie: this, length, from };
  }

  add(match: MiniMatch, use: TrieUse): void {
    const value = this.valueOf(match, use);
    if (value.length > 1) return this.trie.add(value, use.length);
    this.waiting.push(((value[0] & leading(use.length)) >>> 0) * 64 + use.length);
    if (this.waiting.length >= MAX_WAITING) this.settle();
  }

  private settle(): void {
    const { waiting } = this;
    this.waiting = [];
    if (waiting.length < FEW) for (const prefix of waiting) this.trie.addSorted(Float64Array.of(prefix));
    else this.trie.addSorted(new Float64Array(waiting).sort());
  }

  remove(match: MiniMatch, use: TrieUse): void {
    if (this.waiting.length > 0) this.settle();
    this.trie.remove(this.valueOf(match, use), use.length);
  }

  private valueOf(match: MiniMatch, use: TrieUse): Uint32Array {
    for (let i = 0; i < this.field.words; i++) {
      // Words past the prefix may belong to other fields; the trie ignores what follows the prefix.
      const at = use.from + i;
      this.scratch[i] = at < match.value.length ? swap(match.value[at]) << this.field.shift : 0;
    }
    this.walked = false;
    return this.scratch;
  }
}

/** A shape that matches on a field by a prefix. */
export interface TrieUse {
  readonly trie: FieldTrie;
  /** Bits of the prefix. */
  readonly length: number;
  /** Where in the shape the field's first word stands; the words of a prefix follow each other. */
  readonly from: number;
}
