/** Tables, columns and records as words of a command line: any case, "-" for "_", abbreviated where that is unique. */
import { UserError } from '../../lib/errors.js';
import type { Column, DatabaseSchema, TableSchema } from '../../ovsdb/schema/schema.js';
import { parseAtom } from '../../ovsdb/text/parse.js';
import { asUuid } from '../../ovsdb/value/atom.js';
import type { Model, Row } from './model.js';

/** How a record may be named beside its UUID: a column of its own, or the row that a column of another row (found by its name) refers to. */
export interface RecordName {
  /** Of the table itself, or of `via`; undefined: the word is ".", of a table with one row. */
  readonly by: string | undefined;
  readonly via?: { readonly table: string; readonly column: string };
}

const BY_BRIDGE = (column: string): RecordName => ({ by: 'name', via: { table: 'Bridge', column } });
const BY_NAME: RecordName = { by: 'name' };
const ONLY: RecordName = { by: undefined };

const RECORD_NAMES: Readonly<Record<string, RecordName>> = {
  AutoAttach: BY_BRIDGE('auto_attach'),
  Bridge: BY_NAME,
  Controller: BY_BRIDGE('controller'),
  Flow_Sample_Collector_Set: { by: 'id' },
  Flow_Table: BY_NAME,
  IPFIX: BY_BRIDGE('ipfix'),
  Interface: BY_NAME,
  Manager: { by: 'target' },
  Mirror: BY_NAME,
  NetFlow: BY_BRIDGE('netflow'),
  Open_vSwitch: ONLY,
  Port: BY_NAME,
  QoS: { by: 'name', via: { table: 'Port', column: 'qos' } },
  SSL: { by: undefined, via: { table: 'Open_vSwitch', column: 'ssl' } },
  sFlow: BY_BRIDGE('sflow'),
};

const plain = (s: string): string => s.toLowerCase().replaceAll('-', '_');

/** Those whose name is the word, or else begins with it. */
function matching<T>(all: readonly T[], name: (v: T) => string, word: string): T[] {
  const w = plain(word);
  const exact = all.filter((v) => plain(name(v)) === w);
  return exact.length > 0 ? exact : all.filter((v) => plain(name(v)).startsWith(w));
}

/** Throws UserError. */
export function findTable(schema: DatabaseSchema, word: string): TableSchema {
  const found = matching([...schema.tables.values()], (t) => t.name, word);
  if (found.length > 1) throw new UserError(`multiple table names match "${word}"`);
  if (found.length === 0) throw new UserError(`unknown table "${word}"`);
  return found[0];
}

/** Throws UserError. */
export function findColumn(table: TableSchema, word: string): Column {
  const all = table.columns.filter((c) => c.name !== '_version');
  const found = matching(all, (c) => c.name, word);
  if (found.length > 1) {
    const names = found.map((c) => c.name).sort();
    throw new UserError(
      `${table.name} contains more than one column whose name matches "${word}": ${names.join(', ')}`,
    );
  }
  if (found.length === 0) throw new UserError(`${table.name} does not contain a column whose name matches "${word}"`);
  return found[0];
}

/** Columns that must be known to find records of a table. */
export function* recordColumns(table: TableSchema): Generator<[string, string]> {
  const how = RECORD_NAMES[table.name];
  if (!how) return;
  if (how.via) yield [how.via.table, how.via.column];
  if (how.by !== undefined) yield [how.via?.table ?? table.name, how.by];
}

function holds(model: Model, row: Row, columnName: string, word: string): boolean {
  const c = row.table.column(columnName);
  if (!c) return false;
  const [value] = model.get(row, columnName).keys;
  if (c.type.key.type === 'string') return value === word;
  try {
    return value === parseAtom(word, c.type.key);
  } catch (e) {
    if (e instanceof UserError) return false;
    throw e;
  }
}

function candidates(model: Model, table: TableSchema, word: string): Row[] {
  const exact = asUuid(word);
  const one = exact === undefined ? undefined : model.find(table.name, exact);
  if (one) return [one];
  const how = RECORD_NAMES[table.name];
  if (how) {
    const { by, via } = how;
    if (by !== undefined || word === '.') {
      const holders = model.list(via?.table ?? table.name).filter((r) => by === undefined || holds(model, r, by, word));
      const found = via ? holders.flatMap((r) => model.refs(r, via.column)) : holders;
      if (found.length > 0) return found;
    }
  }
  if (!/^[0-9a-f-]{4,}$/i.test(word)) return [];
  return model.list(table.name).filter((r) => r.uuid.startsWith(word.toLowerCase()));
}

/** The record that a word names, or undefined. Throws UserError when there are several. */
export function lookUpRecord(model: Model, table: TableSchema, word: string): Row | undefined {
  const found = candidates(model, table, word);
  if (found.length > 1) throw new UserError(`multiple rows in ${table.name} match "${word}"`);
  return found[0];
}

/** Throws UserError when there is none, or several. */
export function findRecord(model: Model, table: TableSchema, word: string): Row {
  const row = lookUpRecord(model, table, word);
  if (!row) throw new UserError(`no row "${word}" in table ${table.name}`);
  return row;
}
