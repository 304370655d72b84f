/** The `set` action on frames, by kind of SET_KINDS. The C++ twins are native/action/set_*.cc. */
import { crc32c } from '../../packet/crc32c.js';
import type { SetKind } from '../action.js';
import type { Offload } from '../datapath.js';
import { type Headers, isMpls, isVlan, u16 } from './headers.js';
import { adjust, type ChecksumForm, patch, patchOdd } from './patch.js';

/** What a set works on. A header that is not there makes the set do nothing. */
export interface SetInput {
  readonly frame: Uint8Array;
  readonly headers: Headers;
  readonly offload: Offload;
  /** Tags that the switch sees. */
  readonly vlans: number;
  readonly value: Uint8Array;
  readonly mask: Uint8Array;
}

type FrameKind = Exclude<SetKind, 'skb_priority' | 'skb_mark' | 'tunnel'>;

export const SETS: Readonly<Record<FrameKind, (s: SetInput) => void>> = {
  eth: (s) => void patch(s.frame, 0, s.value, s.mask, 0, 12),
  vlan: setVlan,
  mpls: setMpls,
  arp: setArp,
  ipv4: setIpv4,
  ipv6: setIpv6,
  tcp: (s) => setPorts(s, 6),
  udp: (s) => setPorts(s, 17),
  sctp: setSctp,
  icmp: (s) => setIcmp(s, 1, 0x0800),
  icmpv6: (s) => setIcmp(s, 58, 0x86dd),
  nd: setNd,
  nd_ext: setNdExt,
  nsh: setNsh,
};

/** Offset of the checksum in a transport header. */
const CSUM_AT: Readonly<Record<number, number>> = { 1: 2, 6: 16, 17: 6, 58: 2, 132: 8 };

/** The frame's checksum at l4 is yet to be finished by whoever sends it. */
function pending(s: SetInput): boolean {
  const { l4, proto } = s.headers;
  return (s.offload.flags & 1) !== 0 && s.offload.csumStart === l4 && s.offload.csumOffset === CSUM_AT[proto];
}

function setVlan(s: SetInput): void {
  if (s.vlans === 0 || s.frame.length < 18 || !isVlan(u16(s.frame, 12))) return;
  patch(s.frame, 14, s.value, Uint8Array.of(s.mask[0] & 0xef, s.mask[1]), 0, 2);
}

function setMpls(s: SetInput): void {
  if (isMpls(s.headers.type) && s.frame.length - s.headers.l3 >= 4) patch(s.frame, s.headers.l3, s.value, s.mask, 0, 4);
}

function setArp({ frame, headers, value, mask }: SetInput): void {
  const at = headers.l3;
  if ((headers.type !== 0x0806 && headers.type !== 0x8035) || frame.length - at < 28) return;
  if (u16(frame, at) !== 1 || u16(frame, at + 2) !== 0x0800 || frame[at + 4] !== 6 || frame[at + 5] !== 4) return;
  patch(frame, at + 14, value, mask, 0, 4);
  patch(frame, at + 24, value, mask, 4, 4);
  patch(frame, at + 6, value, mask, 8, 2);
  patch(frame, at + 8, value, mask, 10, 6);
  patch(frame, at + 18, value, mask, 16, 6);
}

/** Addresses changed by `delta` under the pseudo-header of TCP, UDP and ICMPv6. */
function adjustPseudo(s: SetInput, delta: number): void {
  const { l4, proto, type } = s.headers;
  if (l4 < 0 || (proto !== 6 && proto !== 17 && !(proto === 58 && type === 0x86dd))) return;
  const form: ChecksumForm = pending(s) ? 'pseudo' : proto === 17 ? 'udp' : 'complete';
  adjust(s.frame, l4 + CSUM_AT[proto], delta, form);
}

/** Bytes of the transport header itself changed. */
function adjustTransport(s: SetInput, delta: number): void {
  if (!pending(s)) {
    const { l4, proto } = s.headers;
    adjust(s.frame, l4 + CSUM_AT[proto], delta, proto === 17 ? 'udp' : 'complete');
  }
}

function setIpv4(s: SetInput): void {
  const { frame, headers, value, mask } = s;
  if (!headers.ip || headers.type !== 0x0800) return;
  const addresses = patch(frame, headers.l3 + 12, value, mask, 0, 8);
  const tos = patchOdd(frame, headers.l3 + 1, value[9], mask[9]);
  const ttl = patch(frame, headers.l3 + 8, value, mask, 10, 1);
  adjust(frame, headers.l3 + 10, addresses + tos + ttl, 'complete');
  adjustPseudo(s, addresses);
}

function setIpv6(s: SetInput): void {
  const { frame, headers, value, mask } = s;
  if (!headers.ip || headers.type !== 0x86dd) return;
  const at = headers.l3;
  const src = patch(frame, at + 8, value, mask, 0, 16);
  const dst = patch(frame, at + 24, value, mask, 16, 16);
  // version 4 bits, traffic class 8, label 20
  const [, l1, l2, l3] = value.subarray(32, 36);
  const [, m1, m2, m3] = mask.subarray(32, 36);
  const word = (tclass: number, b1: number, b2: number, b3: number) =>
    Uint8Array.of(tclass >> 4, ((tclass & 0x0f) << 4) | (b1 & 0x0f), b2, b3);
  patch(frame, at, word(value[37], l1, l2, l3), word(mask[37], m1, m2, m3), 0, 4);
  patch(frame, at + 7, value, mask, 38, 1);
  adjustPseudo(s, headers.routed ? src : src + dst);
}

function setPorts(s: SetInput, proto: number): void {
  const { l4 } = s.headers;
  if (l4 >= 0 && s.headers.proto === proto) adjustTransport(s, patch(s.frame, l4, s.value, s.mask, 0, 4));
}

/** CRC32-C is linear: what the ports change in it is the same whether it was right or wrong before, and a wrong one stays wrong. */
function setSctp(s: SetInput): void {
  const { l4, l4End, proto } = s.headers;
  if (l4 < 0 || proto !== 132) return;
  const body = s.frame.subarray(l4, l4End);
  const before = crc32c(0, body);
  patch(s.frame, l4, s.value, s.mask, 0, 4);
  if (pending(s)) return;
  const change = before ^ crc32c(0, body);
  for (let i = 0; i < 4; i++) s.frame[l4 + 8 + i] ^= change >>> (8 * i);
}

function setIcmp(s: SetInput, proto: number, type: number): void {
  const { l4 } = s.headers;
  if (l4 < 0 || s.headers.proto !== proto || s.headers.type !== type) return;
  adjustTransport(s, patch(s.frame, l4, s.value, s.mask, 0, 2));
}

/** Offset of the neighbor discovery message, or -1. */
function ndAt({ frame, headers }: SetInput): number {
  const { l4, proto, type } = headers;
  if (l4 < 0 || proto !== 58 || type !== 0x86dd) return -1;
  return (frame[l4] === 135 || frame[l4] === 136) && frame[l4 + 1] === 0 ? l4 : -1;
}

/** Offsets of the link-layer address options. */
function linkOptions({ frame, headers }: SetInput): number[] {
  const found: number[] = [];
  for (let o = headers.l4 + 24; headers.l4End - o >= 8; ) {
    const bytes = frame[o + 1] * 8;
    if (bytes === 0 || bytes > headers.l4End - o) break;
    if ((frame[o] === 1 || frame[o] === 2) && bytes === 8) found.push(o);
    o += bytes;
  }
  return found;
}

function setNd(s: SetInput): void {
  const { frame, headers, value, mask } = s;
  const at = ndAt(s);
  if (at < 0 || headers.l4End - at < 24) return;
  let delta = patch(frame, at + 8, value, mask, 0, 16);
  for (const o of linkOptions(s)) delta += patch(frame, o + 2, value, mask, frame[o] === 1 ? 16 : 22, 6);
  adjustTransport(s, delta);
}

function setNdExt(s: SetInput): void {
  const { frame, value, mask } = s;
  const at = ndAt(s);
  if (at < 0) return;
  let delta = patch(frame, at + 4, value, mask, 0, 4);
  const [first] = linkOptions(s);
  if (first !== undefined) delta += patch(frame, first, value, mask, 4, 1);
  adjustTransport(s, delta);
}

/** RFC 8300: version 2 bits, flags 2, TTL 6, length 6; MD type, next protocol; path; context headers of MD type 1. */
function setNsh({ frame, headers, value, mask }: SetInput): void {
  const at = headers.l3;
  const left = frame.length - at;
  if (headers.type !== 0x894f || left < 8) return;
  const first = u16(frame, at);
  const length = (first & 0x3f) * 4;
  const mdType = frame[at + 2];
  if (first >> 14 !== 0 || length > left || (mdType === 1 && length !== 24) || (mdType === 2 && length < 8)) return;
  const word = (flags: number, ttl: number) => Uint8Array.of(((flags & 3) << 4) | ((ttl & 0x3f) >> 2), (ttl & 3) << 6);
  patch(frame, at, word(value[0], value[1]), word(mask[0], mask[1]), 0, 2);
  patch(frame, at + 4, value, mask, 4, mdType === 1 ? 20 : 4);
}
