/** CRC32-C (Castagnoli) and the hash of keys; the C++ twin is native/packet/hash.h, and a suite holds them equal. */
import { K, LINE_BYTES } from './key.js';

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let i = 0; i < 8; i++) c = (c >>> 1) ^ (c & 1 ? 0x82f63b78 : 0);
  return c;
});

/** The register run over bytes from `seed`, with no inversion before or after: the standard checksum is ~crc32c(0xffffffff, bytes). */
export function crc32c(seed: number, bytes: Uint8Array): number {
  let crc = seed;
  for (const b of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ b) & 0xff];
  return crc >>> 0;
}

/** Four bytes, low byte first. */
export function crcU32(seed: number, value: number): number {
  let crc = seed;
  for (let i = 0; i < 4; i++) crc = (crc >>> 8) ^ TABLE[(crc ^ (value >>> (8 * i))) & 0xff];
  return crc >>> 0;
}

/** Two chains over alternate 8-byte words, joined: see hash_line in the twin. */
function hashLine(seed: number, line: Uint8Array): number {
  let a = seed;
  let b = ~seed >>> 0;
  for (let i = 0; i < LINE_BYTES; i += 16) {
    a = crc32c(a, line.subarray(i, i + 8));
    b = crc32c(b, line.subarray(i + 8, i + 16));
  }
  return crcU32(crcU32(a, b), 0);
}

/** Hash of the lines of a key that are present, in order. */
export function hashKey(key: Uint8Array): number {
  let h = hashLine(0, key.subarray(0, LINE_BYTES));
  for (let n = 1; n <= 8; n++) {
    if (key[K.lines.offset] & (1 << (n - 1))) h = hashLine(h, key.subarray(n * LINE_BYTES, (n + 1) * LINE_BYTES));
  }
  return h;
}
