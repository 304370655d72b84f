/** Commands of ovsdb-client(1) that run on: monitors, locks, waiting for a database. */
import { UserError } from '../../lib/errors.js';
import { isArray, isObject, type Json, type JsonObject, parseJson, sortedJson } from '../../ovsdb/json/json.js';
import type { DatabaseSchema, TableSchema } from '../../ovsdb/schema/schema.js';
import { type Cell, formatTable } from '../../ovsdb/text/table.js';
import { datumFromJson } from '../../ovsdb/value/datum.js';
import type { Call, Command } from './commands.js';

const MANY = Number.POSITIVE_INFINITY;
const KINDS: readonly string[] = ['initial', 'insert', 'delete', 'modify'];
const NO_TXN = '00000000-0000-0000-0000-000000000000';

interface Watched {
  readonly table: TableSchema;
  readonly columns: readonly string[];
}

interface Request {
  readonly watched: readonly Watched[];
  readonly json: JsonObject;
}

/** Until the connection ends. */
function forever(c: Call): Promise<void> {
  const end = new Promise<void>((_, reject) => {
    const { onNotification } = c.connection;
    c.connection.onNotification = (method, params) => {
      if (method === 'closed') reject(new UserError(`${c.server}: the connection ended`));
      else onNotification(method, params);
    };
  });
  // A request that is refused ends the program before anybody waits for this.
  end.catch(() => {});
  return end;
}

/** TABLE [COLUMN,...]...: columns of one table, each group with kinds of changes of its own. Throws UserError. */
function requests(c: Call, schema: DatabaseSchema, words: readonly string[], where: Json | undefined): Request {
  if (words.length === 1 && words[0] === 'ALL') return allTables(schema, where);
  const [name, ...groups] = words;
  const table = schema.table(name);
  if (!table) throw new UserError(`${c.server}: ${schema.name} does not have a table named "${name}"`);
  const all: string[] = [];
  const parts = (groups.length > 0 ? groups : ['']).map((group) => {
    const items = group.split(',').filter(Boolean);
    const not = items.filter((w) => w.startsWith('!')).map((w) => w.slice(1));
    for (const k of not) if (!KINDS.includes(k)) throw new UserError(`${c.server}: "!${k}" is no kind of change`);
    let columns = items.filter((w) => !w.startsWith('!'));
    for (const n of columns) {
      if (!table.column(n)) {
        throw new UserError(`${c.server}: table "${name}" in ${schema.name} does not have a column named "${n}"`);
      }
    }
    if (columns.length === 0) columns = ownColumns(table);
    all.push(...columns);
    const select = not.length > 0 ? Object.fromEntries(KINDS.map((k) => [k, !not.includes(k)])) : undefined;
    return { columns, select, where };
  });
  return { watched: [{ table, columns: all }], json: { [name]: parts } };
}

function ownColumns(table: TableSchema): string[] {
  const own = table.columns.map((k) => k.name).filter((n) => !n.startsWith('_'));
  return [...own.sort(), '_version'];
}

function allTables(schema: DatabaseSchema, where: Json | undefined): Request {
  const tables = [...schema.tables.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const watched = tables.map((table) => ({ table, columns: ownColumns(table) }));
  return {
    watched,
    json: Object.fromEntries(watched.map((w) => [w.table.name, [{ columns: w.columns, where }]])),
  };
}

function cells({ table, columns }: Watched, row: Json | undefined): Cell[] {
  return columns.map((n): Cell => {
    const json = isObject(row) ? row[n] : undefined;
    const type = table.column(n)?.type;
    return json === undefined || !type ? '' : { datum: datumFromJson(json, type), type };
  });
}

/** Rows of one change: with both sides where a row was modified. */
function rowsOf(w: Watched, uuid: string, change: JsonObject, initial: boolean): Cell[][] {
  const { old, new: now } = change;
  if (old !== undefined && old !== null && now !== undefined && now !== null) {
    return [
      [uuid, 'old', ...cells(w, old)],
      ['', 'new', ...cells(w, now)],
    ];
  }
  if (now !== undefined && now !== null) return [[uuid, initial ? 'initial' : 'insert', ...cells(w, now)]];
  if (old !== undefined && old !== null) return [[uuid, 'delete', ...cells(w, old)]];
  // As update2 tells it.
  const kind = KINDS.find((k) => change[k] !== undefined);
  if (kind === undefined) return [];
  const row = change[kind];
  return [[uuid, kind, ...(isObject(row) ? cells(w, row) : [])]];
}

function stamp(): string {
  const d = new Date(Date.now());
  const iso = new Date(d.getTime() - d.getTimezoneOffset() * 60_000).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)}\n`;
}

class Printer {
  private first = true;

  constructor(
    private readonly c: Call,
    private readonly watched: readonly Watched[],
    private readonly timestamp: boolean,
  ) {}

  print(updates: Json, initial: boolean, head = ''): void {
    if (!isObject(updates)) return;
    let before = head;
    for (const w of this.watched) {
      const changes = updates[w.table.name];
      if (!isObject(changes)) continue;
      const rows = Object.entries(changes).flatMap(([uuid, change]) =>
        isObject(change) ? rowsOf(w, uuid, change, initial) : [],
      );
      if (rows.length === 0) continue;
      if (!this.first) this.c.out('\n');
      this.first = false;
      if (this.timestamp) this.c.out(stamp());
      const caption = this.watched.length > 1 ? w.table.name : undefined;
      this.c.out(before);
      before = '';
      this.c.out(formatTable({ caption, headings: ['row', 'action', ...w.columns], rows }, this.c.style));
    }
  }
}

/** A condition on the command line. Throws UserError. */
function condition(text: string): Json {
  try {
    return parseJson(text);
  } catch (e) {
    throw new UserError(`"${text}": ${e instanceof Error ? e.message : String(e)}`);
  }
}

async function monitor(c: Call, timestamp: boolean, where: Json | undefined, since: string | undefined): Promise<void> {
  const schema = await c.connection.schema(c.database);
  const { watched, json } = requests(c, schema, c.args, where);
  const printer = new Printer(c, watched, timestamp);
  c.connection.onNotification = (method, params) => {
    if (method === 'update' || method === 'update2') printer.print(params[1] ?? null, false);
    if (method === 'update3') printer.print(params[2] ?? null, false, `last_id: ${String(params[1])}\n`);
  };
  const end = forever(c);
  if (since !== undefined) {
    const reply = await c.connection.request('monitor_cond_since', [c.database, null, json, since]);
    const [found, id, updates] = isArray(reply) ? reply : [];
    printer.print(updates ?? null, true, `found: ${String(found)}, last_id: ${String(id)}\n`);
  } else {
    const method = where === undefined ? 'monitor' : 'monitor_cond';
    printer.print(await c.connection.request(method, [c.database, null, json]), true);
  }
  await end;
}

async function lock(c: Call, method: 'lock' | 'steal'): Promise<void> {
  c.connection.onNotification = (kind) => {
    if (kind === 'locked' || kind === 'stolen') c.out(`${kind}\n`);
  };
  const end = forever(c);
  c.out(`${sortedJson(await c.connection.request(method, [c.args[0]]))}\n`);
  await end;
}

const STATES = ['added', 'connected', 'removed'] as const;

/** True when a row of _Server says that the database is in the state. */
function isIn(state: string, row: JsonObject | undefined): boolean {
  if (state === 'removed') return row === undefined;
  return row !== undefined && (state === 'added' || row.connected === true);
}

async function waitFor(c: Call): Promise<void> {
  const [name, state] = c.args;
  let row: JsonObject | undefined;
  let wake = (): void => {};
  const apply = (updates: Json): void => {
    const rows = isObject(updates) && isObject(updates.Database) ? updates.Database : {};
    for (const change of Object.values(rows)) {
      if (!isObject(change)) continue;
      const now = change.new;
      const side = isObject(now) ? now : change.old;
      if (isObject(side) && side.name === name) row = isObject(now) ? now : undefined;
    }
    wake();
  };
  c.connection.onNotification = (method, params) => {
    if (method === 'update') apply(params[1] ?? null);
  };
  const end = forever(c);
  const request = { Database: [{ columns: ['name', 'connected'] }] };
  apply(await c.connection.request('monitor', ['_Server', null, request]));
  const reached = (async () => {
    while (!isIn(state, row)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  })();
  await Promise.race([reached, end]);
}

export function watchCommands(timestamp: boolean): Command[] {
  const base = { database: true, max: MANY } as const;
  return [
    {
      ...base,
      name: 'monitor',
      usage: '[DATABASE] TABLE [COLUMN,...]... | ALL',
      what: 'tell changes; !initial, !insert, !delete, !modify among the columns leave those out',
      min: 1,
      run: (c) => monitor(c, timestamp, undefined, undefined),
    },
    {
      ...base,
      name: 'monitor-cond',
      usage: '[DATABASE] CONDITION TABLE [COLUMN,...]...',
      what: 'tell changes of rows that match a condition',
      min: 2,
      check: ([text]) => void condition(text),
      run: ({ args, ...c }) => monitor({ ...c, args: args.slice(1) }, timestamp, condition(args[0]), undefined),
    },
    {
      ...base,
      name: 'monitor-cond-since',
      usage: '[DATABASE] [LASTID] CONDITION TABLE [COLUMN,...]...',
      what: 'the same, after a transaction',
      min: 2,
      run({ args, ...c }) {
        const given = /^[0-9a-f-]{36}$/i.test(args[0]);
        const [text, ...rest] = given ? args.slice(1) : args;
        return monitor({ ...c, args: rest }, timestamp, condition(text), given ? args[0] : NO_TXN);
      },
    },
    {
      ...base,
      database: false,
      name: 'lock',
      usage: 'LOCK',
      what: 'take a lock, or wait for it',
      min: 1,
      max: 1,
      run: (c) => lock(c, 'lock'),
    },
    {
      ...base,
      database: false,
      name: 'steal',
      usage: 'LOCK',
      what: 'take a lock from who has it',
      min: 1,
      max: 1,
      run: (c) => lock(c, 'steal'),
    },
    {
      ...base,
      database: false,
      name: 'unlock',
      usage: 'LOCK',
      what: 'let go of a lock',
      min: 1,
      max: 1,
      run: async (c) => c.out(`${sortedJson(await c.connection.request('unlock', [c.args[0]]))}\n`),
    },
    {
      ...base,
      database: false,
      name: 'wait',
      usage: 'DATABASE added|connected|removed',
      what: 'wait until a database is so',
      min: 2,
      max: 2,
      check([, state]) {
        if (!STATES.some((s) => s === state)) throw new UserError(`${state}: unknown state`);
      },
      run: waitFor,
    },
  ];
}
