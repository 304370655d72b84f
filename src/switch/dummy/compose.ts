/**
 * The packet that OVS makes of a flow's text, byte for byte, so that captures compare. It is not the plainest one of that flow (src/packet/from-key.ts is
 * for that): what carries data has 64 bytes of it (0, 1, 2, ...), other packets end with their headers; SCTP has no checksum; a fragment of IPv6 has no
 * fragment header. Where a length is asked for there are zeros instead, and UDP counts them twice, as OVS does.
 */
import { get16, get32, putUint } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import * as b from '../../packet/build.js';
import { ETH_TYPE_NONE } from '../../packet/extract.js';
import { FRAG, K, type Slot, VLAN_CFI } from '../../packet/key.js';
import { ND_OPTION } from '../../packet/wire/nd.js';
import { ETH_TYPE, IP_PROTO } from '../../packet/wire/wire.js';

const DATA = Uint8Array.from({ length: 64 }, (_, i) => i);
/** Of 8 bytes each. */
const LATER_OFFSET = 100;
const FIN_SYN_RST = 0x07;
const ETH_HEADER = 14;
const MIN_LENGTH = 60;
/** Types of ICMP and ICMPv6 whose packets carry data. */
const ECHO: readonly number[] = [0, 8];
const ECHO6: readonly number[] = [128, 129];

const u8 = (key: Uint8Array, s: Slot): number => key[s.offset];
const u16 = (key: Uint8Array, s: Slot): number => get16(key, s.offset);
const bytes = (key: Uint8Array, s: Slot): Uint8Array => key.slice(s.offset, s.offset + s.bytes);

/** `length`: of the whole frame, at least Ethernet's; headers that are longer stay whole. Throws UserError. */
export function compose(key: Uint8Array, length?: number): Uint8Array {
  if (length === undefined) return b.build(layers(key, DATA));
  if (length < MIN_LENGTH) throw new UserError('too small packet len');
  const extra = Math.max(0, length - b.build(layers(key, undefined)).length);
  const frame = b.build([...layers(key, undefined, extra), b.payload(new Uint8Array(extra))]);
  // An 802.3 frame is what its length says.
  if (isUntyped(key)) putUint(frame, 12, 2, length);
  return frame;
}

function isUntyped(key: Uint8Array): boolean {
  const ethType = u16(key, K.ethType);
  return (ethType === 0 || ethType === ETH_TYPE_NONE) && u16(key, K.vlanTci) === 0;
}

/** `data`: for packets that carry some. `extra`: bytes that will follow the headers. */
function layers(key: Uint8Array, data: Uint8Array | undefined, extra = 0): b.Layer[] {
  const out = [b.eth({ dst: bytes(key, K.ethDst), src: bytes(key, K.ethSrc) })];
  const tci = u16(key, K.vlanTci);
  if (tci & VLAN_CFI) {
    out.push(b.tag({ vid: tci & 0xfff, pcp: tci >> 13, tpid: u16(key, K.vlanTpid) || ETH_TYPE.vlan }));
  }
  // One tag is all that is looked at.
  const inner = u16(key, K.vlan2Tci) & VLAN_CFI ? u16(key, K.vlan2Tpid) : 0;
  if (inner) return [...out, b.payload(new Uint8Array(0), { ethType: inner })];
  return [...out, ...network(key, data, extra)];
}

function network(key: Uint8Array, data: Uint8Array | undefined, extra: number): b.Layer[] {
  const ethType = u16(key, K.ethType);
  switch (ethType) {
    case ETH_TYPE.ipv4:
    case ETH_TYPE.ipv6:
      return [ethType === ETH_TYPE.ipv4 ? ipv4(key) : ipv6(key), ...transport(key, data, extra)];
    case ETH_TYPE.arp: {
      const [sha, spa, tha, tpa] = [K.arpSha, K.nwSrc, K.arpTha, K.nwDst].map((s) => bytes(key, s));
      return [b.arpLayer({ op: u8(key, K.nwProto), sha, spa, tha, tpa })];
    }
    case ETH_TYPE.rarp: {
      const [mac, ip] = [new Uint8Array(6), new Uint8Array(4)];
      return [b.arpLayer({ op: u8(key, K.nwProto), sha: mac, spa: ip, tha: mac, tpa: ip }, ETH_TYPE.rarp)];
    }
    case ETH_TYPE.mpls:
    case ETH_TYPE.mplsMulticast:
      return labels(key, ethType);
    case 0:
    case ETH_TYPE_NONE:
      // Without a type: the length of a frame that is nothing but its header.
      return [b.payload(new Uint8Array(0), { ethType: isUntyped(key) ? ETH_HEADER : 0 })];
    default:
      return [b.payload(new Uint8Array(0), { ethType })];
  }
}

/** Up to the one that is the last. */
function labels(key: Uint8Array, ethType: number): b.Layer[] {
  const lses = [K.mplsLse0, K.mplsLse1, K.mplsLse2].map((s) => bytes(key, s));
  const last = lses.findIndex((lse) => lse[2] & 1);
  const all = last < 0 ? lses : lses.slice(0, last + 1);
  return all.map((lse) => b.payload(lse, { ethType }));
}

function ipv4(key: Uint8Array): b.Layer {
  const frag = u8(key, K.nwFrag);
  return b.ip4({
    src: bytes(key, K.nwSrc),
    dst: bytes(key, K.nwDst),
    proto: u8(key, K.nwProto),
    tos: u8(key, K.nwTos),
    ttl: u8(key, K.nwTtl),
    moreFragments: (frag & FRAG.any) !== 0,
    fragmentOffset: frag & FRAG.later ? LATER_OFFSET * 8 : 0,
  });
}

function ipv6(key: Uint8Array): b.Layer {
  return b.ip6({
    src: bytes(key, K.ipv6Src),
    dst: bytes(key, K.ipv6Dst),
    proto: u8(key, K.nwProto),
    trafficClass: u8(key, K.nwTos),
    label: get32(key, K.ipv6Label.offset),
    hopLimit: u8(key, K.nwTtl),
  });
}

function transport(key: Uint8Array, data: Uint8Array | undefined, extra: number): b.Layer[] {
  if (u8(key, K.nwFrag) & FRAG.later) return [];
  const [src, dst] = [u16(key, K.tpSrc), u16(key, K.tpDst)];
  const carried = (does: boolean): b.Layer[] => (data && does ? [b.payload(data)] : []);
  switch (u8(key, K.nwProto)) {
    case IP_PROTO.tcp: {
      const flags = u16(key, K.tcpFlags);
      return [b.tcpLayer({ src, dst, flags, window: 0 }), ...carried((flags & FIN_SYN_RST) === 0)];
    }
    case IP_PROTO.udp:
      return [b.udpLayer(extra > 0 ? { src, dst, length: 8 + 2 * extra } : { src, dst }), ...carried(true)];
    case IP_PROTO.sctp: {
      const header = new Uint8Array(12);
      putUint(header, 0, 2, src);
      putUint(header, 2, 2, dst);
      return [b.payload(header)];
    }
    case IP_PROTO.icmp:
      return [b.icmp4Layer({ type: src, code: dst }), ...carried(ECHO.includes(src))];
    case IP_PROTO.igmp:
      return [b.igmpLayer({ type: src, code: dst })];
    case IP_PROTO.icmpv6:
      if ((src === 135 || src === 136) && dst === 0) return [neighbor(key, src)];
      return [b.icmp6Layer({ type: src, code: dst }), ...carried(ECHO6.includes(src))];
    default:
      return [];
  }
}

function neighbor(key: Uint8Array, type: 135 | 136): b.Layer {
  const link = [
    { type: ND_OPTION.sourceLink, body: bytes(key, K.arpSha) },
    { type: ND_OPTION.targetLink, body: bytes(key, K.arpTha) },
  ];
  const options = link.filter((o) => o.body.some((byte) => byte !== 0));
  return b.ndLayer({ type, reserved: 0, target: bytes(key, K.ndTarget), options });
}
