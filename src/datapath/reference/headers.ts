/**
 * Where the headers of a frame are, for actions that rewrite them. A header is there exactly when extraction (src/packet/extract.ts) would
 * take it into the key, so that an action changes nothing that no flow could have seen. The C++ twin is native/action/headers.cc.
 */
import { walkIpv6 } from '../../packet/extract.js';

export const ETH_HEADER = 14;
const SNAP = [0xaa, 0xaa, 0x03, 0, 0, 0];
/** Bytes of transport headers by protocol number, as extraction asks for. */
const TRANSPORT: Readonly<Record<number, number>> = { 1: 8, 6: 20, 17: 8, 58: 8, 132: 12 };
const MAX_PADDING = 0xffff;

export interface Headers {
  /** Where the EtherType after VLAN tags stands. */
  typeAt: number;
  /** What follows the tags: 0x0800, ...; 0 for 802.2 without SNAP. */
  type: number;
  /** First byte after the EtherType. */
  l3: number;
  /** An IPv4 or IPv6 header (by `type`) is there. */
  ip: boolean;
  /** Transport header, or -1: not there, a later fragment, or none that actions know. */
  l4: number;
  /** End of what the IP header calls its payload. */
  l4End: number;
  proto: number;
  /** IPv6: a routing header with segments left; the checksum then covers its last address, not the destination. */
  routed: boolean;
}

export const u16 = (b: Uint8Array, at: number): number => (b[at] << 8) | b[at + 1];
export const isVlan = (type: number): boolean => type === 0x8100 || type === 0x88a8;
export const isMpls = (type: number): boolean => type === 0x8847 || type === 0x8848;

/** `vlans`: tags that may stand before the EtherType. The frame has at least an Ethernet header. */
export function locate(frame: Uint8Array, vlans: number): Headers {
  let at = 12;
  for (let n = 0; n < vlans && isVlan(u16(frame, at)) && frame.length - at >= 6; n++) at += 4;
  let type = u16(frame, at);
  if (type < 0x600) {
    const snap =
      frame.length - at >= 10 && SNAP.every((b, i) => frame[at + 2 + i] === b) && u16(frame, at + 8) >= 0x600;
    if (snap) at += 8;
    type = snap ? u16(frame, at) : 0;
  }
  const h: Headers = { typeAt: at, type, l3: at + 2, ip: false, l4: -1, l4End: 0, proto: 0, routed: false };
  if (type === 0x0800) ipv4(frame, h);
  else if (type === 0x86dd) ipv6(frame, h);
  return h;
}

function ipv4(frame: Uint8Array, h: Headers): void {
  const left = frame.length - h.l3;
  if (left < 20) return;
  const header = (frame[h.l3] & 0x0f) * 4;
  const total = u16(frame, h.l3 + 2);
  if (header < 20 || total < header || total > left || left - total > MAX_PADDING) return;
  h.ip = true;
  h.proto = frame[h.l3 + 9];
  h.l4End = h.l3 + total;
  if ((u16(frame, h.l3 + 6) & 0x1fff) === 0) transport(h, h.l3 + header);
}

function ipv6(frame: Uint8Array, h: Headers): void {
  const left = frame.length - h.l3;
  if (left < 40) return;
  const payload = u16(frame, h.l3 + 4);
  if (40 + payload > left || left - 40 - payload > MAX_PADDING) return;
  h.ip = true;
  h.l4End = h.l3 + 40 + payload;
  const chain = walkIpv6(frame, h.l3 + 40, h.l4End, frame[h.l3 + 6]);
  if (!chain) return;
  h.proto = chain.proto;
  h.routed = routed(frame, h.l3, chain.at);
  if (!(chain.frag & 2)) transport(h, chain.at);
}

/** A routing header with segments left, in a chain from the IPv6 header at `l3` to `end` that walkIpv6 accepted. */
function routed(frame: Uint8Array, l3: number, end: number): boolean {
  let proto = frame[l3 + 6];
  for (let at = l3 + 40; at < end; ) {
    if (proto === 43 && frame[at + 3] !== 0) return true;
    const bytes = proto === 44 ? 8 : proto === 51 ? (frame[at + 1] + 2) * 4 : (frame[at + 1] + 1) * 8;
    proto = frame[at];
    at += bytes;
  }
  return false;
}

function transport(h: Headers, at: number): void {
  const need = TRANSPORT[h.proto];
  if (need !== undefined && h.l4End - at >= need) h.l4 = at;
}
