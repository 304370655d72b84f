/**
 * The addresses that are served: those that were said, and those that columns of databases name, "db:DB,TABLE,COLUMN" of ovsdb-server(1). Such a column holds
 * addresses, or refers to rows with one in `target` (Manager), into which is written what became of it.
 */
import type { Clock } from '../../lib/clock.js';
import { UserError } from '../../lib/errors.js';
import type { Database } from '../engine/database.js';
import type { Row, Table } from '../engine/row.js';
import type { Column } from '../schema/schema.js';
import type { Atom } from '../value/atom.js';
import { equalDatums, makeDatum } from '../value/datum.js';
import type { RemoteOptions, Remotes } from './remotes.js';

/** How often the state is written, as ovsdb-server does. */
const STATUS_MS = 2500;
const DEFAULTS: RemoteOptions = { maxBackoffMs: 8000, probeMs: 5000 };

/** The column of the Open_vSwitch database that a switch's own server serves. */
export const MANAGER_OPTIONS = 'db:Open_vSwitch,Open_vSwitch,manager_options';

export type Databases = (name: string) => Database | undefined;

interface Naming {
  readonly db: Database;
  readonly table: Table;
  readonly column: Column;
  /** The table of the rows that the column refers to. */
  readonly rows: Table | undefined;
}

/** What "db:DB,TABLE,COLUMN" means; undefined: the text is an address itself. Throws UserError. */
export function namingColumn(text: string, databases: Databases): Naming | undefined {
  if (!text.startsWith('db:')) return undefined;
  const fail = (why: string): never => {
    throw new UserError(`"${text}": ${why}`);
  };
  const [db, table, column] = text.slice(3).split(',');
  if (!db || !table || !column) return fail('invalid syntax');
  const d = databases(db) ?? fail(`no database named ${db}`);
  const t = d.tables.get(table) ?? fail(`no table named ${table}`);
  const c = t.schema.column(column) ?? fail(`table "${table}" has no column "${column}"`);
  const { refTable } = c.type.key;
  return { db: d, table: t, column: c, rows: refTable === undefined ? undefined : d.tables.get(refTable) };
}

export class Managers {
  private readonly stopListening: (() => void)[] = [];
  private cancel: () => void = () => {};
  /** Tables of which a change may name other addresses. */
  private readonly watched = new Set<Table>();

  /** `said`: addresses and columns with addresses; who changes them calls refresh(). `names`: of all databases. */
  constructor(
    private readonly databases: Databases,
    names: Iterable<string>,
    private readonly remotes: Remotes,
    clock: Clock,
    private readonly said: ReadonlyMap<string, RemoteOptions>,
  ) {
    for (const name of names) {
      const stop = databases(name)?.onCommit((txn) => {
        if (txn.changes.some((c) => this.watched.has(c.table))) this.refresh();
      });
      if (stop) this.stopListening.push(stop);
    }
    this.refresh();
    const tick = (): void => {
      this.writeStatus();
      this.cancel = clock.after(STATUS_MS, tick);
    };
    tick();
  }

  /** The addresses stay served: see Remotes.close(). */
  close(): void {
    for (const stop of this.stopListening) stop();
    this.cancel();
  }

  /** Serves what is wanted now. */
  refresh(): void {
    const wanted = new Map<string, RemoteOptions>();
    for (const [text, options] of this.said) if (!text.startsWith('db:')) wanted.set(text, options);
    this.watched.clear();
    for (const n of this.namings()) {
      this.watched.add(n.table);
      if (n.rows) this.watched.add(n.rows);
      for (const row of n.rows ? referred(n, n.rows) : n.table.rows.values()) {
        const { table, targets } = n.rows
          ? { table: n.rows, targets: valuesOf(n.rows, row, 'target') }
          : { table: n.table, targets: row.data[n.column.index].keys };
        for (const target of targets) {
          if (typeof target !== 'string' || target === '') continue;
          wanted.set(target, {
            maxBackoffMs: Number(valuesOf(table, row, 'max_backoff')[0] ?? DEFAULTS.maxBackoffMs),
            probeMs: Number(valuesOf(table, row, 'inactivity_probe')[0] ?? DEFAULTS.probeMs),
          });
        }
      }
    }
    this.remotes.set(wanted);
  }

  /** A column that a conversion took away names nothing. */
  private *namings(): Iterable<Naming> {
    for (const text of this.said.keys()) {
      let n: Naming | undefined;
      try {
        n = namingColumn(text, this.databases);
      } catch (e) {
        if (!(e instanceof UserError)) throw e;
      }
      if (n) yield n;
    }
  }

  /** The columns are not kept in the file: nothing is written where nothing changed. */
  private writeStatus(): void {
    for (const n of this.namings()) {
      const { rows: table } = n;
      if (!table) continue;
      const txn = n.db.begin();
      for (const row of [...referred(n, table)]) {
        const s = this.remotes.status(String(valuesOf(table, row, 'target')[0]));
        if (!s) continue;
        const mine = txn.modify(table, row);
        for (const [name, keys, values] of [
          ['is_connected', [s.isConnected], undefined],
          ['status', Object.keys(s.status), Object.values(s.status)],
        ] as const) {
          const column = table.schema.column(name);
          if (!column) continue;
          const d = makeDatum(keys, values, column.type);
          if (!equalDatums(mine.data[column.index], d)) mine.data[column.index] = d;
        }
      }
      n.db.commit(txn);
    }
  }
}

function* referred(n: Naming, rows: Table): Iterable<Row> {
  for (const r of n.table.rows.values()) {
    for (const uuid of r.data[n.column.index].keys) {
      const row = rows.rows.get(String(uuid));
      if (row) yield row;
    }
  }
}

function valuesOf(table: Table, row: Row, name: string): readonly Atom[] {
  const column = table.schema.column(name);
  return column ? row.data[column.index].keys : [];
}
