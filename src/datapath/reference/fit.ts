/**
 * Packets that do not fit a tunnel's way once they have their header. The C++ twin is native/tunnel/fit.cc.
 *
 * Segments that a device was to cut are cut smaller. Where the tunnel's own packets may be cut (df_default=false) they are: the other end puts them together.
 * Else an IPv4 packet that may be cut itself is, and each fragment gets a header. What is left says of itself that it may not be cut: it is dropped, and its
 * sender is told what would fit by an ICMP message that arrives as if the other end of the tunnel had sent it, so that the flows which carry answers
 * carry this one.
 */
import { get16, get32, put16, put32 } from '../../lib/bytes.js';
import { K, LINE, LINE_BYTES, TUN_FLAG } from '../../packet/key.js';
import { ETH_TYPE } from '../../packet/wire/wire.js';
import { type DpAction, isGre } from '../action.js';
import { ETH_HEADER } from './headers.js';
import { forgetTunnel } from './tunnel.js';

type Push = Extract<DpAction, { type: 'tnl_push' }>;

/** Bytes of a packet that has no Ethernet header are without the room that its frame has for one. */
export function bytesOf(frame: { readonly length: number }, key: Uint8Array): number {
  return get32(key, K.packetType.offset) === 0 ? frame.length : Math.max(0, frame.length - ETH_HEADER);
}

/** Bytes of a frame, its Ethernet header included, that fit with the tunnel's header. */
export function roomOf({ fit, bare, header }: Push): number {
  return fit ? Math.max(0, fit.mtu + (bare ? 2 * ETH_HEADER : ETH_HEADER) - header.length) : Number.POSITIVE_INFINITY;
}

/** The key of a packet that the other end sends back, of type `bare` where it has no Ethernet header: addresses of the header, the other way round. */
export function answerKey(key: Uint8Array, a: Push, bare: number): void {
  const { header: h } = a;
  const v6 = get16(h, 12) === ETH_TYPE.ipv6;
  const l4 = ETH_HEADER + (v6 ? 40 : 20);
  forgetTunnel(key);
  key[K.lines.offset] |= 1 << (LINE.tunnel - 1);
  key.fill(0, LINE.tunnel * LINE_BYTES, (LINE.tunnel + 1) * LINE_BYTES);
  put32(key, K.inPort.offset, a.port);
  put32(key, K.packetType.offset, bare === 0 ? 0 : 0x10000 | bare);
  let flags = !v6 && h[ETH_HEADER + 6] & 0x40 ? TUN_FLAG.dontFragment : 0;
  if (v6) {
    key.set(h.subarray(ETH_HEADER + 24, ETH_HEADER + 40), K.tunIpv6Src.offset);
    key.set(h.subarray(ETH_HEADER + 8, ETH_HEADER + 24), K.tunIpv6Dst.offset);
  } else {
    key.set(h.subarray(ETH_HEADER + 16, ETH_HEADER + 20), K.tunSrc.offset);
    key.set(h.subarray(ETH_HEADER + 12, ETH_HEADER + 16), K.tunDst.offset);
  }
  key[K.tunTtl.offset] = h[v6 ? ETH_HEADER + 7 : ETH_HEADER + 8];
  if (isGre(a.kind)) {
    const said = get16(h, l4);
    if (said & 0x8000) flags |= TUN_FLAG.csum;
    if (said & 0x2000) {
      flags |= TUN_FLAG.key;
      put32(key, K.tunId.offset + 4, get32(h, l4 + (said & 0x8000 ? 8 : 4)));
    }
  } else {
    flags |= TUN_FLAG.key | (get16(h, l4 + 6) !== 0 ? TUN_FLAG.csum : 0);
    put32(key, K.tunId.offset + 4, get32(h, l4 + 12) >>> 8);
  }
  const answer = a.fit?.answer;
  if (answer !== undefined) {
    flags = answer === 'none' ? flags & ~TUN_FLAG.key : flags | TUN_FLAG.key;
    put32(key, K.tunId.offset + 4, answer === 'none' ? 0 : answer);
  }
  put16(key, K.tunFlags.offset, flags);
}
