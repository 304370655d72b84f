/**
 * The two hashes by which Open vSwitch spreads traffic, so that a flow goes the same way here as there: Murmur3 (32 bits, here in words and with a
 * finish of its own), and Bob Jenkins' lookup3 for what OVS promises never to change. All numbers are unsigned and of 32 bits; bytes make words
 * low byte first.
 */

const rotate = (x: number, n: number): number => (x << n) | (x >>> (32 - n));

/** The word at `at`; zeros stand in for what is past the end. */
function word(b: Uint8Array, at: number): number {
  return (b[at] ?? 0) | ((b[at + 1] ?? 0) << 8) | ((b[at + 2] ?? 0) << 16) | ((b[at + 3] ?? 0) << 24);
}

/** Murmur3: one more word. */
export function murmurAdd(hash: number, data: number): number {
  const k = Math.imul(rotate(Math.imul(data, 0xcc9e2d51), 15), 0x1b873593);
  return (Math.imul(rotate(hash ^ k, 13), 5) + 0xe6546b64) >>> 0;
}

/** Murmur3: the end. */
export function murmurFinish(hash: number, length: number): number {
  let h = hash ^ length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

export function murmurBytes(bytes: Uint8Array, basis: number): number {
  let h = basis;
  for (let at = 0; at < bytes.length; at += 4) h = murmurAdd(h, word(bytes, at));
  return murmurFinish(h, bytes.length);
}

export function murmurPair(a: number, b: number): number {
  return murmurFinish(murmurAdd(murmurAdd(a, 0), b), 8);
}

/** Of a 64-bit number. */
export function murmurLong(x: bigint): number {
  const low = Number(x & 0xffffffffn);
  return murmurFinish(murmurAdd(murmurAdd(0, low), Number((x >> 32n) & 0xffffffffn)), 8);
}

/** Steps of lookup3's mixing: which of a, b, c takes, which gives, by how many bits, and which of them goes on growing. */
const MIX = [
  [0, 2, 4, 1],
  [1, 0, 6, 2],
  [2, 1, 8, 0],
  [0, 2, 16, 1],
  [1, 0, 19, 2],
  [2, 1, 4, 0],
] as const;
const FINAL = [
  [2, 1, 14],
  [0, 2, 11],
  [1, 0, 25],
  [2, 1, 16],
  [0, 2, 4],
  [1, 0, 14],
  [2, 1, 24],
] as const;

/** Jenkins' lookup3. */
export function jenkinsBytes(bytes: Uint8Array, basis: number): number {
  const s = new Uint32Array(3).fill(0xdeadbeef + bytes.length + basis);
  const take = (at: number): void => {
    for (let i = 0; i < 3; i++) s[i] += word(bytes, at + 4 * i);
  };
  let at = 0;
  for (; bytes.length - at >= 12; at += 12) {
    take(at);
    for (const [to, from, bits, grows] of MIX) {
      s[to] = (s[to] - s[from]) ^ rotate(s[from], bits);
      s[from] += s[grows];
    }
  }
  if (at < bytes.length) {
    take(at);
    for (const [to, from, bits] of FINAL) s[to] = (s[to] ^ s[from]) - rotate(s[from], bits);
  }
  return s[2];
}
