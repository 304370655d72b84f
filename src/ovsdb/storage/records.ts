/** Transactions as the file keeps them: ovsdb(5), "Standalone Format". Rows as they became, or as they differ; ephemeral columns are left out. */
import type { Committed, Database } from '../engine/database.js';
import type { Row, RowChange, Table } from '../engine/row.js';
import { isObject, type Json, type JsonObject } from '../json/json.js';
import { UUID_COLUMN } from '../schema/schema.js';
import { asUuid } from '../value/atom.js';
import { applyDifference, datumFromJson, datumToJson, difference, equalDatums } from '../value/datum.js';
import { OvsdbError, syntaxError } from '../value/error.js';
import { ColumnType, UNLIMITED } from '../value/type.js';

/**
 * A transaction's record; undefined when it changed only what is not kept. Changes are told as differences, but for records in which ovsdb-server writes them and
 * cannot read them again: one with more members than its column may have, or one from a default that has a member, which it takes for the new value.
 */
export function transactionRecord(txn: Committed, date: number): JsonObject | undefined {
  const isDiff = txn.changes.every(hasFittingDifferences);
  const tables: Record<string, Record<string, Json>> = {};
  for (const c of txn.changes) {
    const json = changeJson(c, isDiff);
    if (json === undefined) continue;
    const { name } = c.table.schema;
    tables[name] ??= {};
    tables[name][c.uuid] = json;
  }
  if (Object.keys(tables).length === 0) return undefined;
  return { _date: date, _is_diff: isDiff || undefined, ...tables, _comment: txn.comment || undefined };
}

function hasFittingDifferences({ table, old, now, changed }: RowChange): boolean {
  if (!old || !now) return true;
  return table.schema.columns.every(({ index, type, persistent }) => {
    if (!changed?.[index] || !persistent || type.max === 1) return true;
    if (type.min > 0 && equalDatums(old.data[index], type.default)) return false;
    if (type.max === UNLIMITED) return true;
    return difference(old.data[index], now.data[index], type).size <= type.max;
  });
}

function changeJson({ table, old, now, changed }: RowChange, isDiff: boolean): Json | undefined {
  if (!now) return null;
  if (!old) return rowJson(table, now);
  const out: Record<string, Json> = {};
  let any = false;
  for (const { name, index, type, persistent } of table.schema.columns) {
    // What came and went again within the transaction is marked as changed, too.
    if (!persistent || !changed?.[index] || equalDatums(old.data[index], now.data[index])) continue;
    const d = now.data[index];
    out[name] = datumToJson(isDiff ? difference(old.data[index], d, type) : d, type);
    any = true;
  }
  return any ? out : undefined;
}

function rowJson(table: Table, row: Row): JsonObject {
  const out: Record<string, Json> = {};
  for (const { name, index, type, persistent } of table.schema.columns) {
    if (!persistent || index === UUID_COLUMN || equalDatums(row.data[index], type.default)) continue;
    out[name] = datumToJson(row.data[index], type);
  }
  return out;
}

/** Everything, as one transaction. */
export function snapshotRecord(db: Database, date: number, comment: string): JsonObject {
  const tables: Record<string, Json> = {};
  for (const [name, table] of db.tables) {
    if (table.rows.size === 0) continue;
    tables[name] = Object.fromEntries([...table.rows].map(([uuid, row]) => [uuid, rowJson(table, row)]));
  }
  return { _date: date, _is_diff: true, ...tables, _comment: comment };
}

/** Does to the database what a record says. Throws OvsdbError; the database is as before then. */
export function replay(db: Database, record: JsonObject): void {
  const txn = db.begin();
  try {
    const isDiff = record._is_diff === true;
    for (const [name, rows] of Object.entries(record)) {
      // _date, _comment, and what later versions may add.
      if (name.startsWith('_')) continue;
      const table = db.tables.get(name);
      if (!table) throw new OvsdbError('unknown table', `No table named ${name}.`);
      if (!isObject(rows)) throw syntaxError(rows ?? null, 'object expected');
      for (const [text, json] of Object.entries(rows)) {
        const uuid = asUuid(text);
        if (uuid === undefined) throw new OvsdbError('syntax error', `"${text}" is not a valid UUID`);
        const row = table.rows.get(uuid);
        if (json === null) {
          if (!row) throw new OvsdbError('syntax error', `transaction deletes row ${uuid} that does not exist`);
          txn.delete(table, row);
        } else if (row) {
          const mine = txn.modify(table, row);
          setColumns(mine.data, table, json ?? null, isDiff);
        } else {
          const data = table.defaults.slice();
          setColumns(data, table, json ?? null, false);
          txn.insert(table, uuid, data);
        }
      }
    }
  } catch (e) {
    txn.abort();
    throw e;
  }
  db.commit(txn, true);
}

function setColumns(data: Row['data'], table: Table, json: Json, isDiff: boolean): void {
  if (!isObject(json)) throw syntaxError(json, 'row must be JSON object');
  for (const [name, value] of Object.entries(json)) {
    const column = table.schema.column(name);
    if (!column) throw new OvsdbError('unknown column', `No column ${name} in table ${table.schema.name}.`);
    const { type, index } = column;
    if (!isDiff || type.max === 1) data[index] = datumFromJson(value ?? null, type);
    else {
      // A difference may have any number of members.
      const diff = datumFromJson(value ?? null, new ColumnType(type.key, type.value, 0, UNLIMITED));
      data[index] = applyDifference(data[index], diff, type);
    }
  }
}
