/** Commands on any table: list, find, get, set, add, remove, clear, create, destroy, wait-until. */
import { UserError } from '../../lib/errors.js';
import type { Column, TableSchema } from '../../ovsdb/schema/schema.js';
import { parseDatum, TokenReader } from '../../ovsdb/text/parse.js';
import { asUuid } from '../../ovsdb/value/atom.js';
import { conforms, findKey, subtract } from '../../ovsdb/value/datum.js';
import { datumText } from '../../ovsdb/value/text.js';
import { ColumnType, Datum, UNLIMITED } from '../../ovsdb/value/type.js';
import { type Command, type Context, MANY, type Needs, TryAgain } from './command.js';
import type { Row } from './model.js';
import { findColumn, findRecord, findTable, lookUpRecord, recordColumns } from './names.js';
import { checkMutable, isSatisfied, keyedValue, readColumnKey, setColumn } from './values.js';

function needsRecord(needs: Needs, word: string): TableSchema {
  const table = findTable(needs.schema, word);
  needs.add(table.name);
  for (const [t, c] of recordColumns(table)) needs.add(t, c);
  return table;
}

/** What arguments from the third on begin with. */
function needsColumns(needs: Needs, args: readonly string[], from: number): void {
  const table = needsRecord(needs, args[0]);
  for (const a of args.slice(from)) needs.add(table.name, readColumnKey(new TokenReader(a), table).column.name);
}

function needsOneColumn(needs: Needs, args: readonly string[]): void {
  const table = needsRecord(needs, args[0]);
  needs.add(table.name, findColumn(table, args[2]).name);
}

/** The record of the first two arguments; undefined where it may be missing. */
function record(c: Context): Row | undefined {
  const table = findTable(c.model.schema, c.args[0]);
  return c.ifExists ? lookUpRecord(c.model, table, c.args[1]) : findRecord(c.model, table, c.args[1]);
}

function listed(table: TableSchema, option: string | undefined): Column[] {
  if (option !== undefined) return option.split(',').map((word) => findColumn(table, word.trim()));
  const own = table.columns.filter((c) => c.name !== '_version');
  return own.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function needsListed(needs: Needs, table: TableSchema, options: ReadonlyMap<string, string>): void {
  needs.add(table.name, ...listed(table, options.get('--columns')).map((c) => c.name));
}

function showRows(c: Context, table: TableSchema, rows: readonly Row[]): void {
  const columns = listed(table, c.options.get('--columns'));
  c.show({
    headings: columns.map((k) => k.name),
    rows: rows.map((r) => columns.map((k) => ({ datum: r.data[k.index], type: k.type }))),
  });
}

/** Like a column's type, for any number of elements: a part of a value. */
function anyNumber(type: ColumnType): ColumnType {
  return new ColumnType(type.key, type.value, 0, UNLIMITED);
}

function withoutValues(text: string, c: Context, type: ColumnType): Datum {
  const keys = new ColumnType(type.key, undefined, 0, UNLIMITED);
  return parseDatum(text, keys, c.symbols.use);
}

/** A part of a map that is to go: pairs, or keys whatever their values. */
function parts(text: string, c: Context, type: ColumnType): Datum {
  if (!type.isMap) return parseDatum(text, anyNumber(type), c.symbols.use);
  try {
    return parseDatum(text, anyNumber(type), c.symbols.use);
  } catch (e) {
    if (!(e instanceof UserError)) throw e;
    return withoutValues(text, c, type);
  }
}

function isGone(have: Datum, part: Datum, type: ColumnType): Datum {
  if (part.values || !type.isMap) return subtract(have, part, type);
  const kept = have.keys.map((_, i) => i).filter((i) => findKey(part, have.keys[i], type.key.type) < 0);
  return new Datum(
    kept.map((i) => have.keys[i]),
    have.values && kept.map((i) => have.values?.[i] ?? ''),
  );
}

export const DATABASE_COMMANDS: readonly Command[] = [
  { name: 'comment', args: [0, MANY], usage: '*ARG', run() {} },
  {
    name: 'get',
    options: ['--if-exists', '--id='],
    args: [2, MANY],
    usage: '!TABLE !RECORD *COLUMN?:KEY',
    needs: (needs, args) => needsColumns(needs, args, 2),
    run(c) {
      const id = c.options.get('--id');
      if (id !== undefined && c.ifExists) throw new UserError('--if-exists and --id may not be specified together');
      const row = record(c);
      if (!row) return;
      if (id !== undefined) c.symbols.bind(id, row.uuid);
      for (const a of c.args.slice(2)) {
        const r = new TokenReader(a);
        const { column, key } = readColumnKey(r, row.table);
        if (!r.done) throw new UserError(`${a}: trailing garbage "${r.rest}" in argument`);
        if (key === undefined) {
          c.print(datumText(row.data[column.index], column.type));
          continue;
        }
        const found = keyedValue(row, column, key);
        if (!found && !c.ifExists) {
          throw new UserError(`no key "${key}" in ${row.table.name} record "${c.args[1]}" column ${column.name}`);
        }
        c.print(found ? datumText(new Datum([found.value]), found.type) : '');
      }
    },
  },
  {
    name: 'list',
    options: ['--if-exists', '--columns='],
    args: [1, MANY],
    usage: '!TABLE *RECORD',
    needs: (needs, args, options) => needsListed(needs, needsRecord(needs, args[0]), options),
    run(c) {
      const table = findTable(c.model.schema, c.args[0]);
      const words = c.args.slice(1);
      const find = c.ifExists ? lookUpRecord : findRecord;
      showRows(c, table, words.length ? words.flatMap((w) => find(c.model, table, w) ?? []) : c.model.list(table.name));
    },
  },
  {
    name: 'find',
    options: ['--columns='],
    args: [1, MANY],
    usage: '!TABLE *COLUMN?:KEY=VALUE',
    needs(needs, args, options) {
      needsColumns(needs, args, 1);
      needsListed(needs, findTable(needs.schema, args[0]), options);
    },
    run(c) {
      const table = findTable(c.model.schema, c.args[0]);
      const conditions = c.args.slice(1);
      const rows = c.model.list(table.name);
      showRows(
        c,
        table,
        rows.filter((r) => conditions.every((text) => isSatisfied(r, text, c.symbols.use))),
      );
    },
  },
  {
    name: 'set',
    options: ['--if-exists'],
    args: [3, MANY],
    usage: '!TABLE !RECORD +COLUMN?:KEY=VALUE',
    needs: (needs, args) => needsColumns(needs, args, 2),
    run(c) {
      const row = record(c);
      if (row) for (const a of c.args.slice(2)) setColumn(c.model, row, a, c.symbols.use);
    },
  },
  {
    name: 'add',
    options: ['--if-exists'],
    args: [4, MANY],
    usage: '!TABLE !RECORD !COLUMN +?KEY=VALUE',
    needs: needsOneColumn,
    run(c) {
      const row = record(c);
      if (!row) return;
      const column = findColumn(row.table, c.args[2]);
      checkMutable(column, row);
      for (const a of c.args.slice(3)) {
        c.model.put(row, column, parseDatum(a, anyNumber(column.type), c.symbols.use));
      }
    },
  },
  {
    name: 'remove',
    options: ['--if-exists'],
    args: [4, MANY],
    usage: '!TABLE !RECORD !COLUMN +KEY|VALUE|KEY=VALUE',
    needs: needsOneColumn,
    run(c) {
      const row = record(c);
      if (!row) return;
      const column = findColumn(row.table, c.args[2]);
      checkMutable(column, row);
      let now = row.data[column.index];
      for (const a of c.args.slice(3)) now = isGone(now, parts(a, c, column.type), column.type);
      if (!conforms(now, column.type)) {
        const { type } = column;
        throw new UserError(
          `"remove" operation would put ${now.size} ${type.isMap ? 'pairs' : 'values'} in column ${column.name} of table ${row.table.name} but the minimum number is ${type.min}`,
        );
      }
      c.model.verify(row, column.name);
      c.model.write(row, column, now);
    },
  },
  {
    name: 'clear',
    options: ['--if-exists'],
    args: [3, MANY],
    usage: '!TABLE !RECORD +COLUMN',
    needs(needs, args) {
      const table = needsRecord(needs, args[0]);
      for (const a of args.slice(2)) needs.add(table.name, findColumn(table, a).name);
    },
    run(c) {
      const row = record(c);
      if (!row) return;
      for (const word of c.args.slice(2)) {
        const column = findColumn(row.table, word);
        checkMutable(column, row);
        if (column.type.min > 0) {
          throw new UserError(
            `"clear" operation cannot be applied to column ${column.name} of table ${row.table.name}, which is not allowed to be empty`,
          );
        }
        c.model.write(row, column, column.type.empty);
      }
    },
  },
  {
    name: 'create',
    options: ['--id='],
    args: [2, MANY],
    usage: '!TABLE +COLUMN?:KEY=VALUE',
    needs: (needs, args) => needsColumns(needs, args, 1),
    run(c) {
      const id = c.options.get('--id');
      const table = findTable(c.model.schema, c.args[0]);
      if (id === undefined && !table.isRoot) {
        c.warn(
          'db_ctl_base',
          `applying "create" command to table ${table.name} without --id option will have no effect`,
        );
      }
      const given = id === undefined ? undefined : asUuid(id);
      const row = c.model.insert(
        table.name,
        id === undefined ? undefined : (given ?? c.symbols.create(id)),
        given !== undefined,
      );
      for (const a of c.args.slice(1)) setColumn(c.model, row, a, c.symbols.use);
      c.printUuid(row);
    },
  },
  {
    name: 'destroy',
    options: ['--if-exists', '--all'],
    args: [1, MANY],
    usage: '!TABLE *RECORD',
    needs: (needs, args) => void needsRecord(needs, args[0]),
    run(c) {
      const table = findTable(c.model.schema, c.args[0]);
      const all = c.options.has('--all');
      const words = c.args.slice(1);
      if (all && words.length > 0) throw new UserError('--all and records argument should not be specified together');
      if (all && c.ifExists) throw new UserError('--all and --if-exists should not be specified together');
      if (!all && words.length === 0) c.warn('db_ctl_base', 'either --all or records argument should be specified');
      const find = c.ifExists ? lookUpRecord : findRecord;
      const rows = all ? c.model.list(table.name) : words.flatMap((w) => find(c.model, table, w) ?? []);
      for (const r of rows) c.model.delete(r);
    },
  },
  {
    name: 'wait-until',
    args: [2, MANY],
    usage: '!TABLE !RECORD *COLUMN?:KEY=VALUE',
    needs: (needs, args) => needsColumns(needs, args, 2),
    run(c) {
      const row = lookUpRecord(c.model, findTable(c.model.schema, c.args[0]), c.args[1]);
      if (!row || !c.args.slice(2).every((text) => isSatisfied(row, text, c.symbols.use))) {
        throw new TryAgain();
      }
    },
  },
];
