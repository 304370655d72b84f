/**
 * Matches as lists of OXM entries (OpenFlow 1.2 and later) or NXM entries (the Nicira extensions of 1.0), in the order in which OVS writes them:
 * what a field stands on comes before it, so that a reader can check prerequisites as it goes. The reader is match-oxm.ts.
 */
import { get16, get32, isZero, put16, put64, putBig, putUint } from '../lib/bytes.js';
import { K, LINE_BYTES } from '../packet/key.js';
import type { FieldRow, Prereq } from './field.js';
import { FIELDS, field, readField, readNumber } from './fields.js';
import { KEY_BYTES } from './key.js';
import type { Match } from './match.js';
import { fill, MatchPlans, type PlanField } from './match-plan.js';
import { encodeOxmEntry, encodeOxmHeader, isMasked } from './oxm.js';
import { saysEthernet } from './packet-type.js';
import { headerCheck, type PrereqCheck } from './prereqs.js';
import type { TunTable } from './tun-table.js';

/** Fields in the order of writing. "nxm|oxm" names a pair that share their place in the key. */
const ORDER = [
  'packet_type dp_hash recirc_id conj_id skb_priority in_port|in_port_oxm actset_output eth_src eth_dst eth_type',
  'vlan mpls_label mpls_tc mpls_bos mpls_ttl ip_src ip_dst ipv6_src ipv6_dst ip_frag nw_tos|ip_dscp nw_ecn nw_ttl ipv6_label nw_proto',
  'tcp_src tcp_dst tcp_flags udp_src udp_dst sctp_src sctp_dst icmp_type icmp_code icmpv6_type icmpv6_code',
  'nd_reserved nd_target nd_options_type nd_sll nd_tll arp_op arp_spa arp_tpa arp_sha arp_tha',
  'tun_id tun_flags tun_src tun_dst tun_ipv6_src tun_ipv6_dst tun_gbp_id tun_gbp_flags tun_metadata',
  'tun_erspan_idx tun_erspan_ver tun_erspan_dir tun_erspan_hwid tun_gtpu_flags tun_gtpu_msgtype',
  'nsh_flags nsh_ttl nsh_mdtype nsh_np nsh_spi nsh_si nsh_c1 nsh_c2 nsh_c3 nsh_c4 regs pkt_mark',
  'ct_state ct_zone ct_mark ct_label ct_nw_src ct_nw_dst ct_ipv6_src ct_ipv6_dst ct_nw_proto ct_tp_src ct_tp_dst metadata',
].flatMap((line) => line.split(' '));

/** By field or prerequisite: what must be there for a condition to be written, where OVS leaves the rest to the reader to refuse. */
const NEEDS: ReadonlyMap<string, Prereq> = new Map<string, Prereq>([
  ['ethernet', 'none'],
  ['ipv6_label', 'ip'],
  ['nsh', 'none'],
  ['ct', 'none'],
]);
/** As OVS has it, ports of a connection are only spoken of with its protocol. */
const noCtProto = (m: Match): boolean => m.value[K.ctNwProto.offset] === 0;
/** Addresses of both families share their place in the key; where the type does not part them, their length does. */
const isIpv6 = (m: Match): boolean =>
  get16(m.value, K.ethType.offset) === 0x86dd ||
  [K.ctSrc, K.ctDst].some((s) => !isZero(m.mask, s.offset + 4, s.offset + s.bytes));
const UNLESS: ReadonlyMap<string, (m: Match) => boolean> = new Map([
  ...['ct_nw_proto', 'ct_tp_src', 'ct_tp_dst'].map((name) => [name, noCtProto] as const),
  ...['ct_nw_src', 'ct_nw_dst'].map((name) => [name, isIpv6] as const),
  ...['ct_ipv6_src', 'ct_ipv6_dst'].map((name) => [name, (m: Match) => !isIpv6(m)] as const),
]);

interface FieldStep {
  readonly row: FieldRow;
  /** Bit of the key's line that the field is in: most matches use few lines. */
  readonly line: number;
  readonly small: boolean;
  readonly needs: PrereqCheck;
  /** What keeps it from being written beside that. */
  readonly unless: ((m: Match) => boolean) | undefined;
  readonly header: Uint8Array;
  readonly maskedHeader: Uint8Array;
}

type Step = FieldStep | 'vlan' | 'tun_metadata';

function stepOf(row: FieldRow, version: number): FieldStep {
  return {
    row,
    line: 1 << Math.floor(row.slot.offset / LINE_BYTES),
    small: row.slot.bytes <= 4,
    needs: headerCheck(NEEDS.get(row.name) ?? NEEDS.get(row.prereqs) ?? row.prereqs),
    unless: UNLESS.get(row.name),
    header: encodeOxmHeader(row, version, false),
    maskedHeader: encodeOxmHeader(row, version, true),
  };
}

/** NXM has vlan_tci and 32-bit registers; OXM from OpenFlow 1.5 on has registers of 64 bits. */
function stepsFor(version: number): readonly Step[] {
  return ORDER.flatMap((name): Step[] => {
    if (name === 'vlan') return version === 0 ? [stepOf(field('vlan_tci'), 0)] : ['vlan'];
    if (name === 'tun_metadata') return ['tun_metadata'];
    if (name === 'regs') {
      const wide = version >= 6;
      return Array.from({ length: wide ? 8 : 16 }, (_, i) => stepOf(field(`${wide ? 'xreg' : 'reg'}${i}`), version));
    }
    const [nxm, oxm] = name.split('|');
    const row = field(version === 0 ? nxm : (oxm ?? nxm));
    return row.ids.length > 0 ? [stepOf(row, version)] : [];
  });
}

/** By wire version; 0 is NXM. Made when first asked for: a program speaks one version, and making all is felt when it starts. */
const STEPS = new Map<number, readonly Step[]>();

function steps(version: number): readonly Step[] {
  const known = STEPS.get(version);
  if (known) return known;
  const made = stepsFor(version);
  STEPS.set(version, made);
  return made;
}
const PACKET_TYPE = field('packet_type');
const VLAN_VID = field('vlan_vid');
const VLAN_PCP = field('vlan_pcp');
const OPTIONS = FIELDS.filter((f) => f.tunMetadata !== undefined);

/** Bytes that grow. */
class Sink {
  /** Fields that stand as their rows say. */
  readonly fields: PlanField[] = [];
  /** Something else stands among them, or what stands there depends on more than their prerequisites. */
  special = false;
  /** Does a field say that packets are Ethernet, or would one that was left out have said it? */
  ethernet: 'unsaid' | 'left_out' | 'said' = 'unsaid';
  private buf = new Uint8Array(192);
  private length = 0;

  /** Makes room and returns where it is, with the buffer to write to. */
  room(n: number): { readonly buf: Uint8Array; readonly at: number } {
    const at = this.length;
    this.length += n;
    if (this.length > this.buf.length) {
      const grown = new Uint8Array(this.length * 2);
      grown.set(this.buf);
      this.buf = grown;
    }
    return { buf: this.buf, at };
  }

  /** Something that is not a field of a row alone. */
  bytes(b: Uint8Array): void {
    this.special = true;
    const { buf, at } = this.room(b.length);
    buf.set(b, at);
  }

  /** In front of what is there. */
  prepend(b: Uint8Array): void {
    const rest = this.take();
    this.length = 0;
    this.bytes(b);
    this.bytes(rest);
  }

  take(): Uint8Array {
    return this.buf.slice(0, this.length);
  }
}

/** NXM_NX_COOKIE, a pseudo-field of NXM flow_mods and requests: value and mask of 8 bytes. */
export const COOKIE_EXACT = 0x00013c08;
export const COOKIE_MASKED = 0x00013d10;

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
  return matchBytes(m, version, options).slice();
}

const plans = new MatchPlans();

/** As encodeMatch, into memory that the next call uses again. */
export function matchBytes(m: Match, version: number, options: EncodeOptions = {}): Uint8Array {
  if (options.cookie || !STEPS.has(version)) return encodePlainly(m, version, options).take();
  const shape = plans.shapeOf(m, version, (m) => prereqsOf(m, version));
  const known = shape.find(m.valueWords);
  if (known?.plan) return fill(known.plan, m.value);
  const out = encodePlainly(m, version, options);
  const bytes = out.take();
  if (!known) shape.add(m.valueWords, out.special ? undefined : { bytes, fields: out.fields });
  return bytes;
}

function* prereqsOf(m: Match, version: number): Generator<Prereq> {
  for (const step of STEPS.get(version) ?? []) {
    if (typeof step === 'object' && !isZero(m.mask, step.row.slot.offset, step.row.slot.offset + step.row.slot.bytes))
      yield step.row.prereqs;
  }
}

/** As encodeMatch, without what is remembered of earlier matches: the judge of that. */
export function encodeUnplanned(m: Match, version: number, options: EncodeOptions = {}): Uint8Array {
  return encodePlainly(m, version, options).take();
}

function encodePlainly(m: Match, version: number, options: EncodeOptions): Sink {
  const out = new Sink();
  const lines = usedLines(m);
  for (const step of steps(version)) {
    if (step === 'vlan') encodeVlan(m, version, out);
    else if (step === 'tun_metadata') encodeOptions(m, version, options.tun ?? m.tun, out);
    else if (lines & step.line) encodeField(m, step, out);
  }
  const { cookie } = options;
  if (cookie && cookie.mask !== 0n) out.bytes(encodeCookie(cookie.value, cookie.mask));
  // A reader that finds no field of an Ethernet packet would take packets of any type.
  const unsaid = out.ethernet === 'left_out' ? get32(m.value, K.packetType.offset) === 0 : saysEthernet(m);
  if (out.ethernet !== 'said' && unsaid) out.prepend(encodeOxmEntry(PACKET_TYPE, version, 0n));
  return out;
}

/** A bit for each line of the mask that is not all zero. */
function usedLines(m: Match): number {
  let lines = 0;
  for (let n = 0; n * LINE_BYTES < KEY_BYTES; n++) {
    if (!isZero(m.mask, n * LINE_BYTES, (n + 1) * LINE_BYTES)) lines |= 1 << n;
  }
  return lines;
}

/** Is it written? Notes what that says of the packet's type. */
function isWritten(m: Match, step: FieldStep, out: Sink): boolean {
  const { row } = step;
  if (row.prereqs === 'none') return row !== PACKET_TYPE || !saysEthernet(m);
  if (step.unless) out.special = true;
  const written = step.needs.holds(m) && !step.unless?.(m);
  if (written) out.ethernet = 'said';
  else if (out.ethernet === 'unsaid') out.ethernet = 'left_out';
  return written;
}

function encodeField(m: Match, step: FieldStep, out: Sink): void {
  const { row } = step;
  if (!step.small) {
    const mask = readField(m.mask, row);
    if (mask === 0n || !isWritten(m, step, out)) return;
    const masked = isMasked(row, mask === row.valid);
    const { buf, at } = header(step, masked, out);
    putBig(buf, at, row.bytes, readField(m.value, row));
    if (masked) putBig(buf, at + row.bytes, row.bytes, mask);
    return;
  }
  const mask = readNumber(m.mask, row);
  if (mask === 0 || !isWritten(m, step, out)) return;
  // A port's mask is taken whole for a type or code that stands in its place.
  const masked = isMasked(row, mask === row.validLow || row.maskable === 'no');
  const { buf, at } = header(step, masked, out);
  putUint(buf, at, row.bytes, readNumber(m.value, row));
  if (masked) putUint(buf, at + row.bytes, row.bytes, mask);
}

/** Writes the header; returns where the payload goes. */
function header(step: FieldStep, masked: boolean, out: Sink): { readonly buf: Uint8Array; readonly at: number } {
  const h = masked ? step.maskedHeader : step.header;
  const { buf, at } = out.room(h.length + step.row.bytes * (masked ? 2 : 1));
  buf.set(h, at);
  out.fields.push({ row: step.row, at: at + h.length });
  return { buf, at: at + h.length };
}

/** OXM parts the tag: the id with the bit that there is one, and the priority, which can only be matched whole and on a tag. */
function encodeVlan(m: Match, version: number, out: Sink): void {
  const mask = get16(m.mask, K.vlanTci.offset);
  if (mask === 0) return;
  // Which entries there are depends on the value.
  out.special = true;
  const tci = get16(m.value, K.vlanTci.offset);
  const written = (mask & 0x1fff) !== 0 || (tci & 0x1fff) !== 0;
  out.ethernet = written ? 'said' : out.ethernet === 'unsaid' ? 'left_out' : out.ethernet;
  if (mask & 0x1fff) out.bytes(encodeOxmEntry(VLAN_VID, version, BigInt(tci & 0x1fff), BigInt(mask & 0x1fff)));
  if (mask & 0xe000 && tci & 0x1fff) out.bytes(encodeOxmEntry(VLAN_PCP, version, BigInt(tci >> 13)));
}

function encodeOptions(m: Match, version: number, table: TunTable | undefined, out: Sink): void {
  const at = K.tunMdPresent.offset;
  if (isZero(m.mask, at, at + 8)) return;
  out.special = true;
  if (!table) return;
  for (const option of OPTIONS) {
    const index = option.tunMetadata ?? 0;
    const row = table.row(option);
    if (!row || (m.mask[at + 7 - (index >> 3)] & (1 << (index & 7))) === 0) continue;
    const mask = row.bits === 0 ? 0n : readField(m.mask, row);
    const masked = table.option(index)?.masked ?? mask !== row.valid;
    out.bytes(encodeOxmHeader(row, version, masked));
    putBytes(out, row.bytes, row.bits === 0 ? 0n : readField(m.value, row));
    if (masked) putBytes(out, row.bytes, mask);
  }
}

function putBytes(out: Sink, n: number, value: bigint): void {
  const { buf, at } = out.room(n);
  putBig(buf, at, n, value);
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
