/**
 * The value of the datapath's `hash` action, from an extracted key. Two ways: `l4` is the 5-tuple, so that the packets of one flow
 * take one way; `sym_l4` folds source and destination together, so that both directions of a conversation take the same way, and
 * includes link addresses and VLAN, so that traffic that is not IP spreads too. Fragments: no fragment but the first has ports, yet all of
 * a datagram should go together; as in Open vSwitch they may part, and a pipeline that minds it matches on nw_frag before it hashes.
 *
 * Never 0, because 0 in dp_hash says "not computed". CRC32-C mixes linearly (two keys that differ in a bit differ in a fixed pattern),
 * so a multiplying finish follows: buckets are chosen by the low bits.
 */
import { crc32c } from './crc32c.js';
import { K, type Slot } from './key.js';

export type HashAlg = 'l4' | 'sym_l4';

const ETH_IP = 0x0800;
const ETH_IPV6 = 0x86dd;
const hasPorts = (proto: number): boolean => proto === 6 || proto === 17 || proto === 132;

function finish(crc: number): number {
  let h = crc ^ (crc >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h = (h ^ (h >>> 16)) >>> 0;
  return h !== 0 ? h : 1;
}

function family(key: Uint8Array): 4 | 6 | undefined {
  const type = (key[K.ethType.offset] << 8) | key[K.ethType.offset + 1];
  if (type === ETH_IP) return 4;
  return type === ETH_IPV6 && key[K.lines.offset] & 1 ? 6 : undefined;
}

/** `basis` and the result are unsigned 32-bit. */
export function dpHash(alg: HashAlg, key: Uint8Array, basis: number): number {
  return alg === 'l4' ? l4(key, basis) : symL4(key, basis);
}

function l4(key: Uint8Array, basis: number): number {
  const bytes = (slot: Slot, n: number): Uint8Array => key.subarray(slot.offset, slot.offset + n);
  const proto = key[K.nwProto.offset];
  let h = crc32c(basis, family(key) === 6 ? bytes(K.ipv6Src, 32) : bytes(K.nwSrc, 8));
  h = crc32c(h, bytes(K.nwProto, 1));
  if (hasPorts(proto)) h = crc32c(h, bytes(K.tpSrc, 4));
  return finish(h);
}

function symL4(key: Uint8Array, basis: number): number {
  const x = new Uint8Array(32);
  const fold = (at: number, a: Slot, b: Slot): void => {
    for (let i = 0; i < a.bytes; i++) x[at + i] = key[a.offset + i] ^ key[b.offset + i];
  };
  fold(0, K.ethSrc, K.ethDst);
  x[6] = key[K.ethType.offset];
  x[7] = key[K.ethType.offset + 1];
  x[8] = key[K.vlanTci.offset] & 0x0f;
  x[9] = key[K.vlanTci.offset + 1];
  const ip = family(key);
  if (ip) {
    x[10] = key[K.nwProto.offset];
    if (hasPorts(x[10])) fold(12, K.tpSrc, K.tpDst);
    if (ip === 4) fold(16, K.nwSrc, K.nwDst);
    else fold(16, K.ipv6Src, K.ipv6Dst);
  }
  return finish(crc32c(basis, x));
}
