/**
 * The inverse of extraction: a frame whose extraction gives a key. For packets that are made from a flow: `ofproto/trace` by text, packet-out
 * tests, witnesses of a megaflow. What a key does not say is filled with what is plain (no options, zero payload, right checksums). A key that no
 * frame has (ports without a protocol, say) gives the nearest frame.
 */
import { get16, get32, isZero } from '../lib/bytes.js';
import * as b from './build.js';
import { ETH_TYPE_NONE } from './extract.js';
import { FRAG, K, type Slot, VLAN_CFI } from './key.js';
import { fragmentExtension } from './wire/ipv6.js';
import { ND_OPTION } from './wire/nd.js';
import { ETH_TYPE, IP_PROTO } from './wire/wire.js';

/** `payloadLength`: bytes behind the last header that the key speaks of. */
export function frameFromKey(key: Uint8Array, payloadLength = 0): Uint8Array {
  const layers = [b.eth({ dst: bytes(key, K.ethDst), src: bytes(key, K.ethSrc) })];
  for (const [tci, tpid] of [
    [K.vlanTci, K.vlanTpid],
    [K.vlan2Tci, K.vlan2Tpid],
  ]) {
    const v = u16(key, tci);
    if (!(v & VLAN_CFI)) break;
    layers.push(tagLayer(v, u16(key, tpid) || ETH_TYPE.vlan));
  }
  return b.build([...layers, ...network(key, payloadLength, layers.length - 1)]);
}

const u8 = (key: Uint8Array, s: Slot): number => key[s.offset];
const u16 = (key: Uint8Array, s: Slot): number => get16(key, s.offset);
const u32 = (key: Uint8Array, s: Slot): number => get32(key, s.offset);
const bytes = (key: Uint8Array, s: Slot): Uint8Array => key.slice(s.offset, s.offset + s.bytes);

/** The key's tci has its DEI bit lost to the presence bit. */
const tagLayer = (tci: number, tpid: number): b.Layer => b.tag({ vid: tci & 0xfff, pcp: tci >> 13, tpid });

function network(key: Uint8Array, payloadLength: number, tags: number): b.Layer[] {
  const ethType = u16(key, K.ethType);
  const zeros = b.payload(new Uint8Array(payloadLength), { ethType });
  switch (ethType) {
    case ETH_TYPE.ipv4:
      return ipv4(key, payloadLength);
    case ETH_TYPE.ipv6:
      return ipv6(key, payloadLength);
    case ETH_TYPE.arp:
    case ETH_TYPE.rarp: {
      const [sha, spa, tha, tpa] = [K.arpSha, K.nwSrc, K.arpTha, K.nwDst].map((s) => bytes(key, s));
      return [b.arpLayer({ op: u8(key, K.nwProto), sha, spa, tha, tpa }, ethType), zeros];
    }
    case ETH_TYPE.mpls:
    case ETH_TYPE.mplsMulticast:
      return [...labels(key, ethType === ETH_TYPE.mplsMulticast), zeros];
    case ETH_TYPE.nsh:
      return [nsh(key), zeros];
    case ETH_TYPE.vlan:
    case ETH_TYPE.qinq:
      // A tag that was not read: behind fewer than two it can only be one that was cut off.
      return tags < 2 ? [b.payload(new Uint8Array(0), { ethType })] : [zeros];
    case ETH_TYPE_NONE: {
      const llc = new Uint8Array(Math.max(3, payloadLength));
      llc.set([0x42, 0x42, 0x03]);
      return [b.payload(llc, { ethType: Math.min(llc.length, ETH_TYPE_NONE) })];
    }
    default:
      return [zeros];
  }
}

function ipv4(key: Uint8Array, payloadLength: number): b.Layer[] {
  const frag = u8(key, K.nwFrag);
  const later = (frag & FRAG.later) !== 0;
  return [
    b.ip4({
      src: bytes(key, K.nwSrc),
      dst: bytes(key, K.nwDst),
      proto: u8(key, K.nwProto),
      tos: u8(key, K.nwTos),
      ttl: u8(key, K.nwTtl),
      moreFragments: (frag & FRAG.any) !== 0 && !later,
      fragmentOffset: later ? 1480 : 0,
    }),
    ...(later ? [] : transport(key)),
    b.payload(new Uint8Array(payloadLength)),
  ];
}

function ipv6(key: Uint8Array, payloadLength: number): b.Layer[] {
  const frag = u8(key, K.nwFrag);
  const later = (frag & FRAG.later) !== 0;
  return [
    b.ip6({
      src: bytes(key, K.ipv6Src),
      dst: bytes(key, K.ipv6Dst),
      // Of a later fragment the key tells only that it is one.
      proto: later ? IP_PROTO.none : u8(key, K.nwProto),
      trafficClass: u8(key, K.nwTos),
      label: u32(key, K.ipv6Label),
      hopLimit: u8(key, K.nwTtl),
      extensions: frag & FRAG.any ? [fragmentExtension(later ? 1480 : 0, !later, 1)] : [],
    }),
    ...(later ? [] : transport(key)),
    b.payload(new Uint8Array(payloadLength)),
  ];
}

function transport(key: Uint8Array): b.Layer[] {
  const [src, dst] = [u16(key, K.tpSrc), u16(key, K.tpDst)];
  switch (u8(key, K.nwProto)) {
    case IP_PROTO.tcp:
      return [b.tcpLayer({ src, dst, flags: u16(key, K.tcpFlags) })];
    case IP_PROTO.udp:
      return [b.udpLayer({ src, dst })];
    case IP_PROTO.sctp:
      return [b.sctpLayer({ src, dst })];
    case IP_PROTO.icmp:
      return [b.icmp4Layer({ type: src, code: dst })];
    case IP_PROTO.igmp:
      return [b.igmpLayer({ type: src, code: dst })];
    case IP_PROTO.icmpv6:
      return (src === 135 || src === 136) && dst === 0
        ? [neighbor(key, src)]
        : [b.icmp6Layer({ type: src, code: dst })];
    default:
      return [];
  }
}

function neighbor(key: Uint8Array, type: 135 | 136): b.Layer {
  const first = u8(key, K.ndOptionsType);
  const options = [
    { type: ND_OPTION.sourceLink, body: bytes(key, K.arpSha) },
    { type: ND_OPTION.targetLink, body: bytes(key, K.arpTha) },
  ].filter((o) => o.type === first || !isZero(o.body));
  if (first === ND_OPTION.targetLink) options.reverse();
  return b.ndLayer({ type, reserved: u32(key, K.ndReserved), target: bytes(key, K.ndTarget), options });
}

/** Labels up to the bottom of the stack, at most the three that a key has. */
function labels(key: Uint8Array, multicast: boolean): b.Layer[] {
  const out: b.Layer[] = [];
  for (const slot of [K.mplsLse0, K.mplsLse1, K.mplsLse2]) {
    const lse = u32(key, slot);
    const bottom = (lse & 0x100) !== 0;
    out.push(b.label({ label: lse >>> 12, tc: (lse >>> 9) & 7, bottom, ttl: lse & 0xff }, multicast));
    if (bottom) break;
  }
  return out;
}

function nsh(key: Uint8Array): b.Layer {
  const mdType = u8(key, K.nshMdtype);
  const out = new Uint8Array(mdType === 1 ? 24 : 8);
  const first = (u8(key, K.nshFlags) << 12) | (u8(key, K.nshTtl) << 6) | (out.length / 4);
  out.set([first >> 8, first & 0xff, mdType, u8(key, K.nshNp), ...bytes(key, K.nshPath)]);
  if (mdType === 1) {
    [K.nshC1, K.nshC2, K.nshC3, K.nshC4].forEach((s, i) => {
      out.set(bytes(key, s), 8 + 4 * i);
    });
  }
  return b.payload(out, { ethType: ETH_TYPE.nsh });
}
