import { K } from '../../packet/key.js';
import type { FieldRow } from '../field.js';
import { field } from './define.js';

/** The tunnel a packet came through or, once set, will leave through. */
export const TUNNEL_ROWS: readonly FieldRow[] = [
  field('tun_id', {
    aliases: ['tunnel_id'],
    format: 'hexadecimal',
    slot: K.tunId,
    ids: ['NXM_NX_TUN_ID 16', 'OXM_OF_TUNNEL_ID 38 4'],
    doc: 'Key of the tunnel: VNI, GRE key.',
  }),
  field('tun_src', {
    mask: 'cidr_or_arbitrary',
    format: 'ipv4',
    slot: K.tunSrc,
    ids: ['NXM_NX_TUN_IPV4_SRC 31'],
    doc: 'IPv4 source of the outer header.',
  }),
  field('tun_dst', {
    mask: 'cidr_or_arbitrary',
    format: 'ipv4',
    slot: K.tunDst,
    ids: ['NXM_NX_TUN_IPV4_DST 32'],
    doc: 'IPv4 destination of the outer header.',
  }),
  field('tun_ipv6_src', {
    mask: 'cidr_or_arbitrary',
    format: 'ipv6',
    slot: K.tunIpv6Src,
    ids: ['NXM_NX_TUN_IPV6_SRC 109'],
    doc: 'IPv6 source of the outer header.',
  }),
  field('tun_ipv6_dst', {
    mask: 'cidr_or_arbitrary',
    format: 'ipv6',
    slot: K.tunIpv6Dst,
    ids: ['NXM_NX_TUN_IPV6_DST 110'],
    doc: 'IPv6 destination of the outer header.',
  }),
  field('tun_flags', {
    bits: 1,
    bytes: 2,
    format: 'tun_flags',
    slot: K.tunFlags,
    shift: 3,
    ids: ['NXM_NX_TUN_FLAGS 104'],
    doc: 'oam: the packet is control traffic of the tunnel.',
  }),
  field('tun_ttl', { mask: 'no', writable: false, format: 'decimal', slot: K.tunTtl, doc: 'TTL of the outer header.' }),
  field('tun_tos', { mask: 'no', writable: false, format: 'decimal', slot: K.tunTos, doc: 'TOS of the outer header.' }),
  field('tun_gbp_id', {
    format: 'decimal',
    slot: K.tunGbpId,
    ids: ['NXM_NX_TUN_GBP_ID 38'],
    doc: 'VXLAN group policy id.',
  }),
  field('tun_gbp_flags', {
    format: 'hexadecimal',
    slot: K.tunGbpFlags,
    ids: ['NXM_NX_TUN_GBP_FLAGS 39'],
    doc: 'VXLAN group policy flags.',
  }),
  field('tun_erspan_ver', {
    bits: 4,
    format: 'decimal',
    slot: K.tunErspanVer,
    ids: ['NXOXM_ET_ERSPAN_VER 12'],
    doc: 'ERSPAN version.',
  }),
  field('tun_erspan_idx', {
    bits: 20,
    bytes: 4,
    format: 'hexadecimal',
    slot: K.tunErspanIdx,
    ids: ['NXOXM_ET_ERSPAN_IDX 11'],
    doc: 'ERSPAN version 1 index.',
  }),
  field('tun_erspan_dir', {
    bits: 1,
    format: 'decimal',
    slot: K.tunErspanDir,
    ids: ['NXOXM_ET_ERSPAN_DIR 13'],
    doc: 'ERSPAN version 2 direction.',
  }),
  field('tun_erspan_hwid', {
    bits: 6,
    format: 'hexadecimal',
    slot: K.tunErspanHwid,
    ids: ['NXOXM_ET_ERSPAN_HWID 14'],
    doc: 'ERSPAN version 2 hardware id.',
  }),
  field('tun_gtpu_flags', {
    // what OVS prints, and does not read back
    aliases: ['gtpu_flags'],
    format: 'hexadecimal',
    slot: K.tunGtpuFlags,
    writable: false,
    ids: ['NXOXM_ET_GTPU_FLAGS 15'],
    doc: 'GTP-U flags.',
  }),
  field('tun_gtpu_msgtype', {
    // what OVS prints, and does not read back
    aliases: ['gtpu_msgtype'],
    format: 'decimal',
    slot: K.tunGtpuMsgtype,
    writable: false,
    ids: ['NXOXM_ET_GTPU_MSGTYPE 16'],
    doc: 'GTP-U message type.',
  }),
  ...Array.from({ length: 64 }, (_, i) =>
    field(`tun_metadata${i}`, {
      bits: 992,
      format: 'hexadecimal',
      slot: K.tunMetadata,
      tunMetadata: i,
      ids: [`NXM_NX_TUN_METADATA${i} ${40 + i}`],
      doc: 'A tunnel option, as the TLV map assigns it.',
    }),
  ),
];
