/**
 * Text of matches, as ovs-ofctl(8) takes it: "tcp,in_port=1,nw_dst=10.0.0.0/8,reg0[0..3]=5".
 *
 * A token at a time, in one pass; the common values (numbers, addresses) go straight into the key's bytes, because a table of 100,000 flows is
 * read at start-up. Prerequisites are not checked here: ovs-ofctl takes "tp_dst=80" alone and drops it later (see normalize.ts).
 */
import { parseIpv4Number, parseMacInto } from '../lib/address.js';
import { isOnes, lowBits } from '../lib/bytes.js';
import { UserError } from '../lib/errors.js';
import { K } from '../packet/key.js';
import type { FieldRow } from './field.js';
import { field, fieldByName, readField } from './fields.js';
import { Match } from './match.js';
import { assumeEthernet, settleTypes } from './packet-type.js';
import { fieldProtocols, type MaskKind, PROTOCOLS_OF, type Usable } from './protocols.js';
import { setField, setNumber } from './set.js';
import { scanSubfield } from './subfield.js';
import { TunTable } from './tun-table.js';
import { parseFieldValue, parseInteger, type ValueContext } from './value-text.js';

export interface MatchContext extends ValueContext {
  /** The bridge's tunnel options; without one, options are placed as they come and noted in the match. */
  readonly tun?: TunTable | undefined;
  /** Options that no bridge maps say nothing. */
  readonly looseOptions?: boolean | undefined;
  /** Narrowed by what the conditions need. */
  readonly usable?: Usable | undefined;
}

function narrow(ctx: MatchContext, row: FieldRow, mask: bigint): void {
  if (ctx.usable && mask !== 0n) ctx.usable.protocols &= fieldProtocols(row, maskKind(row, mask));
}

function maskKind(row: FieldRow, mask: bigint): MaskKind {
  const all = lowBits(row.bytes * 8);
  if (mask === all) return 'exact';
  const low = all & ~mask;
  return (low & (low + 1n)) === 0n ? 'prefix' : 'bits';
}

/** Words that stand for eth_type and ip_proto. */
export const PROTOCOLS: ReadonlyMap<string, readonly [ethType: number, ipProto: number]> = new Map([
  ['ip', [0x0800, -1]],
  ['ipv4', [0x0800, -1]],
  ['ip4', [0x0800, -1]],
  ['arp', [0x0806, -1]],
  ['icmp', [0x0800, 1]],
  ['tcp', [0x0800, 6]],
  ['udp', [0x0800, 17]],
  ['sctp', [0x0800, 132]],
  ['ipv6', [0x86dd, -1]],
  ['ip6', [0x86dd, -1]],
  ['icmp6', [0x86dd, 58]],
  ['tcp6', [0x86dd, 6]],
  ['udp6', [0x86dd, 17]],
  ['sctp6', [0x86dd, 132]],
  ['rarp', [0x8035, -1]],
  ['mpls', [0x8847, -1]],
  ['mplsm', [0x8848, -1]],
]);

const ETH_TYPE = field('eth_type');
const NW_PROTO = field('nw_proto');
const PACKET_TYPE = field('packet_type');

/** One "key=value" of a text. An empty value is a key alone. */
export interface Token {
  key: string;
  value: string;
}

enum C {
  tab = 9,
  lf = 10,
  cr = 13,
  space = 32,
  quote = 34,
  open = 40,
  close = 41,
  comma = 44,
  colon = 58,
  equals = 61,
}

function isSeparator(c: number): boolean {
  return c === C.comma || c === C.space || c === C.tab || c === C.lf || c === C.cr;
}

/**
 * Reads the next token of `text` from `at` into `out`; returns where it ends, or -1 when there is none. Tokens are parted by commas and white
 * space; a value follows "=" or ":" or stands in parentheses, which nest.
 */
export function nextToken(text: string, at: number, out: Token): number {
  let i = at;
  while (i < text.length && isSeparator(text.charCodeAt(i))) i++;
  if (i === text.length) return -1;
  const start = i;
  let c = 0;
  for (; i < text.length; i++) {
    c = text.charCodeAt(i);
    if (c === C.equals || c === C.colon || c === C.open || isSeparator(c)) break;
  }
  out.key = text.slice(start, i);
  out.value = '';
  if (i === text.length || isSeparator(c)) return i;
  const valueStart = c === C.open ? i : i + 1;
  let depth = 0;
  for (i = valueStart; i < text.length; i++) {
    c = text.charCodeAt(i);
    if (c === C.quote) i = closingQuote(text, i);
    else if (c === C.open) depth++;
    else if (c === C.close) depth--;
    else if (depth === 0 && isSeparator(c)) break;
  }
  if (depth > 0) throw new UserError(`unmatched "(" in ${text.slice(start)}`);
  out.value = text.slice(valueStart, i);
  return i;
}

/** Of a name in quotes; the end of the text when it never closes. */
function closingQuote(text: string, at: number): number {
  const end = text.indexOf('"', at + 1);
  return end < 0 ? text.length : end;
}

/** Applies one token to a match. False when the key is no field and no protocol. Throws UserError for a bad value. */
export function parseMatchToken(m: Match, key: string, value: string, ctx: MatchContext = {}): boolean {
  if (parseWord(m, key)) return true;
  const row = fieldByName(key);
  if (row) {
    parseField(m, row, value, ctx);
    return true;
  }
  if (!key.includes('[')) return false;
  parseBits(m, key, value, ctx);
  return true;
}

function parseWord(m: Match, word: string): boolean {
  const protocol = PROTOCOLS.get(word);
  if (protocol) {
    setNumber(m, ETH_TYPE, protocol[0]);
    if (protocol[1] >= 0) setNumber(m, NW_PROTO, protocol[1]);
    return true;
  }
  if (word !== 'eth') return false;
  setNumber(m, PACKET_TYPE, 0);
  return true;
}

function parseField(m: Match, row: FieldRow, text: string, ctx: MatchContext): void {
  if (row.tunMetadata !== undefined) return parseTunMetadata(m, row, text, ctx);
  if (row.prereqs !== 'none') assumeEthernet(m);
  if (text === '*') return setField(m, row, 0n, 0n);
  // As there: a field without a value is one with a mask of nothing, where it takes such a text.
  if (text === '') return parseField(m, row, '0/0', ctx);
  if (parseFast(m, row, text)) {
    if (ctx.usable) ctx.usable.protocols &= fieldProtocols(row, 'exact');
    return;
  }
  const { value, mask } = parseFieldValue(row, text, ctx);
  narrow(ctx, row, mask);
  if (
    (row.maskable !== 'no' || row.prereqs === 'nsh') &&
    (value & mask & ~row.valid) !== 0n &&
    row.shift === 0 &&
    row.name !== 'vlan_vid'
  ) {
    throw new UserError(`${text}: value too large for ${row.bits}-bit field ${row.name}`, 'OFPBMC_BAD_VALUE');
  }
  if (row.values && mask !== 0n && !row.values.includes(Number(value))) {
    throw new UserError(`${text}: field ${row.name} has no such value`, 'OFPBMC_BAD_VALUE');
  }
  setField(m, row, value, mask);
}

/** Plain decimal numbers, and addresses without a mask. False: not such a text. */
function parseFast(m: Match, row: FieldRow, text: string): boolean {
  const { offset, bytes } = row.slot;
  if (row.format === 'decimal' || row.format === 'hexadecimal') {
    if (bytes > 4 || text.length > 9 || text.charCodeAt(0) === 48) return false;
    let v = 0;
    for (let i = 0; i < text.length; i++) {
      const d = text.charCodeAt(i) - 48;
      if (d < 0 || d > 9) return false;
      v = v * 10 + d;
    }
    if (v > row.validLow || row.values) return false;
    setNumber(m, row, v);
    return true;
  }
  if (row.format === 'ethernet') {
    if (text.length > 17 || !parseMacInto(text, m.value, offset)) return false;
    m.mask.fill(0xff, offset, offset + 6);
    return true;
  }
  if (row.format !== 'ipv4') return false;
  const v = parseIpv4Number(text);
  if (v < 0) return false;
  setNumber(m, row, v);
  return true;
}

/** "reg0[0..3]=5": fixes some bits and leaves what was said about the others. */
function parseBits(m: Match, key: string, text: string, ctx: MatchContext): void {
  const { subfield, length } = scanSubfield(key);
  if (length !== key.length) throw new UserError('unexpected input following field syntax');
  const row = subfield.field;
  const number = parseInteger(text);
  const v = number !== undefined && number < 0n && subfield.bits >= 64 ? BigInt.asUintN(64, number) : number;
  if (row.prereqs !== 'none') assumeEthernet(m);
  if (v === undefined || v < 0n || (v > lowBits(64) && !/^\s*\+?0x/i.test(text)))
    throw new UserError(`${key}: cannot parse integer value: ${text}`);
  if (v > lowBits(subfield.bits)) throw new UserError(`${key}: value ${text} does not fit into ${subfield.bits} bits`);
  if (row.maskable === 'no' && subfield.bits !== row.bits && !ctx.usable) {
    throw new UserError(`${key}: invalid mask for field ${row.name}`, 'OFPBMC_BAD_MASK');
  }
  const ofs = BigInt(subfield.ofs);
  const bits = lowBits(subfield.bits) << ofs;
  const mask = readField(m.mask, row);
  narrow(ctx, row, mask | bits);
  setField(m, row, (readField(m.value, row) & ~bits) | (v << ofs), mask | bits);
}

function parseTunMetadata(m: Match, row: FieldRow, text: string, ctx: MatchContext): void {
  const index = row.tunMetadata ?? 0;
  if (ctx.usable) ctx.usable.protocols &= PROTOCOLS_OF.nxmOr12;
  const known = ctx.tun;
  if (text === '') {
    if (known && !known.row(row))
      throw new UserError(`${row.name}: no such tunnel option is configured`, 'NXFMFC_INVALID_TLV_FIELD');
    if (!known) placeOption(m, row, 0, true);
    const at = K.tunMdPresent.offset + 7 - (index >> 3);
    m.mask[at] |= 1 << (index & 7);
    m.value[at] |= 1 << (index & 7);
    return;
  }
  const { value, mask } = parseFieldValue(row, text, ctx);
  const exact = mask === lowBits(row.bytes * 8);
  const bits = Math.max(bitLength(value), exact ? 0 : bitLength(mask));
  const place = known ? known.row(row) : placeOption(m, row, (bits + 7) >> 3, !exact);
  if (!place) throw new UserError(`${row.name}: no such tunnel option is configured`, 'OFPBMC_BAD_FIELD');
  if (bits > place.bits) {
    throw new UserError(`${text}: value too large for ${place.bytes}-byte field ${row.name}`, 'OFPBMC_BAD_VALUE');
  }
  setField(m, place, value, exact ? place.valid : mask);
}

const bitLength = (v: bigint): number => (v === 0n ? 0 : v.toString(2).length);

function placeOption(m: Match, row: FieldRow, length: number, masked: boolean): FieldRow {
  m.tun ??= new TunTable();
  return m.tun.add(row, { optionClass: 0xffff, optionType: row.tunMetadata ?? 0, length, masked });
}

/** A whole text that is a match and nothing else. Throws UserError. */
export function parseMatch(text: string, ctx: MatchContext = {}): Match {
  const m = new Match();
  const token: Token = { key: '', value: '' };
  for (let at = nextToken(text, 0, token); at >= 0; at = nextToken(text, at, token)) {
    if (parseMatchToken(m, token.key, token.value, ctx)) continue;
    throw unknownKey(token);
  }
  settleTypes(m);
  return m;
}

/** The fault of a key that nobody knows. */
export function unknownKey(token: Token): UserError {
  return new UserError(token.value === '' ? `field ${token.key} missing value` : `unknown keyword ${token.key}`);
}

/** True when the match fixes a field entirely. */
export function isExact(m: Match, row: FieldRow): boolean {
  return row.bits === row.slot.bytes * 8
    ? isOnes(m.mask, row.slot.offset, row.slot.offset + row.slot.bytes)
    : readField(m.mask, row) === row.valid;
}
