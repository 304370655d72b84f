/**
 * Matches as lists of OXM entries (OpenFlow 1.2 and later) or NXM entries (the Nicira extensions of 1.0), in the order in which OVS writes them:
 * what a field stands on comes before it, so that a reader can check prerequisites as it goes.
 */
import { get16, get64, isZero, put16, put64 } from '../lib/bytes.js';
import { UserError } from '../lib/errors.js';
import { K, VLAN_CFI } from '../packet/key.js';
import type { FieldRow } from './field.js';
import { FIELDS, field, readField } from './fields.js';
import { Match } from './match.js';
import { decodeOxmHeader, decodeOxmValue, encodeOxmEntry, encodeOxmHeader } from './oxm.js';
import { matchHasPrereqs } from './prereqs.js';
import { setField } from './set.js';
import { TunTable } from './tun-table.js';

/** Fields in the order of writing. "nxm|oxm" names a pair that share their place in the key. */
const ORDER = [
  'packet_type dp_hash recirc_id conj_id skb_priority in_port|in_port_oxm actset_output eth_src eth_dst eth_type',
  'vlan mpls_label mpls_tc mpls_bos mpls_ttl ip_src ip_dst ipv6_src ipv6_dst ip_frag nw_tos|ip_dscp nw_ecn nw_ttl ipv6_label nw_proto',
  'tcp_src tcp_dst tcp_flags udp_src udp_dst sctp_src sctp_dst icmp_type icmp_code icmpv6_type icmpv6_code',
  'nd_reserved nd_target nd_options_type nd_sll nd_tll arp_op arp_spa arp_tpa arp_sha arp_tha',
  'nsh_flags nsh_ttl nsh_mdtype nsh_np nsh_spi nsh_si nsh_c1 nsh_c2 nsh_c3 nsh_c4',
  'tun_id tun_flags tun_src tun_dst tun_ipv6_src tun_ipv6_dst tun_gbp_id tun_gbp_flags tun_metadata',
  'tun_erspan_idx tun_erspan_ver tun_erspan_dir tun_erspan_hwid tun_gtpu_flags tun_gtpu_msgtype regs pkt_mark',
  'ct_state ct_zone ct_mark ct_label ct_nw_src ct_nw_dst ct_ipv6_src ct_ipv6_dst ct_nw_proto ct_tp_src ct_tp_dst metadata',
].flatMap((line) => line.split(' '));

type Step = FieldRow | 'vlan' | 'tun_metadata';

/** NXM has vlan_tci and 32-bit registers; OXM from OpenFlow 1.5 on has registers of 64 bits. */
function stepsFor(version: number): readonly Step[] {
  return ORDER.flatMap((name): Step[] => {
    if (name === 'vlan') return version === 0 ? [field('vlan_tci')] : ['vlan'];
    if (name === 'tun_metadata') return ['tun_metadata'];
    if (name === 'regs') {
      const wide = version >= 6;
      return Array.from({ length: wide ? 8 : 16 }, (_, i) => field(`${wide ? 'xreg' : 'reg'}${i}`));
    }
    const [nxm, oxm] = name.split('|');
    return [field(version === 0 ? nxm : (oxm ?? nxm))];
  }).filter((s) => typeof s === 'string' || s.ids.length > 0);
}

const STEPS = new Map([0, 3, 4, 5, 6].map((v) => [v, stepsFor(v)]));
const VLAN_VID = field('vlan_vid');
const VLAN_PCP = field('vlan_pcp');
const OPTIONS = FIELDS.filter((f) => f.tunMetadata !== undefined);

/** NXM_NX_COOKIE, a pseudo-field of NXM flow_mods and requests: value and mask of 8 bytes. */
const COOKIE_EXACT = 0x00013c08;
const COOKIE_MASKED = 0x00013d10;

export interface EncodeOptions {
  /** The bridge's tunnel options; else the match's own. */
  readonly tun?: TunTable | undefined;
  /** NXM only: which cookies. Left out when the mask is zero. */
  readonly cookie?: { readonly value: bigint; readonly mask: bigint } | undefined;
}

/**
 * Entries of a match, without a header or padding. `version` is the OpenFlow wire version, 0 for NXM. Conditions whose prerequisites the match
 * does not fix are left out, as in OVS.
 */
export function encodeMatch(m: Match, version: number, options: EncodeOptions = {}): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const step of STEPS.get(version) ?? stepsFor(version)) {
    if (step === 'vlan') encodeVlan(m, version, parts);
    else if (step === 'tun_metadata') encodeOptions(m, version, options.tun ?? m.tun, parts);
    else {
      const { offset, bytes } = step.slot;
      if (isZero(m.mask, offset, offset + bytes)) continue;
      const mask = readField(m.mask, step) & step.valid;
      if (mask === 0n || !matchHasPrereqs(step.prereqs, m)) continue;
      parts.push(encodeOxmEntry(step, version, readField(m.value, step), mask));
    }
  }
  const { cookie } = options;
  if (cookie && cookie.mask !== 0n) parts.push(encodeCookie(cookie.value, cookie.mask));
  return concat(parts);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

/** OXM parts the tag: the id with the bit that there is one, and the priority, which can only be matched whole and on a tag. */
function encodeVlan(m: Match, version: number, parts: Uint8Array[]): void {
  const mask = get16(m.mask, K.vlanTci.offset);
  const tci = get16(m.value, K.vlanTci.offset);
  if (mask & 0x1fff) parts.push(encodeOxmEntry(VLAN_VID, version, BigInt(tci & 0x1fff), BigInt(mask & 0x1fff)));
  if (mask & 0xe000 && mask & tci & VLAN_CFI) parts.push(encodeOxmEntry(VLAN_PCP, version, BigInt(tci >> 13)));
}

function encodeOptions(m: Match, version: number, table: TunTable | undefined, parts: Uint8Array[]): void {
  const at = K.tunMdPresent.offset;
  if (!table || isZero(m.mask, at, at + 8)) return;
  for (const option of OPTIONS) {
    const index = option.tunMetadata ?? 0;
    const row = table.row(option);
    if (!row || (m.mask[at + 7 - (index >> 3)] & (1 << (index & 7))) === 0) continue;
    const mask = row.bits === 0 ? 0n : readField(m.mask, row);
    if (mask === 0n) parts.push(encodeOxmHeader(row, version, true, 0));
    else parts.push(encodeOxmEntry(row, version, readField(m.value, row), mask));
  }
}

function encodeCookie(value: bigint, mask: bigint): Uint8Array {
  const exact = mask === 0xffffffffffffffffn;
  const out = new Uint8Array(exact ? 12 : 20);
  const header = exact ? COOKIE_EXACT : COOKIE_MASKED;
  put16(out, 0, header >>> 16);
  put16(out, 2, header & 0xffff);
  put64(out, 4, value & mask);
  if (!exact) put64(out, 12, mask);
  return out;
}

export interface DecodeOptions {
  readonly tun?: TunTable | undefined;
  /** Take NXM_NX_COOKIE. */
  readonly cookie?: boolean;
  /** Skip fields that are unknown, or whose prerequisites are missing, rather than refuse: for requests that only describe packets. */
  readonly loose?: boolean;
}

export interface DecodedMatch {
  readonly match: Match;
  readonly cookie: bigint;
  readonly cookieMask: bigint;
}

/** The inverse, of exactly the bytes given. Throws UserError with the OpenFlow error. */
export function decodeMatch(b: Uint8Array, options: DecodeOptions = {}): DecodedMatch {
  const match = new Match();
  let cookie = 0n;
  let cookieMask = 0n;
  for (let at = 0; at < b.length; ) {
    const cookieBytes = cookieAt(b, at);
    if (cookieBytes > 0) {
      if (!options.cookie) throw new UserError('a cookie is no field of this message', 'OFPBMC_BAD_FIELD');
      if (cookieMask !== 0n) throw new UserError('the cookie stands twice', 'OFPBMC_DUP_FIELD');
      cookie = get64(b, at + 4);
      cookieMask = cookieBytes > 12 ? get64(b, at + 12) : 0xffffffffffffffffn;
      if (cookie & ~cookieMask)
        throw new UserError('the cookie has ones that its mask ignores', 'OFPBMC_BAD_WILDCARDS');
      at += cookieBytes;
    } else at = decodeEntry(b, at, match, options);
  }
  return { match, cookie, cookieMask };
}

/** Bytes of a whole cookie entry, 0 where there is none. */
function cookieAt(b: Uint8Array, at: number): number {
  if (b.length - at < 12 || get16(b, at) !== 0x0001) return 0;
  const rest = get16(b, at + 2);
  if (rest === (COOKIE_EXACT & 0xffff)) return 12;
  return rest === (COOKIE_MASKED & 0xffff) && b.length - at >= 20 ? 20 : 0;
}

function decodeEntry(b: Uint8Array, at: number, m: Match, options: DecodeOptions): number {
  try {
    const e = decodeOxmHeader(b, at);
    const { value, mask } = decodeOxmValue(b, e);
    if (!matchHasPrereqs(e.row.prereqs, m)) {
      throw new UserError(`field ${e.row.name} needs ${e.row.prereqs} before it`, 'OFPBMC_BAD_PREREQ');
    }
    if (e.row.tunMetadata !== undefined) setOption(m, e.row, e.bytes, value, mask, options.tun);
    else {
      if (readField(m.mask, e.row) !== 0n) throw new UserError(`field ${e.row.name} stands twice`, 'OFPBMC_DUP_FIELD');
      if (mask !== 0n && !(e.row.name === 'packet_type' && value === 0n)) setField(m, e.row, value, mask);
    }
    return e.next;
  } catch (err) {
    const skip = options.loose && err instanceof UserError && /BAD_FIELD|BAD_PREREQ/.test(err.ofError ?? '');
    if (!skip) throw err;
    return at + 4 + b[at + 3];
  }
}

function setOption(
  m: Match,
  option: FieldRow,
  bytes: number,
  value: bigint,
  mask: bigint,
  table: TunTable | undefined,
): void {
  const index = option.tunMetadata ?? 0;
  const at = K.tunMdPresent.offset + 7 - (index >> 3);
  const bit = 1 << (index & 7);
  if (m.mask[at] & bit) throw new UserError(`field ${option.name} stands twice`, 'OFPBMC_DUP_FIELD');
  let row = table?.row(option);
  if (!table) {
    m.tun ??= new TunTable();
    row = m.tun.add(option, { optionClass: 0xffff, optionType: index, length: bytes });
  }
  if (!row) throw new UserError(`${option.name} is not in the tunnel option table`, 'OFPBMC_BAD_FIELD');
  if (value > row.valid) throw new UserError(`${option.name} is longer than ${row.bytes} bytes`, 'OFPBMC_BAD_LEN');
  m.mask[at] |= bit;
  m.value[at] |= bit;
  if (row.bits === 0 || bytes === 0) return;
  // An unmasked value that is shorter than the option fixes all of it, the rest to zero.
  const exact = mask === (1n << BigInt(bytes * 8)) - 1n;
  setField(m, row, value, exact ? row.valid : mask & row.valid);
}
