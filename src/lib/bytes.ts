/** Byte strings: hex text, big-endian numbers, comparison. Numbers up to 48 bits are plain numbers; wider ones are bigints. */
import { UserError } from './errors.js';

const HEX: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

/** Two digits a byte, no separators; `separator` stands between bytes. */
export function formatHex(b: Uint8Array, separator = ''): string {
  let s = '';
  for (let i = 0; i < b.length; i++) s += i > 0 && separator ? separator + HEX[b[i]] : HEX[b[i]];
  return s;
}

/** The value of a hex digit's character code, or -1. */
export function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  if (code >= 97 && code <= 102) return code - 87;
  if (code >= 65 && code <= 70) return code - 55;
  return -1;
}

/**
 * Bytes from hex digits in pairs; white space, ".", ":" and "-" may stand between pairs, "0x" in front. Throws UserError on anything else.
 */
export function parseHex(text: string): Uint8Array {
  const out = new Uint8Array(text.length >> 1);
  let n = 0;
  let i = text.startsWith('0x') || text.startsWith('0X') ? 2 : 0;
  while (i < text.length) {
    const c = text.charCodeAt(i);
    if (c <= 32 || c === 46 || c === 58 || c === 45) {
      i++;
      continue;
    }
    const hi = hexDigit(c);
    const lo = i + 1 < text.length ? hexDigit(text.charCodeAt(i + 1)) : -1;
    if (hi < 0 || lo < 0) throw new UserError(`bad hex digits at "${text.slice(i, i + 10)}"`);
    out[n++] = hi * 16 + lo;
    i += 2;
  }
  return out.slice(0, n);
}

export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** True when every byte is zero. */
export function isZero(b: Uint8Array, start = 0, end = b.length): boolean {
  for (let i = start; i < end; i++) if (b[i] !== 0) return false;
  return true;
}

/** True when every byte is 0xff. */
export function isOnes(b: Uint8Array, start = 0, end = b.length): boolean {
  for (let i = start; i < end; i++) if (b[i] !== 0xff) return false;
  return true;
}

export function get16(b: Uint8Array, at: number): number {
  return (b[at] << 8) | b[at + 1];
}

export function get24(b: Uint8Array, at: number): number {
  return (b[at] << 16) | (b[at + 1] << 8) | b[at + 2];
}

export function get32(b: Uint8Array, at: number): number {
  return ((b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3]) >>> 0;
}

export function get64(b: Uint8Array, at: number): bigint {
  return (BigInt(get32(b, at)) << 32n) | BigInt(get32(b, at + 4));
}

export function put16(b: Uint8Array, at: number, v: number): void {
  b[at] = v >> 8;
  b[at + 1] = v;
}

export function put24(b: Uint8Array, at: number, v: number): void {
  b[at] = v >> 16;
  b[at + 1] = v >> 8;
  b[at + 2] = v;
}

export function put32(b: Uint8Array, at: number, v: number): void {
  b[at] = v >>> 24;
  b[at + 1] = v >>> 16;
  b[at + 2] = v >>> 8;
  b[at + 3] = v;
}

export function put64(b: Uint8Array, at: number, v: bigint): void {
  put32(b, at, Number((v >> 32n) & 0xffffffffn));
  put32(b, at + 4, Number(v & 0xffffffffn));
}

/** Unsigned big-endian number of `n` bytes, n at most 6. */
export function getUint(b: Uint8Array, at: number, n: number): number {
  if (n === 4) return get32(b, at);
  if (n === 2) return get16(b, at);
  if (n === 1) return b[at];
  let v = 0;
  for (let i = at; i < at + n; i++) v = v * 256 + b[i];
  return v;
}

/** Writes the low n bytes of an unsigned number below 2^53. */
export function putUint(b: Uint8Array, at: number, n: number, value: number): void {
  if (n === 4) return put32(b, at, value);
  if (n === 2) return put16(b, at, value);
  let v = value;
  for (let i = at + n - 1; i >= at; i--) {
    b[i] = v % 256;
    v = Math.floor(v / 256);
  }
}

/** Unsigned big-endian number of any width. */
export function getBig(b: Uint8Array, at: number, n: number): bigint {
  if (n <= 6) return BigInt(getUint(b, at, n));
  let v = 0n;
  let i = at;
  for (const end = at + n; i < end; ) {
    if (end - i >= 4) {
      v = (v << 32n) | BigInt(get32(b, i));
      i += 4;
    } else {
      v = (v << 8n) | BigInt(b[i]);
      i++;
    }
  }
  return v;
}

/** Writes the low n bytes of `value`. */
export function putBig(b: Uint8Array, at: number, n: number, value: bigint): void {
  if (n <= 4) return putUint(b, at, n, Number(value & 0xffffffffn));
  let v = value;
  let i = at + n;
  while (i - at >= 4) {
    i -= 4;
    put32(b, i, Number(v & 0xffffffffn));
    v >>= 32n;
  }
  while (i > at) {
    b[--i] = Number(v & 0xffn);
    v >>= 8n;
  }
}

const LOW_BITS: readonly bigint[] = Array.from({ length: 129 }, (_, n) => (1n << BigInt(n)) - 1n);

/** A mask of the low `n` bits. */
export function lowBits(n: number): bigint {
  return LOW_BITS[n] ?? (1n << BigInt(n)) - 1n;
}
