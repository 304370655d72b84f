/**
 * Key extraction: what a frame says about itself, in the slots of src/packet/key.ts. The C++ twin is native/packet/extract.cc; a suite holds
 * them equal on every input, so each rule here is there too, in the same order.
 *
 * A frame is a claim, not a fact. Each header is accepted only when it lies whole inside what the header before it allows, and a header that is
 * refused leaves the slots it would have filled at zero: a flow that matches on them then sees zeros, as in Open vSwitch, whose rules these are
 * (evidence: test/extract compares with `ovs-ofctl parse-pcap`). Two consequences that surprise: the version nibbles of IPv4 and IPv6
 * are not looked at, and an IPv6 frame whose extension headers are cut off keeps its addresses but nothing else.
 */
import { isZero, put16, get16 as u16 } from '../lib/bytes.js';
import { FRAG, K, LINE, LINE_BYTES, type Slot, VLAN_CFI } from './key.js';

export const ETH_HEADER = 14;
/** Below this an EtherType is the length of an 802.3 frame. */
const ETH_TYPE_MIN = 0x600;
/** eth_type of 802.2 frames without SNAP. */
export const ETH_TYPE_NONE = 0x05ff;
const SNAP = [0xaa, 0xaa, 0x03, 0, 0, 0];
/** What may follow an IP datagram in its frame. */
const MAX_PADDING = 0xffff;
/** Where the metadata of line 2 begins: what stands before comes from frames. */
const LINE2_METADATA = K.tunErspanIdx.offset;

const put = (key: Uint8Array, slot: Slot, value: number): void => put16(key, slot.offset, value);

function copy(key: Uint8Array, slot: Slot, frame: Uint8Array, at: number): void {
  for (let i = 0; i < slot.bytes; i++) key[slot.offset + i] = frame[at + i];
}

function announce(key: Uint8Array, line: number): void {
  key[K.lines.offset] |= 1 << (line - 1);
}

/**
 * Zeroes what frames fill, keeps metadata: of line 0, of lines 3 and up, and the tunnel bytes at the end of line 2 if `lines` says on entry
 * that line 2 is present.
 */
export function clearHeaders(key: Uint8Array): void {
  key.fill(0, K.ethDst.offset, K.dpHash.offset);
  key.fill(0, LINE.ipv6 * LINE_BYTES, (LINE.ipv6 + 1) * LINE_BYTES);
  const line2 = key[K.lines.offset] & (1 << (LINE.l2 - 1));
  key.fill(0, LINE.l2 * LINE_BYTES, line2 ? LINE2_METADATA : (LINE.l2 + 1) * LINE_BYTES);
  key[K.lines.offset] &= ~(1 << (LINE.ipv6 - 1));
}

/**
 * Fills the header slots of `key` (DP_KEY_BYTES or longer) from an Ethernet frame, and sets the `lines` bits of the lines written. Up to `maxVlans`
 * (0 to 2) tags are read; the type of a further tag is then eth_type. False: the frame is shorter than an Ethernet header, and the
 * header slots are zero.
 */
export function extract(frame: Uint8Array, key: Uint8Array, maxVlans: number): boolean {
  clearHeaders(key);
  if (frame.length < ETH_HEADER) return false;
  copy(key, K.ethDst, frame, 0);
  copy(key, K.ethSrc, frame, 6);

  let at = 12;
  for (let n = 0; n < maxVlans && n < 2 && isVlan(u16(frame, at)) && frame.length - at >= 6; n++, at += 4) {
    put(key, n === 0 ? K.vlanTpid : K.vlan2Tpid, u16(frame, at));
    put(key, n === 0 ? K.vlanTci : K.vlan2Tci, u16(frame, at + 2) | VLAN_CFI);
    if (n === 1) announce(key, LINE.l2);
  }
  let type = u16(frame, at);
  at += 2;
  if (type < ETH_TYPE_MIN) {
    type = snapType(frame, at);
    if (type !== ETH_TYPE_NONE) at += 8;
  }
  put(key, K.ethType, type);

  if (type === 0x0800) ipv4(frame, at, key);
  else if (type === 0x86dd) ipv6(frame, at, key);
  else if (type === 0x0806 || type === 0x8035) arp(frame, at, key);
  else if (type === 0x8847 || type === 0x8848) mpls(frame, at, key);
  else if (type === 0x894f) nsh(frame, at, key);
  return true;
}

const isVlan = (type: number): boolean => type === 0x8100 || type === 0x88a8;

/** The type behind 802.2 LLC and SNAP. */
function snapType(frame: Uint8Array, at: number): number {
  if (frame.length - at < 8 || SNAP.some((b, i) => frame[at + i] !== b)) return ETH_TYPE_NONE;
  const type = u16(frame, at + 6);
  return type < ETH_TYPE_MIN ? ETH_TYPE_NONE : type;
}

function ipv4(frame: Uint8Array, at: number, key: Uint8Array): void {
  const left = frame.length - at;
  if (left < 20) return;
  const header = (frame[at] & 0x0f) * 4;
  const total = u16(frame, at + 2);
  if (header < 20 || total < header || total > left || left - total > MAX_PADDING) return;
  copy(key, K.nwSrc, frame, at + 12);
  copy(key, K.nwDst, frame, at + 16);
  copy(key, K.nwProto, frame, at + 9);
  copy(key, K.nwTos, frame, at + 1);
  copy(key, K.nwTtl, frame, at + 8);
  const fragment = u16(frame, at + 6) & 0x3fff;
  if (fragment !== 0) key[K.nwFrag.offset] = fragment & 0x1fff ? FRAG.any | FRAG.later : FRAG.any;
  if (!(fragment & 0x1fff)) transport(frame, at + header, at + total, key, frame[at + 9]);
}

function ipv6(frame: Uint8Array, at: number, key: Uint8Array): void {
  const left = frame.length - at;
  if (left < 40) return;
  const payload = u16(frame, at + 4);
  if (40 + payload > left || left - 40 - payload > MAX_PADDING) return;
  announce(key, LINE.ipv6);
  copy(key, K.ipv6Src, frame, at + 8);
  copy(key, K.ipv6Dst, frame, at + 24);
  const end = at + 40 + payload;
  const chain = walkIpv6(frame, at + 40, end, frame[at + 6]);
  if (!chain) return;
  copy(key, K.ipv6Label, frame, at);
  key[K.ipv6Label.offset] = 0;
  key[K.ipv6Label.offset + 1] &= 0x0f;
  key[K.nwProto.offset] = chain.proto;
  key[K.nwTos.offset] = u16(frame, at) >> 4;
  key[K.nwTtl.offset] = frame[at + 7];
  key[K.nwFrag.offset] = chain.frag;
  if (!(chain.frag & FRAG.later)) transport(frame, chain.at, end, key, chain.proto);
}

/**
 * Follows extension headers from `at`, where a header of type `proto` begins, to the first that is none. Undefined: the chain runs past `end`.
 * Each header is at least 8 bytes, so the walk ends after at most (end - at) / 8 steps. A later fragment ends it with proto 44.
 */
export function walkIpv6(
  frame: Uint8Array,
  at: number,
  end: number,
  proto: number,
): { at: number; proto: number; frag: number } | undefined {
  let frag = 0;
  for (;;) {
    if (!isExtension(proto)) return { at, proto, frag };
    if (end - at < 8) return undefined;
    const next = frame[at];
    if (proto === 44) {
      const offset = u16(frame, at + 2);
      if (offset !== 0) frag = offset & 0xfff8 ? FRAG.any | FRAG.later : FRAG.any;
      at += 8;
      if (frag & FRAG.later) return { at, proto: 44, frag };
    } else {
      const bytes = proto === 51 ? (frame[at + 1] + 2) * 4 : (frame[at + 1] + 1) * 8;
      if (bytes > end - at) return undefined;
      at += bytes;
    }
    proto = next;
  }
}

/** Hop-by-hop, routing, fragment, authentication, destination options. */
const isExtension = (proto: number): boolean =>
  proto === 0 || proto === 43 || proto === 44 || proto === 51 || proto === 60;

/** By protocol number: bytes that must be there. */
const TRANSPORT: Readonly<Record<number, number>> = { 1: 8, 2: 8, 6: 20, 17: 8, 58: 8, 132: 12 };

function transport(frame: Uint8Array, at: number, end: number, key: Uint8Array, proto: number): void {
  const need = TRANSPORT[proto];
  if (need === undefined || end - at < need) return;
  if (proto === 1 || proto === 2 || proto === 58) {
    key[K.tpSrc.offset + 1] = frame[at];
    key[K.tpDst.offset + 1] = frame[at + 1];
    if (proto === 58 && (frame[at] === 135 || frame[at] === 136) && frame[at + 1] === 0) nd(frame, at, end, key);
    return;
  }
  if (proto === 6 && (frame[at + 12] >> 4 < 5 || (frame[at + 12] >> 4) * 4 > end - at)) return;
  copy(key, K.tpSrc, frame, at);
  copy(key, K.tpDst, frame, at + 2);
  if (proto === 6) put(key, K.tcpFlags, u16(frame, at + 12) & 0x0fff);
}

/** Neighbor solicitation and advertisement. A link-layer address given twice makes target and addresses void. */
function nd(frame: Uint8Array, at: number, end: number, key: Uint8Array): void {
  announce(key, LINE.ipv6);
  copy(key, K.ndReserved, frame, at + 4);
  if (end - at < 24) return;
  copy(key, K.ndTarget, frame, at + 8);
  for (let o = at + 24; end - o >= 8; o += frame[o + 1] * 8) {
    const bytes = frame[o + 1] * 8;
    if (bytes === 0 || bytes > end - o) return;
    const type = frame[o];
    if ((type !== 1 && type !== 2) || bytes !== 8) continue;
    const slot = type === 1 ? K.arpSha : K.arpTha;
    announce(key, LINE.l2);
    if (!isZero(key, slot.offset, slot.offset + 6)) {
      key.fill(0, K.ndTarget.offset, K.ndTarget.offset + 16);
      key.fill(0, K.arpSha.offset, K.arpTha.offset + 6);
      return;
    }
    copy(key, slot, frame, o + 2);
    if (key[K.ndOptionsType.offset] === 0) key[K.ndOptionsType.offset] = type;
  }
}

/** ARP and RARP of IPv4 over Ethernet. */
function arp(frame: Uint8Array, at: number, key: Uint8Array): void {
  if (frame.length - at < 28) return;
  if (u16(frame, at) !== 1 || u16(frame, at + 2) !== 0x0800 || frame[at + 4] !== 6 || frame[at + 5] !== 4) return;
  announce(key, LINE.l2);
  if (frame[at + 6] === 0) key[K.nwProto.offset] = frame[at + 7];
  copy(key, K.arpSha, frame, at + 8);
  copy(key, K.nwSrc, frame, at + 14);
  copy(key, K.arpTha, frame, at + 18);
  copy(key, K.nwDst, frame, at + 24);
}

/** The first three labels, up to the bottom of the stack. */
function mpls(frame: Uint8Array, at: number, key: Uint8Array): void {
  for (const slot of [K.mplsLse0, K.mplsLse1, K.mplsLse2]) {
    if (frame.length - at < 4) return;
    announce(key, LINE.l2);
    copy(key, slot, frame, at);
    if (frame[at + 2] & 1) return;
    at += 4;
  }
}

/** RFC 8300: version 0; context headers of MD type 1 only. */
function nsh(frame: Uint8Array, at: number, key: Uint8Array): void {
  const left = frame.length - at;
  if (left < 8) return;
  const first = u16(frame, at);
  const length = (first & 0x3f) * 4;
  const mdType = frame[at + 2];
  if (first >> 14 !== 0 || length > left) return;
  if ((mdType === 1 && length !== 24) || (mdType === 2 && length < 8)) return;
  announce(key, LINE.l2);
  key[K.nshFlags.offset] = (first >> 12) & 3;
  key[K.nshTtl.offset] = (first >> 6) & 0x3f;
  copy(key, K.nshMdtype, frame, at + 2);
  copy(key, K.nshNp, frame, at + 3);
  copy(key, K.nshPath, frame, at + 4);
  if (mdType !== 1) return;
  [K.nshC1, K.nshC2, K.nshC3, K.nshC4].forEach((slot, i) => {
    copy(key, slot, frame, at + 8 + 4 * i);
  });
}
