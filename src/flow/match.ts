/** A match: a value and a mask of the pipeline's key. Invariant: value & ~mask is zero. */

import { KEY_BYTES, KEY_WORDS, words } from './key.js';
import type { TunTable } from './tun-table.js';

export class Match {
  readonly value: Uint8Array;
  readonly mask: Uint8Array;
  /** Where the tunnel options of this match stand, when it has some and no bridge's table applies. */
  tun?: TunTable;
  private valueView: Uint32Array | undefined;
  private maskView: Uint32Array | undefined;

  constructor() {
    // One buffer: making and collecting buffers is most of the cost of reading a large flow file.
    const both = new ArrayBuffer(2 * KEY_BYTES);
    this.value = new Uint8Array(both, 0, KEY_BYTES);
    this.mask = new Uint8Array(both, KEY_BYTES, KEY_BYTES);
  }

  /** Matches everything again, so that one object serves many parses. */
  clear(): void {
    this.value.fill(0);
    this.mask.fill(0);
    this.tun = undefined;
  }

  /** The value as words (see `words`); made once. */
  get valueWords(): Uint32Array {
    this.valueView ??= words(this.value);
    return this.valueView;
  }

  get maskWords(): Uint32Array {
    this.maskView ??= words(this.mask);
    return this.maskView;
  }

  clone(): Match {
    const m = new Match();
    m.value.set(this.value);
    m.mask.set(this.mask);
    if (this.tun) m.tun = this.tun;
    return m;
  }
}

/**
 * A match in the few words it uses: how rules are kept. `index` ascends; word i of the key must satisfy
 * (key[index[i]] & mask[i]) === value[i]. Words are in host order (see `words`).
 */
export interface MiniMatch {
  readonly index: Uint8Array;
  readonly value: Uint32Array;
  readonly mask: Uint32Array;
}

const used = new Uint8Array(KEY_WORDS);

/** Which words of a mask are not 0: their numbers into `out`, ascending; returns how many. Most are 0, so eight are asked at once. */
export function usedWords(mask: Uint32Array, out: Uint8Array): number {
  let n = 0;
  for (let i = 0; i < KEY_WORDS; i += 8) {
    const low = mask[i] | mask[i + 1] | mask[i + 2] | mask[i + 3];
    if ((low | mask[i + 4] | mask[i + 5] | mask[i + 6] | mask[i + 7]) === 0) continue;
    for (let j = i; j < i + 8; j++) if (mask[j] !== 0) out[n++] = j;
  }
  return n;
}

export function minify(m: Match): MiniMatch {
  const value = m.valueWords;
  const mask = m.maskWords;
  const n = usedWords(mask, used);
  const mini = { index: used.slice(0, n), value: new Uint32Array(n), mask: new Uint32Array(n) };
  for (let i = 0; i < n; i++) {
    mini.value[i] = value[used[i]];
    mini.mask[i] = mask[used[i]];
  }
  return mini;
}

/** `into`: a match to use again instead of a new one; it is cleared. */
export function expand(mini: MiniMatch, into?: Match): Match {
  const m = into ?? new Match();
  into?.clear();
  const value = m.valueWords;
  const mask = m.maskWords;
  for (let i = 0; i < mini.index.length; i++) {
    value[mini.index[i]] = mini.value[i];
    mask[mini.index[i]] = mini.mask[i];
  }
  return m;
}

export function miniMatches(mini: MiniMatch, keyWords: Uint32Array): boolean {
  for (let i = 0; i < mini.index.length; i++) {
    if ((keyWords[mini.index[i]] & mini.mask[i]) >>> 0 !== mini.value[i]) return false;
  }
  return true;
}

export function miniEqual(a: MiniMatch, b: MiniMatch): boolean {
  if (a.index.length !== b.index.length) return false;
  for (let i = 0; i < a.index.length; i++) {
    if (a.index[i] !== b.index[i] || a.value[i] !== b.value[i] || a.mask[i] !== b.mask[i]) return false;
  }
  return true;
}
