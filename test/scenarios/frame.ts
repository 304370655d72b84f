/** What a hop is told by: addresses, tag and protocol of a frame, and what a tunnel's frame carries. */
import { formatIpv4, formatMac } from '../../src/lib/address.js';
import { get16, get32 } from '../../src/lib/bytes.js';
import { arpView } from '../../src/packet/wire/arp.js';
import { ethernetView } from '../../src/packet/wire/ethernet.js';
import { ICMP_TYPE, icmpView } from '../../src/packet/wire/icmp.js';
import { ipv4View } from '../../src/packet/wire/ipv4.js';
import { udpView } from '../../src/packet/wire/udp.js';
import { vlanView } from '../../src/packet/wire/vlan.js';
import { ETH_TYPE, IP_PROTO } from '../../src/packet/wire/wire.js';

/** Texts are as people write them; what a frame does not have is undefined. */
export interface Seen {
  src?: string;
  dst?: string;
  /** VLAN ID of the tag, 0 without one. */
  vlan?: number;
  /** "echo", "echo reply", "arp request", "arp reply", or nothing of these. */
  what?: string;
  /** ARP: sender and target. */
  from?: string;
  to?: string;
  ttl?: number;
  /** Of the tunnel: outer addresses, and VNI or key. */
  outerSrc?: string;
  outerDst?: string;
  tunnel?: 'vxlan' | 'gre';
  key?: number;
  outerDf?: boolean;
}

export const VXLAN_PORT = 4789;
const VXLAN_BYTES = 8;
const GRE = { checksum: 0x8000, key: 0x2000, sequence: 0x1000, bridged: 0x6558 } as const;

const WHAT: Readonly<Record<number, string>> = { [ICMP_TYPE.echo]: 'echo', [ICMP_TYPE.echoReply]: 'echo reply' };

/** One frame, by its outermost headers. */
function look(frame: Uint8Array): { seen: Seen; l3: number } | undefined {
  const e = ethernetView(frame);
  if (!e) return undefined;
  const tag = e.type === ETH_TYPE.vlan ? vlanView(frame, 14) : undefined;
  const type = tag ? tag.type : e.type;
  const l3 = tag ? 18 : 14;
  const seen: Seen = { src: formatMac(e.src), dst: formatMac(e.dst), vlan: tag ? tag.tci & 0xfff : 0 };
  const arp = type === ETH_TYPE.arp ? arpView(frame, l3) : undefined;
  if (arp) {
    const said = {
      what: arp.op === 1 ? 'arp request' : 'arp reply',
      from: formatIpv4(arp.spa),
      to: formatIpv4(arp.tpa),
    };
    return { seen: { ...seen, ...said }, l3 };
  }
  const ip = type === ETH_TYPE.ipv4 ? ipv4View(frame, l3) : undefined;
  if (!ip) return { seen, l3 };
  const icmp = ip.proto === IP_PROTO.icmp ? icmpView(frame, ip.payload) : undefined;
  const said = { what: icmp && WHAT[icmp.type], from: formatIpv4(ip.src), to: formatIpv4(ip.dst), ttl: ip.ttl };
  return { seen: { ...seen, ...said }, l3 };
}

/** Where the inner frame begins, and the tunnel's key. */
function tunnel(frame: Uint8Array, l3: number): { at: number; seen: Seen } | undefined {
  const ip = ipv4View(frame, l3);
  if (!ip) return undefined;
  const outer = { outerSrc: formatIpv4(ip.src), outerDst: formatIpv4(ip.dst), outerDf: ip.dontFragment };
  const udp = ip.proto === IP_PROTO.udp ? udpView(frame, ip.payload) : undefined;
  if (udp?.dst === VXLAN_PORT && frame.length >= ip.payload + 8 + VXLAN_BYTES) {
    const at = ip.payload + 8;
    return { at: at + VXLAN_BYTES, seen: { ...outer, tunnel: 'vxlan', key: get32(frame, at + 4) >>> 8 } };
  }
  if (ip.proto !== IP_PROTO.gre || frame.length < ip.payload + 16) return undefined;
  const flags = get16(frame, ip.payload);
  if (get16(frame, ip.payload + 2) !== GRE.bridged) return undefined;
  const keyAt = ip.payload + 4 + (flags & GRE.checksum ? 4 : 0);
  const at = keyAt + (flags & GRE.key ? 4 : 0) + (flags & GRE.sequence ? 4 : 0);
  return { at, seen: { ...outer, tunnel: 'gre', key: flags & GRE.key ? get32(frame, keyAt) : undefined } };
}

/** A frame; that of a tunnel is told by what it carries, and by its tunnel. */
export function see(frame: Uint8Array): Seen {
  const outer = look(frame);
  if (!outer) return {};
  const carried = tunnel(frame, outer.l3);
  const inner = carried && look(frame.subarray(carried.at));
  return inner ? { ...inner.seen, ...carried.seen } : outer.seen;
}

/** In one line, as the tables of the scenarios have it. */
export function tell(s: Seen): string {
  const ends = s.from ? ` (${s.from} → ${s.to}${s.ttl === undefined ? '' : `, ttl ${s.ttl}`})` : '';
  const carrier = s.tunnel
    ? `${s.tunnel} key 0x${(s.key ?? 0).toString(16)} ${s.outerSrc} → ${s.outerDst}, inner `
    : '';
  return `${carrier}${s.src} → ${s.dst}, ${s.vlan ? `VLAN ${s.vlan}` : 'untagged'}, ${s.what ?? 'other'}${ends}`;
}

/** Does a frame have everything that is asked of it? */
export function like(s: Seen, want: Seen): boolean {
  const entries = Object.entries(want) as [keyof Seen, Seen[keyof Seen]][];
  return entries.every(([name, value]) => s[name] === value);
}
