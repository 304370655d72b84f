/** Ways to spoil a sound message. All but `framed: false` ones keep its own length right, so that it is one message still. */
import { get16, put16 } from '../../lib/bytes.js';
import type { Random } from '../../lib/random.js';
import { HEADER_BYTES, MAX_MESSAGE } from '../message.js';

/** Sets the length in the header. */
export function framed(bytes: Uint8Array): Uint8Array {
  put16(bytes, 2, bytes.length);
  return bytes;
}

/** A message cut after each of its bytes, from the header on. */
export function* truncations(bytes: Uint8Array): Generator<Uint8Array> {
  for (let n = HEADER_BYTES; n < bytes.length; n++) yield framed(bytes.slice(0, n));
}

/** Every 16 bits that may be a length, and every byte that may be one, with values that are near the truth, and far. */
export function* lies(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = HEADER_BYTES; at + 2 <= bytes.length; at += 2) {
    const is = get16(bytes, at);
    for (const v of [0, 1, 4, 7, 8, is - 8, is - 1, is + 1, is + 8, bytes.length - at, 0x8000, 0xfff8, 0xffff]) {
      if (v < 0 || v > 0xffff || v === is) continue;
      const out = bytes.slice();
      put16(out, at, v);
      yield out;
    }
  }
  for (let at = HEADER_BYTES; at < bytes.length; at++) {
    for (const v of [0, 1, 0x7f, 0xff, bytes[at] ^ 1, bytes[at] + 4]) {
      if ((v & 0xff) === bytes[at]) continue;
      const out = bytes.slice();
      out[at] = v;
      yield out;
    }
  }
}

type Mutation = (bytes: Uint8Array, r: Random, other: Uint8Array) => Uint8Array;

const at = (bytes: Uint8Array, r: Random): number => (r.below(bytes.length) & ~(r.chance(0.7) ? 3 : 0)) >>> 0;
const joined = (...parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts).subarray(0, MAX_MESSAGE);

const MUTATIONS: readonly Mutation[] = [
  function flip(b, r) {
    b[r.below(b.length)] ^= 1 << r.below(8);
    return b;
  },
  function set(b, r) {
    b[r.below(b.length)] = r.pick([0, 1, 4, 7, 8, 0x7f, 0x80, 0xff, r.u32()]);
    return b;
  },
  function length(b, r) {
    const where = Math.min(at(b, r), b.length - 2);
    const is = get16(b, where);
    put16(b, where, r.pick([0, 4, 8, 16, is + 8, is - 8, is + 1, b.length - where, 0xfff8, r.u32()]) & 0xffff);
    return b;
  },
  function cut(b, r) {
    return b.slice(0, r.between(HEADER_BYTES, b.length));
  },
  function remove(b, r) {
    const from = Math.max(HEADER_BYTES, at(b, r));
    return joined(b.subarray(0, from), b.subarray(from + r.pick([1, 4, 8, 16, 24])));
  },
  function insert(b, r) {
    const where = at(b, r);
    return joined(b.subarray(0, where), r.bytes(r.pick([1, 4, 8, 16])), b.subarray(where));
  },
  function repeat(b, r) {
    const from = Math.max(HEADER_BYTES, at(b, r));
    const piece = b.subarray(from, from + r.pick([4, 8, 16, 24, 32]));
    const times = r.chance(0.02) ? 5000 : r.between(1, 4);
    return joined(b.subarray(0, from), ...Array.from({ length: times }, () => piece), b.subarray(from));
  },
  function splice(b, r, other) {
    const from = Math.max(HEADER_BYTES, at(other, r));
    return joined(b.subarray(0, Math.max(HEADER_BYTES, at(b, r))), other.subarray(from));
  },
  function retype(b, r) {
    b[r.pick([0, 1])] = r.chance(0.7) ? r.below(36) : r.u32();
    return b;
  },
];

/** A message changed in one to four ways. `other`: a sound one to take pieces from. */
export function spoilt(seed: Uint8Array, other: Uint8Array, r: Random): Uint8Array {
  let out: Uint8Array = Uint8Array.from(seed);
  for (let n = r.between(1, 4); n > 0; n--) {
    out = Uint8Array.from(r.pick(MUTATIONS)(out, r, other));
    if (out.length < HEADER_BYTES) out = Uint8Array.from(seed);
  }
  if (r.chance(0.8)) out[0] = seed[0];
  return framed(out);
}
