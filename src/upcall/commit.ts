/**
 * From what the pipeline wrote to datapath actions.
 *
 * A walk changes a copy of the flow key (`flow`); the datapath's packet still looks like `base`. Nothing is emitted when a field is
 * written: only before an output (or another action that uses the packet) the difference is committed, as few `set`s as headers that differ.
 * So a rewrite that nobody sends costs nothing, and one that is undone is never made.
 *
 * Safe direction of error: every written bit is in the megaflow mask too (the walk puts it there). A set is left out when the packet already
 * has the value, which is only right for packets under the mask when the mask holds the field. A changed field is set in the bits that were looked
 * at so far, as OVS does: bits nobody looked at stay the packet's own. So the bits of a set depend on rules that the packet did not meet; see same-effect.ts.
 */
import type { DpAction, SetKind } from '../datapath/action.js';
import { SET_KINDS } from '../datapath/action.js';
import { get16, get32, put16 } from '../lib/bytes.js';
import { FRAG, K, type Slot, VLAN_CFI } from '../packet/key.js';

export const ETH = {
  ip: 0x0800,
  ipv6: 0x86dd,
  arp: 0x0806,
  mpls: 0x8847,
  mplsMulti: 0x8848,
  vlan: 0x8100,
  nsh: 0x894f,
  /** An Ethernet frame. */
  bridging: 0x6558,
} as const;
export const PROTO = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const;
const MPLS_BOS = 0x100;
/** Place of the operation in a set of arp. */
const ARP_OP = 8;
const MPLS_SLOTS = [K.mplsLse0, K.mplsLse1, K.mplsLse2] as const;
export const MAX_MPLS = MPLS_SLOTS.length;

export const isMpls = (ethType: number): boolean => ethType === ETH.mpls || ethType === ETH.mplsMulti;
export const isIp = (ethType: number): boolean => ethType === ETH.ip || ethType === ETH.ipv6;

/** Labels a key shows: up to the bottom of the stack, or, where that is out of sight, those that are not zero: as OVS counts. */
export function mplsCount(key: Uint8Array): number {
  if (!isMpls(get16(key, K.ethType.offset))) return 0;
  let labels = 0;
  for (let n = 0; n < MAX_MPLS; n++) {
    const lse = get32(key, MPLS_SLOTS[n].offset);
    if (lse & MPLS_BOS) return n + 1;
    if (lse !== 0) labels++;
  }
  return labels;
}

/** A part of a settable header: where it is in the key and where in the value of the set. `bytes` counts from the slot's end. */
type Part = readonly [slot: Slot, at: number, bytes?: number];
interface Header {
  readonly kind: SetKind;
  readonly when: (key: Uint8Array, ethType: number) => boolean;
  readonly parts: readonly Part[];
}

const l4 = (proto: number) => (key: Uint8Array, ethType: number) =>
  isIp(ethType) && key[K.nwProto.offset] === proto && (key[K.nwFrag.offset] & FRAG.later) === 0;
const icmpv6 = l4(PROTO.icmpv6);
const isNd = (key: Uint8Array, ethType: number): boolean => {
  const type = get16(key, K.tpSrc.offset);
  return ethType === ETH.ipv6 && icmpv6(key, ethType) && (type === 135 || type === 136);
};
const ports: readonly Part[] = [
  [K.tpSrc, 0],
  [K.tpDst, 2],
];
const typeAndCode: readonly Part[] = [
  [K.tpSrc, 0, 1],
  [K.tpDst, 1, 1],
];

/** In the order in which sets come out. */
const HEADERS: readonly Header[] = [
  {
    kind: 'eth',
    when: (key) => get32(key, K.packetType.offset) === 0,
    parts: [
      [K.ethDst, 0],
      [K.ethSrc, 6],
    ],
  },
  {
    kind: 'ipv4',
    when: (_, type) => type === ETH.ip,
    parts: [
      [K.nwSrc, 0],
      [K.nwDst, 4],
      [K.nwTos, 9],
      [K.nwTtl, 10],
    ],
  },
  {
    kind: 'ipv6',
    when: (_, type) => type === ETH.ipv6,
    parts: [
      [K.ipv6Src, 0],
      [K.ipv6Dst, 16],
      [K.ipv6Label, 32],
      [K.nwTos, 37],
      [K.nwTtl, 38],
    ],
  },
  {
    kind: 'arp',
    when: (_, type) => type === ETH.arp,
    parts: [
      [K.nwSrc, 0],
      [K.nwDst, 4],
      [K.nwProto, ARP_OP + 1],
      [K.arpSha, 10],
      [K.arpTha, 16],
    ],
  },
  {
    kind: 'nd',
    when: isNd,
    parts: [
      [K.ndTarget, 0],
      [K.arpSha, 16],
      [K.arpTha, 22],
    ],
  },
  {
    kind: 'nd_ext',
    when: isNd,
    parts: [
      [K.ndReserved, 0],
      [K.ndOptionsType, 4],
    ],
  },
  { kind: 'tcp', when: l4(PROTO.tcp), parts: ports },
  { kind: 'udp', when: l4(PROTO.udp), parts: ports },
  { kind: 'sctp', when: l4(PROTO.sctp), parts: ports },
  { kind: 'icmp', when: (k, type) => type === ETH.ip && l4(PROTO.icmp)(k, type), parts: typeAndCode },
  { kind: 'icmpv6', when: (k, type) => type === ETH.ipv6 && icmpv6(k, type), parts: typeAndCode },
  {
    kind: 'nsh',
    when: (_, type) => type === ETH.nsh,
    parts: [
      [K.nshFlags, 0],
      [K.nshTtl, 1],
      [K.nshMdtype, 2],
      [K.nshNp, 3],
      [K.nshPath, 4],
      [K.nshC1, 8],
      [K.nshC2, 12],
      [K.nshC3, 16],
      [K.nshC4, 20],
    ],
  },
];

const OUTER = HEADERS.filter((h) => h.kind === 'eth');

/** What belongs to the packet as a whole: after everything else. */
const METADATA: readonly Header[] = [
  { kind: 'skb_priority', when: () => true, parts: [[K.skbPriority, 0]] },
  { kind: 'skb_mark', when: () => true, parts: [[K.pktMark, 0]] },
];

const PARTS: ReadonlyMap<SetKind, readonly Part[]> = new Map(
  [...HEADERS, ...METADATA].map((h): [SetKind, readonly Part[]] => [h.kind, h.parts]),
);

/** Where the key has what a set of this kind writes; what is in no part is not in the key, or not in one place. */
export function partsOf(kind: SetKind): readonly Part[] {
  return PARTS.get(kind) ?? [];
}

/** What a trace says of bits that a copy lost and nobody had looked at. OVS leaves them as the copy had them. */
export const COMES_BACK = '-> what the copy replaced comes back';

/**
 * Emits a set where `flow` differs from `base`, and brings `base` up to it. What an action wrote is in the mask; bits that differ and are not were the
 * packet's before another header took their place, on a copy (`onCopy`): they come back, and other packets have others. True when there are any.
 */
function commitHeader(h: Header, flow: Uint8Array, base: Uint8Array, mask: Uint8Array, out: DpAction[]): boolean {
  let comesBack = false;
  let value: Uint8Array | undefined;
  let bits: Uint8Array | undefined;
  for (const [slot, at, bytes = slot.bytes] of h.parts) {
    const from = slot.offset + slot.bytes - bytes;
    const to = from + bytes;
    let i = from;
    while (i < to && flow[i] === base[i]) i++;
    if (i === to) continue;
    value ??= new Uint8Array(SET_KINDS[h.kind]);
    bits ??= new Uint8Array(SET_KINDS[h.kind]);
    for (i = from; i < to; i++) {
      const changed = flow[i] ^ base[i];
      comesBack ||= (changed & ~mask[i]) !== 0;
      mask[i] |= changed;
      const m = mask[i];
      bits[at + i - from] = m;
      value[at + i - from] = flow[i] & m;
      base[i] = flow[i];
    }
  }
  // The key has the low byte of an operation only; what is set is all of it.
  if (bits && h.kind === 'arp' && bits[ARP_OP + 1] !== 0) bits[ARP_OP] = 0xff;
  if (value && bits) out.push({ type: 'set', kind: h.kind, value, mask: bits });
  return comesBack;
}

function commitHeaders(
  headers: readonly Header[],
  flow: Uint8Array,
  base: Uint8Array,
  mask: Uint8Array,
  out: DpAction[],
): boolean {
  const type = get16(flow, K.ethType.offset);
  let comesBack = false;
  for (const h of headers) if (h.when(flow, type) && commitHeader(h, flow, base, mask, out)) comesBack = true;
  return comesBack;
}

function same(a: Uint8Array, b: Uint8Array, from: number, bytes: number): boolean {
  for (let i = from; i < from + bytes; i++) if (a[i] !== b[i]) return false;
  return true;
}

const ipFields = [K.nwSrc, K.nwDst, K.nwProto, K.nwTos, K.nwTtl, K.nwFrag, K.tpSrc, K.tpDst, K.tcpFlags] as const;

/** Forgets what is inside an MPLS packet: neither side can see or set it any more. */
export function clearInner(key: Uint8Array): void {
  for (const s of ipFields) key.fill(0, s.offset, s.offset + s.bytes);
  key.fill(0, K.ipv6Src.offset, K.ndOptionsType.offset + 1);
  key.fill(0, K.arpSha.offset, K.arpTha.offset + 6);
}

/** What commit has to know of the packet beside its two keys. */
export interface Provenance {
  /** Labels were popped, and what they covered is zero in `flow` because it was never seen: it stays as it is. */
  readonly innerUnknown: boolean;
  /** The packet came with labels. */
  readonly hadLabels: boolean;
}

/** Pops and pushes until `base` has the labels of `flow`; both stacks are compared from the bottom. */
function commitMpls(flow: Uint8Array, base: Uint8Array, mask: Uint8Array, out: DpAction[], p: Provenance): void {
  const want = mplsCount(flow);
  const type = get16(flow, K.ethType.offset);
  let have = mplsCount(base);
  let common = 0;
  const lse = (key: Uint8Array, depth: number): number => get32(key, MPLS_SLOTS[depth].offset);
  while (common < Math.min(want, have) && lse(flow, want - 1 - common) === lse(base, have - 1 - common)) common++;
  if (common === want && want === have) return;
  while (have > common) {
    if (have - 1 === common && want > common && have > 0) {
      // The last label that is not the same is set in place: a pop and a push in one.
      const at = MPLS_SLOTS[want - have].offset;
      if (p.hadLabels) mask.fill(0xff, at, at + 4);
      out.push({ type: 'set', kind: 'mpls', value: flow.slice(at, at + 4), mask: new Uint8Array(4).fill(0xff) });
      common++;
    } else {
      have--;
      // What is left is as the flow has it, unless nothing will be.
      out.push({ type: 'pop_mpls', ethType: have > 0 && !isMpls(type) ? get16(base, K.ethType.offset) : type });
    }
  }
  for (let n = common + 1; n <= want; n++) {
    // What is pushed may be what the packet had: after a copy lost it, say.
    const at = MPLS_SLOTS[want - n].offset;
    if (p.hadLabels) mask.fill(0xff, at, at + 4);
    out.push({ type: 'push_mpls', lse: lse(flow, want - n), ethType: type });
  }
  base.set(flow.subarray(K.ethType.offset, K.ethType.offset + 2), K.ethType.offset);
  base.set(flow.subarray(K.mplsLse0.offset, K.mplsLse2.offset + 4), K.mplsLse0.offset);
}

const tagged = (key: Uint8Array, tci: Slot): boolean => (get16(key, tci.offset) & VLAN_CFI) !== 0;
export const vlanCount = (key: Uint8Array): number => (tagged(key, K.vlanTci) ? (tagged(key, K.vlan2Tci) ? 2 : 1) : 0);

function commitVlan(flow: Uint8Array, base: Uint8Array, mask: Uint8Array, out: DpAction[]): void {
  if (
    same(flow, base, K.vlanTci.offset, 2) &&
    same(flow, base, K.vlanTpid.offset, 2) &&
    same(flow, base, K.vlan2Tci.offset, 4)
  ) {
    return;
  }
  const tag = (key: Uint8Array, depth: number): number =>
    depth === 0
      ? get16(key, K.vlanTpid.offset) * 0x10000 + get16(key, K.vlanTci.offset)
      : get16(key, K.vlan2Tpid.offset) * 0x10000 + get16(key, K.vlan2Tci.offset);
  // A tag that was written as a number, not pushed, has no type of its own.
  if (tagged(flow, K.vlanTci) && get16(flow, K.vlanTpid.offset) === 0) put16(flow, K.vlanTpid.offset, ETH.vlan);
  const want = vlanCount(flow);
  const have = vlanCount(base);
  let common = 0;
  while (common < Math.min(want, have) && tag(flow, want - 1 - common) === tag(base, have - 1 - common)) common++;
  // A tag that is put back is made of what the packet had, priority and type included.
  mask.fill(0xff, K.vlanTci.offset, K.vlanTci.offset + 2);
  if (have > 0) mask.fill(0xff, K.vlanTpid.offset, K.vlanTpid.offset + 2);
  if (have > 1) mask.fill(0xff, K.vlan2Tci.offset, K.vlan2Tpid.offset + 2);
  for (let n = have; n > common; n--) out.push({ type: 'pop_vlan' });
  for (let n = common + 1; n <= want; n++) {
    const t = tag(flow, want - n);
    out.push({ type: 'push_vlan', tpid: Math.floor(t / 0x10000), tci: t & 0xffff });
  }
  for (const s of [K.vlanTci, K.vlanTpid, K.vlan2Tci, K.vlan2Tpid]) put16(base, s.offset, get16(flow, s.offset));
}

/**
 * Appends to `out` what makes a packet that looks like `base` look like `flow`; afterwards `base` does. Of what labels cover now, `base` keeps what is
 * there, for the time when they come off again. True when bits come back that nobody had looked at.
 */
export function commit(flow: Uint8Array, base: Uint8Array, mask: Uint8Array, out: DpAction[], p: Provenance): boolean {
  const wrapped = get32(base, K.packetType.offset) === 0;
  const wraps = get32(flow, K.packetType.offset) === 0;
  if (wrapped && !wraps) out.push({ type: 'pop_eth' });
  if (wraps && !wrapped) {
    out.push({ type: 'push_eth', addresses: flow.slice(K.ethDst.offset, K.ethSrc.offset + 6) });
  }
  if (wrapped !== wraps) {
    base.set(flow.subarray(K.ethDst.offset, K.ethSrc.offset + 6), K.ethDst.offset);
    base.set(flow.subarray(K.packetType.offset, K.packetType.offset + 4), K.packetType.offset);
  }
  const popped = isMpls(get16(base, K.ethType.offset)) && !isMpls(get16(flow, K.ethType.offset));
  // What was under labels can be set only once they are off; what goes under labels must be set before they are on.
  if (popped) commitMpls(flow, base, mask, out, p);
  const comesBack = commitHeaders(p.innerUnknown ? OUTER : HEADERS, flow, base, mask, out);
  if (!popped) commitMpls(flow, base, mask, out, p);
  commitVlan(flow, base, mask, out);
  commitHeaders(METADATA, flow, base, mask, out);
  return comesBack;
}
