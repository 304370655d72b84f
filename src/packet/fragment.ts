/**
 * Packets that are longer than their way takes: cut into fragments (RFC 791, RFC 8200), or answered with the length that would fit (RFC 1191, RFC 8201). The
 * C++ twin is native/packet/fragment.cc; the order of steps is the same.
 */
import { get16, put16, put32 } from '../lib/bytes.js';
import { addBytes, checksum, finish, pseudoSum } from './checksum.js';
import { ETH_TYPE, IP_PROTO } from './wire/wire.js';

const FRAG = { dont: 0x4000, more: 0x2000, offset: 0x1fff } as const;
const IPV4 = 20;
const IPV6 = 40;
const FRAGMENT_HEADER = 8;

/** First byte of what is behind the link header. */
export function linkEnd(frame: Uint8Array): number {
  let at = 12;
  while (frame.length >= at + 6 && (get16(frame, at) === 0x8100 || get16(frame, at) === 0x88a8)) at += 4;
  return at + 2;
}

/** Where what may be cut stands. */
interface Layout {
  readonly header: number;
  /** Of the payload, from the frame's first byte. */
  readonly from: number;
  readonly end: number;
}

function layout4(f: Uint8Array, l3: number): Layout | undefined {
  if (f.length < l3 + IPV4) return undefined;
  const header = (f[l3] & 0x0f) * 4;
  const total = get16(f, l3 + 2);
  const field = get16(f, l3 + 6);
  if (f[l3] >> 4 !== 4 || header < IPV4 || total < header || total > f.length - l3 || field & FRAG.dont)
    return undefined;
  // An offset that no fragment can have.
  if ((field & FRAG.offset) * 8 + total - header > 0xffff) return undefined;
  return { header, from: l3 + header, end: l3 + total };
}

function layout6(f: Uint8Array, l3: number): Layout | undefined {
  if (f.length < l3 + IPV6 || f[l3] >> 4 !== 6 || get16(f, l3 + 4) > f.length - l3 - IPV6) return undefined;
  return { header: IPV6 + FRAGMENT_HEADER, from: l3 + IPV6, end: l3 + IPV6 + get16(f, l3 + 4) };
}

/**
 * Fragments of at most `mtu` L3 bytes of the IP packet at `l3`, each a frame with the same link header. IPv6: `id` names the packet, whose payload follows
 * its first header. Undefined: it says that it may not be cut (IPv4), is malformed, or `mtu` is too small for any. Checksums inside are to be finished before.
 */
export function fragment(frame: Uint8Array, l3: number, mtu: number, id: number): Uint8Array[] | undefined {
  const v6 = frame[l3] >> 4 === 6;
  const h = v6 ? layout6(frame, l3) : layout4(frame, l3);
  const step = h ? (mtu - h.header) & ~7 : 0;
  if (!h || step < 8) return undefined;
  const out: Uint8Array[] = [];
  for (let at = h.from; at < h.end; at += step) {
    const stop = Math.min(at + step, h.end);
    const s = new Uint8Array(l3 + h.header + stop - at);
    s.set(frame.subarray(0, h.from));
    s.set(frame.subarray(at, stop), l3 + h.header);
    if (v6) finish6(s, l3, id, at - h.from, stop < h.end);
    else finish4(s, l3, h.header, at - h.from, stop < h.end);
    out.push(s);
  }
  return out;
}

function finish4(s: Uint8Array, l3: number, header: number, offset: number, more: boolean): void {
  const field = get16(s, l3 + 6);
  put16(s, l3 + 2, s.length - l3);
  put16(s, l3 + 6, ((field & FRAG.offset) + offset / 8) | (more || field & FRAG.more ? FRAG.more : 0));
  if (offset > 0) firstOnly(s, l3 + IPV4, l3 + header);
  put16(s, l3 + 10, 0);
  put16(s, l3 + 10, checksum(s, l3, l3 + header));
}

/** Options that are for the first fragment alone become no-ops. */
function firstOnly(s: Uint8Array, from: number, end: number): void {
  for (let at = from; at < end && s[at] !== 0; ) {
    if (s[at] === 1) {
      at++;
      continue;
    }
    const length = at + 1 < end ? s[at + 1] : 0;
    if (length < 2 || length > end - at) return;
    if (!(s[at] & 0x80)) s.fill(1, at, at + length);
    at += length;
  }
}

function finish6(s: Uint8Array, l3: number, id: number, offset: number, more: boolean): void {
  put16(s, l3 + 4, s.length - l3 - IPV6);
  s[l3 + IPV6] = s[l3 + 6];
  s[l3 + IPV6 + 1] = 0;
  put16(s, l3 + IPV6 + 2, offset | (more ? 1 : 0));
  put32(s, l3 + IPV6 + 4, id >>> 0);
  s[l3 + 6] = IP_PROTO.fragment;
}

const ICMP = 8;
/** What an answer quotes: no more than makes it as long as every host takes (RFC 1812, RFC 4443). */
const QUOTED = { v4: 576 - IPV4 - ICMP, v6: 1280 - IPV6 - ICMP } as const;
/** ICMP types that are no errors: echo, router discovery, timestamps and the like. */
const QUERIES = new Set([0, 8, 9, 10, 13, 14, 15, 16, 17, 18]);
const INTERNET_CONTROL = 0xc0;
const HOPS = 64;

/**
 * The answer to the sender of a packet that says it may not be cut: "fragmentation needed" or "packet too big", with the most L3 bytes that fit. It comes from
 * whom the packet is for. Undefined: such a packet is not answered (RFC 1122, RFC 4443: no errors about errors, later fragments, nobody or everybody).
 */
export function tooBig(frame: Uint8Array, mtu: number): Uint8Array | undefined {
  const l3 = linkEnd(frame);
  if (frame.length < l3 || frame[0] & 1 || frame[6] & 1) return undefined;
  const type = get16(frame, l3 - 2);
  if (type === ETH_TYPE.ipv4) return answer4(frame, l3, mtu);
  return type === ETH_TYPE.ipv6 ? answer6(frame, l3, mtu) : undefined;
}

/** A frame back to who sent this one, with `header` bytes of IP and ICMP to be written and what is quoted behind. */
function back(frame: Uint8Array, l3: number, header: number, quoted: number): Uint8Array {
  const s = new Uint8Array(l3 + header + quoted);
  s.set(frame.subarray(0, l3));
  s.set(frame.subarray(6, 12), 0);
  s.set(frame.subarray(0, 6), 6);
  s.set(frame.subarray(l3, l3 + quoted), l3 + header);
  return s;
}

function answer4(f: Uint8Array, l3: number, mtu: number): Uint8Array | undefined {
  if (f.length < l3 + IPV4) return undefined;
  const header = (f[l3] & 0x0f) * 4;
  const total = get16(f, l3 + 2);
  if (f[l3] >> 4 !== 4 || header < IPV4 || total < header || total > f.length - l3) return undefined;
  const [src, dst] = [f[l3 + 12], f[l3 + 16]];
  if (get16(f, l3 + 6) & FRAG.offset || src === 0 || src === 127 || src >= 224 || dst >= 224) return undefined;
  if (f[l3 + 9] === IP_PROTO.icmp && (total === header || !QUERIES.has(f[l3 + header]))) return undefined;
  const quoted = Math.min(total, QUOTED.v4);
  const s = back(f, l3, IPV4 + ICMP, quoted);
  s.set([0x45, INTERNET_CONTROL], l3);
  put16(s, l3 + 2, s.length - l3);
  put16(s, l3 + 6, FRAG.dont);
  s.set([HOPS, IP_PROTO.icmp], l3 + 8);
  s.set(f.subarray(l3 + 16, l3 + 20), l3 + 12);
  s.set(f.subarray(l3 + 12, l3 + 16), l3 + 16);
  put16(s, l3 + 10, checksum(s, l3, l3 + IPV4));
  const icmp = l3 + IPV4;
  s.set([3, 4], icmp);
  put16(s, icmp + 6, mtu);
  put16(s, icmp + 2, checksum(s, icmp));
  return s;
}

function answer6(f: Uint8Array, l3: number, mtu: number): Uint8Array | undefined {
  if (f.length < l3 + IPV6 || f[l3] >> 4 !== 6 || get16(f, l3 + 4) > f.length - l3 - IPV6) return undefined;
  const total = IPV6 + get16(f, l3 + 4);
  const unspecified = f.subarray(l3 + 8, l3 + 24).every((b) => b === 0);
  if (f[l3 + 8] === 0xff || f[l3 + 24] === 0xff || unspecified) return undefined;
  if (f[l3 + 6] === IP_PROTO.icmpv6 && (total === IPV6 || f[l3 + IPV6] < 128)) return undefined;
  const quoted = Math.min(total, QUOTED.v6);
  const s = back(f, l3, IPV6 + ICMP, quoted);
  s[l3] = 0x60;
  put16(s, l3 + 4, ICMP + quoted);
  s.set([IP_PROTO.icmpv6, HOPS], l3 + 6);
  s.set(f.subarray(l3 + 24, l3 + 40), l3 + 8);
  s.set(f.subarray(l3 + 8, l3 + 24), l3 + 24);
  const icmp = l3 + IPV6;
  s.set([2, 0], icmp);
  put32(s, icmp + 4, mtu);
  const pseudo = pseudoSum(s.subarray(l3 + 8, l3 + 24), s.subarray(l3 + 24, l3 + 40), IP_PROTO.icmpv6, ICMP + quoted);
  put16(s, icmp + 2, finish(addBytes(pseudo, s, icmp)));
  return s;
}
