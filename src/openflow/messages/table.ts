/** Tables: their statistics, their features and their settings. */
import type { WireReader, WireWriter } from '../../action/context.js';
import type { Vacancy } from '../../flowtable/table-settings.js';
import { ofError } from '../errors.js';
import { ask, msg, tell } from '../row.js';
import { byVersion, type Codec, counter, listOf, mapped, nothing, pad, struct, text, u8, u32, u64 } from '../schema.js';
import { readProperties, sized, writeProperty } from './property.js';

export interface TableStats {
  readonly table: number;
  readonly active: number;
  readonly lookups: number;
  readonly matched: number;
  /** To 1.2, where this message tells what later is told by table features. */
  readonly name: string;
  readonly maxEntries: number;
  /** 1.1 and 1.2: TABLE_CONFIG. */
  readonly config?: number;
  /** 1.0: what can be wildcarded, in the bits of its match. */
  readonly wildcards?: number;
  /** 1.1 and 1.2: bit n says that instruction n is taken. */
  readonly instructions?: number;
}

/** What every table of OVS can do, in the bitmaps of each version: wildcards, match, instructions, write and apply actions, settable fields. */
const WILDCARDS_10 = 0x3fffff;
const ABLE_11 = { wildcards: 0xfbff, match: 0xfbff, actions: 0x01ffe7ff } as const;
const ABLE_12 = { match: 0x101ffffffffdn, actions: 0x03ff8001, setFields: 0x0ffffffbddn } as const;
/** From the last table there is nowhere to go. */
const instructionsOf = (table: number) => (table === 253 ? 0x3c : 0x3e);
const ALL_ONES = 0xffffffffffffffffn;

const stats10 = mapped(
  struct({
    table: u8,
    _pad: pad(3),
    name: text(32),
    wildcards: u32,
    maxEntries: u32,
    active: u32,
    lookups: counter,
    matched: counter,
  }),
  (v): TableStats => v,
  (v) => ({ ...v, wildcards: v.wildcards ?? WILDCARDS_10 }),
);
/** What is kept of a table that tells its features in 1.1 and 1.2. */
function told(v: Omit<TableStats, 'wildcards'>): TableStats {
  const { table, name, maxEntries, active, lookups, matched, instructions, config } = v;
  return { table, name, maxEntries, active, lookups, matched, instructions, config };
}

const stats11 = mapped(
  struct({
    table: u8,
    _pad: pad(7),
    name: text(32),
    wildcards: u32,
    match: u32,
    instructions: u32,
    writeActions: u32,
    applyActions: u32,
    config: u32,
    maxEntries: u32,
    active: u32,
    lookups: counter,
    matched: counter,
  }),
  told,
  (v) => ({
    ...v,
    ...ABLE_11,
    instructions: v.instructions ?? instructionsOf(v.table),
    writeActions: ABLE_11.actions,
    applyActions: ABLE_11.actions,
    config: v.config ?? 0,
  }),
);
const stats12 = mapped(
  struct({
    table: u8,
    _pad: pad(7),
    name: text(32),
    match: u64,
    wildcards: u64,
    writeActions: u32,
    applyActions: u32,
    writeSetFields: u64,
    applySetFields: u64,
    metadataMatch: u64,
    metadataWrite: u64,
    instructions: u32,
    config: u32,
    maxEntries: u32,
    active: u32,
    lookups: counter,
    matched: counter,
  }),
  told,
  (v) => ({
    ...v,
    match: ABLE_12.match,
    wildcards: ABLE_12.match,
    writeActions: ABLE_12.actions,
    applyActions: ABLE_12.actions,
    writeSetFields: ABLE_12.setFields,
    applySetFields: ABLE_12.setFields,
    metadataMatch: ALL_ONES,
    metadataWrite: ALL_ONES,
    instructions: v.instructions ?? instructionsOf(v.table),
    config: v.config ?? 0,
  }),
);
const stats13 = mapped(
  struct({ table: u8, _pad: pad(3), active: u32, lookups: counter, matched: counter }),
  (v): TableStats => ({ ...v, name: '', maxEntries: 0 }),
  (v) => ({ ...v }),
);
const tableStats = byVersion<TableStats>({ 1: stats10, 2: stats11, 3: stats12, 4: stats13 });

/** A property of a table: `data` is what follows its type and length. */
export interface TableProperty {
  readonly type: number;
  readonly data: Uint8Array;
}
export interface TableFeatures {
  readonly table: number;
  readonly name: string;
  readonly metadataMatch: bigint;
  readonly metadataWrite: bigint;
  /** 1.4 and later: what of eviction and vacancy events it can do. */
  readonly capabilities: number;
  readonly maxEntries: number;
  readonly properties: readonly TableProperty[];
}
const featuresHead = struct({
  table: u8,
  _pad: pad(5),
  name: text(32),
  metadataMatch: u64,
  metadataWrite: u64,
  capabilities: u32,
  maxEntries: u32,
});
const tableFeatures: Codec<TableFeatures> = {
  read: (r) => {
    const body = sized(r, 2);
    const head = featuresHead.read(body);
    const properties: TableProperty[] = [];
    while (body.remaining >= 4) {
      const type = body.u16();
      const length = body.u16();
      properties.push({ type, data: body.bytes(Math.max(0, length - 4)) });
      body.skip(Math.min(body.remaining, (8 - (length % 8)) % 8));
    }
    return { ...head, properties };
  },
  write: (w, v) => {
    const start = w.length;
    w.u16(0);
    featuresHead.write(w, v);
    for (const p of v.properties) writeProperty(w, p.type, () => w.bytes(p.data));
    w.patch16(start, w.length - start);
  },
};

/** OFPTC: what becomes of a miss (1.1 and 1.2), and what since 1.4 is asked of a table. */
export const TABLE_CONFIG = { missMask: 3, eviction: 4, vacancyEvents: 8 } as const;
/** Properties of table_mod and of table descriptions. */
const PROP = { eviction: 2, vacancy: 3 } as const;
/** By which rules are chosen: something else, their importance, their time left. */
export const EVICTION_FLAGS = { other: 1, importance: 2, lifetime: 4 } as const;
const PERCENT = 100;

export interface TableMod {
  readonly table: number;
  /** TABLE_CONFIG bits. */
  readonly config: number;
  /** 1.4 and later. */
  readonly evictionFlags?: number;
  readonly vacancy?: Vacancy;
}

/** OFPMP_TABLE_DESC. */
export interface TableDesc extends TableMod {
  /** Percent that is free; 0 in what says no such thing. */
  readonly free: number;
}

interface TableProperties {
  evictionFlags?: number;
  vacancy?: Vacancy;
  free?: number;
}

function readSettings(r: WireReader): TableProperties {
  const out: TableProperties = {};
  readProperties(r, (type, body) => {
    if (type === PROP.eviction) {
      if (body.remaining !== 4) throw ofError('OFPBPC_BAD_LEN');
      out.evictionFlags = body.u32();
    } else if (type === PROP.vacancy) {
      if (body.remaining !== 4) throw ofError('OFPBPC_BAD_LEN');
      const down = body.u8();
      const up = body.u8();
      out.free = body.u8();
      if (down > up || up > PERCENT) throw ofError('OFPBPC_BAD_VALUE');
      out.vacancy = { down, up };
    } else throw ofError('OFPBRC_BAD_TYPE');
  });
  return out;
}

function writeSettings(w: WireWriter, v: TableMod, free: number): void {
  const { evictionFlags, vacancy } = v;
  if (evictionFlags !== undefined) writeProperty(w, PROP.eviction, () => w.u32(evictionFlags));
  if (!vacancy) return;
  writeProperty(w, PROP.vacancy, () => {
    w.u8(vacancy.down);
    w.u8(vacancy.up);
    w.u8(free);
    w.zeros(1);
  });
}

const tableMod11: Codec<TableMod> = struct({ table: u8, _pad: pad(3), config: u32 });
const tableMod14: Codec<TableMod> = {
  read: (r) => {
    const head = tableMod11.read(r);
    const { evictionFlags, vacancy } = readSettings(r);
    return { ...head, evictionFlags, vacancy };
  },
  write: (w, v) => {
    tableMod11.write(w, v);
    writeSettings(w, v, 0);
  },
};

const tableDesc: Codec<TableDesc> = {
  read: (reader) => {
    const r = sized(reader, 2);
    const table = r.u8();
    r.skip(1);
    const config = r.u32();
    return { table, config, free: 0, ...readSettings(r) };
  },
  write: (w, v) => {
    const start = w.length;
    w.u16(0);
    w.u8(v.table);
    w.zeros(1);
    w.u32(v.config);
    writeSettings(w, v, v.free);
    w.patch16(start, w.length - start);
  },
};

export const TABLE_REASONS = { down: 3, up: 4 } as const;
const tableStatus = struct({ reason: u8, _pad: pad(7), table: tableDesc });

export const tableRows = [
  ask('table_stats_request', 'OFPST_TABLE', [1, 6], 3, nothing),
  tell('table_stats_reply', 'OFPST_TABLE', [1, 6], 3, listOf(tableStats)),
  ask('table_features_request', 'OFPST_TABLE_FEATURES', [4, 6], 12, listOf(tableFeatures)),
  tell('table_features_reply', 'OFPST_TABLE_FEATURES', [4, 6], 12, listOf(tableFeatures)),
  msg('table_mod', 'OFPT_TABLE_MOD', [2, 6], 17, byVersion({ 2: tableMod11, 5: tableMod14 })),
  ask('table_desc_request', 'OFPST_TABLE_DESC', [5, 6], 14, nothing),
  tell('table_desc_reply', 'OFPST_TABLE_DESC', [5, 6], 14, listOf(tableDesc)),
  msg('table_status', 'OFPT_TABLE_STATUS', [5, 6], 31, tableStatus),
] as const;
