/**
 * Datagrams that a device was to cut, each with a segment of one TCP stream in a tunnel: they become one packet that is uncut inside, as Linux hands up what it sends
 * itself. So a stream crosses from the host at one end to the host at the other in large packets, though it was cut on its way between the switches. The C++ twin is native/tunnel/merge.cc.
 *
 * All of them follow one another, or nothing is done: same headers, next sequence number, payload as long as the first one's but for the last, and checksums that
 * are right - afterwards nobody could tell any more that one was not. What a device cuts again is what was put together, but for pushes in the middle.
 */
import { get16, get32, put16 } from '../../lib/bytes.js';
import { addBytes, finish, fold, pseudoSum } from '../../packet/checksum.js';
import { GSO, NEEDS_CSUM } from '../../packet/offload.js';
import type { TunnelFormat } from '../action.js';
import type { Packet } from './packet.js';

const ETH_HEADER = 14;
const UDP_BYTES = 8;
const PROTO_TCP = 6;
const PROTO_UDP = 17;
const FIN = 0x01;
const PSH = 0x08;
const ACK = 0x10;

/** Offsets of a piece, from its tunnel header: the inner IP header, TCP header, payload. `size`: bytes of a whole piece. */
interface Shape {
  readonly start: number;
  readonly size: number;
  readonly end: number;
  readonly ip: number;
  readonly tcp: number;
  readonly payload: number;
  readonly v6: boolean;
}

/** True: it is one packet now. Else nothing has changed. For packets that are not uncut inside. */
export function merge(p: Packet, kind: TunnelFormat['kind']): boolean {
  const { frame } = p;
  const s = shape(frame, p.offload.gsoType & ~GSO.ecn, p.offload.gsoSize, kind);
  if (!s) return false;
  for (let at = s.start; at < s.end; at += s.size) if (!follows(frame, s, at)) return false;
  const unit = s.size - s.payload;
  let [to, flags] = [s.start + s.size, frame[s.start + s.tcp + 13]];
  for (let at = s.start + s.size; at < s.end; at += s.size) {
    const stop = Math.min(at + s.size, s.end);
    flags |= frame[at + s.tcp + 13];
    frame.copyWithin(to, at + s.payload, stop);
    to += stop - at - s.payload;
  }
  frame[s.start + s.tcp + 13] = flags;
  p.frame = frame.subarray(0, to);
  finishNetwork(p.frame, s.start + s.ip, s.start + s.tcp, s.v6);
  const sum = fold(tcpPseudo(frame, s, s.start, to));
  put16(frame, s.start + s.tcp + 16, sum);
  const udp = s.start - UDP_BYTES;
  finishNetwork(p.frame, ETH_HEADER, udp, udp === ETH_HEADER + 40);
  put16(frame, udp + 4, to - udp);
  put16(frame, udp + 6, 0xffff); // there was one, and it covered the pieces
  p.offload = {
    flags: NEEDS_CSUM,
    gsoType: s.v6 ? GSO.tcp6 : GSO.tcp4,
    hdrLen: s.start + s.payload,
    gsoSize: unit,
    csumStart: s.start + s.tcp,
    csumOffset: 16,
  };
  return true;
}

function shape(frame: Uint8Array, gso: number, size: number, kind: TunnelFormat['kind']): Shape | undefined {
  if (gso !== GSO.udpL4 || (kind !== 'vxlan' && kind !== 'geneve') || size === 0) return undefined;
  const end = outerEnd(frame);
  if (end === undefined) return undefined;
  const start = ETH_HEADER + (get16(frame, 12) === 0x86dd ? 40 : 20) + UDP_BYTES;
  if (end - start <= size || size < 8 + ETH_HEADER + 40) return undefined;
  const geneve = kind === 'geneve';
  // Only Ethernet has an inner header where it is looked for.
  if (geneve ? get16(frame, start + 2) !== 0x6558 : frame[start] & 0x04) return undefined;
  const ip = 8 + (geneve ? (frame[start] & 0x3f) * 4 : 0) + ETH_HEADER;
  if (size < ip + 20) return undefined;
  const type = get16(frame, start + ip - 2);
  const v6 = type === 0x86dd;
  if (!v6 && type !== 0x0800) return undefined;
  const tcp = ip + (v6 ? 40 : 20);
  if (size < tcp + 20) return undefined;
  const header = (frame[start + tcp + 12] >> 4) * 4;
  const payload = tcp + header;
  return header < 20 || size <= payload ? undefined : { start, size, end, ip, tcp, payload, v6 };
}

/** End of an outer UDP datagram of the plainest kind. */
function outerEnd(f: Uint8Array): number | undefined {
  const v6 = get16(f, 12) === 0x86dd;
  if (f.length < ETH_HEADER + (v6 ? 40 : 20) + UDP_BYTES) return undefined;
  const end = v6 ? ETH_HEADER + 40 + get16(f, 18) : ETH_HEADER + get16(f, 16);
  const plain = v6
    ? f[20] === PROTO_UDP
    : get16(f, 12) === 0x0800 && f[14] === 0x45 && f[23] === PROTO_UDP && !(get16(f, 20) & 0x3fff);
  return plain && end <= f.length ? end : undefined;
}

/** Is the piece at `at` the one that is due there? Of the first it is asked only whether it is right in itself. */
function follows(f: Uint8Array, s: Shape, at: number): boolean {
  const { start, ip, tcp, payload, v6 } = s;
  const bytes = Math.min(s.size, s.end - at);
  const last = at + bytes === s.end;
  const same = (from: number, to: number): boolean => {
    for (let i = from; i < to; i++) if (f[start + i] !== f[at + i]) return false;
    return true;
  };
  if (bytes <= payload || !same(0, ip + 2)) return false;
  const n = (at - start) / s.size;
  if (v6) {
    if (get16(f, at + ip + 4) !== bytes - tcp || f[at + ip + 6] !== PROTO_TCP) return false;
    if (!same(ip + 2, ip + 4) || !same(ip + 6, tcp)) return false;
  } else {
    if (f[at + ip] !== 0x45 || f[at + ip + 9] !== PROTO_TCP || get16(f, at + ip + 2) !== bytes - ip) return false;
    const bits = get16(f, at + ip + 6);
    if (bits & 0x3fff || !same(ip + 6, ip + 10) || !same(ip + 12, tcp)) return false;
    const named = ((get16(f, start + ip + 4) + n) & 0xffff) === get16(f, at + ip + 4);
    if (!named && !(bits & 0x4000)) return false;
    if (fold(addBytes(0, f, at + ip, at + tcp)) !== 0xffff) return false;
  }
  if (!same(tcp, tcp + 4) || !same(tcp + 8, tcp + 13) || !same(tcp + 14, tcp + 16) || !same(tcp + 18, payload))
    return false;
  const due = (get32(f, start + tcp + 4) + n * (s.size - payload)) >>> 0;
  const flags = f[at + tcp + 13];
  if (get32(f, at + tcp + 4) !== due || (flags & ~(FIN | PSH)) !== ACK || (flags & FIN && !last)) return false;
  return fold(addBytes(tcpPseudo(f, s, at, at + bytes), f, at + tcp, at + bytes)) === 0xffff;
}

/** Pseudo-header of the TCP packet in the piece at `at` that ends at `end`. */
function tcpPseudo(f: Uint8Array, { ip, tcp, v6 }: Shape, at: number, end: number): number {
  const width = v6 ? 16 : 4;
  const from = at + ip + (v6 ? 8 : 12);
  return pseudoSum(
    f.subarray(from, from + width),
    f.subarray(from + width, from + 2 * width),
    PROTO_TCP,
    end - at - tcp,
  );
}

/** Length and checksum of an IP header from `l3` to `l4`, of a packet that ends with the frame. */
function finishNetwork(f: Uint8Array, l3: number, l4: number, v6: boolean): void {
  if (v6) return put16(f, l3 + 4, f.length - l4);
  put16(f, l3 + 2, f.length - l3);
  put16(f, l3 + 10, 0);
  put16(f, l3 + 10, finish(addBytes(0, f, l3, l4)));
}
