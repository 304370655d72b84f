/** Putting conditions on fields into a match. Each call replaces what the match said about the field; the invariant value & ~mask = 0 is kept. */
import { getUint, putUint } from '../lib/bytes.js';
import type { FieldRow } from './field.js';
import { field, port16to32, readField, writeField } from './fields.js';
import type { Match } from './match.js';

const VLAN_TCI = field('vlan_tci');
/** What OpenFlow 1.0 calls "no VLAN tag" as a VLAN id. */
const OFP_VLAN_NONE = 0xffff;

/** For rows whose slot has at most 4 bytes. Bits outside the field are dropped, of value and mask. */
export function setNumber(m: Match, row: FieldRow, value: number, mask = 0xffffffff): void {
  const { offset, bytes } = row.slot;
  if (row.format === 'of_port') {
    const ones = mask === 0 ? 0 : 0xffffffff;
    putUint(m.mask, offset, bytes, ones);
    putUint(m.value, offset, bytes, ((row.bytes === 2 ? port16to32(value & 0xffff) : value) & ones) >>> 0);
    return;
  }
  if (row.name === 'dl_vlan' && value === OFP_VLAN_NONE && mask !== 0) return setNumber(m, VLAN_TCI, 0);
  const field = row.validLow << row.shift;
  const low = (mask & row.validLow) << row.shift;
  const extra = low === 0 ? 0 : row.implied;
  const whole = row.wholeSlot && low !== 0 ? -1 : 0;
  const keep = row.wholeSlot ? 0 : ~field;
  putUint(m.mask, offset, bytes, ((getUint(m.mask, offset, bytes) & keep) | low | extra | (whole & 0xffff)) >>> 0);
  putUint(
    m.value,
    offset,
    bytes,
    ((getUint(m.value, offset, bytes) & keep) | ((value << row.shift) & low) | extra) >>> 0,
  );
}

/** For any row. A tunnel option must be resolved by its table (TunTable). */
export function setField(m: Match, row: FieldRow, value: bigint, mask: bigint = row.valid): void {
  if (row.slot.bytes <= 4 && row.tunMetadata === undefined) {
    return setNumber(m, row, Number(value & 0xffffffffn), Number(mask & 0xffffffffn));
  }
  writeField(m.mask, row, mask);
  // A match on a tunnel option is also one on its presence, which writing it sets.
  writeField(m.value, row, value & mask);
}

/** For rows that are whole bytes of their slot: addresses. */
export function setBytes(m: Match, row: FieldRow, value: Uint8Array, mask?: Uint8Array): void {
  const at = row.slot.offset;
  for (let i = 0; i < row.slot.bytes; i++) {
    const k = mask ? mask[i] : 0xff;
    m.mask[at + i] = k;
    m.value[at + i] = value[i] & k;
  }
}

/** The mask of a field in a match; 0n when it is wildcarded. */
export function fieldMask(m: Match, row: FieldRow): bigint {
  return readField(m.mask, row);
}
