/**
 * Tunnel headers on and off: VXLAN (RFC 7348, with group policy and generic protocol extensions), GRE (RFC 2784, 2890) and Geneve (RFC 8926), over
 * IPv4 and IPv6. The C++ twin is native/tunnel/tunnel.cc.
 *
 * On: the header was made when the flow was translated; here it gets what differs from packet to packet. A checksum inside that a device was to finish
 * stays unfinished where nothing outside covers it (csumStart counts from the frame's first byte), else it is finished first. A packet that was to be
 * cut by a device is cut before it comes here.
 *
 * Off: a packet that a device was to cut may be uncut inside (Linux hands up what it sends itself like that) or outside; the place of its checksum tells. What is
 * uncut inside stays so. Nothing that the outer headers say is believed before it was checked, in the order link, network, transport, tunnel; what one of
 * them leaves over at the end of the frame is cut off. An outer checksum that a device was to make, or has checked, is not looked at.
 */
import { addBytes, checksum, finish, fold, nonzero, pseudoSum } from '../../packet/checksum.js';
import { dpHash } from '../../packet/dp-hash.js';
import { walkIpv6 } from '../../packet/extract.js';
import { K, LINE, LINE_BYTES, TUN_FLAG } from '../../packet/key.js';
import { finishChecksum, GSO, NEEDS_CSUM } from '../../packet/offload.js';
import { IP_PROTO } from '../../packet/wire/wire.js';
import { type DpAction, isGre, type TunnelFormat } from '../action.js';
import { NO_OFFLOAD, type Offload } from '../datapath.js';
import { DROP } from '../drop-reasons.js';
import { ETH_HEADER, locate, u16 } from './headers.js';
import { put32 as putWord, writeLine } from './metadata.js';
import type { Packet } from './packet.js';
import { insert, put16, remove } from './push-pop.js';

type Push = Extract<DpAction, { type: 'tnl_push' }>;

const DATA_VALID = 2;
const UDP_BYTES = 8;
/** Outer source ports: the ephemeral range that Linux uses. */
const PORTS = { first: 32768, count: 28233 } as const;
const GRE = { checksum: 0x8000, key: 0x2000, sequence: 0x1000 } as const;
const TRANSPARENT_ETHERNET = 0x6558;
/** Smaller numbers are lengths. */
const FIRST_TYPE = 0x600;
/** Next protocols of VXLAN's generic protocol extension. */
const GPE_TYPES: Readonly<Record<number, number>> = { 1: 0x0800, 2: 0x86dd, 3: TRANSPARENT_ETHERNET, 4: 0x894f };

/**
 * Puts the header on. `counted` is called with the bytes of what is inside once nothing can go wrong any more, and says how many packets the tunnel has sent before. Returns 0 or why
 * not; then the packet is to be dropped.
 */
export function encapsulate(p: Packet, key: Uint8Array, a: Push, counted: (bytes: number) => number): number {
  const { header } = a;
  const v6 = u16(header, 12) === 0x86dd;
  const l4 = ETH_HEADER + (v6 ? 40 : 20);
  const udp = header[v6 ? ETH_HEADER + 6 : ETH_HEADER + 9] === IP_PROTO.udp;
  const checksummed = udp ? u16(header, l4 + 6) !== 0 : (u16(header, l4) & GRE.checksum) !== 0;
  const inside = a.bare ? ETH_HEADER : 0;
  if (p.frame.length < inside) return DROP.too_short;
  if (p.frame.length - inside + header.length - ETH_HEADER - (v6 ? 40 : 0) > 0xffff) return DROP.too_long;
  if (checksummed) {
    if (!finishChecksum(p.frame, p.offload)) return DROP.malformed;
    p.offload = NO_OFFLOAD;
  }
  if (p.headroom < header.length - inside) return DROP.no_headroom;
  const count = counted(p.frame.length - inside);
  insert(p, 0, header.length - inside);
  p.offload = unfinished(p.offload, p.offload.flags & NEEDS_CSUM);
  const { frame } = p;
  frame.set(header);
  if (v6) put16(frame, ETH_HEADER + 4, frame.length - l4);
  else {
    put16(frame, ETH_HEADER + 2, frame.length - ETH_HEADER);
    // Who may not be cut needs no name (RFC 6864).
    if (!(frame[ETH_HEADER + 6] & 0x40)) put16(frame, ETH_HEADER + 4, count & 0xffff);
    put16(frame, ETH_HEADER + 10, 0);
    put16(frame, ETH_HEADER + 10, checksum(frame, ETH_HEADER, l4));
  }
  if (udp) finishUdp(frame, l4, v6, checksummed, dpHash('l4', key, 0));
  else finishGre(frame, l4, checksummed, count);
  forgetTunnel(key);
  return 0;
}

/** Nothing but a checksum that is still to be made, if there is one. */
function unfinished({ csumStart, csumOffset }: Offload, flags: number): Offload {
  return flags === 0 ? NO_OFFLOAD : { ...NO_OFFLOAD, flags, csumStart, csumOffset };
}

/** Is the outer transport UDP? */
export function isUdp({ header }: Push): boolean {
  return header[u16(header, 12) === 0x86dd ? ETH_HEADER + 6 : ETH_HEADER + 9] === IP_PROTO.udp;
}

/** Datagrams that a device cuts a packet into, at most: Linux takes no more. */
const MAX_DATAGRAMS = 64;

/**
 * Puts packets with the same UDP header around them together again, as datagrams that a device may cut: so segments go through the rest of the switch, and
 * from one machine to another on the same host, as one. All are as long as the first, but for the last.
 */
export class Joined {
  private readonly parts: Uint8Array[];
  private readonly l4: number;
  private readonly unit: number;
  private closed = false;

  constructor(private readonly first: Packet) {
    const { frame } = first;
    this.l4 = ETH_HEADER + (u16(frame, 12) === 0x86dd ? 40 : 20);
    this.unit = frame.length - this.l4 - UDP_BYTES;
    this.parts = [frame];
  }

  /** False: it does not fit behind the others. */
  add({ frame }: Packet): boolean {
    const { l4, unit, parts, first } = this;
    const bytes = frame.length - l4 - UDP_BYTES;
    const room = 0xffff - (l4 - ETH_HEADER === 40 ? 0 : l4 - ETH_HEADER);
    if (this.closed || bytes > unit || parts.length === MAX_DATAGRAMS) return false;
    if (first.frame.length - l4 + (parts.length - 1) * unit + bytes > room) return false;
    parts.push(frame.slice(l4 + UDP_BYTES));
    this.closed = bytes < unit;
    return true;
  }

  /** What has become of them. */
  packet(): Packet {
    const { parts, l4, unit, first } = this;
    if (parts.length === 1) return first;
    const frame = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
    let at = 0;
    for (const p of parts) {
      frame.set(p, at);
      at += p.length;
    }
    const v6 = l4 - ETH_HEADER === 40;
    const length = frame.length - l4;
    if (v6) put16(frame, ETH_HEADER + 4, length);
    else {
      put16(frame, ETH_HEADER + 2, frame.length - ETH_HEADER);
      put16(frame, ETH_HEADER + 10, 0);
      put16(frame, ETH_HEADER + 10, checksum(frame, ETH_HEADER, l4));
    }
    put16(frame, l4 + 4, length);
    put16(frame, l4 + 6, fold(outerSum(frame, l4, v6, length)));
    const offload = {
      flags: NEEDS_CSUM,
      gsoType: GSO.udpL4,
      hdrLen: l4 + UDP_BYTES,
      gsoSize: unit,
      csumStart: l4,
      csumOffset: 6,
    };
    return { ...first, frame, offload };
  }
}

function finishUdp(frame: Uint8Array, l4: number, v6: boolean, checksummed: boolean, hash: number): void {
  put16(frame, l4, PORTS.first + Math.floor((hash * PORTS.count) / 2 ** 32));
  put16(frame, l4 + 4, frame.length - l4);
  if (!checksummed) return;
  put16(frame, l4 + 6, 0);
  put16(frame, l4 + 6, nonzero(finish(addBytes(outerSum(frame, l4, v6, frame.length - l4), frame, l4))));
}

/** Pseudo-header of outer UDP; the addresses stand right in front of it. */
function outerSum(frame: Uint8Array, l4: number, v6: boolean, length: number): number {
  const width = v6 ? 16 : 4;
  return pseudoSum(frame.subarray(l4 - 2 * width, l4 - width), frame.subarray(l4 - width, l4), IP_PROTO.udp, length);
}

function finishGre(frame: Uint8Array, l4: number, checksummed: boolean, count: number): void {
  const flags = u16(frame, l4);
  let at = l4 + 4 + (checksummed ? 4 : 0) + (flags & GRE.key ? 4 : 0);
  if (flags & GRE.sequence) for (let i = 0; i < 4; i++) frame[at++] = count >>> (24 - 8 * i);
  if (!checksummed) return;
  frame.fill(0, l4 + 4, l4 + 8);
  put16(frame, l4 + 4, checksum(frame, l4));
}

/** What the key says of a tunnel, a hash and connection tracking is not so any more. */
export function forgetTunnel(key: Uint8Array): void {
  key[K.lines.offset] &= (1 << (LINE.tunnel - 1)) - 1;
  key.fill(0, LINE.tunnel * LINE_BYTES);
  key.fill(0, K.tunErspanIdx.offset, LINE.tunnel * LINE_BYTES);
  putWord(key, K.dpHash, 0);
}

/** What the outer headers said so far. */
interface Outer {
  readonly l3: number;
  readonly v6: boolean;
  l4: number;
  end: number;
  flags: number;
}

/** Bytes from the outer IP header to the earliest inner transport header, by UDP. */
const INNER = { v4: 70, v6: 90 } as const;

/** Of a packet that a device was to cut: is it the packet inside? */
export function isUncutInside({ frame, offload }: Packet, kind: TunnelFormat['kind'], vlans: number): boolean {
  const gso = offload.gsoType & 0x7f;
  // Tunnels are UDP or GRE, so TCP is inside.
  if (gso === GSO.tcp4 || gso === GSO.tcp6 || isGre(kind)) return true;
  const { type, l3 } = locate(frame, vlans);
  return offload.csumStart >= l3 + (type === 0x86dd ? INNER.v6 : INNER.v4);
}

/** Takes the header off, and writes what it said into `key`. Returns 0 or why not; then nothing has changed. */
export function decapsulate(p: Packet, key: Uint8Array, port: number, f: TunnelFormat, vlans: number): number {
  const outer = network(p.frame, vlans, isGre(f.kind) ? IP_PROTO.gre : IP_PROTO.udp);
  if (typeof outer === 'number') return outer;
  const tun = new Uint8Array(key.length);
  const found = isGre(f.kind) ? gre(p, outer, tun, f) : udp(p, outer, tun, f);
  if (found.why !== 0) return found.why;
  const { frame } = p;
  describe(frame, outer, tun);
  const bare = found.type !== TRANSPARENT_ETHERNET;
  const inner = (p.offload.flags & NEEDS_CSUM) !== 0 && p.offload.csumStart >= found.at;
  if (!inner && p.offload.gsoType !== 0) return DROP.malformed;
  if (bare ? !f.bare || found.type < FIRST_TYPE : outer.end - found.at < ETH_HEADER) return DROP.tunnel_header;
  forgetTunnel(key);
  key.fill(0, K.packetType.offset, K.packetType.offset + 4);
  for (const line of [LINE.tunnel, 5, 6, 7, 8]) {
    const from = line * LINE_BYTES;
    if (line !== LINE.tunnel && tun.subarray(from, from + LINE_BYTES).every((b) => b === 0)) continue;
    writeLine(key, line);
    key.set(tun.subarray(from, from + LINE_BYTES), from);
  }
  putWord(key, K.inPort, port);
  p.frame = frame.subarray(0, outer.end);
  remove(p, 0, bare ? found.at - ETH_HEADER : found.at);
  p.offload = inner ? { ...p.offload, flags: NEEDS_CSUM } : NO_OFFLOAD;
  if (!bare) return 0;
  p.frame.fill(0, 0, 12);
  put16(p.frame, 12, found.type);
  putWord(key, K.packetType, 0x10000 | found.type);
  return 0;
}

/** Where the outer transport header stands; or a reason. */
function network(frame: Uint8Array, vlans: number, proto: number): Outer | number {
  const h = locate(frame, vlans);
  if (!h.ip || h.proto !== proto) return DROP.tunnel_header;
  const { l3, l4End: end } = h;
  if (h.type === 0x86dd) {
    const chain = walkIpv6(frame, l3 + 40, end, frame[l3 + 6]);
    if (!chain) return DROP.tunnel_header;
    return chain.frag !== 0 ? DROP.tunnel_fragment : { l3, v6: true, l4: chain.at, end, flags: 0 };
  }
  if (u16(frame, l3 + 6) & 0x3fff) return DROP.tunnel_fragment;
  const l4 = l3 + (frame[l3] & 0x0f) * 4;
  if (fold(addBytes(0, frame, l3, l4)) !== 0xffff) return DROP.tunnel_checksum;
  return { l3, v6: false, l4, end, flags: frame[l3 + 6] & 0x40 ? TUN_FLAG.dontFragment : 0 };
}

/** Addresses, TOS and TTL of the outer header, and the flags found. */
function describe(frame: Uint8Array, { l3, v6, flags }: Outer, tun: Uint8Array): void {
  if (v6) {
    tun.set(frame.subarray(l3 + 8, l3 + 40), K.tunIpv6Src.offset);
    tun[K.tunTos.offset] = (u16(frame, l3) >> 4) & 0xff;
    tun[K.tunTtl.offset] = frame[l3 + 7];
  } else {
    tun.set(frame.subarray(l3 + 12, l3 + 20), K.tunSrc.offset);
    tun[K.tunTos.offset] = frame[l3 + 1];
    tun[K.tunTtl.offset] = frame[l3 + 8];
  }
  put16(tun, K.tunFlags.offset, flags);
}

/** `at`: first byte of what is carried; `type`: what that is. */
interface Found {
  readonly why: number;
  readonly at: number;
  readonly type: number;
}
const refused = (why: number): Found => ({ why, at: 0, type: 0 });
const carried = (at: number, type: number): Found => ({ why: 0, at, type });

const unchecked = (p: Packet): boolean => (p.offload.flags & (NEEDS_CSUM | DATA_VALID)) !== 0;

function udp(p: Packet, o: Outer, tun: Uint8Array, f: TunnelFormat): Found {
  const { frame } = p;
  if (o.end - o.l4 < 16) return refused(DROP.tunnel_header);
  const length = u16(frame, o.l4 + 4);
  if (length < 16 || length > o.end - o.l4) return refused(DROP.tunnel_header);
  o.end = o.l4 + length;
  o.flags |= TUN_FLAG.key;
  if (u16(frame, o.l4 + 6) !== 0) {
    o.flags |= TUN_FLAG.csum;
    const { l3, v6 } = o;
    const [from, width] = v6 ? [l3 + 8, 16] : [l3 + 12, 4];
    const pseudo = pseudoSum(
      frame.subarray(from, from + width),
      frame.subarray(from + width, from + 2 * width),
      IP_PROTO.udp,
      length,
    );
    if (!unchecked(p) && fold(addBytes(pseudo, frame, o.l4, o.end)) !== 0xffff) return refused(DROP.tunnel_checksum);
  }
  tun.set(frame.subarray(o.l4 + 12, o.l4 + 15), K.tunId.offset + 5);
  return f.kind === 'geneve' ? geneve(frame, o, tun, f) : vxlan(frame, o.l4 + 8, tun, f);
}

function vxlan(frame: Uint8Array, at: number, tun: Uint8Array, f: TunnelFormat): Found {
  const [flags, policy] = [frame[at], frame[at + 1]];
  const group = f.gbp && (flags & 0x80) !== 0;
  const typed = f.gpe && (flags & 0x04) !== 0;
  const known = 0x08 | (group ? 0x80 : 0) | (typed ? 0x04 : 0);
  const type = typed ? GPE_TYPES[frame[at + 3]] : TRANSPARENT_ETHERNET;
  if (!(flags & 0x08) || flags !== known || frame[at + 7] !== 0 || type === undefined)
    return refused(DROP.tunnel_header);
  if (group) {
    tun[K.tunGbpFlags.offset] = policy & 0x48;
    tun.set(frame.subarray(at + 2, at + 4), K.tunGbpId.offset);
    if (policy & ~0x48) return refused(DROP.tunnel_header);
  } else if (policy !== 0 || frame[at + 2] !== 0 || (!typed && frame[at + 3] !== 0)) {
    return refused(DROP.tunnel_header);
  }
  return carried(at + 8, type);
}

function geneve(frame: Uint8Array, o: Outer, tun: Uint8Array, f: TunnelFormat): Found {
  const at = o.l4 + 8;
  const end = at + 8 + (frame[at] & 0x3f) * 4;
  if (frame[at] >> 6 !== 0 || end > o.end) return refused(DROP.tunnel_header);
  if (frame[at + 1] & 0x80) o.flags |= TUN_FLAG.oam;
  for (let i = at + 8; i < end; ) {
    const bytes = 4 + (frame[i + 3] & 0x1f) * 4;
    if (end - i < 4 || bytes > end - i) return refused(DROP.tunnel_header);
    const places = f.options.filter(
      (x) => x.optionClass === u16(frame, i) && x.optionType === frame[i + 2] && x.length === bytes - 4,
    );
    if (places.length === 0 && frame[i + 2] & 0x80) return refused(DROP.tunnel_header);
    // Bridges may have the same option under several numbers.
    for (const place of places) {
      tun.set(frame.subarray(i + 4, i + bytes), K.tunMetadata.offset + place.offset);
      tun[K.tunMdPresent.offset + 7 - (place.index >> 3)] |= 1 << (place.index & 7);
    }
    i += bytes;
  }
  return carried(end, u16(frame, at + 2));
}

function gre(p: Packet, o: Outer, tun: Uint8Array, f: TunnelFormat): Found {
  void f;
  const { frame } = p;
  if (o.end - o.l4 < 4) return refused(DROP.tunnel_header);
  const flags = u16(frame, o.l4);
  if (flags & ~(GRE.checksum | GRE.key | GRE.sequence)) return refused(DROP.tunnel_header);
  const width = (bit: number): number => (flags & bit ? 4 : 0);
  const at = o.l4 + 4 + width(GRE.checksum) + width(GRE.key) + width(GRE.sequence);
  if (at > o.end) return refused(DROP.tunnel_header);
  if (flags & GRE.checksum) {
    o.flags |= TUN_FLAG.csum;
    if (!unchecked(p) && fold(addBytes(0, frame, o.l4, o.end)) !== 0xffff) return refused(DROP.tunnel_checksum);
  }
  if (flags & GRE.key) {
    o.flags |= TUN_FLAG.key;
    const from = o.l4 + 4 + width(GRE.checksum);
    tun.set(frame.subarray(from, from + 4), K.tunId.offset + 4);
  }
  return carried(at, u16(frame, o.l4 + 2));
}
