/**
 * The fixed match of OpenFlow 1.0: 40 bytes with a word of wildcard bits. What it cannot say (masks other than IPv4 prefixes, IPv6, registers) needs
 * the Nicira extensions; `fitsOf10` tells.
 */
import { prefixLength } from '../lib/address.js';
import { get16, get32, getUint, isOnes, isZero, put16, put32, putUint } from '../lib/bytes.js';
import { UserError } from '../lib/errors.js';
import { K, type Slot, VLAN_CFI } from '../packet/key.js';
import { port16to32 } from './fields.js';
import { KEY_BYTES, OK, setU } from './key.js';
import { Match } from './match.js';
import { assumeEthernet, completeEthernet, impliesEthernet, saysEthernet } from './packet-type.js';

export const OF10_MATCH_BYTES = 40;

export const WILD10 = {
  inPort: 1 << 0,
  dlVlan: 1 << 1,
  dlSrc: 1 << 2,
  dlDst: 1 << 3,
  dlType: 1 << 4,
  nwProto: 1 << 5,
  tpSrc: 1 << 6,
  tpDst: 1 << 7,
  dlVlanPcp: 1 << 20,
  nwTos: 1 << 21,
} as const;
const NW_SRC_SHIFT = 8;
const NW_DST_SHIFT = 14;
const VLAN_NONE = 0xffff;
/** What eth_type 0x05ff is here: a frame without a type. Same number. */

interface Plain {
  readonly slot: Slot;
  readonly wild: number;
  /** Where it stands in the match, and in how many bytes. */
  readonly at: number;
  readonly bytes: number;
}

/** Members that are copied as they are. */
const PLAIN: readonly Plain[] = [
  { slot: K.ethSrc, wild: WILD10.dlSrc, at: 6, bytes: 6 },
  { slot: K.ethDst, wild: WILD10.dlDst, at: 12, bytes: 6 },
  { slot: K.ethType, wild: WILD10.dlType, at: 22, bytes: 2 },
  { slot: K.nwProto, wild: WILD10.nwProto, at: 25, bytes: 1 },
  { slot: K.tpSrc, wild: WILD10.tpSrc, at: 36, bytes: 2 },
  { slot: K.tpDst, wild: WILD10.tpDst, at: 38, bytes: 2 },
];
/** Slots that a 1.0 match can say something about. */
const SAID: readonly Slot[] = [
  ...PLAIN.map((p) => p.slot),
  OK.ofInPort,
  K.vlanTci,
  K.nwSrc,
  K.nwDst,
  K.nwTos,
  K.packetType,
];
const UNSAID: readonly number[] = Array.from({ length: KEY_BYTES }, (_, i) => i).filter(
  (i) => !SAID.some((s) => i >= s.offset && i < s.offset + s.bytes),
);

function isPart(m: Match, slot: Slot): boolean {
  const end = slot.offset + slot.bytes;
  return !isZero(m.mask, slot.offset, end) && !isOnes(m.mask, slot.offset, end);
}

/** Types whose addresses and protocol 1.0 knows. */
function hasNetwork(type: number): boolean {
  return type === 0x0800 || type === 0x0806 || type === 0x8035;
}

function ethTypeOf(m: Match): number {
  return get16(m.mask, K.ethType.offset) === 0xffff ? get16(m.value, K.ethType.offset) : 0;
}

/** Can OpenFlow 1.0 say all of it? The match is taken to be normalized. */
export function fitsOf10(m: Match): boolean {
  for (const i of UNSAID) if (m.mask[i] !== 0) return false;
  if (PLAIN.some((p) => isPart(m, p.slot))) return false;
  const typed = !isZero(m.mask, K.packetType.offset, K.packetType.offset + 4);
  if (typed && !(saysEthernet(m) && impliesEthernet(m))) return false;
  if (prefixLength(m.mask, K.nwSrc.offset, 4) < 0 || prefixLength(m.mask, K.nwDst.offset, 4) < 0) return false;
  const tos = m.mask[K.nwTos.offset];
  if (tos !== 0 && tos !== 0xfc) return false;
  const usesNetwork = m.mask[K.nwProto.offset] | tos;
  if (usesNetwork && !hasNetwork(ethTypeOf(m))) return false;
  const vlan = get16(m.mask, K.vlanTci.offset);
  const tci = get16(m.value, K.vlanTci.offset);
  if (vlan === 0 || (vlan === 0xffff && tci === 0)) return true;
  return (
    (vlan & 0xefff) !== 0 &&
    (tci & vlan & VLAN_CFI) !== 0 &&
    [0, 0xfff].includes(vlan & 0xfff) &&
    [0, 0xe000].includes(vlan & 0xe000)
  );
}

export function encodeOf10Match(m: Match): Uint8Array {
  const out = new Uint8Array(OF10_MATCH_BYTES);
  let wild = 0;
  if (isZero(m.mask, OK.ofInPort.offset, OK.ofInPort.offset + 4)) wild |= WILD10.inPort;
  else put16(out, 4, get32(m.value, OK.ofInPort.offset) & 0xffff);
  for (const p of PLAIN) {
    const { offset, bytes } = p.slot;
    if (isZero(m.mask, offset, offset + bytes)) wild |= p.wild;
    else putUint(out, p.at, p.bytes, getUint(m.value, offset, bytes));
  }
  wild |= encodeVlan(m, out);
  if ((m.mask[K.nwTos.offset] & 0xfc) === 0) wild |= WILD10.nwTos;
  else out[24] = m.value[K.nwTos.offset] & 0xfc;
  for (const [slot, at, shift] of [[K.nwSrc, 28, NW_SRC_SHIFT] as const, [K.nwDst, 32, NW_DST_SHIFT] as const]) {
    // Of a mask that is no prefix, up to its last one: what listing a flow of another form in this one can say.
    const mask = get32(m.mask, slot.offset);
    wild |= (mask === 0 ? 32 : 31 - Math.clz32(mask & -mask)) << shift;
    put32(out, at, get32(m.value, slot.offset));
  }
  put32(out, 0, wild >>> 0);
  return out;
}

/** Returns wildcard bits. "No tag" is an id of its own; a priority alone leaves the id open. */
function encodeVlan(m: Match, out: Uint8Array): number {
  const mask = get16(m.mask, K.vlanTci.offset);
  const tci = get16(m.value, K.vlanTci.offset);
  if (mask === 0) return WILD10.dlVlan | WILD10.dlVlanPcp;
  if (mask & VLAN_CFI && (tci & VLAN_CFI) === 0) {
    put16(out, 18, VLAN_NONE);
    return 0;
  }
  let wild = 0;
  if (mask & 0xfff) put16(out, 18, tci & 0xfff);
  else wild |= WILD10.dlVlan;
  if (mask & 0xe000) out[20] = tci >> 13;
  else wild |= WILD10.dlVlanPcp;
  return wild;
}

/** Bits of a number of wildcarded address bits, of which OpenFlow 1.0 allows up to 63 for 32. */
function addressMask(wild: number, shift: number): number {
  const n = (wild >>> shift) & 63;
  return n >= 32 ? 0 : (0xffffffff << n) >>> 0;
}

/** 40 bytes at `at`. `into`: a match to use again instead of a new one. What 1.0 lets a sender leave undefined (members that the others make meaningless) is ignored. Throws UserError when short. */
export function decodeOf10Match(b: Uint8Array, at = 0, into?: Match): Match {
  if (b.length - at < OF10_MATCH_BYTES) throw new UserError('a match of OpenFlow 1.0 has 40 bytes', 'OFPBRC_BAD_LEN');
  const m = into ?? new Match();
  into?.clear();
  const wild = get32(b, at);
  const type = wild & WILD10.dlType ? 0 : get16(b, at + 22);
  const put = (slot: Slot, value: number, mask: number): void => {
    setU(m.mask, slot, mask);
    setU(m.value, slot, (value & mask) >>> 0);
  };
  if (!(wild & WILD10.inPort)) put(OK.ofInPort, port16to32(get16(b, at + 4)), 0xffffffff);
  for (const p of PLAIN) {
    if (wild & p.wild) continue;
    for (let i = 0; i < p.bytes; i++) {
      m.mask[p.slot.offset + i] = 0xff;
      m.value[p.slot.offset + i] = b[at + p.at + i];
    }
  }
  const vid = get16(b, at + 18);
  if (!(wild & WILD10.dlVlan) && vid === VLAN_NONE) put(K.vlanTci, 0, 0xffff);
  else {
    const mask = (wild & WILD10.dlVlan ? 0 : 0x1fff) | (wild & WILD10.dlVlanPcp ? 0 : 0xf000);
    if (mask !== 0) put(K.vlanTci, (b[at + 20] << 13) | VLAN_CFI | (vid & 0xfff), mask);
  }
  if (!(wild & WILD10.nwTos)) put(K.nwTos, b[at + 24], 0xfc);
  put(K.nwSrc, get32(b, at + 28), addressMask(wild, NW_SRC_SHIFT));
  put(K.nwDst, get32(b, at + 32), addressMask(wild, NW_DST_SHIFT));
  clearMeaningless(m, type);
  completeEthernet(m);
  return m;
}

function clearMeaningless(m: Match, type: number): void {
  const clear = (...slots: Slot[]): void => {
    for (const s of slots) {
      // They meant nothing but that packets are Ethernet.
      if (!isZero(m.mask, s.offset, s.offset + s.bytes)) assumeEthernet(m);
      m.mask.fill(0, s.offset, s.offset + s.bytes);
      m.value.fill(0, s.offset, s.offset + s.bytes);
    }
  };
  if (!hasNetwork(type)) clear(K.nwSrc, K.nwDst, K.nwProto, K.nwTos, K.tpSrc, K.tpDst);
  else if (type !== 0x0800) clear(K.nwTos, K.tpSrc, K.tpDst);
  else if (![1, 6, 17, 132].includes(m.mask[K.nwProto.offset] === 0 ? -1 : m.value[K.nwProto.offset]))
    clear(K.tpSrc, K.tpDst);
}
