/** The fields whose matches are mostly prefixes, and how their bits lie in keys and masks. One row a field; a new row needs nothing else. */
import { K, type Slot } from '../packet/key.js';
import type { Shape } from './mini.js';

export interface PrefixField {
  /** First 32-bit word of the key that holds it. */
  readonly word: number;
  /** Bits of that word before it. */
  readonly shift: number;
  /** Width. */
  readonly bits: number;
  /** Words of a value, left-justified. */
  readonly words: number;
}

function prefixField(s: Slot): PrefixField {
  return { word: s.offset >> 2, shift: (s.offset & 3) * 8, bits: s.bytes * 8, words: Math.ceil(s.bytes / 4) };
}

/** Addresses of either family (IPv4 slots hold ARP's too) and transport ports, where a port counts as a prefix of 16 bits. */
export const PREFIX_FIELDS: readonly PrefixField[] = [K.nwSrc, K.nwDst, K.ipv6Src, K.ipv6Dst, K.tpSrc, K.tpDst].map(
  prefixField,
);

const littleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** Key words are bytes in network order seen in host order: this turns one into the number it stands for, and back. */
export function swap(w: number): number {
  if (!littleEndian) return w | 0;
  return ((w & 0xff) << 24) | ((w & 0xff00) << 8) | ((w >>> 8) & 0xff00) | (w >>> 24);
}

/** Leading `n` bits of a word. */
export function leading(n: number): number {
  if (n <= 0) return 0;
  return n >= 32 ? -1 : -1 << (32 - n);
}

/** The field's value in a key, left-justified, into `out`. What follows the field in its word may follow there, too. */
export function readPrefix(f: PrefixField, key: Uint32Array, out: Uint32Array): void {
  for (let i = 0; i < f.words; i++) out[i] = swap(key[f.word + i]) << f.shift;
}

/** Adds the field's first `bits` bits to a mask. */
export function unwildcardPrefix(f: PrefixField, mask: Uint32Array, bits: number): void {
  for (let i = 0; 32 * i < bits; i++) mask[f.word + i] |= swap(leading(bits - 32 * i) >>> f.shift);
}

/** How many leading bits of the field a shape matches on; 0 when none, or when it is no prefix. */
export function prefixLength(f: PrefixField, s: Shape): number {
  let length = 0;
  for (let i = 0; i < f.words; i++) {
    const at = s.index.indexOf(f.word + i);
    const m = at < 0 ? 0 : (swap(s.mask[at]) << f.shift) & leading(f.bits - 32 * i);
    const ones = Math.clz32(~m);
    if (m !== leading(ones) || (ones > 0 && length < 32 * i)) return 0;
    length += ones;
  }
  return length;
}
