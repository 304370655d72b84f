/** What a monitor asks for: RFC 7047 section 4.1.5, monitor_cond and monitor_cond_change of ovsdb-server(7). */

import { type Clause, parseCondition } from '../engine/condition.js';
import type { Database } from '../engine/database.js';
import type { Table } from '../engine/row.js';
import { isArray, isObject, type Json } from '../json/json.js';
import type { Column } from '../schema/schema.js';
import { UUID_COLUMN } from '../schema/schema.js';
import { OvsdbError, syntaxError } from '../value/error.js';
import { Members } from '../value/members.js';

/** When a row is told. One bit each. */
export const SELECT = { initial: 1, insert: 2, delete: 4, modify: 8 } as const;
export type Occasion = keyof typeof SELECT;
const OCCASIONS = ['initial', 'insert', 'delete', 'modify'] as const;

export interface MonitoredColumn {
  readonly column: Column;
  /** Bits of SELECT. */
  readonly select: number;
}

export interface MonitoredTable {
  readonly table: Table;
  readonly columns: readonly MonitoredColumn[];
  /** Of all its columns and requests together. */
  readonly select: number;
}

export interface MonitorRequest {
  readonly tables: readonly MonitoredTable[];
  /** By table; no clauses: every row. The first request of a table says it. */
  readonly conditions: ReadonlyMap<Table, readonly Clause[]>;
}

interface Draft {
  readonly columns: Map<Column, number>;
  select: number;
}

/** Throws OvsdbError. `conditional`: "where" is allowed. */
export function parseMonitorRequest(json: Json, db: Database, conditional: boolean): MonitorRequest {
  if (!isObject(json)) throw syntaxError(json, 'monitor-requests must be object');
  const tables: MonitoredTable[] = [];
  const conditions = new Map<Table, readonly Clause[]>();
  for (const [name, value] of Object.entries(json)) {
    const table = db.tables.get(name);
    if (!table) throw new OvsdbError('syntax error', `no table named ${name}`);
    const draft: Draft = { columns: new Map(), select: 0 };
    for (const request of isArray(value) ? value : [value ?? null]) {
      const clauses = parseRequest(request, table, draft, conditional);
      if (!conditions.has(table)) conditions.set(table, clauses);
    }
    const columns = [...draft.columns].map(([column, select]) => ({ column, select }));
    tables.push({ table, columns, select: draft.select });
  }
  return { tables, conditions };
}

function parseRequest(json: Json, table: Table, draft: Draft, conditional: boolean): readonly Clause[] {
  const { schema } = table;
  const m = new Members(json, `table ${schema.name}`);
  const names = m.member('columns', true);
  const selectJson = m.jsonObject('select', true);
  const where = conditional ? m.array('where', true) : undefined;
  m.finish();
  let select = 0;
  if (selectJson) {
    const s = new Members(selectJson, `table ${schema.name} select`);
    for (const o of OCCASIONS) if (s.boolean(o, true) ?? true) select |= SELECT[o];
    s.finish();
  } else {
    for (const o of OCCASIONS) select |= SELECT[o];
  }
  draft.select |= select;
  const columns =
    names === undefined ? schema.columns.filter((c) => c.index !== UUID_COLUMN) : namedColumns(names, table);
  for (const column of columns) {
    if (draft.columns.has(column)) {
      const text = `column ${column.name} mentioned more than once`;
      throw new OvsdbError('syntax error', text, names);
    }
    draft.columns.set(column, select);
  }
  return parseCondition(where ?? [], schema);
}

function namedColumns(json: Json, table: Table): Column[] {
  if (!isArray(json)) throw syntaxError(json, 'array of column names expected');
  return json.map((name) => {
    if (typeof name !== 'string') throw syntaxError(json, 'array of column names expected');
    const column = table.schema.column(name);
    if (!column) throw syntaxError(json, `${name} is not a valid column name`);
    return column;
  });
}

/** Conditions by table that replace those of a monitor. Throws OvsdbError. */
export function parseConditionChange(
  json: Json,
  db: Database,
  monitored: ReadonlySet<Table>,
  conditional: boolean,
): ReadonlyMap<Table, readonly Clause[]> {
  if (!isObject(json)) throw syntaxError(json, 'monitor-cond-change-requests must be object');
  const out = new Map<Table, readonly Clause[]>();
  for (const [name, value] of Object.entries(json)) {
    const table = db.tables.get(name);
    if (!table) throw new OvsdbError('syntax error', `no table named ${name}`);
    if (!monitored.has(table)) {
      throw new OvsdbError('syntax error', `no table named ${name} in monitor session`);
    }
    if (!isArray(value)) {
      throw new OvsdbError('syntax error', `table ${name} no monitor-cond-change JSON array`);
    }
    for (const request of conditional ? value : []) {
      const m = new Members(request, `table ${name}`);
      const columns = m.array('columns', true);
      const where = m.array('where', true);
      m.finish();
      if (columns) throw syntaxError(request, 'changing columns is unsupported');
      out.set(table, parseCondition(where ?? [], table.schema));
    }
  }
  return out;
}
