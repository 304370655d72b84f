/**
 * A frame in one line for people, in the manner of tcpdump -e. For the demo, explain, monitor and logs: never parsed. What is cut off or lies
 * is said where it happens, and the line ends there.
 */
import { formatIpv4, formatIpv6, formatMac } from '../lib/address.js';
import { get16, get32 } from '../lib/bytes.js';
import { ARP_OP, arpView } from './wire/arp.js';
import { ethernetView } from './wire/ethernet.js';
import { ICMPV6_TYPE, type IcmpView, icmpView } from './wire/icmp.js';
import { ipv4View } from './wire/ipv4.js';
import { extensionLength, ipv6View, isExtension } from './wire/ipv6.js';
import { mplsView } from './wire/mpls.js';
import { ND_OPTION, ndView } from './wire/nd.js';
import { sctpView } from './wire/sctp.js';
import { tcpView } from './wire/tcp.js';
import { udpView } from './wire/udp.js';
import { vlanView } from './wire/vlan.js';
import { ETH_TYPE, IP_PROTO } from './wire/wire.js';

const hex4 = (v: number): string => `0x${v.toString(16).padStart(4, '0')}`;

export function printFrame(frame: Uint8Array): string {
  const e = ethernetView(frame);
  if (!e) return `[${frame.length} bytes, shorter than an Ethernet header]`;
  const parts = [`${formatMac(e.src)} > ${formatMac(e.dst)}`];
  let type = e.type;
  let at = 14;
  while (type === ETH_TYPE.vlan || type === ETH_TYPE.qinq) {
    const v = vlanView(frame, at);
    if (!v) return [...parts, '[tag cut off]'].join(', ');
    parts.push(
      `${type === ETH_TYPE.vlan ? 'vlan' : 's-vlan'} ${v.tci & 0xfff}${v.tci >> 13 ? ` pcp ${v.tci >> 13}` : ''}`,
    );
    type = v.type;
    at += 4;
  }
  parts.push(network(frame, at, type), `${frame.length} bytes`);
  return parts.join(', ');
}

function network(f: Uint8Array, at: number, type: number): string {
  switch (type) {
    case ETH_TYPE.ipv4:
      return ipv4(f, at);
    case ETH_TYPE.ipv6:
      return ipv6(f, at);
    case ETH_TYPE.arp:
    case ETH_TYPE.rarp:
      return arp(f, at, type === ETH_TYPE.arp ? 'ARP' : 'RARP');
    case ETH_TYPE.mpls:
    case ETH_TYPE.mplsMulticast:
      return mpls(f, at);
    case ETH_TYPE.lldp:
      return 'LLDP';
    case ETH_TYPE.nsh:
      return f.length - at < 8 ? 'NSH [cut off]' : `NSH spi ${get32(f, at + 4) >>> 8} si ${f[at + 7]}`;
    default:
      return type < 0x600 ? `802.3 length ${type}` : `type ${hex4(type)}`;
  }
}

function arp(f: Uint8Array, at: number, name: string): string {
  const a = arpView(f, at);
  if (!a) return `${name} [cut off or not IPv4 over Ethernet]`;
  if (a.op === ARP_OP.request) return `${name} who-has ${formatIpv4(a.tpa)} tell ${formatIpv4(a.spa)}`;
  if (a.op === ARP_OP.reply) return `${name} ${formatIpv4(a.spa)} is-at ${formatMac(a.sha)}`;
  return `${name} op ${a.op} ${formatIpv4(a.spa)} > ${formatIpv4(a.tpa)}`;
}

function mpls(f: Uint8Array, at: number): string {
  const out: string[] = [];
  for (let o = at; ; o += 4) {
    const v = mplsView(f, o);
    if (!v) return [...out, '[label stack cut off]'].join(', ');
    out.push(`MPLS ${v.lse >>> 12} ttl ${v.lse & 0xff}`);
    if (v.lse & 0x100) return out.join(', ');
  }
}

function ipv4(f: Uint8Array, at: number): string {
  const v = ipv4View(f, at);
  if (!v) return 'IPv4 [header cut off or a length that lies]';
  const [src, dst] = [formatIpv4(v.src), formatIpv4(v.dst)];
  const notes = note([v.tos ? `tos ${v.tos}` : '', v.ttl < 2 ? `ttl ${v.ttl}` : '']);
  if (v.fragmentOffset) return `IPv4 ${src} > ${dst}: fragment at ${v.fragmentOffset}, proto ${v.proto}${notes}`;
  const more = v.moreFragments ? ', first fragment' : '';
  return `IPv4 ${transport(f, v.payload, v.end, v.proto, src, dst)}${more}${notes}`;
}

function ipv6(f: Uint8Array, at: number): string {
  const v = ipv6View(f, at);
  if (!v) return 'IPv6 [header cut off or a length that lies]';
  const [src, dst] = [formatIpv6(v.src), formatIpv6(v.dst)];
  const notes = note([v.trafficClass ? `tos ${v.trafficClass}` : '', v.hopLimit < 2 ? `hop limit ${v.hopLimit}` : '']);
  let proto = v.next;
  let o = v.payload;
  let more = '';
  while (isExtension(proto)) {
    if (v.end - o < 8) return `IPv6 ${src} > ${dst}: [extension headers cut off]`;
    if (proto === IP_PROTO.fragment) {
      const offset = get16(f, o + 2);
      if (offset & 0xfff8) return `IPv6 ${src} > ${dst}: fragment at ${offset & 0xfff8}, proto ${f[o]}${notes}`;
      if (offset & 1) more = ', first fragment';
    }
    const n = extensionLength(f, o, proto);
    if (n > v.end - o) return `IPv6 ${src} > ${dst}: [extension headers cut off]`;
    proto = f[o];
    o += n;
  }
  return `IPv6 ${transport(f, o, v.end, proto, src, dst)}${more}${notes}`;
}

const note = (items: string[]): string => items.map((s) => (s ? `, ${s}` : '')).join('');

function transport(f: Uint8Array, at: number, end: number, proto: number, src: string, dst: string): string {
  const ways = `${src} > ${dst}:`;
  const ports = (v: { src: number; dst: number }): string => `${src}.${v.src} > ${dst}.${v.dst}:`;
  switch (proto) {
    case IP_PROTO.tcp: {
      const v = tcpView(f, at, end);
      if (!v) return `${ways} TCP [cut off]`;
      const ack = v.flags & 16 ? ` ack ${v.ack}` : '';
      return `${ports(v)} TCP ${tcpFlags(v.flags)} seq ${v.seq}${ack} win ${v.window} length ${end - at - v.headerLength}`;
    }
    case IP_PROTO.udp: {
      const v = udpView(f, at, end);
      return v ? `${ports(v)} UDP length ${end - at - 8}` : `${ways} UDP [cut off]`;
    }
    case IP_PROTO.sctp: {
      const v = sctpView(f, at, end);
      return v ? `${ports(v)} SCTP length ${end - at - 12}` : `${ways} SCTP [cut off]`;
    }
    case IP_PROTO.icmp:
    case IP_PROTO.icmpv6: {
      const name = proto === IP_PROTO.icmp ? 'ICMP' : 'ICMPv6';
      const v = icmpView(f, at, end);
      if (!v) return `${ways} ${name} [cut off]`;
      return `${ways} ${name} ${proto === IP_PROTO.icmp ? icmp4(v) : icmp6(f, at, end, v)}`;
    }
    case IP_PROTO.igmp:
      return `${ways} IGMP type ${end > at ? hex4(f[at]) : '[cut off]'}`;
    default:
      return `${ways} proto ${proto} length ${end - at}`;
  }
}

/** As tcpdump: [S.] is SYN with ACK. */
function tcpFlags(flags: number): string {
  const letters = 'FSRP.UEW';
  const text = [...letters].filter((_, i) => flags & (1 << i)).join('');
  return `[${text || 'none'}]`;
}

const echo = (v: IcmpView, what: string): string => `${what} id ${v.rest >>> 16} seq ${v.rest & 0xffff}`;

const ICMP4_NAMES: Readonly<Record<number, string>> = { 3: 'unreachable', 5: 'redirect', 11: 'time exceeded' };
function icmp4(v: IcmpView): string {
  if (v.type === 8) return echo(v, 'echo request');
  if (v.type === 0) return echo(v, 'echo reply');
  return `${ICMP4_NAMES[v.type] ?? `type ${v.type}`} code ${v.code}`;
}

const ICMP6_NAMES: Readonly<Record<number, string>> = {
  1: 'unreachable',
  2: 'packet too big',
  3: 'time exceeded',
  133: 'router solicitation',
  134: 'router advertisement',
};
function icmp6(f: Uint8Array, at: number, end: number, v: IcmpView): string {
  if (v.type === ICMPV6_TYPE.echo) return echo(v, 'echo request');
  if (v.type === ICMPV6_TYPE.echoReply) return echo(v, 'echo reply');
  const n = ndView(f, at, end);
  if (!n) return `${ICMP6_NAMES[v.type] ?? `type ${v.type}`} code ${v.code}`;
  if (n.type === ICMPV6_TYPE.neighborSolicit) return `who-has ${formatIpv6(n.target)}`;
  const link = n.linkAddress(ND_OPTION.targetLink);
  return `${formatIpv6(n.target)} is-at ${link ? formatMac(link) : 'the sender'}`;
}
