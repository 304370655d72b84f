/** OXM and NXM entries: header, value, mask. Matches are lists of them (match-oxm.ts); set_field carries one. */
import { get16, get32, getBig, lowBits, put16, put32, putBig } from '../lib/bytes.js';
import { UserError } from '../lib/errors.js';
import type { FieldRow } from './field.js';
import { codePointFor, fieldByHeader } from './fields.js';

const EXPERIMENTER_CLASS = 0xffff;

export interface OxmEntry {
  readonly row: FieldRow;
  readonly masked: boolean;
  /** Bytes of the value; a mask has as many again. Differs from the row's only for tunnel options. */
  readonly bytes: number;
  /** Where the value stands. */
  readonly at: number;
  /** Where the next entry stands. */
  readonly next: number;
}

/** Bytes of a header for a field: 4, or 8 with an experimenter. Throws UserError when it has none. */
export function encodeOxmHeader(row: FieldRow, version: number, masked: boolean, bytes = row.bytes): Uint8Array {
  const id = codePointFor(row, version);
  if (!id) throw new UserError(`field ${row.name} has no OXM code point`, 'OFPBMC_BAD_FIELD');
  const payload = masked ? 2 * bytes : bytes;
  const long = id.class === EXPERIMENTER_CLASS;
  const out = new Uint8Array(long ? 8 : 4);
  put16(out, 0, id.class);
  out[2] = (id.field << 1) | (masked ? 1 : 0);
  out[3] = payload + (long ? 4 : 0);
  if (long) put32(out, 4, id.experimenter ?? 0);
  return out;
}

/** ct_state and tun_flags are words of which few bits exist; OVS always sends their masks. */
function alwaysMasked(row: FieldRow): boolean {
  return row.format === 'ct_state' || row.format === 'tun_flags';
}

/** A whole entry. A mask of all the field's bits is left out. */
export function encodeOxmEntry(row: FieldRow, version: number, value: bigint, mask: bigint = row.valid): Uint8Array {
  const masked = isMasked(row, mask === row.valid);
  const header = encodeOxmHeader(row, version, masked);
  const out = new Uint8Array(header.length + row.bytes * (masked ? 2 : 1));
  out.set(header);
  putBig(out, header.length, row.bytes, value);
  if (masked) putBig(out, header.length + row.bytes, row.bytes, mask);
  return out;
}

/** Does an entry carry its mask? */
export function isMasked(row: FieldRow, exact: boolean): boolean {
  return !exact || alwaysMasked(row);
}

/**
 * Reads the header at `at` and checks that its payload is there. Throws UserError (BAD_FIELD for a field we do not know, BAD_LEN for a length
 * that is not the field's). A masked tunnel option has any even length.
 */
export function decodeOxmHeader(b: Uint8Array, at: number, end = b.length): OxmEntry {
  if (end - at < 4) throw new UserError('an OXM header is cut off', 'OFPBMC_BAD_LEN');
  const oxmClass = get16(b, at);
  const long = oxmClass === EXPERIMENTER_CLASS;
  const headerBytes = long ? 8 : 4;
  const length = b[at + 3];
  if (at + 4 + length > end || (long && length < 4)) throw new UserError('an OXM entry is cut off', 'OFPBMC_BAD_LEN');
  const number = b[at + 2] >> 1;
  const masked = (b[at + 2] & 1) !== 0;
  const row = fieldByHeader(oxmClass, number, long ? get32(b, at + 4) : 0);
  if (!row)
    throw new UserError(`unknown OXM field, class 0x${oxmClass.toString(16)} number ${number}`, 'OFPBMC_BAD_FIELD');
  const payload = at + 4 + length - (at + headerBytes);
  const bytes = masked ? payload >> 1 : payload;
  const right = row.tunMetadata === undefined ? bytes === row.bytes : bytes <= row.bytes;
  if (!right || (masked && payload !== 2 * bytes)) {
    throw new UserError(`OXM field ${row.name} has a payload of ${payload} bytes`, 'OFPBMC_BAD_LEN');
  }
  return { row, masked, bytes, at: at + headerBytes, next: at + 4 + length };
}

export interface OxmValue {
  readonly value: bigint;
  /** The row's valid bits when the entry has no mask. */
  readonly mask: bigint;
}

export function fault(row: FieldRow, code: 'BAD_MASK' | 'BAD_WILDCARDS' | 'BAD_VALUE'): UserError {
  const words = {
    BAD_MASK: 'cannot be masked',
    BAD_WILDCARDS: 'has ones in its value that its mask ignores',
    BAD_VALUE: 'has no such value',
  };
  return new UserError(`field ${row.name} ${words[code]}`, `OFPBMC_${code}`);
}

/** The value and mask of an entry, checked: BAD_MASK, BAD_WILDCARDS (ones that the mask ignores), BAD_VALUE. */
export function decodeOxmValue(b: Uint8Array, e: OxmEntry): OxmValue {
  const { row } = e;
  const value = getBig(b, e.at, e.bytes);
  const all = lowBits(e.bytes * 8);
  const wire = e.masked ? getBig(b, e.at + e.bytes, e.bytes) : all;
  if (row.maskable === 'no' && wire !== all && wire !== 0n) throw fault(row, 'BAD_MASK');
  if ((value & ~wire) !== 0n) throw fault(row, 'BAD_WILDCARDS');
  if (row.tunMetadata !== undefined) return { value, mask: wire };
  if (!isLegal(row, value)) throw fault(row, 'BAD_VALUE');
  return { value, mask: wire & row.valid };
}

/** Is the field read and written in plain numbers? A flow_mod has many, and bigints cost. */
export function isSmall(row: FieldRow): boolean {
  return row.bytes <= 4 && row.slot.bytes <= 4 && row.format !== 'of_port' && row.tunMetadata === undefined;
}

function isLegal(row: FieldRow, value: bigint): boolean {
  if ((value & ~row.valid) !== 0n || row.values?.includes(Number(value)) === false) return false;
  // Ports of OpenFlow 1.1 and later have a gap between those of 1.0 and the reserved ones.
  return row.format !== 'of_port' || row.bytes === 2 || value < 0xff00n || value >= 0xffffff00n;
}
