/**
 * The datapath key: what extraction finds in a frame, plus what the switch knows about it.
 *
 * Problem: a switch compares and hashes keys for every packet, and most packets need few fields. Idea: 64-byte lines. Line 0 (the hot
 * line) holds all that an untagged or singly tagged Ethernet/IPv4/TCP-UDP packet needs. The byte `lines` in it announces which
 * further lines are present; a line that is not present counts as all zeros. Extraction, masking, hashing and comparing then touch one
 * cache line for common traffic.
 *
 * Everything is in network byte order, also numbers that never were on a wire (ports, marks), so that one rule reads every slot.
 * This file is the single source: the C++ header native/generated/key_layout.h is written from it, and a test asks the addon.
 */

export const LINE_BYTES = 64;
/** Lines of the datapath key. The pipeline (src/flow) appends further lines that the datapath never sees. */
export const DP_LINES = 9;
export const DP_KEY_BYTES = DP_LINES * LINE_BYTES;

/** Line numbers. Bit (n - 1) of the `lines` byte says that line n is present. */
export const LINE = { hot: 0, ipv6: 1, l2: 2, tunnel: 3, conntrack: 4, tunMetadata: 5 } as const;

export interface Slot {
  readonly name: string;
  /** Byte offset from the start of the key. */
  readonly offset: number;
  readonly bytes: number;
  readonly doc: string;
}

const rows: Slot[] = [];
function slot(line: number, at: number, bytes: number, name: string, doc: string): Slot {
  const s = { name, offset: line * LINE_BYTES + at, bytes, doc };
  rows.push(s);
  return s;
}

export const K = {
  // line 0: the hot line
  inPort: slot(0, 0, 4, 'in_port', 'datapath port (vport number) of arrival; 0 is "none": made by the switch itself'),
  recircId: slot(0, 4, 4, 'recirc_id', '0 on first pass, else the id of the frozen state'),
  ethDst: slot(0, 8, 6, 'eth_dst', ''),
  ethSrc: slot(0, 14, 6, 'eth_src', ''),
  ethType: slot(0, 20, 2, 'eth_type', 'after VLAN tags; 0x05ff for 802.2 without SNAP'),
  vlanTci: slot(0, 22, 2, 'vlan_tci', 'outer tag with bit 0x1000 set; 0 means no tag'),
  nwSrc: slot(0, 24, 4, 'nw_src', 'IPv4 source, or ARP sender protocol address'),
  nwDst: slot(0, 28, 4, 'nw_dst', 'IPv4 destination, or ARP target protocol address'),
  nwProto: slot(0, 32, 1, 'nw_proto', 'IP protocol, or ARP opcode when it fits 8 bits (else 0)'),
  nwTos: slot(0, 33, 1, 'nw_tos', 'whole TOS / traffic class byte: DSCP and ECN'),
  nwTtl: slot(0, 34, 1, 'nw_ttl', 'TTL or hop limit'),
  nwFrag: slot(0, 35, 1, 'nw_frag', 'bit 0: any fragment; bit 1: not the first'),
  tpSrc: slot(0, 36, 2, 'tp_src', 'source port; ICMP, ICMPv6, IGMP type'),
  tpDst: slot(0, 38, 2, 'tp_dst', 'destination port; ICMP, ICMPv6, IGMP code'),
  tcpFlags: slot(0, 40, 2, 'tcp_flags', 'low 12 bits'),
  vlanTpid: slot(0, 42, 2, 'vlan_tpid', 'TPID of the outer tag; 0 means no tag'),
  dpHash: slot(0, 44, 4, 'dp_hash', 'set by the hash action'),
  pktMark: slot(0, 48, 4, 'pkt_mark', ''),
  skbPriority: slot(0, 52, 4, 'skb_priority', 'output queue'),
  packetType: slot(0, 56, 4, 'packet_type', 'namespace << 16 | type; 0 is Ethernet'),
  lines: slot(
    0,
    60,
    1,
    'lines',
    'bit (n - 1): line n was written (by extraction, metadata or a set); never matched by itself',
  ),
  // line 1: IPv6 and ND
  ipv6Src: slot(1, 0, 16, 'ipv6_src', ''),
  ipv6Dst: slot(1, 16, 16, 'ipv6_dst', ''),
  ndTarget: slot(1, 32, 16, 'nd_target', ''),
  ipv6Label: slot(1, 48, 4, 'ipv6_label', 'low 20 bits'),
  ndReserved: slot(1, 52, 4, 'nd_reserved', 'flags word of an ND message'),
  ndOptionsType: slot(1, 56, 1, 'nd_options_type', ''),
  // line 2: ARP and ND link addresses, inner tag, MPLS, NSH, and what of tunnels is rare
  arpSha: slot(2, 0, 6, 'arp_sha', 'ARP sender / ND source link-layer address'),
  arpTha: slot(2, 6, 6, 'arp_tha', 'ARP target / ND target link-layer address'),
  vlan2Tci: slot(2, 12, 2, 'vlan2_tci', 'inner tag when the VLAN limit is 2'),
  vlan2Tpid: slot(2, 14, 2, 'vlan2_tpid', ''),
  mplsLse0: slot(2, 16, 4, 'mpls_lse0', 'outermost label stack entry'),
  mplsLse1: slot(2, 20, 4, 'mpls_lse1', ''),
  mplsLse2: slot(2, 24, 4, 'mpls_lse2', ''),
  nshFlags: slot(2, 28, 1, 'nsh_flags', ''),
  nshTtl: slot(2, 29, 1, 'nsh_ttl', ''),
  nshMdtype: slot(2, 30, 1, 'nsh_mdtype', ''),
  nshNp: slot(2, 31, 1, 'nsh_np', ''),
  nshPath: slot(2, 32, 4, 'nsh_path', 'SPI << 8 | SI'),
  nshC1: slot(2, 36, 4, 'nsh_c1', ''),
  nshC2: slot(2, 40, 4, 'nsh_c2', ''),
  nshC3: slot(2, 44, 4, 'nsh_c3', ''),
  nshC4: slot(2, 48, 4, 'nsh_c4', ''),
  tunErspanIdx: slot(2, 52, 4, 'tun_erspan_idx', ''),
  tunErspanVer: slot(2, 56, 1, 'tun_erspan_ver', ''),
  tunErspanDir: slot(2, 57, 1, 'tun_erspan_dir', ''),
  tunErspanHwid: slot(2, 58, 1, 'tun_erspan_hwid', ''),
  tunGtpuFlags: slot(2, 59, 1, 'tun_gtpu_flags', ''),
  tunGtpuMsgtype: slot(2, 60, 1, 'tun_gtpu_msgtype', ''),
  // line 3: tunnel the packet came through (or, once set, will leave through)
  tunId: slot(3, 0, 8, 'tun_id', ''),
  tunSrc: slot(3, 8, 4, 'tun_src', ''),
  tunDst: slot(3, 12, 4, 'tun_dst', ''),
  tunIpv6Src: slot(3, 16, 16, 'tun_ipv6_src', ''),
  tunIpv6Dst: slot(3, 32, 16, 'tun_ipv6_dst', ''),
  tunFlags: slot(3, 48, 2, 'tun_flags', "bit 0 don't fragment, 1 checksum, 2 key present, 3 OAM, 4 UDP (see TUN_FLAG)"),
  tunTos: slot(3, 50, 1, 'tun_tos', ''),
  tunTtl: slot(3, 51, 1, 'tun_ttl', ''),
  tunGbpId: slot(3, 52, 2, 'tun_gbp_id', ''),
  tunGbpFlags: slot(3, 54, 1, 'tun_gbp_flags', ''),
  tunMdPresent: slot(3, 56, 8, 'tun_md_present', 'bit n: tun_metadata n is present'),
  // line 4: conntrack; the tuple of either family shares its place, IPv4 in the first four bytes
  ctState: slot(4, 0, 4, 'ct_state', ''),
  ctMark: slot(4, 4, 4, 'ct_mark', ''),
  ctLabel: slot(4, 8, 16, 'ct_label', ''),
  ctSrc: slot(4, 24, 16, 'ct_src', ''),
  ctDst: slot(4, 40, 16, 'ct_dst', ''),
  ctTpSrc: slot(4, 56, 2, 'ct_tp_src', ''),
  ctTpDst: slot(4, 58, 2, 'ct_tp_dst', ''),
  ctZone: slot(4, 60, 2, 'ct_zone', ''),
  ctNwProto: slot(4, 62, 1, 'ct_nw_proto', ''),
  // lines 5 to 8: tunnel options, as the TLV map allots them
  tunMetadata: slot(5, 0, 256, 'tun_metadata', ''),
} as const;

export const SLOTS: readonly Slot[] = rows;

export const TUN_FLAG = { dontFragment: 1, csum: 2, key: 4, oam: 8, udp: 16 } as const;
export const FRAG = { any: 1, later: 2 } as const;
export const VLAN_CFI = 0x1000;

/**
 * Extraction sets the bit of each line it writes: line 1 when an IPv6 header is accepted; line 2 when an ARP body, an ND option, a
 * second tag or an MPLS label is accepted. A set bit with an all-zero line is legal; a clear bit with a non-zero line is a bug.
 * For keys and masks made in TypeScript: recomputes the `lines` byte of a key or mask of at least DP_KEY_BYTES from which lines hold a non-zero byte. */
export function updateLines(key: Uint8Array): number {
  let lines = 0;
  for (let n = 1; n < DP_LINES; n++) {
    for (let i = n * LINE_BYTES; i < (n + 1) * LINE_BYTES; i++) {
      if (key[i] !== 0) {
        lines |= 1 << (n - 1);
        break;
      }
    }
  }
  key[K.lines.offset] = lines;
  return lines;
}
