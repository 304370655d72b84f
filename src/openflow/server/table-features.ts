/** What every table can do, as table features of 1.3 and later say it: derived from the rows of fields and made once a version. */
import { Writer } from '../../action/wire.js';
import type { OfTableStats } from '../../bridge/of-bridge.js';
import type { FieldRow } from '../../flow/field.js';
import { codePointFor, FIELDS } from '../../flow/fields.js';
import type { TableFeatures, TableProperty } from '../messages/table.js';

const PROPERTY = {
  instructions: 0,
  nextTables: 2,
  writeActions: 4,
  applyActions: 6,
  match: 8,
  wildcards: 10,
  writeSetField: 12,
  applySetField: 14,
} as const;
/** A property's number plus this is the same for the flow that takes what no other matched. */
const MISS = 1;

const GOTO_TABLE = 1;
const METER = 6;
/** From 1.5 on meter is an action. */
const METER_IS_ACTION = 6;
/** Output, TTL and MPLS moves, tags, queue, group, set_field. */
const ACTIONS = [0, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25] as const;
const ALL_ONES = 0xffffffffffffffffn;

function ids(version: number, list: readonly number[]): Uint8Array {
  const w = new Writer(version);
  for (const id of list) {
    w.u16(id);
    w.u16(4);
  }
  return w.finish();
}

function instructions(version: number, last: boolean): Uint8Array {
  const list = [1, 2, 3, 4, 5, 6].filter(
    (i) => !(i === GOTO_TABLE && last) && !(i === METER && version >= METER_IS_ACTION),
  );
  return ids(version, list);
}

/** The order in which OVS tells fields, where it is not ours: what comes first, then all others, then what comes last. */
const FIRST = [
  /^dp_hash$/,
  /^recirc_id$/,
  /^packet_type$/,
  /^conj_id$/,
  /^tun_(?!erspan|gtpu|metadata)/,
  /^tun_erspan_idx$/,
  /^tun_erspan/,
  /^tun_/,
  /^metadata$/,
  /^in_port/,
  /^actset_output$/,
  /^skb_priority$/,
  /^pkt_mark$/,
  /^ct_/,
  /^reg/,
  /^xreg/,
  /^xxreg/,
  /^(?!nsh_ttl)/,
] as const;
const rank = (row: FieldRow): number => {
  const at = FIRST.findIndex((p) => p.test(row.name));
  return at < 0 ? FIRST.length : at;
};
/** Filled when first asked for: trying every name on every pattern takes as long as a tenth of a start. */
const ordered: FieldRow[] = [];
function orderedFields(): readonly FieldRow[] {
  if (ordered.length === 0) {
    const ranked = FIELDS.map((row) => ({ row, rank: rank(row) }));
    ordered.push(...ranked.sort((a, b) => a.rank - b.rank).map(({ row }) => row));
  }
  return ordered;
}

/** Headers of the fields that `take` admits; `masks` says with a header's low bit that the field takes a mask. */
function oxmIds(version: number, writable: boolean, masks: boolean): Uint8Array {
  const w = new Writer(version);
  for (const row of orderedFields()) {
    if (writable && !row.writable) continue;
    const id = codePointFor(row, version);
    if (!id) continue;
    const masked = masks && row.maskable !== 'no';
    w.u16(id.class);
    w.u8(id.field * 2 + (masked ? 1 : 0));
    w.u8(row.bytes * (masked ? 2 : 1) + (id.experimenter ? 4 : 0));
    if (id.experimenter) w.u32(id.experimenter);
  }
  return w.finish();
}

function properties(version: number, table: number, last: boolean): TableProperty[] {
  const shared = sharedProperties(version);
  const next = Uint8Array.from({ length: 253 - table }, (_, i) => table + 1 + i);
  const out: TableProperty[] = [];
  for (const miss of [0, MISS]) {
    out.push({ type: PROPERTY.instructions + miss, data: instructions(version, last) });
    out.push({ type: PROPERTY.nextTables + miss, data: next });
    for (const type of [PROPERTY.writeActions, PROPERTY.applyActions]) {
      out.push({ type: type + miss, data: shared.actions });
      const setField = type === PROPERTY.writeActions ? PROPERTY.writeSetField : PROPERTY.applySetField;
      out.push({ type: setField + miss, data: shared.setFields });
    }
  }
  out.push({ type: PROPERTY.match, data: shared.match }, { type: PROPERTY.wildcards, data: shared.wildcards });
  return out;
}

interface Shared {
  readonly actions: Uint8Array;
  readonly setFields: Uint8Array;
  readonly match: Uint8Array;
  readonly wildcards: Uint8Array;
}
const cache = new Map<number, Shared>();
function sharedProperties(version: number): Shared {
  let shared = cache.get(version);
  if (!shared) {
    shared = {
      actions: ids(version, ACTIONS),
      setFields: oxmIds(version, true, false),
      match: oxmIds(version, false, true),
      wildcards: oxmIds(version, false, false),
    };
    cache.set(version, shared);
  }
  return shared;
}

export function* tableFeatures(tables: Iterable<OfTableStats>, version: number): Generator<TableFeatures> {
  for (const t of tables) {
    yield {
      table: t.table,
      name: t.name,
      metadataMatch: ALL_ONES,
      metadataWrite: ALL_ONES,
      capabilities: 0,
      maxEntries: t.maxEntries,
      properties: properties(version, t.table, t.table === 253),
    };
  }
}
