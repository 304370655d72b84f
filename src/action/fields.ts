/** What action rows need of fields: code points on the wire, bit ranges, and the conditions for reading and writing them. */
import type { FieldRow, Subfield } from '../flow/field.js';
import { codePointFor, field, fieldByHeader, wholeField } from '../flow/fields.js';
import { formatSubfield, parseSubfield } from '../flow/subfield.js';
import { formatFieldValue, parseFieldValue } from '../flow/value-text.js';
import { getBig, lowBits, putBig } from '../lib/bytes.js';
import { UserError } from '../lib/errors.js';
import type { CheckState } from './check-state.js';
import type { ParseCtx, WireReader, WireWriter } from './context.js';
import { std } from './emit.js';
import { tryPort } from './ports.js';
import { hex } from './text.js';

export { field as fieldNamed, formatSubfield, lowBits, parseSubfield, wholeField as whole };

/** Every bit of a subfield that can be written; of vlan_vid also the bit that says there is a tag. */
export function allBits(f: Subfield): bigint {
  return f.ofs === 0 && f.bits === f.field.bits ? f.field.valid : lowBits(f.bits);
}

/** Ones in every bit of a field's payload, also those that its value never has: a mask that is not written down. */
export function noMask(row: FieldRow): bigint {
  return lowBits(8 * row.bytes);
}

export function isWhole(f: Subfield): boolean {
  return f.ofs === 0 && f.bits === f.field.bits;
}

/** A reader of a range of a field, with the checks that ranges from the wire need. */
export function subfieldOf(row: FieldRow, range: { ofs: number; bits: number }): Subfield {
  return { field: row, ofs: range.ofs, bits: range.bits };
}

/** Nicira's 16 bits for a range: the offset above six bits of width less one. Wider ranges run into the offset, as in OVS. */
export function encodeOfsBits(f: Subfield): number {
  return ((f.ofs << 6) | (f.bits - 1)) & 0xffff;
}

export function decodeOfsBits(v: number): { ofs: number; bits: number } {
  return { ofs: v >> 6, bits: (v & 63) + 1 };
}

/** Has the field no 4-byte header? Older extension actions have room for those only. */
export function needsLongHeader(row: FieldRow): boolean {
  const id = codePointFor(row, 0);
  return !id || id.class === 0xffff;
}

/** Writes the OXM/NXM header, 4 or 8 bytes. `version` 0: as in the extension actions, the oldest code point. */
export function putHeader(w: WireWriter, row: FieldRow, version: number, masked = false, length = row.bytes): void {
  const id = codePointFor(row, version);
  if (!id) throw new UserError(`${row.name} has no OXM code point`, 'OFPBAC_BAD_SET_TYPE');
  const long = id.class === 0xffff;
  const payload = (masked ? 2 * length : length) + (long ? 4 : 0);
  w.u16(id.class);
  w.u16((id.field << 9) | (masked ? 0x100 : 0) | payload);
  if (long) w.u32(id.experimenter ?? 0);
}

interface Header {
  readonly row: FieldRow;
  readonly masked: boolean;
  /** Bytes of the value: of value and mask each, where masked. */
  readonly length: number;
}

/** `alone`: no value follows. Then an unknown field and a wrong length are one error, and another than before a value. */
function readHeader(r: WireReader, alone: boolean): Header {
  if (r.remaining < 4) throw new UserError('an OXM header is cut off', 'OFPBMC_BAD_LEN');
  const oxmClass = r.u16();
  const rest = r.u16();
  const long = oxmClass === 0xffff;
  const payload = (rest & 0xff) - (long ? 4 : 0);
  if (payload < 0 || (long && r.remaining < 4)) throw new UserError('an OXM header is cut off', 'OFPBMC_BAD_LEN');
  const unknown = alone ? 'OFPBMC_BAD_FIELD' : 'OFPBAC_BAD_SET_TYPE';
  const named = fieldByHeader(oxmClass, rest >> 9, long ? r.u32() : 0);
  if (!named) throw new UserError(`unknown OXM field ${oxmClass}:${rest >> 9}`, unknown);
  const row = r.tun ? r.tun.need(named) : named;
  const masked = (rest & 0x100) !== 0;
  const length = masked ? payload / 2 : payload;
  // Fields of variable length take any up to their own.
  const fits = row.tunMetadata === undefined ? length === row.bytes : Number.isInteger(length) && length <= named.bytes;
  if (!fits) {
    const fault = alone || length === 0 ? unknown : 'OFPBAC_BAD_SET_LEN';
    throw new UserError(`${row.name} is ${row.bytes} bytes and not ${length}`, fault);
  }
  return { row, masked, length };
}

/** Reads a header without a value. */
export function pullHeader(r: WireReader): FieldRow {
  const { row, masked } = readHeader(r, true);
  if (masked) throw new UserError('a mask where a field is named only', 'OFPBMC_BAD_MASK');
  return row;
}

/** A tunnel option that the bridge does not have is this everywhere. */
const NO_OPTION = 'NXFMFC_INVALID_TLV_FIELD';

/** As pullHeader, where only 4-byte headers are allowed and errors are those of set actions. */
export function pullShortHeader(r: WireReader): FieldRow {
  const h = r.sub(4);
  try {
    return pullHeader(h);
  } catch (e) {
    if (!(e instanceof UserError) || e.ofError === NO_OPTION) throw e;
    throw new UserError(e.message, 'OFPBAC_BAD_SET_TYPE');
  }
}

/** How many bytes of a field of variable length its value and, unless it is `noMask`, its mask need: the longer of the two. */
function lengthFor(row: FieldRow, value: bigint, mask: bigint): number {
  if (row.tunMetadata === undefined) return row.bytes;
  const widest = mask === noMask(row) ? value : value | mask;
  return widest === 0n ? 0 : Math.ceil(widest.toString(2).length / 8);
}

/** Writes a header, a value and, unless it is `noMask`, a mask. */
export function putEntry(w: WireWriter, row: FieldRow, version: number, value: bigint, mask: bigint): void {
  const masked = mask !== noMask(row);
  const length = lengthFor(row, value, mask);
  putHeader(w, row, version, masked, length);
  const bytes = new Uint8Array(length);
  putBig(bytes, 0, length, value);
  w.bytes(bytes);
  if (!masked) return;
  putBig(bytes, 0, length, mask);
  w.bytes(bytes);
}

/** Reads an entry; faults are named as those of set actions. A mask is an error unless `mayMask`; without one the mask is all ones. */
export function pullEntry(r: WireReader, mayMask: boolean): { row: FieldRow; value: bigint; mask: bigint } {
  const { row, masked, length } = readHeader(r, false);
  if (r.remaining < (masked ? 2 : 1) * length) throw new UserError('an OXM value is cut off', 'OFPBMC_BAD_LEN');
  // Of a tunnel option's value that is longer than the option the first bytes count.
  const over = BigInt(8 * Math.max(0, length - row.bytes));
  const value = getBig(r.bytes(length), 0, length) >> over;
  const mask = masked ? getBig(r.bytes(length), 0, length) >> over : noMask(row);
  if ((value & ~mask) !== 0n) {
    throw new UserError(`${row.name} has ones where its mask has none`, 'OFPBMC_BAD_WILDCARDS');
  }
  if (masked && !mayMask) throw new UserError(`${row.name} must not have a mask here`, 'OFPBMC_BAD_MASK');
  return { row, value, mask };
}

/** A set_field action of OpenFlow 1.2 and later that writes a whole field. */
export function putSetField(w: WireWriter, row: FieldRow, value: bigint): void {
  std(w, 25, () => putEntry(w, row, w.version, value, noMask(row)));
}

/** May these bits be read, by packets of this flow? Throws OFPBAC_BAD_SET_LEN or OFPBAC_MATCH_INCONSISTENT. */
export function checkSource(f: Subfield, state?: CheckState): void {
  if (f.bits < 1 || f.ofs >= f.field.bits || f.ofs + f.bits > f.field.bits) {
    throw new UserError(`bits ${f.ofs} to ${f.ofs + f.bits - 1} are not in ${f.field.name}`, 'OFPBAC_BAD_SET_LEN');
  }
  if (state && !state.has(f.field)) {
    throw new UserError(`${f.field.name} lacks correct prerequisites`, 'OFPBAC_MATCH_INCONSISTENT');
  }
}

/** May these bits be written? */
export function checkDestination(f: Subfield, state?: CheckState): void {
  checkSource(f, state);
  if (!f.field.writable) throw new UserError(`${f.field.name} is read-only`, 'OFPBAC_BAD_SET_ARGUMENT');
}

/** A value and mask in the field's own format. Throws UserError for what the field cannot have. */
export function parseValue(row: FieldRow, text: string, ctx: ParseCtx): { value: bigint; mask: bigint } {
  const { value, mask } = parseFieldValue(row, text, { ports: (name) => tryPort(ctx, name) });
  if ((value & ~row.valid) !== 0n) throw new UserError(`${text} is not a valid value for field ${row.name}`);
  return { value, mask };
}

export function formatValue(row: FieldRow, value: bigint, mask: bigint, names?: ReadonlyMap<number, string>): string {
  const ctx = { portNames: names };
  if (mask === noMask(row)) return formatFieldValue(row, value, row.valid, ctx);
  if ((mask & row.valid) !== row.valid) return formatFieldValue(row, value, mask, ctx);
  const text = formatFieldValue(row, value, row.valid, ctx);
  // Of a word with one flag, that one is all.
  return row.format === 'tun_flags' ? text : `${text}/${hex(mask)}`;
}
