/**
 * Hashes of the flow for multipath, bundle and select groups by fields: the same numbers as Open vSwitch has, so that traffic keeps its ways when a
 * switch is replaced. What is hashed is in the mask.
 */

import { get16 } from '../lib/bytes.js';
import { jenkinsBytes, murmurAdd, murmurFinish } from '../lib/hash.js';
import { FRAG, K, type Slot } from '../packet/key.js';
import { ETH, isIp, PROTO } from './commit.js';

/** A key and the mask of what was looked at. */
interface Look {
  readonly key: Uint8Array;
  readonly mask: Uint8Array;
}

function bytesOf({ key, mask }: Look, s: Slot): Uint8Array {
  mask.fill(0xff, s.offset, s.offset + s.bytes);
  return key.subarray(s.offset, s.offset + s.bytes);
}

/** Both directions give the same. */
function fold(x: Look, a: Slot, b: Slot): Uint8Array {
  const other = bytesOf(x, b);
  return bytesOf(x, a).map((v, i) => v ^ other[i]);
}

/** The numbers of both tags, folded. */
function vlans({ key, mask }: Look): Uint8Array {
  for (const s of [K.vlanTci, K.vlan2Tci]) {
    mask[s.offset] |= 0x1f;
    mask[s.offset + 1] = 0xff;
  }
  const vid = (get16(key, K.vlanTci.offset) ^ get16(key, K.vlan2Tci.offset)) & 0xfff;
  return Uint8Array.of(vid >> 8, vid & 0xff);
}

function typeOf(x: Look): Uint8Array {
  return bytesOf(x, K.ethType);
}

const low = (b: Uint8Array, at = 0): number =>
  b[at] | (b[at + 1] << 8) | ((b[at + 2] ?? 0) << 16) | ((b[at + 3] ?? 0) << 24);

/** Addresses of IP, folded; undefined for other packets. */
function addresses(x: Look): Uint8Array | undefined {
  const type = get16(x.key, K.ethType.offset);
  if (type === ETH.ip) return fold(x, K.nwSrc, K.nwDst);
  return type === ETH.ipv6 ? fold(x, K.ipv6Src, K.ipv6Dst) : undefined;
}

function protocol(x: Look): number {
  return bytesOf(x, K.nwProto)[0];
}

/** A record as a compiler of C lays it out: pieces at their places, in so many bytes. */
function record(size: number, pieces: readonly (readonly [at: number, bytes: Uint8Array | undefined])[]): Uint8Array {
  const b = new Uint8Array(size);
  for (const [at, bytes] of pieces) if (bytes) b.set(bytes, at);
  return b;
}

function symmetricL4(x: Look, basis: number): number {
  const ip = addresses(x);
  const proto = ip ? protocol(x) : 0;
  const ports = proto === PROTO.tcp || proto === PROTO.sctp ? fold(x, K.tpSrc, K.tpDst) : undefined;
  const pieces = [
    [0, ip],
    [16, typeOf(x)],
    [18, vlans(x)],
    [20, ports],
    [22, fold(x, K.ethSrc, K.ethDst)],
    [28, Uint8Array.of(proto)],
  ] as const;
  return jenkinsBytes(record(32, pieces), basis);
}

function symmetricL2(x: Look, basis: number): number {
  const pieces = [
    [0, typeOf(x)],
    [2, vlans(x)],
    [4, fold(x, K.ethSrc, K.ethDst)],
  ] as const;
  const b = record(12, pieces);
  let h = basis;
  for (let at = 0; at < 12; at += 4) h = murmurAdd(h, low(b, at));
  return murmurFinish(h, basis);
}

function symmetricL3L4(x: Look, basis: number, udp: boolean): number {
  const ip = addresses(x);
  if (!ip) return symmetricL2(x, basis);
  let h = basis;
  for (let at = 0; at < ip.length; at += 4) h = murmurAdd(h, low(ip, at));
  const proto = protocol(x);
  h = murmurAdd(h, proto);
  const fragment = (x.key[K.nwFrag.offset] & FRAG.any) !== 0;
  if (!fragment && (proto === PROTO.tcp || proto === PROTO.sctp || (udp && proto === PROTO.udp)))
    h = murmurAdd(h, low(fold(x, K.tpSrc, K.tpDst)));
  return murmurFinish(h, basis);
}

function address(x: Look, v4: Slot, v6: Slot, basis: number): number {
  const type = get16(x.key, K.ethType.offset);
  if (!isIp(type)) return basis;
  return jenkinsBytes(bytesOf(x, type === ETH.ip ? v4 : v6), basis);
}

const HASHES: Readonly<Record<string, (x: Look, basis: number) => number>> = {
  eth_src: (x, basis) => jenkinsBytes(bytesOf(x, K.ethSrc), basis),
  symmetric_l4: symmetricL4,
  symmetric_l3l4: (x, basis) => symmetricL3L4(x, basis, false),
  'symmetric_l3l4+udp': (x, basis) => symmetricL3L4(x, basis, true),
  symmetric_l3: (x, basis) => {
    const pieces = [
      [0, addresses(x)],
      [16, typeOf(x)],
    ] as const;
    return jenkinsBytes(record(20, pieces), basis);
  },
  nw_src: (x, basis) => address(x, K.nwSrc, K.ipv6Src, basis),
  nw_dst: (x, basis) => address(x, K.nwDst, K.ipv6Dst, basis),
};

/** `basis` and the result are unsigned 32-bit. Unknown names hash nothing but the basis. */
export function hashFields(fields: string, basis: number, key: Uint8Array, mask: Uint8Array): number {
  return HASHES[fields]?.({ key, mask }, basis) ?? basis;
}
