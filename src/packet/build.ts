/**
 * Whole frames from layers, with lengths, types and checksums that are right: `build([eth({...}), ip4({...}), udpLayer({...}), payload(bytes)])`.
 * A layer says what it is called by the one before it (EtherType, IP protocol), so a type is given only where it lies on purpose.
 */
import { parseIpv4, parseIpv6, parseMac } from '../lib/address.js';
import { UserError } from '../lib/errors.js';
import { pseudoSum } from './checksum.js';
import { type Arp, arp } from './wire/arp.js';
import { type Ethernet, ethernet } from './wire/ethernet.js';
import { type Icmp, icmp } from './wire/icmp.js';
import { type Ipv4, ipv4 } from './wire/ipv4.js';
import { IPV6, type Ipv6, ipv6 } from './wire/ipv6.js';
import { type Mpls, mpls } from './wire/mpls.js';
import { type Nd, nd } from './wire/nd.js';
import { type Sctp, sctp } from './wire/sctp.js';
import { type Tcp, tcp } from './wire/tcp.js';
import { type Udp, udp } from './wire/udp.js';
import { type Vlan, vlan } from './wire/vlan.js';
import { ETH_TYPE, IP_PROTO, type Wire } from './wire/wire.js';

/** Bytes, or text as people write it. */
export type Address = Uint8Array | string;

export interface Layer {
  /** What the layer before calls this one. */
  readonly ethType?: number;
  readonly proto?: number;
  readonly length: number;
  /** `end`: where what this layer carries ends. */
  emit(out: Uint8Array, at: number, end: number, next: Layer | undefined): void;
  seal?(out: Uint8Array, at: number, end: number, pseudo: number): void;
  /** Sum of the pseudo-header for what this layer carries, given its protocol and length. */
  pseudo?(proto: number, length: number): number;
}

/** Composes. `minimum`: pads the frame with zeros behind everything to at least so many bytes (60 is Ethernet's). */
export function build(layers: readonly Layer[], minimum = 0): Uint8Array {
  const end = layers.reduce((n, l) => n + l.length, 0);
  const out = new Uint8Array(Math.max(end, minimum));
  const starts: number[] = [];
  let at = 0;
  for (const l of layers) {
    starts.push(at);
    at += l.length;
  }
  layers.forEach((l, i) => {
    l.emit(out, starts[i], end, layers[i + 1]);
  });
  for (let i = layers.length - 1; i >= 0; i--) {
    const l = layers[i];
    if (!l.seal) continue;
    const network = layers.slice(0, i).findLast((x) => x.pseudo);
    l.seal(out, starts[i], end, network?.pseudo?.(l.proto ?? 0, end - starts[i]) ?? 0);
  }
  return out;
}

function address(a: Address, parse: (text: string) => Uint8Array | undefined, what: string): Uint8Array {
  const bytes = typeof a === 'string' ? parse(a) : a;
  if (!bytes) throw new UserError(`"${a}" is not ${what}`);
  return bytes;
}
const mac = (a: Address): Uint8Array => address(a, parseMac, 'an Ethernet address');
const v4 = (a: Address): Uint8Array => address(a, parseIpv4, 'an IPv4 address');
const v6 = (a: Address): Uint8Array => address(a, parseIpv6, 'an IPv6 address');

/** A layer whose header depends on nothing but its value. */
function plain<V>(wire: Wire<V>, value: V, names: { ethType?: number; proto?: number } = {}): Layer {
  return {
    ...names,
    length: wire.length(value),
    emit: (out, at) => wire.emit(value, out, at),
    seal: wire.seal,
  };
}

type Given<V, Texts extends keyof V> = Partial<Omit<V, Texts>> & { readonly [K in Texts]: Address };

export function eth(o: Given<Ethernet, 'dst' | 'src'>): Layer {
  const dst = mac(o.dst);
  const src = mac(o.src);
  return {
    length: 14,
    emit: (out, at, _end, next) => ethernet.emit({ dst, src, type: o.type ?? next?.ethType ?? 0xffff }, out, at),
  };
}

export function tag(o: Partial<Vlan> & { readonly vid: number; readonly tpid?: number }): Layer {
  return {
    ethType: o.tpid ?? ETH_TYPE.vlan,
    length: 4,
    emit: (out, at, _end, next) =>
      vlan.emit({ pcp: 0, dei: false, ...o, type: o.type ?? next?.ethType ?? 0xffff }, out, at),
  };
}

export function arpLayer(o: Given<Arp, 'sha' | 'spa' | 'tha' | 'tpa'>, ethType: number = ETH_TYPE.arp): Layer {
  return plain(arp, { op: o.op ?? 1, sha: mac(o.sha), spa: v4(o.spa), tha: mac(o.tha), tpa: v4(o.tpa) }, { ethType });
}

export function ip4(o: Given<Ipv4, 'src' | 'dst'>): Layer {
  const value: Ipv4 = {
    proto: IP_PROTO.none,
    tos: 0,
    ttl: 64,
    id: 0,
    dontFragment: false,
    moreFragments: false,
    fragmentOffset: 0,
    options: new Uint8Array(0),
    totalLength: 0,
    ...o,
    src: v4(o.src),
    dst: v4(o.dst),
  };
  return {
    ethType: ETH_TYPE.ipv4,
    proto: 4,
    length: ipv4.length(value),
    emit: (out, at, end, next) => {
      ipv4.emit(
        { ...value, proto: o.proto ?? next?.proto ?? value.proto, totalLength: o.totalLength ?? end - at },
        out,
        at,
      );
    },
    pseudo: (proto, length) => pseudoSum(value.src, value.dst, proto, length),
  };
}

export function ip6(o: Given<Ipv6, 'src' | 'dst'>): Layer {
  const value: Ipv6 = {
    trafficClass: 0,
    label: 0,
    hopLimit: 64,
    extensions: [],
    proto: IP_PROTO.none,
    payloadLength: 0,
    ...o,
    src: v6(o.src),
    dst: v6(o.dst),
  };
  return {
    ethType: ETH_TYPE.ipv6,
    proto: 41,
    length: ipv6.length(value),
    emit: (out, at, end, next) => {
      const payloadLength = o.payloadLength ?? end - at - IPV6.bytes;
      ipv6.emit({ ...value, proto: o.proto ?? next?.proto ?? value.proto, payloadLength }, out, at);
    },
    pseudo: (proto, length) => pseudoSum(value.src, value.dst, proto, length),
  };
}

export function udpLayer(o: Partial<Udp>): Layer {
  return {
    proto: IP_PROTO.udp,
    length: 8,
    emit: (out, at, end) => udp.emit({ src: 0, dst: 0, ...o, length: o.length ?? end - at }, out, at),
    seal: udp.seal,
  };
}

export function tcpLayer(o: Partial<Tcp>): Layer {
  const none = new Uint8Array(0);
  const value: Tcp = { src: 0, dst: 0, seq: 0, ack: 0, flags: 0, window: 65535, urgent: 0, options: none, ...o };
  return plain(tcp, value, { proto: IP_PROTO.tcp });
}

export const sctpLayer = (o: Partial<Sctp>): Layer =>
  plain(sctp, { src: 0, dst: 0, tag: 0, ...o }, { proto: IP_PROTO.sctp });

/** ICMP has no pseudo-header, ICMPv6 has. */
const bare = (o: Icmp, proto: number): Layer => ({
  ...plain(icmp, o, { proto }),
  seal: (out, at, end) => icmp.seal?.(out, at, end, 0),
});

export const icmp4Layer = (o: Partial<Icmp>): Layer => bare({ type: 8, code: 0, rest: 0, ...o }, IP_PROTO.icmp);

/** `rest` is the group address. */
export const igmpLayer = (o: Partial<Icmp>): Layer => bare({ type: 0x11, code: 0, rest: 0, ...o }, IP_PROTO.igmp);

export const icmp6Layer = (o: Partial<Icmp>): Layer =>
  plain(icmp, { type: 128, code: 0, rest: 0, ...o }, { proto: IP_PROTO.icmpv6 });

export const ndLayer = (o: Omit<Nd, 'target'> & { readonly target: Address }): Layer =>
  plain(nd, { ...o, target: v6(o.target) }, { proto: IP_PROTO.icmpv6 });

/** `multicast`: under the second EtherType of MPLS. */
export const label = (o: Partial<Mpls>, multicast = false): Layer =>
  plain(mpls, { label: 0, tc: 0, bottom: true, ttl: 64, ...o }, { ethType: multicast ? 0x8848 : ETH_TYPE.mpls });

/** Raw bytes, with the names that the layer before should use. */
export function payload(bytes: Uint8Array, names: { ethType?: number; proto?: number } = {}): Layer {
  return { ...names, length: bytes.length, emit: (out, at) => out.set(bytes, at) };
}
