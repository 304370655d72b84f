/** What `ovs-ofctl parse-pcap` would print for a key: by name of each field it prints, our text. */
import { formatIpv4, formatIpv6, formatMac } from '../../src/lib/address.js';
import { get32, getUint } from '../../src/lib/bytes.js';
import { K, type Slot, VLAN_CFI } from '../../src/packet/key.js';

const num = (key: Uint8Array, s: Slot): number => getUint(key, s.offset, s.bytes);
const dec =
  (s: Slot) =>
  (key: Uint8Array): string =>
    String(num(key, s));
const hex =
  (s: Slot, width = 0) =>
  (key: Uint8Array): string =>
    `0x${num(key, s).toString(16).padStart(width, '0')}`;
const mac =
  (s: Slot) =>
  (key: Uint8Array): string =>
    formatMac(key, s.offset);
const ipv4 =
  (s: Slot) =>
  (key: Uint8Array): string =>
    formatIpv4(key, s.offset);
const ipv6 =
  (s: Slot) =>
  (key: Uint8Array): string =>
    formatIpv6(key, s.offset);

const vlan =
  (s: Slot, part: 'vid' | 'pcp' | 'tci') =>
  (key: Uint8Array): string => {
    const tci = num(key, s);
    if (part === 'tci') return tci === 0 ? '0x0000' : 'tagged';
    if (!(tci & VLAN_CFI)) return 'untagged';
    return String(part === 'vid' ? tci & 0xfff : tci >> 13);
  };
const lse0 =
  (shift: number, bits: number) =>
  (key: Uint8Array): string =>
    String((get32(key, K.mplsLse0.offset) >>> shift) & (2 ** bits - 1));

const FLAGS = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ns', '[200]', '[400]', '[800]'];
function tcpFlags(key: Uint8Array): string {
  const v = num(key, K.tcpFlags);
  return v === 0 ? '0' : FLAGS.filter((_, i) => v & (1 << i)).join('|');
}

/** Fields of the printed line. */
export const PRINTED: Readonly<Record<string, (key: Uint8Array) => string>> = {
  vlan_tci: vlan(K.vlanTci, 'tci'),
  dl_vlan: vlan(K.vlanTci, 'vid'),
  dl_vlan_pcp: vlan(K.vlanTci, 'pcp'),
  vlan_tci1: vlan(K.vlan2Tci, 'tci'),
  dl_vlan1: vlan(K.vlan2Tci, 'vid'),
  dl_vlan_pcp1: vlan(K.vlan2Tci, 'pcp'),
  dl_src: mac(K.ethSrc),
  dl_dst: mac(K.ethDst),
  dl_type: hex(K.ethType, 4),
  nw_src: ipv4(K.nwSrc),
  nw_dst: ipv4(K.nwDst),
  arp_spa: ipv4(K.nwSrc),
  arp_tpa: ipv4(K.nwDst),
  arp_op: dec(K.nwProto),
  arp_sha: mac(K.arpSha),
  arp_tha: mac(K.arpTha),
  nw_proto: dec(K.nwProto),
  nw_tos: (key) => String(num(key, K.nwTos) & 0xfc),
  nw_ecn: (key) => String(num(key, K.nwTos) & 3),
  nw_ttl: dec(K.nwTtl),
  nw_frag: (key) => ['no', 'first', '?', 'later'][num(key, K.nwFrag)],
  tp_src: dec(K.tpSrc),
  tp_dst: dec(K.tpDst),
  icmp_type: dec(K.tpSrc),
  icmp_code: dec(K.tpDst),
  tcp_flags: tcpFlags,
  ipv6_src: ipv6(K.ipv6Src),
  ipv6_dst: ipv6(K.ipv6Dst),
  ipv6_label: (key) => `0x${num(key, K.ipv6Label).toString(16).padStart(5, '0')}`,
  nd_target: ipv6(K.ndTarget),
  nd_sll: mac(K.arpSha),
  nd_tll: mac(K.arpTha),
  mpls_label: lse0(12, 20),
  mpls_tc: lse0(9, 3),
  mpls_bos: lse0(8, 1),
  mpls_ttl: lse0(0, 8),
  mpls_lse1: dec(K.mplsLse1),
  mpls_lse2: dec(K.mplsLse2),
  nsh_flags: dec(K.nshFlags),
  nsh_ttl: dec(K.nshTtl),
  nsh_mdtype: dec(K.nshMdtype),
  nsh_np: dec(K.nshNp),
  nsh_spi: (key) => `0x${(get32(key, K.nshPath.offset) >>> 8).toString(16)}`,
  nsh_si: (key) => String(key[K.nshPath.offset + 3]),
  nsh_c1: hex(K.nshC1),
  nsh_c2: hex(K.nshC2),
  nsh_c3: hex(K.nshC3),
  nsh_c4: hex(K.nshC4),
};

/** The words without a value that the line may begin with, as type and protocol. */
export const KEYWORDS: Readonly<Record<string, readonly [number, number?]>> = {
  ip: [0x0800],
  icmp: [0x0800, 1],
  tcp: [0x0800, 6],
  udp: [0x0800, 17],
  sctp: [0x0800, 132],
  ipv6: [0x86dd],
  icmp6: [0x86dd, 58],
  tcp6: [0x86dd, 6],
  udp6: [0x86dd, 17],
  sctp6: [0x86dd, 132],
  arp: [0x0806],
  rarp: [0x8035],
  mpls: [0x8847],
  mplsm: [0x8848],
};

/** Differences between a printed line and a key, one text each. */
export function differences(line: string, key: Uint8Array): string[] {
  const out: string[] = [];
  for (const token of line.split(',')) {
    const [name, value] = token.split('=', 2);
    if (name === 'in_port') continue;
    if (value === undefined) {
      const word = KEYWORDS[name];
      if (!word) out.push(`unknown word ${name}`);
      else if (num(key, K.ethType) !== word[0] || (word[1] !== undefined && num(key, K.nwProto) !== word[1]))
        out.push(`${name} is not type ${num(key, K.ethType).toString(16)}, protocol ${num(key, K.nwProto)}`);
      continue;
    }
    const ours = PRINTED[name]?.(key);
    if (ours !== value) out.push(`${name} is ${value}, ours ${ours}`);
  }
  return out;
}
