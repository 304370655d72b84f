/**
 * Prerequisites: a field exists in a packet, and may be matched, only when other fields say so (ovs-fields(7), "Prerequisites").
 *
 * Each is a chain of conditions on key slots. Two questions are asked of it: does this packet have the field (then every slot that was looked at
 * enters the megaflow mask, and none that was not), and does this match pin the packet down enough.
 */
import { K, type Slot } from '../packet/key.js';
import type { Prereq } from './field.js';
import { getU, setU, unwildcard } from './key.js';
import type { Match } from './match.js';

interface Condition {
  readonly slot: Slot;
  /** Which bits of the slot are looked at. */
  readonly bits: number;
  readonly values: readonly number[];
  /** In a match: holds also where the bits are wildcarded, unless they are fixed to another value. */
  readonly lenient?: boolean;
}

const on = (slot: Slot, ...values: number[]): Condition => ({ slot, bits: 256 ** slot.bytes - 1, values });

const ETHERNET: Condition = { ...on(K.packetType, 0), lenient: true };
const IPV4 = on(K.ethType, 0x0800);
const IPV6 = on(K.ethType, 0x86dd);
const IP = on(K.ethType, 0x0800, 0x86dd);
const NOT_LATER: Condition = { slot: K.nwFrag, bits: 2, values: [0], lenient: true };
const ICMPV6 = [IPV6, on(K.nwProto, 58)];
const SOLICIT = on(K.tpSrc, 135);
const ADVERT = on(K.tpSrc, 136);
/** As to OVS, a match on neighbour discovery need not name the code: packets with another have none of its fields. */
const CODE_0: Condition = { ...on(K.tpDst, 0), lenient: true };

const CONDITIONS: Readonly<Record<Prereq, readonly Condition[]>> = {
  none: [],
  ethernet: [ETHERNET],
  vlan: [ETHERNET, { slot: K.vlanTci, bits: 0x1000, values: [0x1000] }],
  arp: [on(K.ethType, 0x0806, 0x8035)],
  ipv4: [IPV4],
  ipv6: [IPV6],
  ip: [IP],
  nsh: [on(K.ethType, 0x894f)],
  mpls: [on(K.ethType, 0x8847, 0x8848)],
  tcp: [IP, on(K.nwProto, 6), NOT_LATER],
  udp: [IP, on(K.nwProto, 17), NOT_LATER],
  sctp: [IP, on(K.nwProto, 132), NOT_LATER],
  icmpv4: [IPV4, on(K.nwProto, 1)],
  icmpv6: ICMPV6,
  nd: [...ICMPV6, { ...SOLICIT, values: [135, 136] }, CODE_0],
  nd_solicit: [...ICMPV6, SOLICIT, CODE_0],
  nd_advert: [...ICMPV6, ADVERT, CODE_0],
  // and a valid connection, which is more than one value: see matchHasCt
  ct: [],
};

const CT = { new: 1, est: 2, rel: 4, rpl: 8, inv: 0x10, trk: 0x20, snat: 0x40, dnat: 0x80 } as const;
/** A packet that was tracked and is not invalid has one of these. */
const CT_VALID = CT.new | CT.est | CT.rpl;

function isCt(p: string): boolean {
  return p === 'ct';
}

const TYPE_IN_PACKET_TYPE: Slot = { ...K.packetType, offset: K.packetType.offset + 2, bytes: 2 };
/** Namespace 1 of packet_type is an Ethernet type: it stands for eth_type in packets without an Ethernet header. No other namespace has one. */
function effectiveSlot(c: Condition, key: Uint8Array): Slot | undefined {
  const offset = K.packetType.offset;
  if (c.slot !== K.ethType) return c.slot;
  if (key[offset] === 0 && key[offset + 1] <= 1) return key[offset + 1] === 1 ? TYPE_IN_PACKET_TYPE : c.slot;
  return undefined;
}

function bitsAnd(a: number, b: number): number {
  return (a & b) >>> 0;
}

/** Does the packet have the field? Whatever was looked at to answer is set in `mask` when there is one. */
export function checkPrereqs(p: Prereq, key: Uint8Array, mask?: Uint8Array): boolean {
  if (isCt(p)) {
    if (mask) setU(mask, K.ctState, (getU(mask, K.ctState) | CT_VALID) >>> 0);
    if ((getU(key, K.ctState) & CT_VALID) === 0) return false;
  }
  for (const c of CONDITIONS[p]) {
    const slot = effectiveSlot(c, key);
    if (!slot) return false;
    if (mask) setU(mask, slot, (getU(mask, slot) | c.bits) >>> 0);
    if (!c.values.includes(bitsAnd(getU(key, slot), c.bits))) return false;
  }
  return true;
}

/** Does every packet of the match have the field? */
export function matchHasPrereqs(p: Prereq, m: Match): boolean {
  return prereqCheck(p).holds(m);
}

/** The question for one prerequisite: for who asks it of many matches, and would look the chain up each time. */
export class PrereqCheck {
  constructor(
    private readonly chain: readonly Condition[],
    private readonly ct: boolean,
  ) {}

  holds(m: Match): boolean {
    return (!this.ct || matchHasCt(m)) && heldOf(this.chain, m) === this.chain.length;
  }
}

const CHECKS: ReadonlyMap<string, PrereqCheck> = new Map(
  Object.entries(CONDITIONS).map(([p, chain]) => [p, new PrereqCheck(chain, isCt(p))]),
);

export function prereqCheck(p: Prereq): PrereqCheck {
  const check = CHECKS.get(p);
  if (!check) throw new Error(`weft bug: no prerequisite ${p}`);
  return check;
}

/**
 * As prereqCheck, as OVS asks it when it writes a match: not whether the packet is a later fragment, which has no ports, and of ICMPv6's type,
 * which has no mask on the wire and is written whole, only the value (`tp_src=136/0x88` reads as a masked type).
 */
export function headerCheck(p: Prereq): PrereqCheck {
  return new PrereqCheck(
    CONDITIONS[p].filter((c) => c !== NOT_LATER).map((c) => (c.slot === K.tpSrc ? { ...c, lenient: true } : c)),
    isCt(p),
  );
}

/** How many of the chain's conditions the match fixes before the first it does not: how near it comes to having the field. */
export function conditionsHeld(p: Prereq, m: Match): number {
  return heldOf(CONDITIONS[p], m);
}

function heldOf(chain: readonly Condition[], m: Match): number {
  for (let i = 0; i < chain.length; i++) {
    const c = chain[i];
    const slot = effectiveSlot(c, m.value);
    if (!slot) return i;
    if (!c.lenient && bitsAnd(getU(m.mask, slot), c.bits) !== c.bits) return i;
    if (!isOneOf(c.values, bitsAnd(getU(m.value, slot), c.bits))) return i;
  }
  return chain.length;
}

function isOneOf(values: readonly number[], value: number): boolean {
  for (let i = 0; i < values.length; i++) if (values[i] === value) return true;
  return false;
}

/** Sets every bit that `matchHasPrereqs` may look at. */
export function markPrereqs(p: Prereq, looked: Uint8Array): void {
  unwildcard(looked, K.packetType);
  if (isCt(p)) unwildcard(looked, K.ctState);
  for (const c of CONDITIONS[p]) setU(looked, c.slot, (getU(looked, c.slot) | c.bits) >>> 0);
}

function matchHasCt(m: Match): boolean {
  const value = getU(m.value, K.ctState);
  if (value & (CT.new | CT.est | CT.rel | CT.rpl | CT.snat | CT.dnat)) return true;
  return (value & CT.trk) !== 0 && (getU(m.mask, K.ctState) & CT.inv) !== 0 && (value & CT.inv) === 0;
}

/** For people. */
export const PREREQ_WORDS: Readonly<Record<Prereq, string>> = {
  none: '',
  ethernet: 'Ethernet',
  arp: 'eth_type 0x0806 or 0x8035',
  vlan: 'a VLAN tag',
  ipv4: 'eth_type 0x0800',
  ipv6: 'eth_type 0x86dd',
  ip: 'eth_type 0x0800 or 0x86dd',
  nsh: 'eth_type 0x894f',
  mpls: 'eth_type 0x8847 or 0x8848',
  tcp: 'IP, nw_proto 6, not a later fragment',
  udp: 'IP, nw_proto 17, not a later fragment',
  sctp: 'IP, nw_proto 132, not a later fragment',
  icmpv4: 'eth_type 0x0800, nw_proto 1',
  icmpv6: 'eth_type 0x86dd, nw_proto 58',
  nd: 'ICMPv6, type 135 or 136, code 0',
  nd_solicit: 'ICMPv6, type 135, code 0',
  nd_advert: 'ICMPv6, type 136, code 0',
  ct: 'a valid ct_state',
};
