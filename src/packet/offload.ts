/**
 * Finishing in software what a sender left to a device: the checksum, and the cutting of a large TCP or UDP packet into segments. The
 * C++ twin is native/packet/offload.cc; a suite holds them equal. A frame that is not what its offload state says is refused, never guessed at.
 */
import { get16, get32, put16, put32 } from '../lib/bytes.js';
import { addBytes, finish, nonzero, pseudoSum } from './checksum.js';

/** The fields of struct virtio_net_hdr; src/datapath has the same shape. */
export interface OffloadState {
  readonly flags: number;
  readonly gsoType: number;
  readonly gsoSize: number;
  readonly csumStart: number;
  readonly csumOffset: number;
}

export const NEEDS_CSUM = 1;
export const GSO = { none: 0, tcp4: 1, udpFragments: 3, tcp6: 4, udpL4: 5, ecn: 0x80 } as const;

const FIN_PSH = 0x09;
const CWR = 0x80;

/**
 * Completes a NEEDS_CSUM checksum in place; without that flag does nothing. False: the place is outside the frame. 0xffff is written where 0 comes
 * out: every transport takes it, UDP must have it.
 */
export function finishChecksum(frame: Uint8Array, o: OffloadState): boolean {
  if (!(o.flags & NEEDS_CSUM)) return true;
  const field = o.csumStart + o.csumOffset;
  if (field + 2 > frame.length) return false;
  put16(frame, field, nonzero(finish(addBytes(0, frame, o.csumStart))));
  return true;
}

/** Where things stand in a packet to be cut, from its first byte. `dst`: the address that the transport checksum covers. */
interface Layout {
  l3: number;
  l4: number;
  payload: number;
  end: number;
  dst: number;
  v6: boolean;
  tcp: boolean;
}

type Network = Pick<Layout, 'l4' | 'end' | 'dst'>;

function findIpv4(f: Uint8Array, l3: number, proto: number): Network | undefined {
  if (f.length - l3 < 20) return undefined;
  const header = (f[l3] & 0x0f) * 4;
  const total = get16(f, l3 + 2);
  if (header < 20 || total < header || total > f.length - l3) return undefined;
  if (get16(f, l3 + 6) & 0x3fff || f[l3 + 9] !== proto) return undefined;
  return { l4: l3 + header, end: l3 + total, dst: l3 + 16 };
}

/** Hop-by-hop, routing and destination options are repeated in each segment. A fragment cannot be cut, and what AH has signed neither. */
function findIpv6(f: Uint8Array, l3: number, proto: number): Network | undefined {
  if (f.length - l3 < 40 || get16(f, l3 + 4) > f.length - l3 - 40) return undefined;
  const end = l3 + 40 + get16(f, l3 + 4);
  let dst = l3 + 24;
  let l4 = l3 + 40;
  let next = f[l3 + 6];
  while (next === 0 || next === 43 || next === 60) {
    if (end - l4 < 8) return undefined;
    const bytes = (f[l4 + 1] + 1) * 8;
    if (bytes > end - l4) return undefined;
    // Segments left to travel: the last address of type 0, the first in place of types 2 and 4.
    if (next === 43 && f[l4 + 3] !== 0 && bytes >= 24) dst = l4 + (f[l4 + 2] === 0 ? bytes - 16 : 8);
    next = f[l4];
    l4 += bytes;
  }
  return next === proto ? { l4, end, dst } : undefined;
}

function find(f: Uint8Array, gso: number): Layout | undefined {
  if (gso !== GSO.tcp4 && gso !== GSO.tcp6 && gso !== GSO.udpL4) return undefined;
  let at = 12;
  while (f.length >= at + 2 && (get16(f, at) === 0x8100 || get16(f, at) === 0x88a8)) at += 4;
  if (f.length < at + 2) return undefined;
  const type = get16(f, at);
  const v6 = type === 0x86dd;
  const tcp = gso !== GSO.udpL4;
  if ((type !== 0x0800 && !v6) || (tcp && v6 !== (gso === GSO.tcp6))) return undefined;
  const net = (v6 ? findIpv6 : findIpv4)(f, at + 2, tcp ? 6 : 17);
  const least = tcp ? 20 : 8;
  if (!net || net.end - net.l4 < least) return undefined;
  const header = tcp ? (f[net.l4 + 12] >> 4) * 4 : 8;
  if (header < least || header > net.end - net.l4) return undefined;
  return { l3: at + 2, ...net, payload: net.l4 + header, v6, tcp };
}

/**
 * Cuts a frame with a GSO type into whole frames with complete headers and checksums. `mtu` bounds their L3 bytes: TCP is cut smaller for it; UDP
 * is not, because a datagram's size means something to its reader. Undefined: the headers are not what the type says, or do not fit.
 */
export function segment(frame: Uint8Array, o: OffloadState, mtu: number): Uint8Array[] | undefined {
  const h = o.gsoSize === 0 ? undefined : find(frame, o.gsoType & ~GSO.ecn);
  if (!h || mtu <= h.payload - h.l3) return undefined;
  const fits = mtu - (h.payload - h.l3);
  if (o.gsoSize > fits && !h.tcp) return undefined;
  const step = Math.min(o.gsoSize, fits);
  const checksummed = h.tcp || h.v6 || (o.flags & NEEDS_CSUM) !== 0 || get16(frame, h.l4 + 6) !== 0;
  const out: Uint8Array[] = [];
  for (let at = h.payload; at < h.end || out.length === 0; at += step) {
    const stop = Math.min(at + step, h.end);
    const s = new Uint8Array(h.payload + stop - at);
    s.set(frame.subarray(0, h.payload));
    s.set(frame.subarray(at, stop), h.payload);
    finishSegment(s, h, out.length, at - h.payload, stop === h.end, checksummed);
    out.push(s);
  }
  return out;
}

function finishSegment(s: Uint8Array, h: Layout, n: number, sent: number, last: boolean, checksummed: boolean): void {
  const bytes = s.length - h.l4;
  if (h.v6) {
    put16(s, h.l3 + 4, s.length - h.l3 - 40);
  } else {
    put16(s, h.l3 + 2, s.length - h.l3);
    put16(s, h.l3 + 4, get16(s, h.l3 + 4) + n);
    put16(s, h.l3 + 10, 0);
    put16(s, h.l3 + 10, finish(addBytes(0, s, h.l3, h.l4)));
  }
  if (h.tcp) {
    put32(s, h.l4 + 4, (get32(s, h.l4 + 4) + sent) % 2 ** 32);
    if (!last) s[h.l4 + 13] &= ~FIN_PSH;
    if (n !== 0) s[h.l4 + 13] &= ~CWR;
  } else {
    put16(s, h.l4 + 4, bytes);
  }
  const field = h.l4 + (h.tcp ? 16 : 6);
  put16(s, field, 0);
  if (!checksummed) return;
  const width = h.v6 ? 16 : 4;
  const from = h.l3 + (h.v6 ? 8 : 12);
  const pseudo = pseudoSum(s.subarray(from, from + width), s.subarray(h.dst, h.dst + width), h.tcp ? 6 : 17, bytes);
  const sum = finish(addBytes(pseudo, s, h.l4));
  put16(s, field, h.tcp ? sum : nonzero(sum));
}
