/** The operations of a transaction: RFC 7047 section 5.2, one row each. */
import { isObject, type Json, type JsonObject } from '../json/json.js';
import { type Column, UUID_COLUMN } from '../schema/schema.js';
import { asUuid } from '../value/atom.js';
import { checkDatum, compareDatums, datumFromJson, datumToJson, datumWeight, equalDatums } from '../value/datum.js';
import { OvsdbError, syntaxError } from '../value/error.js';
import type { Members } from '../value/members.js';
import type { Datum } from '../value/type.js';
import { parseCondition, query } from './condition.js';
import { exhausted, MAX_RESULTS } from './limits.js';
import { mutate, parseMutation } from './mutation.js';
import { columnsKey, Row, type Table } from './row.js';
import type { Transaction } from './transaction.js';

/** What an operation may look at beside its own members. */
export interface Execution {
  readonly txn: Transaction;
  /** True when the client that asks holds the lock. */
  readonly holdsLock: (name: string) => boolean;
  /** Since the client asked, in milliseconds. */
  readonly elapsedMs: number;
  /** Characters that the rows it returns may still have. */
  room: number;
}

/** A "wait" whose condition is not met yet. */
export class MustWait extends Error {
  /** `timeoutMs`: of the operation; undefined: for ever. */
  constructor(readonly timeoutMs: number | undefined) {
    super('a wait is not satisfied');
  }
}

interface Operation {
  /** Allowed on databases that clients must not write. */
  readonly readOnly: boolean;
  /** Throws OvsdbError or MustWait. */
  run(x: Execution, m: Members): JsonObject;
}

function tableMember(x: Execution, m: Members): Table | undefined {
  const name = m.id('table');
  const table = name === undefined ? undefined : x.txn.tables.get(name);
  if (name !== undefined && !table) m.raise(`No table named ${name}.`);
  return table;
}

/** Throws what is wrong with the members so far; after it they are all there. */
function present<T>(m: Members, v: T | undefined): T {
  m.check();
  if (v === undefined) throw new OvsdbError('internal error', 'a member is missing');
  return v;
}

/** Calls `take` with the columns and values of a row in JSON. Throws OvsdbError. */
function parseRow(json: Json, table: Table, named: Transaction['named'], take: (c: Column, d: Datum) => void): void {
  if (!isObject(json)) throw syntaxError(json, 'row must be JSON object');
  for (const name of Object.keys(json)) {
    const column = table.schema.column(name);
    if (!column) {
      throw new OvsdbError('unknown column', `No column ${name} in table ${table.schema.name}.`, json);
    }
    take(column, datumFromJson(json[name] ?? null, column.type, named));
  }
}

/** The row's values by index of column; what is not said has its default. */
function rowData(json: Json, table: Table, named: Transaction['named']): Datum[] {
  const data = table.defaults.slice();
  parseRow(json, table, named, (c, d) => {
    data[c.index] = d;
  });
  return data;
}

/** Throws OvsdbError. Nothing said: all columns. */
export function parseColumns(json: readonly Json[] | undefined, table: Table): readonly Column[] {
  if (!json) return table.schema.columns;
  const out: Column[] = [];
  for (const name of json) {
    if (typeof name !== 'string') throw syntaxError(json, 'array of distinct column names expected');
    const column = table.schema.column(name);
    if (!column) throw syntaxError(json, `${name} is not a valid column name`);
    out.push(column);
  }
  if (new Set(out).size !== out.length) throw syntaxError(json, 'array of distinct column names expected');
  return out;
}

function rowToJson(row: Row, columns: readonly Column[]): JsonObject {
  const out: Record<string, Json> = {};
  for (const c of columns) out[c.name] = datumToJson(row.data[c.index], c.type);
  return out;
}

/** The first row of each that look the same in the columns. */
function distinct(rows: readonly Row[], columns: readonly Column[]): Row[] {
  if (columns.some((c) => c.index === UUID_COLUMN)) return [...rows];
  const seen = new Map<string, Row>();
  for (const row of rows) {
    const key = columnsKey(row, columns);
    if (!seen.has(key)) seen.set(key, row);
  }
  return [...seen.values()];
}

function insert(x: Execution, m: Members): JsonObject {
  const tableOrNone = tableMember(x, m);
  const uuidText = m.string('uuid', true);
  const name = m.id('uuid-name', true);
  const rowOrNone = m.jsonObject('row');
  const table = present(m, tableOrNone);
  const rowJson = present(m, rowOrNone);
  const { txn } = x;
  let uuid = uuidText === undefined ? undefined : asUuid(uuidText);
  if (uuidText !== undefined) {
    if (uuid === undefined) throw syntaxError(uuidText, 'bad uuid');
    if (!txn.mayInsert(table, uuid)) {
      const text =
        'This UUID would duplicate a UUID already present within the table or deleted within the same transaction.';
      throw new OvsdbError('duplicate uuid', text, uuidText);
    }
  }
  if (name !== undefined) {
    const symbol = txn.symbol(name);
    if (symbol.created) {
      const text = 'This "uuid-name" appeared on an earlier "insert" operation.';
      throw new OvsdbError('duplicate uuid-name', text, name);
    }
    if (uuid !== undefined) symbol.uuid = uuid;
    uuid = symbol.uuid;
    symbol.created = true;
  }
  uuid ??= txn.makeUuid();
  const data = rowData(rowJson, table, txn.named);
  for (const { index, type } of table.needed) if (data[index] === type.default) checkDatum(type.default, type);
  txn.insert(table, uuid, data);
  return { uuid: ['uuid', uuid] };
}

function select(x: Execution, m: Members): JsonObject {
  const tableOrNone = tableMember(x, m);
  const where = m.array('where');
  const columnNames = m.array('columns', true);
  const sortNames = m.array('sort', true);
  const table = present(m, tableOrNone);
  const clauses = parseCondition(present(m, where), table.schema, x.txn.named);
  const columns = parseColumns(columnNames, table);
  const sort = sortNames ? parseColumns(sortNames, table) : [];
  const rows = distinct(query(table, clauses), columns);
  rows.sort((a, b) => {
    for (const { index, type } of sort) {
      const c = compareDatums(a.data[index], b.data[index], type);
      if (c !== 0) return c;
    }
    return 0;
  });
  for (const r of rows) for (const { index } of columns) x.room -= datumWeight(r.data[index]);
  if (x.room < 0) throw exhausted('the results', MAX_RESULTS);
  return { rows: rows.map((r) => rowToJson(r, columns)) };
}

function update(x: Execution, m: Members): JsonObject {
  const tableOrNone = tableMember(x, m);
  const where = m.array('where');
  const rowJson = m.jsonObject('row');
  const table = present(m, tableOrNone);
  const values: [Column, Datum][] = [];
  parseRow(present(m, rowJson), table, x.txn.named, (c, d) => values.push([c, d]));
  for (const [column] of values) {
    if (column.mutable) continue;
    const text = `Cannot update immutable column ${column.name} in table ${table.schema.name}.`;
    throw new OvsdbError('constraint violation', text, m.json);
  }
  const rows = query(table, parseCondition(present(m, where), table.schema, x.txn.named));
  for (const row of rows) {
    let mine: Row | undefined;
    for (const [{ index }, d] of values) {
      if (equalDatums(row.data[index], d)) continue;
      mine ??= x.txn.modify(table, row);
      mine.data[index] = d;
    }
  }
  return { count: rows.length };
}

function mutateRows(x: Execution, m: Members): JsonObject {
  const tableOrNone = tableMember(x, m);
  const where = m.array('where');
  const mutationsJson = m.array('mutations');
  const table = present(m, tableOrNone);
  const mutations = present(m, mutationsJson).map((j) => parseMutation(j, table.schema, x.txn.named));
  const rows = query(table, parseCondition(present(m, where), table.schema, x.txn.named));
  for (const row of rows) mutate(x.txn.modify(table, row), mutations);
  return { count: rows.length };
}

function remove(x: Execution, m: Members): JsonObject {
  const where = m.array('where');
  const tableOrNone = tableMember(x, m);
  const table = present(m, tableOrNone);
  const rows = query(table, parseCondition(present(m, where), table.schema, x.txn.named));
  for (const row of rows) x.txn.delete(table, row);
  return { count: rows.length };
}

function wait(x: Execution, m: Members): JsonObject {
  const timeout = m.integer('timeout', true);
  const where = m.array('where');
  const columnNames = m.array('columns', true);
  const untilText = m.string('until');
  const rowsJson = m.array('rows');
  const tableOrNone = tableMember(x, m);
  const table = present(m, tableOrNone);
  const clauses = parseCondition(present(m, where), table.schema, x.txn.named);
  const columns = parseColumns(columnNames, table);
  if (timeout !== undefined && timeout < 0) throw syntaxError(Number(timeout), 'timeout must be nonnegative');
  const until = present(m, untilText);
  if (until !== '==' && until !== '!=') throw syntaxError(until, '"until" must be "==" or "!="');
  const expected = new Set<string>();
  for (const json of present(m, rowsJson)) expected.add(expectedKey(json, table, columns, x.txn));
  const actual = new Set<string>();
  for (const row of query(table, clauses)) actual.add(columnsKey(row, columns));
  const equal = actual.size === expected.size && [...actual].every((k) => expected.has(k));
  if ((until === '==') === equal) return {};
  if (timeout === undefined || x.elapsedMs < timeout) {
    throw new MustWait(timeout === undefined ? undefined : Number(timeout));
  }
  const elapsed = Math.floor(x.elapsedMs);
  throw new OvsdbError(
    'timed out',
    elapsed > 0 ? `"wait" timed out after ${elapsed} ms` : '"where" clause test failed',
  );
}

function expectedKey(json: Json, table: Table, columns: readonly Column[], txn: Transaction): string {
  return columnsKey(new Row('', rowData(json, table, txn.named)), columns);
}

export const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ['insert', { readOnly: false, run: insert }],
  ['select', { readOnly: true, run: select }],
  ['update', { readOnly: false, run: update }],
  ['mutate', { readOnly: false, run: mutateRows }],
  ['delete', { readOnly: false, run: remove }],
  ['wait', { readOnly: true, run: wait }],
  [
    'commit',
    {
      readOnly: false,
      run: (x, m) => {
        const durable = m.boolean('durable');
        m.check();
        x.txn.durable ||= durable === true;
        return {};
      },
    },
  ],
  [
    'abort',
    {
      readOnly: true,
      run: (_, m) => {
        m.finish();
        throw new OvsdbError('aborted', 'aborted by request');
      },
    },
  ],
  [
    'comment',
    {
      readOnly: true,
      run: (x, m) => {
        const comment = m.string('comment');
        m.check();
        if (comment !== undefined) x.txn.comments.push(comment);
        return {};
      },
    },
  ],
  [
    'assert',
    {
      readOnly: true,
      run: (x, m) => {
        const lock = m.id('lock');
        m.check();
        if (lock !== undefined && x.holdsLock(lock)) return {};
        throw new OvsdbError('not owner', `Asserted lock ${lock} not held.`);
      },
    },
  ],
]);
