/** Commands of ovsdb-client(1) that ask once and print. */
import { readFileSync } from 'node:fs';
import { UserError } from '../../lib/errors.js';
import { formatJson, isArray, isObject, type Json, parseJson, sortedJson } from '../../ovsdb/json/json.js';
import { parseSchema } from '../../ovsdb/schema/parse.js';
import type { DatabaseSchema, TableSchema } from '../../ovsdb/schema/schema.js';
import { readLog, record } from '../../ovsdb/storage/log.js';
import { type Cell, formatTable, prettyJson, type ResultTable, type TableStyle } from '../../ovsdb/text/table.js';
import { compareDatums, datumFromJson } from '../../ovsdb/value/datum.js';
import { OvsdbError } from '../../ovsdb/value/error.js';
import { typeToJson } from '../../ovsdb/value/type.js';
import { reason } from '../../switch/of-sockets.js';
import type { Connection } from '../vsctl/connection.js';
import { named, nameOf } from '../vsctl/model.js';

export interface Call {
  readonly connection: Connection;
  /** As it was written. */
  readonly server: string;
  readonly database: string;
  readonly args: readonly string[];
  readonly style: TableStyle;
  readonly out: (text: string) => void;
}

export interface Command {
  readonly name: string;
  /** What follows [SERVER]. */
  readonly usage: string;
  readonly what: string;
  /** Takes [DATABASE] after [SERVER]. */
  readonly database: boolean;
  readonly min: number;
  readonly max: number;
  /** Checks what can be checked before connecting. Throws UserError. */
  check?(args: readonly string[]): void;
  /** Resolves when there is no more to do; rejects with UserError. */
  run(c: Call): Promise<void>;
}

function print(c: Call, table: ResultTable): void {
  c.out(formatTable(table, c.style));
}

function printJson(c: Call, v: Json): void {
  c.out(`${c.style.pretty ? prettyJson(v) : sortedJson(v)}\n`);
}

/** A transaction as it was written. Throws UserError. */
function transaction(text: string): readonly Json[] {
  let v: Json;
  try {
    v = parseJson(text);
  } catch (e) {
    throw new UserError(`"${text}": ${e instanceof Error ? e.message : String(e)}`);
  }
  if (!isArray(v) || v.length < 1 || typeof v[0] !== 'string') {
    throw new UserError('not a valid OVSDB query');
  }
  return v;
}

/** Asks the server; its own words where it says no. */
async function transact(c: Call, params: readonly Json[]): Promise<readonly Json[]> {
  try {
    const reply = await c.connection.request('transact', params);
    if (isArray(reply)) return reply;
    throw new UserError(`unexpected reply ${formatJson(reply)}`);
  } catch (e) {
    if (e instanceof UserError) throw new UserError(`transaction returned error: ${e.message}`);
    throw e;
  }
}

function tablesOf(schema: DatabaseSchema): TableSchema[] {
  return [...schema.tables.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function readSchema(file: string): DatabaseSchema {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (e) {
    const why = reason(e);
    const capital = why.charAt(0).toUpperCase() + why.slice(1);
    throw new UserError(
      `failed to read schema: "${file}" could not be read as JSON (error opening "${file}": ${capital})`,
    );
  }
  try {
    return parseSchema(parseJson(text));
  } catch (e) {
    throw new UserError(`failed to read schema: ${e instanceof Error ? e.message : String(e)}`);
  }
}

const dumped = (t: TableSchema, names: readonly string[]): string[] => {
  if (names.length === 0)
    return t.columns
      .map((k) => k.name)
      .filter((n) => n !== '_version')
      .sort();
  for (const n of names) if (!t.column(n)) throw new UserError(`Table "${t.name}" has no column ${n}.`);
  return [...names].sort();
};

async function dump(c: Call): Promise<void> {
  const schema = await c.connection.schema(c.database);
  const [name, ...columns] = c.args;
  const one = name === undefined ? undefined : schema.table(name);
  if (name !== undefined && !one) throw new UserError(`No table "${name}" found.`);
  const tables = one ? [one] : tablesOf(schema);
  const shown = tables.map((t) => dumped(t, columns));
  const ops = tables.map((t, i) => ({ op: 'select', table: t.name, where: [], columns: shown[i] }));
  const reply = await transact(c, [c.database, ...ops]);
  tables.forEach((t, i) => {
    const r = reply[i];
    const rows = isObject(r) && isArray(r.rows) ? r.rows : [];
    const cells = rows.map((row): Cell[] =>
      shown[i].map((n): Cell => {
        const type = t.column(n)?.type;
        const json = isObject(row) ? row[n] : undefined;
        return type && json !== undefined ? { datum: datumFromJson(json, type), type } : '';
      }),
    );
    if (i > 0) c.out('\n');
    print(c, { caption: `${t.name} table`, headings: shown[i], rows: cells.sort(compareRows) });
  });
}

/** By their columns, the first one first. */
function compareRows(a: readonly Cell[], b: readonly Cell[]): number {
  for (let i = 0; i < a.length; i++) {
    const x = a[i];
    const y = b[i];
    if (typeof x === 'string' || typeof y === 'string') continue;
    const order = compareDatums(x.datum, y.datum, x.type);
    if (order !== 0) return order;
  }
  return 0;
}

async function backup(c: Call): Promise<void> {
  const json = await c.connection.request('get_schema', [c.database]);
  const schema = parseSchema(json);
  const tables = tablesOf(schema);
  const names = tables.map((t) => t.columns.filter((k) => k.persistent && k.name !== '_version').map((k) => k.name));
  const ops = tables.map((t, i) => ({ op: 'select', table: t.name, where: [], columns: names[i] }));
  const reply = await transact(c, [c.database, ...ops]);
  const all: Record<string, Json> = {};
  tables.forEach((t, i) => {
    const r = reply[i];
    const rows = isObject(r) && isArray(r.rows) ? r.rows : [];
    const entries = rows.flatMap((row): [string, Json][] => {
      if (!isObject(row) || !isArray(row._uuid)) return [];
      const { _uuid, ...rest } = row;
      return [[String(row._uuid[1]), rest]];
    });
    if (entries.length > 0) all[t.name] = Object.fromEntries(entries);
  });
  const write = (v: Json) => c.out(Buffer.from(record(formatJson(v))).toString());
  write(json);
  write({ ...all, _comment: 'produced by "ovsdb-client backup"', _date: Date.now() });
}

/** The records of a file that backup made. Throws UserError. */
function readBackup(bytes: Buffer): { schema: DatabaseSchema; rows: Json } {
  const { records, fault } = readLog(bytes);
  if (fault !== undefined) throw new UserError(`standard input is no database file: ${fault}`);
  if (records.length < 2) throw new UserError('standard input has no schema or no data');
  return { schema: parseSchema(records[0]), rows: records[1] };
}

async function restore(c: Call): Promise<void> {
  const { schema, rows } = readBackup(readFileSync(0));
  if (schema.name !== c.database) {
    throw new UserError(`attempting to restore database named "${schema.name}" into a database named "${c.database}"`);
  }
  const ops: Json[] = tablesOf(schema).map((t) => ({ op: 'delete', table: t.name, where: [] }));
  const uuids = new Set(
    Object.values(isObject(rows) ? rows : {}).flatMap((all) => (isObject(all) ? Object.keys(all) : [])),
  );
  for (const [table, all] of Object.entries(isObject(rows) ? rows : {})) {
    if (table.startsWith('_') || !isObject(all)) continue;
    const columns = schema.table(table);
    for (const [uuid, row] of Object.entries(all)) {
      // A row that was deleted in a transaction cannot come back in it as itself: references go by names.
      const cells = Object.entries(isObject(row) ? row : {}).map(([n, v]): [string, Json] => {
        const column = columns?.column(n);
        return [n, column ? named(v ?? null, column, uuids) : (v ?? null)];
      });
      ops.push({ op: 'insert', table, 'uuid-name': nameOf(uuid), row: Object.fromEntries(cells) });
    }
  }
  const reply = await transact(c, [c.database, ...ops]);
  for (const r of reply) {
    if (isObject(r) && typeof r.error === 'string') throw new UserError(`transaction returned error: ${sortedJson(r)}`);
  }
}

const ASKS: readonly Command[] = [
  {
    name: 'list-dbs',
    usage: '',
    what: 'names of the databases',
    database: false,
    min: 0,
    max: 0,
    async run(c) {
      const all = await c.connection.request('list_dbs', []);
      for (const n of (isArray(all) ? all : []).map(String).sort()) c.out(`${n}\n`);
    },
  },
  {
    name: 'get-schema',
    usage: '[DATABASE]',
    what: 'the schema as JSON',
    database: true,
    min: 0,
    max: 0,
    run: async (c) => printJson(c, await c.connection.request('get_schema', [c.database])),
  },
  {
    name: 'get-schema-version',
    usage: '[DATABASE]',
    what: "the schema's version",
    database: true,
    min: 0,
    max: 0,
    run: async (c) => c.out(`${(await c.connection.schema(c.database)).version}\n`),
  },
  {
    name: 'get-schema-cksum',
    usage: '[DATABASE]',
    what: "the schema's checksum",
    database: true,
    min: 0,
    max: 0,
    run: async (c) => c.out(`${(await c.connection.schema(c.database)).cksum}\n`),
  },
  {
    name: 'list-tables',
    usage: '[DATABASE]',
    what: 'names of the tables',
    database: true,
    min: 0,
    max: 0,
    async run(c) {
      const schema = await c.connection.schema(c.database);
      print(c, { headings: ['Table'], rows: [...schema.tables.keys()].map((n) => [n]) });
    },
  },
  {
    name: 'list-columns',
    usage: '[DATABASE] [TABLE]',
    what: 'columns and their types',
    database: true,
    min: 0,
    max: 1,
    async run(c) {
      const schema = await c.connection.schema(c.database);
      const [only] = c.args;
      const tables = [...schema.tables.values()].filter((t) => only === undefined || t.name === only);
      const rows = tables.flatMap((t) =>
        t.columns.map((k) => [...(only === undefined ? [t.name] : []), k.name, sortedJson(typeToJson(k.type))]),
      );
      print(c, { headings: [...(only === undefined ? ['Table'] : []), 'Column', 'Type'], rows });
    },
  },
  {
    name: 'transact',
    usage: 'TRANSACTION',
    what: 'do a transaction and print the results',
    database: false,
    min: 1,
    max: 1,
    check: ([text]) => void transaction(text),
    run: async (c) => printJson(c, await transact(c, transaction(c.args[0]))),
  },
  {
    name: 'query',
    usage: 'TRANSACTION',
    what: 'the same, and change nothing',
    database: false,
    min: 1,
    max: 1,
    check: ([text]) => void transaction(text),
    async run(c) {
      const reply = await transact(c, [...transaction(c.args[0]), { op: 'abort' }]);
      const last = reply.at(-1);
      if (!isObject(last) || last.error !== 'aborted') return printJson(c, reply);
      printJson(c, reply.slice(0, -1));
    },
  },
  {
    name: 'dump',
    usage: '[DATABASE] [TABLE [COLUMN]...]',
    what: 'the contents as tables',
    database: true,
    min: 0,
    max: Number.POSITIVE_INFINITY,
    run: dump,
  },
  {
    name: 'backup',
    usage: '[DATABASE] > FILE',
    what: 'the contents as a database file',
    database: true,
    min: 0,
    max: 0,
    run: backup,
  },
  {
    name: 'restore',
    usage: '[DATABASE] < FILE',
    what: 'put back what backup wrote',
    database: true,
    min: 0,
    max: 0,
    run: restore,
  },
  {
    name: 'convert',
    usage: 'SCHEMA',
    what: 'convert the database to a schema',
    database: false,
    min: 1,
    max: 1,
    async run(c) {
      const schema = readSchema(c.args[0]);
      await c.connection.request('convert', [schema.name, schema.toJson()]);
    },
  },
  {
    name: 'needs-conversion',
    usage: 'SCHEMA',
    what: 'whether that would change anything',
    database: false,
    min: 1,
    max: 1,
    async run(c) {
      const schema = readSchema(c.args[0]);
      const theirs = await c.connection.schema(schema.name);
      c.out(sortedJson(theirs.toJson()) === sortedJson(schema.toJson()) ? 'no\n' : 'yes\n');
    },
  },
];

export const ASK_COMMANDS: readonly Command[] = ASKS.map((a) => ({
  ...a,
  async run(c: Call): Promise<void> {
    try {
      await a.run(c);
    } catch (e) {
      throw e instanceof OvsdbError ? new UserError(e.message) : e;
    }
  },
}));
