/** How a row is written down: what most fields share is a default, and a code point is "NAME number". */
import type { Slot } from '../../packet/key.js';
import type { FieldFormat, FieldRow, Maskable, OxmId, Prereq } from '../field.js';

/** Prefix of a code point's name: class, experimenter, first OpenFlow wire version (0: a Nicira extension of any). Longest prefix first. */
const CLASSES: readonly (readonly [string, number, number, number])[] = [
  ['OXM_OF_PKT_REG', 0x8001, 0, 4],
  ['NXOXM_NSH_', 0xffff, 0x005ad650, 0],
  ['ERICOXM_OF_', 0x1000, 0, 0],
  ['ONFOXM_ET_', 0xffff, 0x4f4e4600, 4],
  ['NXOXM_ET_', 0xffff, 0x00002320, 0],
  ['NXM_OF_', 0x0000, 0, 0],
  ['NXM_NX_', 0x0001, 0, 0],
  ['OXM_OF_', 0x8000, 0, 3],
];

function codePoint(text: string): OxmId {
  const [name, number, since] = text.split(' ');
  const row = CLASSES.find(([prefix]) => name.startsWith(prefix));
  if (!row) throw new Error(`weft bug: no OXM class for ${name}`);
  const id = { name, class: row[1], field: Number(number), since: since ? Number(since) : row[3] };
  return row[2] ? { ...id, experimenter: row[2] } : id;
}

export interface RowSpec {
  /** Default: none. */
  readonly aliases?: readonly string[];
  /** Default: all bits of the slot. */
  readonly bits?: number;
  /** Bytes of the payload; default: the least that hold `bits`. */
  readonly bytes?: number;
  /** Default: arbitrary. */
  readonly mask?: Maskable;
  readonly format: FieldFormat;
  /** Default: true. */
  readonly writable?: boolean;
  readonly slot: Slot;
  /** Default: 0. */
  readonly shift?: number;
  readonly valid?: bigint;
  readonly values?: readonly number[];
  readonly implied?: number;
  /** Default: false. */
  readonly wholeSlot?: boolean;
  readonly tunMetadata?: number;
  /** Default: none. */
  readonly prereqs?: Prereq;
  /** "NXM_OF_ETH_SRC 2"; a third word is the first OpenFlow wire version when it is not the class's. Oldest first. */
  readonly ids?: readonly string[];
  readonly fixed?: FieldRow['fixed'];
  readonly doc: string;
}

export function field(name: string, spec: RowSpec): FieldRow {
  const bits = spec.bits ?? spec.slot.bytes * 8;
  const valid = spec.valid ?? (1n << BigInt(bits)) - 1n;
  const bytes = spec.bytes ?? (bits + 7) >> 3;
  const ids = (spec.ids ?? []).map(codePoint);
  const nxm = ids.find((id) => id.since === 0);
  const oxm = ids.find((id) => id.since > 0);
  return {
    name,
    aliases: spec.aliases ?? [],
    bits,
    bytes,
    maskable: spec.mask ?? 'arbitrary',
    format: spec.format,
    writable: spec.writable ?? true,
    slot: spec.slot,
    shift: spec.shift ?? 0,
    valid,
    validLow: Number(valid & 0xffffffffn),
    implied: spec.implied ?? 0,
    wholeSlot: spec.wholeSlot ?? false,
    isNumber: spec.slot.bytes <= 4 && spec.tunMetadata === undefined && !(spec.format === 'of_port' && bytes === 2),
    ...(spec.tunMetadata === undefined ? {} : { tunMetadata: spec.tunMetadata }),
    prereqs: spec.prereqs ?? 'none',
    ...(nxm ? { nxm } : {}),
    ...(oxm ? { oxm } : {}),
    ids,
    ...(spec.values ? { values: spec.values } : {}),
    ...(spec.fixed ? { fixed: spec.fixed } : {}),
    doc: spec.doc,
  };
}

/** A part of a slot, for fields that share or subdivide one. */
export function part(slot: Slot, at: number, bytes: number): Slot {
  return { name: slot.name, offset: slot.offset + at, bytes, doc: slot.doc };
}
