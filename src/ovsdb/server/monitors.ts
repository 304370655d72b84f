/**
 * Monitors that ask for the same columns of the same tables are one: what changed is remembered once for all of them, and what is sent is put into words once.
 *
 * A monitor remembers in change sets. A set begins when a client has been told everything; it holds of each row since then the version the client knows and
 * the newest. A client that does not read stays at its set, which can grow to one entry a row and no further, however much happens; the others go on to new
 * sets.
 */
import { type Clause, matchesAny } from '../engine/condition.js';
import type { Committed, Database } from '../engine/database.js';
import type { Row, Table } from '../engine/row.js';
import { formatJson, type Json, RawJson } from '../json/json.js';
import { type Compose, composeUpdate, composeUpdate2, type Pair } from './compose.js';
import type { MonitoredTable, MonitorRequest } from './monitor-request.js';

/** The three kinds of monitors, by the method that made them. */
export interface MonitorKind {
  readonly name: string;
  readonly notification: string;
  readonly conditional: boolean;
  /** Tells the identity of the last transaction. */
  readonly since: boolean;
  readonly compose: Compose;
}

export const MONITOR_KINDS: ReadonlyMap<string, MonitorKind> = new Map(
  [
    { name: 'monitor', notification: 'update', conditional: false, since: false, compose: composeUpdate },
    { name: 'monitor_cond', notification: 'update2', conditional: true, since: false, compose: composeUpdate2 },
    { name: 'monitor_cond_since', notification: 'update3', conditional: true, since: true, compose: composeUpdate2 },
  ].map((k) => [k.name, k]),
);

export class ChangeSet {
  /** Monitors that are at this set. */
  users = 0;
  /** Characters that the transactions in it changed: at least what it keeps of rows that are no more so. */
  weight = 0;
  readonly tables: readonly Map<string, Pair>[];
  /** What was put into words already, by kind and conditions. */
  readonly texts = new Map<string, RawJson | undefined>();

  constructor(n: number) {
    this.tables = Array.from({ length: n }, () => new Map());
  }

  get isEmpty(): boolean {
    return this.tables.every((t) => t.size === 0);
  }

  add(table: number, uuid: string, old: Row | undefined, now: Row | undefined): void {
    const rows = this.tables[table];
    const known = rows.get(uuid);
    const first = known ? known.old : old;
    if (!first && !now) rows.delete(uuid);
    else rows.set(uuid, { old: first, now });
    this.texts.clear();
  }
}

/** The rows of some change sets, put into words. Undefined: nothing to tell. */
export function composeTables(
  tables: readonly MonitoredTable[],
  pairs: (i: number) => Iterable<[string, Pair]>,
  kind: MonitorKind,
  conditions: Conditions,
  initial: boolean,
): RawJson | undefined {
  const out: Record<string, Json> = {};
  let any = false;
  tables.forEach((t, i) => {
    const rows: Record<string, Json> = {};
    let some = false;
    for (const [uuid, pair] of pairs(i)) {
      const json = kind.compose(t, pair, conditions.of(t.table), initial);
      if (json === undefined) continue;
      rows[uuid] = json;
      some = true;
    }
    if (some) out[t.table.schema.name] = rows;
    any ||= some;
  });
  return any ? new RawJson(formatJson(out)) : undefined;
}

/** Conditions of one monitor, with a text by which equal ones are known. */
export class Conditions {
  readonly key: string;

  constructor(private readonly byTable: ReadonlyMap<Table, readonly Clause[]>) {
    const parts: string[] = [];
    for (const [table, clauses] of byTable) {
      if (clauses.length > 0) parts.push(`${table.schema.name}:${clauses.map(clauseText).join('|')}`);
    }
    this.key = parts.sort().join(';');
  }

  of(table: Table): readonly Clause[] {
    return this.byTable.get(table) ?? [];
  }

  with(changes: ReadonlyMap<Table, readonly Clause[]>): Conditions {
    return new Conditions(new Map([...this.byTable, ...changes]));
  }
}

const NO_CONDITIONS = new Conditions(new Map());

function clauseText(c: Clause): string {
  if (typeof c === 'boolean') return String(c);
  return JSON.stringify([c.column.name, c.name, c.arg.keys.map(String), c.arg.values?.map(String)]);
}

/** All monitors of the same columns. */
export class SharedMonitor {
  private readonly sets = new Set<ChangeSet>();
  private newest: ChangeSet;
  private readonly index: ReadonlyMap<Table, number>;
  private readonly initialTexts = new Map<string, RawJson | undefined>();

  constructor(readonly tables: readonly MonitoredTable[]) {
    this.index = new Map(tables.map((t, i) => [t.table, i]));
    this.newest = new ChangeSet(tables.length);
    this.sets.add(this.newest);
  }

  get isUsed(): boolean {
    return [...this.sets].some((s) => s.users > 0);
  }

  /** Sets that are remembered. */
  get size(): number {
    return this.sets.size;
  }

  /** The set in which what comes from now on is remembered. */
  enter(): ChangeSet {
    if (!this.newest.isEmpty) {
      // Who was there has left, perhaps to come back here: nobody will ask for it any more.
      if (this.newest.users === 0) this.sets.delete(this.newest);
      this.newest = new ChangeSet(this.tables.length);
      this.sets.add(this.newest);
    }
    this.newest.users++;
    return this.newest;
  }

  leave(set: ChangeSet): void {
    if (--set.users === 0 && set !== this.newest) this.sets.delete(set);
  }

  committed(txn: Committed): void {
    // Nobody stands at the newest: what it holds interests no one.
    if (this.newest.users === 0 && !this.newest.isEmpty) {
      this.sets.delete(this.newest);
      this.newest = new ChangeSet(this.tables.length);
      this.sets.add(this.newest);
    }
    if (!txn.changes.some((c) => this.index.has(c.table))) return;
    this.initialTexts.clear();
    for (const set of this.sets) if (set.users > 0) this.remember(set, txn);
  }

  /** What a client at `set` must be told. */
  update(set: ChangeSet, kind: MonitorKind, conditions: Conditions): RawJson | undefined {
    const key = `${kind.name} ${conditions.key}`;
    if (set.texts.has(key)) return set.texts.get(key);
    const text = composeTables(this.tables, (i) => set.tables[i], kind, conditions, false);
    set.texts.set(key, text);
    return text;
  }

  /** All rows, for a client that knows nothing yet. */
  initial(kind: MonitorKind, conditions: Conditions): RawJson | undefined {
    const key = `${kind.name} ${conditions.key}`;
    if (this.initialTexts.has(key)) return this.initialTexts.get(key);
    const text = composeTables(this.tables, (i) => this.allRows(i), kind, conditions, true);
    this.initialTexts.set(key, text);
    return text;
  }

  /** What some transactions did, for a client that knows what was before them. */
  since(missed: readonly Committed[], kind: MonitorKind, conditions: Conditions): RawJson | undefined {
    const set = new ChangeSet(this.tables.length);
    for (const txn of missed) this.remember(set, txn);
    return composeTables(this.tables, (i) => set.tables[i], kind, conditions, false);
  }

  private remember(set: ChangeSet, txn: Committed): void {
    set.weight += txn.weight;
    for (const c of txn.changes) {
      const i = this.index.get(c.table);
      if (i !== undefined) set.add(i, c.uuid, c.old, c.now);
    }
  }

  private *allRows(i: number): Iterable<[string, Pair]> {
    for (const [uuid, now] of this.tables[i].table.rows) yield [uuid, { old: undefined, now }];
  }

  /** What changes for a client when its conditions do: a row that meets only the new ones comes, one that met only the old ones goes. */
  conditionUpdate(kind: MonitorKind, old: Conditions, now: Conditions): RawJson | undefined {
    const pairs = (i: number): Iterable<[string, Pair]> => {
      const { table } = this.tables[i];
      const [before, after] = [old.of(table), now.of(table)];
      return before === after ? [] : comeAndGo(table, before, after);
    };
    return composeTables(this.tables, pairs, kind, NO_CONDITIONS, false);
  }
}

function* comeAndGo(table: Table, before: readonly Clause[], after: readonly Clause[]): Iterable<[string, Pair]> {
  for (const [uuid, row] of table.rows) {
    const was = matchesAny(row, before);
    if (was === matchesAny(row, after)) continue;
    yield [uuid, was ? { old: row, now: undefined } : { old: undefined, now: row }];
  }
}

/** The monitors of one database. */
export class Monitors {
  private readonly shared = new Map<string, SharedMonitor>();
  private readonly stop: () => void;

  constructor(db: Database, changed: () => void) {
    this.stop = db.onCommit((txn) => {
      for (const [key, m] of this.shared) {
        if (m.isUsed) m.committed(txn);
        else this.shared.delete(key);
      }
      changed();
    });
  }

  close(): void {
    this.stop();
  }

  get({ tables }: MonitorRequest): SharedMonitor {
    const part = (t: MonitoredTable) =>
      `${t.table.schema.name}/${t.select}/${t.columns.map((c) => `${c.column.index}.${c.select}`).join()}`;
    const key = tables.map(part).join(';');
    let m = this.shared.get(key);
    if (!m) {
      m = new SharedMonitor(tables);
      this.shared.set(key, m);
    }
    return m;
  }
}
