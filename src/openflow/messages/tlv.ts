/** The TLV map: which option of a tunnel header each tun_metadata field is. */
import type { WireReader } from '../../action/context.js';
import { TUN_OPTIONS, type TunMapping } from '../../flow/tun-table.js';
import { ofError } from '../errors.js';
import { nx } from '../row.js';
import { type Codec, listOf, nothing } from '../schema.js';

export const TLV_COMMANDS = ['add', 'delete', 'clear'] as const;
/** Bytes of an option's data at most; they come in words of 4. */
const MAX_LENGTH = 124;
const WORD = 4;

export interface TlvMod {
  readonly command: (typeof TLV_COMMANDS)[number];
  readonly mappings: readonly TunMapping[];
}

export interface TlvReply {
  /** Bytes and fields at most. */
  readonly space: number;
  readonly fields: number;
  readonly mappings: readonly TunMapping[];
}

function readMapping(r: WireReader): TunMapping {
  const optionClass = r.u16();
  const optionType = r.u8();
  const length = r.u8();
  const index = r.u16();
  r.skip(2);
  if (length % WORD !== 0 || length > MAX_LENGTH) throw ofError('NXTTMFC_BAD_OPT_LEN');
  if (index >= TUN_OPTIONS.max) throw ofError('NXTTMFC_BAD_FIELD_IDX');
  return { optionClass, optionType, length, index };
}

const mappings = listOf<TunMapping>({
  read: readMapping,
  write: (w, m) => {
    w.u16(m.optionClass);
    w.u8(m.optionType);
    w.u8(m.length);
    w.u16(m.index);
    w.zeros(2);
  },
});

const mod: Codec<TlvMod> = {
  read: (r) => {
    const command = TLV_COMMANDS[r.u16()];
    r.skip(6);
    if (!command) throw ofError('NXTTMFC_BAD_COMMAND');
    return { command, mappings: mappings.read(r) };
  },
  write: (w, v) => {
    w.u16(TLV_COMMANDS.indexOf(v.command));
    w.zeros(6);
    mappings.write(w, [...v.mappings]);
  },
};

const reply: Codec<TlvReply> = {
  read: (r) => {
    const space = r.u32();
    const fields = r.u16();
    r.skip(10);
    return { space, fields, mappings: mappings.read(r) };
  },
  write: (w, v) => {
    w.u32(v.space);
    w.u16(v.fields);
    w.zeros(10);
    mappings.write(w, [...v.mappings]);
  },
};

export const tlvRows = [
  nx('tlv_table_mod', 'NXT_TLV_TABLE_MOD', 24, mod),
  nx('tlv_table_request', 'NXT_TLV_TABLE_REQUEST', 25, nothing),
  nx('tlv_table_reply', 'NXT_TLV_TABLE_REPLY', 26, reply),
] as const;
