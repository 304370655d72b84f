/**
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624, equation 3). The C++ twin is native/packet/checksum.h. Here sums are of
 * 16-bit numbers in network order, in a JavaScript number; `fold` brings one to 16 bits. Pieces begin at even offsets of what they
 * are part of; only the last may have an odd length.
 */

export function fold(sum: number): number {
  let s = sum;
  while (s > 0xffff) s = (s % 0x10000) + Math.floor(s / 0x10000);
  return s;
}

/** Adds the bytes [start, end) to a sum. */
export function addBytes(sum: number, bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  let s = sum;
  let i = start;
  for (; i + 1 < end; i += 2) s += (bytes[i] << 8) | bytes[i + 1];
  return i < end ? s + (bytes[i] << 8) : s;
}

/** The value to store in a checksum field. */
export const finish = (sum: number): number => ~fold(sum) & 0xffff;

/** 0 in a UDP checksum says "none": a sum that comes out as 0 is sent as its other form. */
export const nonzero = (checksum: number): number => (checksum === 0 ? 0xffff : checksum);

/** Checksum of [start, end), whose own checksum field must be zero. */
export function checksum(bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 0): number {
  return finish(addBytes(seed, bytes, start, end));
}

/** Pseudo-header of TCP, UDP (both families) and ICMPv6. Addresses of 4 or 16 bytes; `length` is of the transport header and payload. */
export function pseudoSum(src: Uint8Array, dst: Uint8Array, proto: number, length: number): number {
  return addBytes(addBytes(proto + (length % 0x10000) + Math.floor(length / 0x10000), src), dst);
}

/** The checksum after a 16-bit word under it changed. An 8-bit field is updated as the word that holds it. */
export function update16(csum: number, old: number, now: number): number {
  return finish((~csum & 0xffff) + (~old & 0xffff) + now);
}

/** The checksum after bytes under it changed; their length is even. */
export function updateBytes(csum: number, old: Uint8Array, now: Uint8Array): number {
  return finish(addBytes((~csum & 0xffff) + (~fold(addBytes(0, old)) & 0xffff), now));
}

/** The same on a field that holds only a pseudo-header's sum (NEEDS_CSUM): it is a sum, not the complement of one. */
export function updatePartial(partial: number, old: Uint8Array, now: Uint8Array): number {
  return fold(addBytes(partial + (~fold(addBytes(0, old)) & 0xffff), now));
}
