/**
 * What a run of commands sees and changes: the rows that the database told, changed in memory by one command and seen by the next, and made into one
 * transaction at the end. A row that a command creates has a UUID of ours, which stands for its name in the transaction.
 */
import { randomUUID } from 'node:crypto';
import { isArray, type Json, type JsonObject } from '../../ovsdb/json/json.js';
import { type Column, type DatabaseSchema, STD_COLUMNS, type TableSchema } from '../../ovsdb/schema/schema.js';
import type { Atom } from '../../ovsdb/value/atom.js';
import { datumFromJson, datumToJson, equalDatums, makeDatum, union } from '../../ovsdb/value/datum.js';
import { Datum } from '../../ovsdb/value/type.js';

export class Row {
  /** Of all columns, as the commands so far left them. */
  readonly data: Datum[];
  deleted = false;
  /** Columns that a command wrote, and those that must still be as we saw them when the transaction is made. */
  readonly written = new Set<Column>();
  readonly verified = new Set<Column>();
  /** What was put into a column whose other elements we do not touch: the database does it, whatever they are meanwhile. */
  readonly inserted = new Map<Column, Datum>();

  constructor(
    readonly table: TableSchema,
    readonly uuid: string,
    /** As the database has it; undefined for a row of ours. */
    readonly original: readonly Datum[] | undefined,
    /** A row of ours shall have this very UUID. */
    readonly isGiven = false,
  ) {
    this.data = original ? [...original] : table.columns.map((c) => c.type.default);
    this.data[0] = new Datum([uuid]);
  }

  get isNew(): boolean {
    return this.original === undefined;
  }
}

/** Rows of the database by table and UUID, as JSON of RFC 7047's "monitor" tells them. */
export class Rows {
  readonly tables = new Map<string, Map<string, Datum[]>>();

  constructor(readonly schema: DatabaseSchema) {}

  /** Of the reply to "monitor", or of an "update". */
  apply(updates: JsonObject): void {
    for (const [name, rows] of Object.entries(updates)) {
      const table = this.schema.table(name);
      if (!table || typeof rows !== 'object' || rows === null || isArray(rows)) continue;
      const all = this.tables.get(name) ?? new Map<string, Datum[]>();
      this.tables.set(name, all);
      for (const [uuid, change] of Object.entries(rows as JsonObject)) {
        const now = (change as JsonObject | null)?.new;
        if (now === undefined || now === null) all.delete(uuid);
        else all.set(uuid, this.read(table, uuid, now as JsonObject, all.get(uuid)));
      }
    }
  }

  private read(table: TableSchema, uuid: string, json: JsonObject, before: Datum[] | undefined): Datum[] {
    const data = before ? [...before] : table.columns.map((c) => c.type.default);
    data[0] = new Datum([uuid]);
    for (const [name, value] of Object.entries(json)) {
      const column = table.column(name);
      if (column && column.index >= STD_COLUMNS) data[column.index] = datumFromJson(value ?? null, column.type);
    }
    return data;
  }
}

export class Model {
  private readonly rows = new Map<string, Map<string, Row>>();
  readonly comments: string[] = [];

  constructor(readonly database: Rows) {
    for (const [name, all] of database.tables) {
      const table = database.schema.table(name);
      if (!table) continue;
      this.rows.set(name, new Map([...all].map(([uuid, data]) => [uuid, new Row(table, uuid, data)])));
    }
  }

  get schema(): DatabaseSchema {
    return this.database.schema;
  }

  table(name: string): TableSchema {
    const t = this.schema.table(name);
    if (!t) throw new Error(`the schema has no table ${name}`);
    return t;
  }

  private all(name: string): Map<string, Row> {
    const all = this.rows.get(name) ?? new Map<string, Row>();
    this.rows.set(name, all);
    return all;
  }

  /** Those that were not deleted, in order of UUIDs. */
  list(name: string): Row[] {
    return [...this.all(name).values()].filter((r) => !r.deleted).sort((a, b) => (a.uuid < b.uuid ? -1 : 1));
  }

  find(name: string, uuid: string): Row | undefined {
    const row = this.all(name).get(uuid);
    return row?.deleted ? undefined : row;
  }

  insert(name: string, uuid: string = randomUUID(), isGiven = false): Row {
    const row = new Row(this.table(name), uuid, undefined, isGiven);
    this.all(name).set(uuid, row);
    return row;
  }

  delete(row: Row): void {
    row.deleted = true;
    if (row.isNew) this.all(row.table.name).delete(row.uuid);
  }

  get(row: Row, name: string): Datum {
    return row.data[column(row, name).index];
  }

  set(row: Row, name: string, datum: Datum): void {
    this.write(row, column(row, name), datum);
  }

  write(row: Row, c: Column, datum: Datum): void {
    row.data[c.index] = datum;
    row.written.add(c);
    row.inserted.delete(c);
  }

  /** Puts elements into a set, or pairs of new keys into a map. */
  put(row: Row, c: Column, more: Datum): void {
    const now = union(row.data[c.index], more, c.type);
    if (row.isNew || row.written.has(c)) {
      this.write(row, c, now);
      return;
    }
    row.data[c.index] = now;
    row.inserted.set(c, union(row.inserted.get(c) ?? c.type.empty, more, c.type));
  }

  /** The transaction fails, and everything is tried again, when somebody else changes this column meanwhile. */
  verify(row: Row, ...names: string[]): void {
    if (!row.isNew) for (const n of names) row.verified.add(column(row, n));
  }

  /** The first value as text, or undefined. */
  text(row: Row, name: string): string | undefined {
    const [v] = this.get(row, name).keys;
    return v === undefined ? undefined : String(v);
  }

  /** Rows that a column refers to. */
  refs(row: Row, name: string): Row[] {
    const c = column(row, name);
    const table = c.type.key.refTable ?? c.type.value?.refTable ?? '';
    const uuids = c.type.key.refTable ? row.data[c.index].keys : (row.data[c.index].values ?? []);
    return uuids.flatMap((u) => this.find(table, String(u)) ?? []);
  }

  setOne(row: Row, name: string, value: Atom | undefined): void {
    this.set(row, name, new Datum(value === undefined ? [] : [value]));
  }

  /** Puts pairs in the place of a map. */
  setMap(row: Row, name: string, pairs: Iterable<readonly [Atom, Atom]>): void {
    const all = [...pairs];
    const { type } = column(row, name);
    this.set(
      row,
      name,
      makeDatum(
        all.map(([k]) => k),
        all.map(([, v]) => v),
        type,
      ),
    );
  }

  setRefs(row: Row, name: string, rows: readonly Row[]): void {
    this.set(row, name, new Datum([...new Set(rows.map((r) => r.uuid))].sort()));
  }

  /** Rows that others refer to live and die with those: deleting one means nothing. */
  private get changed(): Row[] {
    return [...this.rows.values()].flatMap((all) =>
      [...all.values()].filter(
        (r) =>
          r.isNew || (r.deleted ? r.table.isRoot : [...r.written, ...r.inserted.keys()].some((c) => differs(r, c))),
      ),
    );
  }

  get isUnchanged(): boolean {
    return this.changed.length === 0;
  }

  /** Operations of "transact" for all that the commands did; `extra` stand at the end. */
  operations(extra: readonly Json[]): Json[] {
    const created = new Set<string>();
    for (const all of this.rows.values()) for (const r of all.values()) if (r.isNew && !r.isGiven) created.add(r.uuid);
    const json = (c: Column, d: Datum): Json => named(datumToJson(d, c.type), c, created);
    const waits: Json[] = [];
    const ops: Json[] = [];
    for (const all of this.rows.values()) {
      for (const r of all.values()) {
        if (r.verified.size === 0 || !r.original) continue;
        const { original } = r;
        const expected = Object.fromEntries(
          [...r.verified].map((c) => [c.name, datumToJson(original[c.index], c.type)]),
        );
        const columns = [...r.verified].map((c) => c.name);
        waits.push({
          op: 'wait',
          table: r.table.name,
          where: at(r),
          columns,
          until: '==',
          rows: [expected],
          timeout: 0,
        });
      }
    }
    for (const r of this.changed) {
      const table = r.table.name;
      const columns = [...r.written].filter((c) => differs(r, c));
      const row = Object.fromEntries(columns.map((c) => [c.name, json(c, r.data[c.index])]));
      if (r.deleted) {
        ops.push({ op: 'delete', table, where: at(r) });
      } else if (!r.isNew) {
        if (columns.length > 0) ops.push({ op: 'update', table, where: at(r), row });
        const mutations = [...r.inserted].map(([c, d]) => [c.name, 'insert', json(c, d)]);
        if (mutations.length > 0) ops.push({ op: 'mutate', table, where: at(r), mutations });
      } else
        ops.push({ op: 'insert', table, row, ...(r.isGiven ? { uuid: r.uuid } : { 'uuid-name': nameOf(r.uuid) }) });
    }
    return [...waits, ...ops, ...extra];
  }
}

function differs(r: Row, c: Column): boolean {
  return !r.original || !equalDatums(r.original[c.index], r.data[c.index]);
}

export function column(row: Row, name: string): Column {
  const c = row.table.column(name);
  if (!c) throw new Error(`table ${row.table.name} has no column ${name}`);
  return c;
}

function at(r: Row): Json {
  return [['_uuid', '==', ['uuid', r.uuid]]];
}

/** Names in a transaction are words. */
export function nameOf(uuid: string): string {
  return `row${uuid.replaceAll('-', '_')}`;
}

/** The same value with names of rows that a transaction makes in place of their UUIDs. */
export function named(v: Json, c: Column, created: ReadonlySet<string>): Json {
  if (created.size === 0 || (c.type.key.type !== 'uuid' && c.type.value?.type !== 'uuid') || !isArray(v)) return v;
  if (v.length === 2 && v[0] === 'uuid' && typeof v[1] === 'string') {
    return created.has(v[1]) ? ['named-uuid', nameOf(v[1])] : v;
  }
  return v.map((e) => named(e, c, created));
}
