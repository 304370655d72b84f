/** Hashes of the flow for multipath, bundle and select groups by fields. Which way a hash sends a flow is weft's own. */

import { get16 } from '../lib/bytes.js';
import { crc32c } from '../packet/crc32c.js';
import { K, type Slot } from '../packet/key.js';
import { ETH, isIp, PROTO } from './commit.js';

const hasPorts = (proto: number): boolean => proto === PROTO.tcp || proto === PROTO.udp || proto === PROTO.sctp;

/** Adds the slots to the mask and the bytes of both, folded together, to the hash: the same for both directions. */
function symmetric(hash: number, key: Uint8Array, mask: Uint8Array, a: Slot, b: Slot): number {
  const folded = new Uint8Array(a.bytes);
  for (let i = 0; i < a.bytes; i++) folded[i] = key[a.offset + i] ^ key[b.offset + i];
  mask.fill(0xff, a.offset, a.offset + a.bytes);
  mask.fill(0xff, b.offset, b.offset + b.bytes);
  return crc32c(hash, folded);
}

function plain(hash: number, key: Uint8Array, mask: Uint8Array, s: Slot): number {
  mask.fill(0xff, s.offset, s.offset + s.bytes);
  return crc32c(hash, key.subarray(s.offset, s.offset + s.bytes));
}

function addresses(hash: number, key: Uint8Array, mask: Uint8Array): number {
  const type = get16(key, K.ethType.offset);
  if (type === ETH.ip) return symmetric(hash, key, mask, K.nwSrc, K.nwDst);
  return type === ETH.ipv6 ? symmetric(hash, key, mask, K.ipv6Src, K.ipv6Dst) : hash;
}

/** `basis` and the result are unsigned 32-bit. Unknown names hash nothing but the basis. */
export function hashFields(fields: string, basis: number, key: Uint8Array, mask: Uint8Array): number {
  const ip = isIp(get16(key, K.ethType.offset));
  const v6 = get16(key, K.ethType.offset) === ETH.ipv6;
  let h = basis;
  switch (fields) {
    case 'eth_src':
      h = plain(h, key, mask, K.ethSrc);
      break;
    case 'nw_src':
      if (ip) h = plain(h, key, mask, v6 ? K.ipv6Src : K.nwSrc);
      break;
    case 'nw_dst':
      if (ip) h = plain(h, key, mask, v6 ? K.ipv6Dst : K.nwDst);
      break;
    case 'symmetric_l4':
      h = symmetric(h, key, mask, K.ethSrc, K.ethDst);
      h = plain(h, key, mask, K.vlanTci);
      h = plain(h, key, mask, K.ethType);
      if (ip) h = transport(addresses(h, key, mask), key, mask, false);
      break;
    case 'symmetric_l3l4':
    case 'symmetric_l3l4+udp':
    case 'symmetric_l3':
      if (ip) h = addresses(h, key, mask);
      if (ip && fields !== 'symmetric_l3') h = transport(h, key, mask, fields === 'symmetric_l3l4+udp');
      break;
    default:
      break;
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}

function transport(hash: number, key: Uint8Array, mask: Uint8Array, udp: boolean): number {
  const proto = key[K.nwProto.offset];
  const h = plain(hash, key, mask, K.nwProto);
  if (!hasPorts(proto) || (proto === PROTO.udp && !udp)) return h;
  return symmetric(h, key, mask, K.tpSrc, K.tpDst);
}
