/** The table of fields: look-up by any name or code point, and reading and writing a field in a key or mask. */
import { getBig, getUint, lowBits, putBig, putUint } from '../lib/bytes.js';
import { K } from '../packet/key.js';
import type { FieldRow, OxmId, Subfield } from './field.js';
import { CONNTRACK_ROWS } from './rows/conntrack.js';
import { IP_ROWS } from './rows/ip.js';
import { LINK_ROWS } from './rows/link.js';
import { METADATA_ROWS } from './rows/metadata.js';
import { TRANSPORT_ROWS } from './rows/transport.js';
import { TUNNEL_ROWS } from './rows/tunnel.js';

/** Every field, in the order of OXM encoding's families: metadata first, transport last. */
export const FIELDS: readonly FieldRow[] = [
  ...METADATA_ROWS,
  ...TUNNEL_ROWS,
  ...CONNTRACK_ROWS,
  ...LINK_ROWS,
  ...IP_ROWS,
  ...TRANSPORT_ROWS,
];

const byName = new Map<string, FieldRow>();
const byCodePoint = new Map<string, FieldRow>();
const byHeader = new Map<number, FieldRow>();
for (const row of FIELDS) {
  for (const name of [row.name, ...row.aliases]) byName.set(name, row);
  for (const id of row.ids) {
    byCodePoint.set(id.name, row);
    byHeader.set(headerKey(id.class, id.field, id.experimenter ?? 0), row);
  }
}

function headerKey(oxmClass: number, number: number, experimenter: number): number {
  return experimenter === 0 ? oxmClass * 128 + number : 0x1000000 + experimenter * 128 + number;
}

/** By the names that matches use: "eth_src", "dl_src". */
export function fieldByName(name: string): FieldRow | undefined {
  return byName.get(name);
}

/** By any name that actions use: the above, or a code point's, "NXM_OF_ETH_SRC", "OXM_OF_METADATA", with or without a final "_W". */
export function fieldByAnyName(name: string): FieldRow | undefined {
  return (
    byName.get(name) ?? byCodePoint.get(name) ?? (name.endsWith('_W') ? byCodePoint.get(name.slice(0, -2)) : undefined)
  );
}

/** By OXM class and number; `experimenter` where the class is 0xffff. */
export function fieldByHeader(oxmClass: number, number: number, experimenter = 0): FieldRow | undefined {
  return byHeader.get(headerKey(oxmClass, number, oxmClass === 0xffff ? experimenter : 0));
}

/** A field by its name; for our own code, where the name is known to exist. */
export function field(name: string): FieldRow {
  const row = byName.get(name);
  if (!row) throw new Error(`weft bug: no field ${name}`);
  return row;
}

/** The code point to write for an OpenFlow wire version (0: plain NXM): the newest that it has, else the oldest there is. */
export function codePointFor(row: FieldRow, version: number): OxmId | undefined {
  let best = row.ids[0];
  for (const id of row.ids) if (id.since <= version && id.since >= best.since) best = id;
  return best;
}

/** The name OVS prints in actions: the code point's without a version, else the field's own. */
export function actionName(row: FieldRow): string {
  return row.ids[0]?.name ?? row.name;
}

function isPort16(row: FieldRow): boolean {
  return row.format === 'of_port' && row.bytes === 2;
}

/** OpenFlow 1.0 port number to the 32-bit one: reserved ports move to the top. */
export function port16to32(port: number): number {
  return port >= 0xff00 ? (port | 0xffff0000) >>> 0 : port;
}

/** Right-justified value of a field of a key or mask. For fields of at most 32 bits, `readNumber` is several times faster. */
export function readField(key: Uint8Array, row: FieldRow): bigint {
  if (row.slot.bytes <= 4) return BigInt(readNumber(key, row));
  return getBig(key, row.slot.offset, row.slot.bytes) & row.valid;
}

/** As readField, for rows whose slot has at most 4 bytes. */
export function readNumber(key: Uint8Array, row: FieldRow): number {
  return ((getUint(key, row.slot.offset, row.slot.bytes) >>> row.shift) & row.validLow) >>> 0;
}

/** Writes a whole field; bits that are not `valid` are dropped. Serves masks too. A tunnel option that is written is there from then on. */
export function writeField(key: Uint8Array, row: FieldRow, value: bigint): void {
  if (row.tunMetadata !== undefined)
    key[K.tunMdPresent.offset + 7 - (row.tunMetadata >> 3)] |= 1 << (row.tunMetadata & 7);
  if (row.slot.bytes <= 4) return writeNumber(key, row, Number(value & 0xffffffffn));
  const { offset, bytes } = row.slot;
  if (row.bits === bytes * 8) return putBig(key, offset, bytes, value);
  putBig(key, offset, bytes, (getBig(key, offset, bytes) & ~row.valid) | (value & row.valid));
}

/** As writeField, for rows whose slot has at most 4 bytes. */
export function writeNumber(key: Uint8Array, row: FieldRow, value: number): void {
  const { offset, bytes } = row.slot;
  if (isPort16(row)) return putUint(key, offset, bytes, port16to32(value & 0xffff));
  const valid = row.validLow << row.shift;
  const old = getUint(key, offset, bytes);
  putUint(key, offset, bytes, ((old & ~valid) | ((value << row.shift) & valid) | row.implied) >>> 0);
}

/** Ones in the low `n` of 32 bits. */
const ones = (n: number): number => (n >= 32 ? 0xffffffff : (1 << n) - 1) >>> 0;

/** As readBits, of a field that `isNumber`. */
function readBitsNumber(key: Uint8Array, f: Subfield): number {
  return ((readNumber(key, f.field) >>> f.ofs) & ones(f.bits)) >>> 0;
}

/** As writeBits, of a field that `isNumber`. */
function writeBitsNumber(key: Uint8Array, { field: row, ofs }: Subfield, value: number, mask: number): void {
  const { offset, bytes } = row.slot;
  const bits = ((mask << ofs) & row.validLow) << row.shift;
  const old = getUint(key, offset, bytes);
  putUint(key, offset, bytes, ((old & ~bits) | (((value << ofs) << row.shift) & bits) | row.implied) >>> 0);
}

/** Copies bits of a field of `from` to as many of another one of `to`. */
export function copyBits(from: Uint8Array, src: Subfield, to: Uint8Array, dst: Subfield): void {
  if (src.field.isNumber && dst.field.isNumber) {
    writeBitsNumber(to, dst, readBitsNumber(from, src), ones(dst.bits));
  } else writeBits(to, dst, readBits(from, src), lowBits(dst.bits));
}

/** Right-justified value of some bits of a field. */
export function readBits(key: Uint8Array, f: Subfield): bigint {
  if (f.field.isNumber) return BigInt(readBitsNumber(key, f));
  return (readField(key, f.field) >> BigInt(f.ofs)) & lowBits(f.bits);
}

/** Writes the bits of a subfield that `mask` has ones in; value and mask are right-justified. */
export function writeBits(key: Uint8Array, f: Subfield, value: bigint, mask: bigint): void {
  if (f.field.isNumber) {
    return writeBitsNumber(key, f, Number(value & 0xffffffffn), Number(mask & 0xffffffffn));
  }
  const m = mask << BigInt(f.ofs);
  writeField(key, f.field, (readField(key, f.field) & ~m) | ((value << BigInt(f.ofs)) & m));
}

/** Sets in a mask the bits of a subfield, and those that say whether it exists in the same slot. */
export function markBits(mask: Uint8Array, f: Subfield): void {
  const { field: row } = f;
  if (row.format === 'of_port' || row.wholeSlot) {
    mask.fill(0xff, row.slot.offset, row.slot.offset + row.slot.bytes);
    return;
  }
  if (row.isNumber) {
    const { offset, bytes } = row.slot;
    const bits = f.bits === row.bits ? row.validLow : (ones(f.bits) << f.ofs) & row.validLow;
    putUint(mask, offset, bytes, (getUint(mask, offset, bytes) | (bits << row.shift) | row.implied) >>> 0);
    return;
  }
  const bits = f.bits === row.bits ? row.valid : lowBits(f.bits) << BigInt(f.ofs);
  writeField(mask, row, readField(mask, row) | bits);
}

/** All of a field. */
export function wholeField(row: FieldRow): Subfield {
  return { field: row, ofs: 0, bits: row.bits };
}
