/**
 * Text of a match exactly as ovs-ofctl prints it: "tcp,in_port=1,nw_src=10.0.0.0/8,tp_dst=80". What programs parse is an interface, so the order
 * and the spelling (nw_src, not ip_src; hexadecimal masks of decimal ports) are those of OVS, in one list.
 * Where OVS leaves out a mask or a field (ERSPAN, GTP-U), the text here says it.
 */
import { formatIpv4Masked, formatIpv6Masked, formatMacMasked } from '../lib/address.js';
import { get16, get32, isZero, lowBits } from '../lib/bytes.js';
import { CT_STATE_FLAGS, formatFlagsMasked, TCP_FLAGS, TUNNEL_FLAGS } from '../lib/flags.js';
import { K, LINE_BYTES, type Slot, VLAN_CFI } from '../packet/key.js';
import type { FieldRow } from './field.js';
import { FIELDS, field, readField, readNumber } from './fields.js';
import { OK } from './key.js';
import type { Match } from './match.js';
import { saysEthernet } from './packet-type.js';
import type { TunTable } from './tun-table.js';
import { type FormatContext, formatFieldValue } from './value-text.js';

export interface MatchFormatContext extends FormatContext {
  readonly tun?: TunTable | undefined;
  /** Printed first unless it is the default, 32768. */
  readonly priority?: number | undefined;
}

export const DEFAULT_PRIORITY = 32768;

/** Text of one condition, or '' where the match says nothing. `type` is the Ethernet type the match fixes, 0 when none. */
type Printer = (m: Match, type: number, proto: number, ctx: MatchFormatContext) => string;

type Style = (v: number, mask: number, all: number) => string;
const hexOf = (v: number): string => (v === 0 ? '0' : `0x${v.toString(16)}`);
const hexMasked: Style = (v, mask, all) => (mask === all ? hexOf(v) : `${hexOf(v)}/0x${mask.toString(16)}`);
const hexPlain: Style = (v, mask, all) =>
  mask === all ? `0x${v.toString(16)}` : `0x${v.toString(16)}/0x${mask.toString(16)}`;
const decMasked: Style = (v, mask, all) => (mask === all ? String(v) : `0x${v.toString(16)}/0x${mask.toString(16)}`);
const padded = (digits: number, v: number): string => `0x${v.toString(16).padStart(digits, '0')}`;
const byteMasked: Style = (v, mask, all) => (mask === all ? String(v) : `${padded(2, v)}/${padded(2, mask)}`);
const labelMasked: Style = (v, mask, all) => (mask === all ? padded(5, v) : `${padded(5, v)}/${padded(5, mask)}`);

/** A number of at most 32 bits. */
function num(name: string, style: Style, row: FieldRow = field(name)): Printer {
  const label = `${name}=`;
  return (m) => {
    const mask = readNumber(m.mask, row);
    return mask === 0 ? '' : `${label}${style(readNumber(m.value, row), mask, row.validLow)},`;
  };
}

/** A type or code of ICMP. It has the place of a port, of which OpenFlow 1.0 sends 16 bits: as many are shown. */
function icmp(label: string, row: FieldRow): Printer {
  return (m) => {
    const mask = readNumber(m.mask, row);
    return mask === 0 ? '' : `${label}=${decMasked(get16(m.value, row.slot.offset), mask, row.validLow)},`;
  };
}

/** A wider number, in hexadecimal. */
function wide(name: string): Printer {
  const row = field(name);
  const { offset, bytes } = row.slot;
  return (m) => {
    if (isZero(m.mask, offset, offset + bytes)) return '';
    const mask = readField(m.mask, row);
    const value = readField(m.value, row);
    const text = value === 0n ? '0' : `0x${value.toString(16)}`;
    return mask === row.valid ? `${name}=${text},` : `${name}=${text}/0x${mask.toString(16)},`;
  };
}

/** A whole label stack entry, of those that no field names: only packets and megaflows have them. */
function label(name: string, { offset }: Slot): Printer {
  return (m) => {
    const mask = get32(m.mask, offset);
    return mask === 0 ? '' : `${name}=${decMasked(get32(m.value, offset), mask, 0xffffffff)},`;
  };
}

type AddressText = (value: Uint8Array, mask: Uint8Array, at: number) => string;

function addr(name: string, format: AddressText, row: FieldRow = field(name)): Printer {
  const { offset, bytes } = row.slot;
  return (m) => (isZero(m.mask, offset, offset + bytes) ? '' : `${name}=${format(m.value, m.mask, offset)},`);
}

function port(name: string, row: FieldRow): Printer {
  return (m, _type, _proto, ctx) =>
    get32(m.mask, row.slot.offset) === 0
      ? ''
      : `${name}=${formatFieldValue(row, readField(m.value, row), row.valid, ctx)},`;
}

/** Only where a condition holds. */
function when(test: (type: number, proto: number) => boolean, ...inner: Printer[]): Printer {
  return (m, type, proto, ctx) => {
    if (!test(type, proto)) return '';
    let s = '';
    for (const p of inner) s += p(m, type, proto, ctx);
    return s;
  };
}

const isArp = (type: number): boolean => type === 0x0806 || type === 0x8035;
const isIpv6 = (type: number): boolean => type === 0x86dd;
const isIcmp = (type: number, proto: number): boolean => type === 0x0800 && proto === 1;
const isIcmp6 = (type: number, proto: number): boolean => type === 0x86dd && proto === 58;
const isTcp = (type: number, proto: number): boolean => (type === 0x0800 || type === 0x86dd) && proto === 6;

const ETHERTYPE_WORDS = new Map([
  [0x0800, 'ip'],
  [0x86dd, 'ipv6'],
  [0x0806, 'arp'],
  [0x8035, 'rarp'],
  [0x8847, 'mpls'],
  [0x8848, 'mplsm'],
]);
const PROTO_WORDS = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
]);

/** The word for type and protocol, and whether it says the protocol too. */
function protocolWord(type: number, proto: number): { readonly word: string; readonly saysProto: boolean } {
  const base = ETHERTYPE_WORDS.get(type) ?? '';
  if (type === 0x0800 && PROTO_WORDS.has(proto)) return { word: `${PROTO_WORDS.get(proto)},`, saysProto: true };
  if (type === 0x86dd && proto === 58) return { word: 'icmp6,', saysProto: true };
  if (type === 0x86dd && proto !== 1 && PROTO_WORDS.has(proto)) {
    return { word: `${PROTO_WORDS.get(proto)}6,`, saysProto: true };
  }
  return { word: base && `${base},`, saysProto: false };
}

/** The outer tag, or with suffix "1" the inner one. */
function vlan(slot: Slot, suffix: string): Printer {
  return (m) => {
    const mask = get16(m.mask, slot.offset);
    if (mask === 0) return '';
    const tci = get16(m.value, slot.offset);
    const vid = mask & 0xfff;
    const pcp = mask & 0xe000;
    const whole = (vid === 0 || vid === 0xfff) && (pcp === 0 || pcp === 0xe000) && (vid | pcp) !== 0;
    if (mask & tci & VLAN_CFI && whole) {
      const id = vid ? `dl_vlan${suffix}=${tci & 0xfff},` : '';
      return `${id}${pcp ? `dl_vlan_pcp${suffix}=${tci >> 13},` : ''}`;
    }
    return `vlan_tci${suffix}=${padded(4, tci)}${mask === 0xffff ? '' : `/${padded(4, mask)}`},`;
  };
}

const fragment: Printer = (m) => {
  const row = field('ip_frag');
  const mask = readField(m.mask, row);
  return mask === 0n ? '' : `nw_frag=${formatFieldValue(row, readField(m.value, row), mask)},`;
};

const CT_ALL = 2 ** CT_STATE_FLAGS.names.length - 1;

const ctState: Printer = (m) => {
  const mask = get32(m.mask, K.ctState.offset);
  return mask === 0
    ? ''
    : `ct_state=${formatFlagsMasked(get32(m.value, K.ctState.offset), mask & CT_ALL, CT_ALL, CT_STATE_FLAGS)},`;
};

const tcpFlags: Printer = (m) => {
  const mask = get16(m.mask, K.tcpFlags.offset) & 0xfff;
  return mask === 0 ? '' : `tcp_flags=${formatFlagsMasked(get16(m.value, K.tcpFlags.offset), mask, 0xfff, TCP_FLAGS)},`;
};

const tunFlags: Printer = (m) => {
  const row = field('tun_flags');
  const mask = readNumber(m.mask, row);
  return mask === 0 ? '' : `tun_flags=${formatFlagsMasked(readNumber(m.value, row), mask, -1, TUNNEL_FLAGS)},`;
};

/** "Ethernet" goes without saying, but in a megaflow (which has a recirc_id) OVS says it. */
const packetType: Printer = (m) => {
  const value = get32(m.value, K.packetType.offset);
  if (value === 0) return get32(m.mask, K.recircId.offset) !== 0 && saysEthernet(m) ? 'eth,' : '';
  return `packet_type=${formatFieldValue(field('packet_type'), BigInt(value))},`;
};

const OPTIONS = FIELDS.filter((f) => f.tunMetadata !== undefined);

/** Bytes of ones, whatever zeros stand above: of an option that says all of it. */
function isOnesBelow(mask: bigint): boolean {
  return mask === lowBits(8 * Math.ceil(mask.toString(2).length / 8));
}

const tunOptions: Printer = (m, _type, _proto, ctx) => {
  const at = K.tunMdPresent.offset;
  if (isZero(m.mask, at, at + 8)) return '';
  const table = ctx.tun ?? m.tun;
  let s = '';
  for (const option of OPTIONS) {
    const index = option.tunMetadata ?? 0;
    const present = at + 7 - (index >> 3);
    if ((m.mask[present] & (1 << (index & 7))) === 0) continue;
    const row = table?.row(option);
    const mask = row && row.bits > 0 ? readField(m.mask, row) : 0n;
    if (row?.bits === 0 && table?.option(index)?.masked === false) s += `${option.name}=0,`;
    else if (!row || mask === 0n) s += `${option.name},`;
    else s += `${option.name}=${formatFieldValue(row, readField(m.value, row), isOnesBelow(mask) ? row.valid : mask)},`;
  }
  return s;
};

const ipv4 = formatIpv4Masked;
const ipv6 = formatIpv6Masked;
const mac = formatMacMasked;

const METADATA: readonly Printer[] = [
  num('pkt_mark', hexMasked),
  num('recirc_id', hexMasked),
  num('dp_hash', hexMasked),
  num('conj_id', decMasked),
  num('skb_priority', hexMasked),
  port('actset_output', field('actset_output')),
];

const CONNTRACK: readonly Printer[] = [
  ctState,
  num('ct_zone', decMasked),
  num('ct_mark', hexMasked),
  wide('ct_label'),
  when((t) => t !== 0x86dd, addr('ct_nw_src', ipv4)),
  when(isIpv6, addr('ct_ipv6_src', ipv6)),
  when((t) => t !== 0x86dd, addr('ct_nw_dst', ipv4)),
  when(isIpv6, addr('ct_ipv6_dst', ipv6)),
  num('ct_nw_proto', decMasked),
  num('ct_tp_src', decMasked),
  num('ct_tp_dst', decMasked),
];

const REGISTERS: readonly Printer[] = Array.from({ length: 16 }, (_, i) => num(`reg${i}`, hexMasked));

const TUNNEL: readonly Printer[] = [
  wide('tun_id'),
  addr('tun_src', ipv4),
  addr('tun_dst', ipv4),
  addr('tun_ipv6_src', ipv6),
  addr('tun_ipv6_dst', ipv6),
  num('tun_gbp_id', decMasked),
  num('tun_gbp_flags', hexMasked),
  num('tun_erspan_ver', decMasked),
  num('tun_erspan_idx', hexMasked),
  num('tun_erspan_dir', decMasked),
  num('tun_erspan_hwid', hexMasked),
  num('gtpu_flags', hexMasked, field('tun_gtpu_flags')),
  num('gtpu_msgtype', decMasked, field('tun_gtpu_msgtype')),
  num('tun_tos', hexPlain),
  num('tun_ttl', decMasked),
  tunFlags,
  tunOptions,
];

const NETWORK_ADDRESSES: readonly Printer[] = [
  when(isIpv6, addr('ipv6_src', ipv6), addr('ipv6_dst', ipv6), num('ipv6_label', labelMasked)),
  when(isArp, addr('arp_spa', ipv4), addr('arp_tpa', ipv4)),
  when((t) => !isIpv6(t) && !isArp(t), addr('nw_src', ipv4, field('ip_src')), addr('nw_dst', ipv4, field('ip_dst'))),
];

const NSH: readonly Printer[] = [
  num('nsh_flags', byteMasked),
  num('nsh_ttl', decMasked),
  num('nsh_mdtype', decMasked),
  num('nsh_np', decMasked),
  num('nsh_spi', hexPlain),
  num('nsh_si', decMasked),
  ...[1, 2, 3, 4].map((i) => num(`nsh_c${i}`, hexPlain)),
];

/** What follows the protocol number. */
const TAIL: readonly Printer[] = [
  when(isArp, addr('arp_sha', mac), addr('arp_tha', mac)),
  num('nw_tos', decMasked),
  num('nw_ecn', decMasked),
  num('nw_ttl', decMasked),
  num('mpls_label', decMasked),
  num('mpls_tc', decMasked),
  num('mpls_ttl', decMasked),
  num('mpls_bos', decMasked),
  label('mpls_lse1', K.mplsLse1),
  label('mpls_lse2', K.mplsLse2),
  fragment,
  when(isIcmp, icmp('icmp_type', field('icmp_type')), icmp('icmp_code', field('icmp_code'))),
  when(
    isIcmp6,
    icmp('icmp_type', field('icmpv6_type')),
    icmp('icmp_code', field('icmpv6_code')),
    addr('nd_target', ipv6),
    addr('nd_sll', mac),
    addr('nd_tll', mac),
    num('nd_reserved', decMasked),
    num('nd_options_type', decMasked),
  ),
  when(
    (t, p) => !isIcmp(t, p) && !isIcmp6(t, p),
    num('tp_src', decMasked, field('tcp_src')),
    num('tp_dst', decMasked, field('tcp_dst')),
  ),
  when(isTcp, tcpFlags),
];

const IN_PORT = port('in_port', field('in_port_oxm'));
const METADATA_REGISTER = wide('metadata');
const VLAN = vlan(K.vlanTci, '');
const VLAN1 = vlan(K.vlan2Tci, '1');
const DL_SRC = addr('dl_src', mac, field('eth_src'));
const DL_DST = addr('dl_dst', mac, field('eth_dst'));

/** Is nothing set in these bytes of the mask? Most matches use few of the key's lines, and whole groups are skipped. */
function empty(m: Match, start: number, end: number): boolean {
  return isZero(m.mask, start, end);
}

/** No priority, no actions; '' matches everything. */
export function formatMatch(m: Match, ctx: MatchFormatContext = {}): string {
  const ns1 = get32(m.mask, K.packetType.offset) !== 0 && get16(m.value, K.packetType.offset) === 1;
  const known = get16(m.mask, K.ethType.offset) === 0xffff;
  const type = ns1 ? get16(m.value, K.packetType.offset + 2) : known ? get16(m.value, K.ethType.offset) : 0;
  const proto = m.mask[K.nwProto.offset] === 0xff ? m.value[K.nwProto.offset] : -1;
  const { word, saysProto } = known ? protocolWord(type, proto) : { word: '', saysProto: false };
  let s = '';
  const all = (printers: readonly Printer[]): void => {
    for (const p of printers) s += p(m, type, proto, ctx);
  };

  if (ctx.priority !== undefined && ctx.priority !== DEFAULT_PRIORITY) s += `priority=${ctx.priority},`;
  all(METADATA);
  if (!empty(m, 4 * LINE_BYTES, 5 * LINE_BYTES)) all(CONNTRACK);
  s += packetType(m, type, proto, ctx) + word;
  if (!empty(m, OK.regs.offset, OK.regs.offset + 64)) all(REGISTERS);
  if (!empty(m, 3 * LINE_BYTES, 4 * LINE_BYTES) || !empty(m, K.tunErspanIdx.offset, 3 * LINE_BYTES)) all(TUNNEL);
  s +=
    METADATA_REGISTER(m, type, proto, ctx) +
    IN_PORT(m, type, proto, ctx) +
    VLAN(m, type, proto, ctx) +
    VLAN1(m, type, proto, ctx);
  s += DL_SRC(m, type, proto, ctx) + DL_DST(m, type, proto, ctx);
  if (known && word === '') s += `dl_type=${padded(4, type)},`;
  all(NETWORK_ADDRESSES);
  all(NSH);
  if (proto >= 0 && !saysProto) s += `${isArp(type) ? 'arp_op' : 'nw_proto'}=${proto},`;
  all(TAIL);
  return s.slice(0, -1);
}
