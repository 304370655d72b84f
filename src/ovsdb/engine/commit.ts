/**
 * What must hold before a transaction is the database's: references, garbage, numbers of rows, weak references, indexes, in the order in which Open vSwitch
 * looks. Each step may change the transaction (rows nobody refers to go, weak references to nothing go), and throws OvsdbError when the transaction cannot be.
 *
 * Strong references are counted, and only rows that a transaction touched are looked at: the count of a row nobody touched was right before and is now.
 */
import { VERSION_COLUMN } from '../schema/schema.js';
import { type Atom, ZERO_UUID } from '../value/atom.js';
import { equalDatums, subtract } from '../value/datum.js';
import { OvsdbError } from '../value/error.js';
import { Datum } from '../value/type.js';
import { columnsKey, columnsText, enumeration, type RefColumn, type Row, type Table } from './row.js';
import type { Change, Transaction } from './transaction.js';

/** A transaction that holds all rules; applying it cannot fail. */
export interface Ready {
  readonly changes: readonly Change[];
  /** New counts of strong references, of the rows whose count changed. */
  readonly strong: ReadonlyMap<Table, ReadonlyMap<string, number>>;
}

/** Throws OvsdbError; then the transaction must be aborted. */
export function prepare(txn: Transaction): Ready {
  for (const c of txn.all()) determineChanges(txn, c);
  const refs = new StrongRefs(txn);
  for (const rows of txn.changes.values()) for (const c of rows.values()) refs.count(c);
  refs.check();
  refs.collectGarbage();
  checkMaxRows(txn);
  for (const c of txn.all()) assessDeleted(txn, c);
  for (const rows of txn.changes.values()) for (const c of rows.values()) assessWeak(c);
  checkIndexes(txn);
  const changes = txn.all();
  for (const c of changes) {
    if (!c.old || !c.now || !c.changed) continue;
    c.changed[VERSION_COLUMN] = 1;
    c.now.data[VERSION_COLUMN] = new Datum([txn.makeUuid()]);
  }
  return { changes, strong: refs.counts };
}

function determineChanges(txn: Transaction, c: Change): void {
  const { old, now } = c;
  if (!old || !now) return;
  const changed = new Uint8Array(now.data.length);
  let any = false;
  for (let i = 0; i < changed.length; i++) {
    if (equalDatums(old.data[i], now.data[i])) continue;
    changed[i] = 1;
    any = true;
  }
  if (any) c.changed = changed;
  else txn.revert(c);
}

class StrongRefs {
  readonly counts = new Map<Table, Map<string, number>>();

  constructor(private readonly txn: Transaction) {}

  private get(table: Table, uuid: string): number {
    return this.counts.get(table)?.get(uuid) ?? table.strongRefs.get(uuid) ?? 0;
  }

  private add(table: Table, uuid: string, delta: number): number {
    let rows = this.counts.get(table);
    if (!rows) {
      rows = new Map();
      this.counts.set(table, rows);
    }
    const n = this.get(table, uuid) + delta;
    rows.set(uuid, n);
    return n;
  }

  /** Counts what a row's change adds and takes. */
  count(c: Change): void {
    for (const ref of c.table.strongColumns) {
      const i = ref.column.index;
      const before = c.old?.data[i];
      const after = c.now?.data[i];
      if (before && after) {
        if (!c.changed?.[i]) continue;
        if (ref.column.type.isSet) {
          // Most keys are on both sides: only the others count.
          this.adjust(c, ref, subtract(before, after, ref.column.type), -1);
          this.adjust(c, ref, subtract(after, before, ref.column.type), 1);
          continue;
        }
      }
      if (before) this.adjust(c, ref, before, -1);
      if (after) this.adjust(c, ref, after, 1);
    }
  }

  private adjust(c: Change, ref: RefColumn, d: Datum, delta: number): void {
    this.adjustAtoms(c, ref, ref.keys, d.keys, delta);
    if (d.values) this.adjustAtoms(c, ref, ref.values, d.values, delta);
  }

  private adjustAtoms(
    c: Change,
    ref: RefColumn,
    tableName: string | undefined,
    atoms: readonly Atom[],
    delta: number,
  ): void {
    const table = tableName === undefined ? undefined : this.txn.tables.get(tableName);
    if (!table) return;
    for (const atom of atoms) {
      const uuid = String(atom);
      // References to itself do not count.
      if (uuid === c.uuid) continue;
      if (!table.rows.has(uuid) && !this.txn.change(table, uuid)) {
        if (delta < 0) continue;
        const from = `Table ${c.table.schema.name} column ${ref.column.name} row ${c.uuid}`;
        const text = `${from} references nonexistent row ${uuid} in table ${table.schema.name}.`;
        throw new OvsdbError('referential integrity violation', text);
      }
      this.add(table, uuid, delta);
    }
  }

  /** A row that is gone must not be referred to. */
  check(): void {
    for (const [table, rows] of this.txn.changes) {
      for (const c of rows.values()) {
        const n = c.now ? 0 : this.get(table, c.uuid);
        if (n === 0) continue;
        const text = `cannot delete ${table.schema.name} row ${c.uuid} because of ${n} remaining reference(s)`;
        throw new OvsdbError('referential integrity violation', text);
      }
    }
  }

  /** Rows of tables that are no roots go when nothing refers to them; what they referred to may follow. */
  collectGarbage(): void {
    const doubtful: [Table, string][] = [];
    for (const [table, rows] of this.txn.changes) {
      if (table.schema.isRoot) continue;
      for (const c of rows.values()) if (c.now && this.get(table, c.uuid) === 0) doubtful.push([table, c.uuid]);
    }
    for (const [table, rows] of this.counts) {
      if (table.schema.isRoot) continue;
      for (const [uuid, n] of rows) if (n === 0) doubtful.push([table, uuid]);
    }
    for (let next = doubtful.pop(); next; next = doubtful.pop()) {
      const [table, uuid] = next;
      if (table.schema.isRoot) continue;
      const row = table.rows.get(uuid);
      if (!row || this.get(table, uuid) > 0) continue;
      this.txn.delete(table, row);
      for (const ref of table.strongColumns) this.release(row, ref, doubtful);
    }
  }

  private release(row: Row, ref: RefColumn, doubtful: [Table, string][]): void {
    const d = row.data[ref.column.index];
    for (const [name, atoms] of [
      [ref.keys, d.keys],
      [ref.values, d.values ?? []],
    ] as const) {
      const table = name === undefined ? undefined : this.txn.tables.get(name);
      if (!table) continue;
      for (const atom of atoms) {
        const uuid = String(atom);
        if (uuid !== row.uuid && this.add(table, uuid, -1) === 0) doubtful.push([table, uuid]);
      }
    }
  }
}

function checkMaxRows(txn: Transaction): void {
  for (const { rows, schema } of txn.changes.keys()) {
    if (rows.size <= schema.maxRows) continue;
    const what = `transaction causes "${schema.name}" table to contain ${rows.size} rows`;
    const text = `${what}, greater than the schema-defined limit of ${schema.maxRows} row(s)`;
    throw new OvsdbError('constraint violation', text);
  }
}

/** Rows with weak references to a row that goes are looked at, too. */
function assessDeleted(txn: Transaction, c: Change): void {
  if (!c.old || c.now) return;
  for (const [key, { table }] of c.table.weakRefs.get(c.uuid) ?? []) {
    const source = table.rows.get(key.slice(key.indexOf('/') + 1));
    if (source) {
      const touched = txn.touch(table, source);
      touched.changed ??= touched.old && new Uint8Array(source.data.length);
    }
  }
}

/** Takes weak references to rows that do not exist out of a row. */
function assessWeak(c: Change): void {
  if (!c.now) return;
  for (const ref of c.table.weakColumns) {
    const { column } = ref;
    const d = c.now.data[column.index];
    if (d.size === 0) continue;
    const dangling = (name: string | undefined, atom: Atom | undefined) =>
      name !== undefined && atom !== undefined && !tableOf(c, name)?.rows.has(String(atom));
    let zero = false;
    const keep: number[] = [];
    for (let i = 0; i < d.size; i++) {
      if (dangling(ref.keys, d.keys[i]) || dangling(ref.values, d.values?.[i])) {
        zero ||= d.keys[i] === ZERO_UUID || d.values?.[i] === ZERO_UUID;
      } else keep.push(i);
    }
    if (keep.length === d.size) continue;
    const { values } = d;
    c.now.data[column.index] = new Datum(
      keep.map((i) => d.keys[i]),
      values && keep.map((i) => values[i]),
    );
    if (c.changed) c.changed[column.index] = 1;
    if (keep.length < column.type.min) throw emptied(c, column.name, d.size - keep.length, zero);
  }
}

function emptied(c: Change, column: string, lost: number, zero: boolean): OvsdbError {
  const where = `column "${column}" in "${c.table.schema.name}" row ${c.uuid}`;
  const inserted = c.old ? '' : '(inserted within this transaction) ';
  const text =
    zero && !c.old
      ? `Weak reference ${where} ${inserted}contained all-zeros UUID (probably as the default value for this column) but deleting this value caused a constraint volation because this column is not allowed to be empty.`
      : `Deletion of ${lost} weak reference(s) to deleted (or never-existing) rows from ${where} ${inserted}caused this column to become empty, but constraints on this column disallow an empty column.`;
  return new OvsdbError('constraint violation', text);
}

function tableOf(c: Change, name: string): Table | undefined {
  return c.table.siblings.get(name);
}

function checkIndexes(txn: Transaction): void {
  for (const [table, rows] of txn.changes) {
    table.schema.indexes.forEach((columns, i) => {
      const mine = new Map<string, Row>();
      for (const c of rows.values()) {
        if (!c.now) continue;
        const key = columnsKey(c.now, columns);
        const twin = mine.get(key);
        if (twin) throw duplicate(txn, table, i, twin, c.now);
        mine.set(key, c.now);
        const other = table.indexes[i].get(key);
        const row = other === undefined || rows.has(other) ? undefined : table.rows.get(other);
        if (row) throw duplicate(txn, table, i, row, c.now);
      }
    });
  }
}

function duplicate(txn: Transaction, table: Table, index: number, a: Row, b: Row): OvsdbError {
  const columns = table.schema.indexes[index];
  const [first, second] = a.uuid > b.uuid ? [a, b] : [b, a];
  const names = enumeration(columns.map((c) => `"${c.name}"`));
  const what = `Transaction causes multiple rows in "${table.schema.name}" table to have identical values`;
  const where = `(${columnsText(first, columns)}) for index on column${columns.length > 1 ? 's' : ''} ${names}`;
  const story = (row: Row, title: string): string => {
    const c = txn.change(table, row.uuid);
    const who = `${title} row, with UUID ${row.uuid},`;
    if (!c) return `${who} existed in the database before this transaction and was not modified by the transaction.`;
    if (!c.old) return `${who} was inserted by this transaction.`;
    if (columnsKey(c.old, columns) === columnsKey(row, columns)) {
      return `${who} existed in the database before this transaction, which modified some of the row's columns but not any columns in this index.`;
    }
    return `${who} had the following index values before the transaction: ${columnsText(c.old, columns)}.`;
  };
  return new OvsdbError(
    'constraint violation',
    `${what} ${where}.  ${story(first, 'First')}  ${story(second, 'Second')}`,
  );
}

/** Brings counts, weak references and indexes up to the transaction, which is now the database's. */
export function apply({ changes, strong }: Ready): void {
  for (const [table, rows] of strong) {
    for (const [uuid, n] of rows) {
      if (n > 0) table.strongRefs.set(uuid, n);
      else table.strongRefs.delete(uuid);
    }
  }
  for (const c of changes) {
    for (const ref of c.table.weakColumns) {
      const i = ref.column.index;
      if (c.old && c.now && !c.changed?.[i]) continue;
      if (c.old) countWeak(c, ref, c.old.data[i], -1);
      if (c.now) countWeak(c, ref, c.now.data[i], 1);
    }
  }
  // Keys that go first: another row may take them.
  for (const c of changes)
    if (c.old) for (const [index, key] of movedKeys(c, c.old, c.now)) if (index.get(key) === c.uuid) index.delete(key);
  for (const c of changes) if (c.now) for (const [index, key] of movedKeys(c, c.now, c.old)) index.set(key, c.uuid);
}

/** The indexes in which a row has another key than it had. */
function movedKeys(c: Change, row: Row, other: Row | undefined): [Map<string, string>, string][] {
  const out: [Map<string, string>, string][] = [];
  for (const [i, columns] of c.table.schema.indexes.entries()) {
    const key = columnsKey(row, columns);
    if (!other || columnsKey(other, columns) !== key) out.push([c.table.indexes[i], key]);
  }
  return out;
}

function countWeak(c: Change, ref: RefColumn, d: Datum, delta: number): void {
  for (const [name, atoms] of [
    [ref.keys, d.keys],
    [ref.values, d.values ?? []],
  ] as const) {
    const target = name === undefined ? undefined : tableOf(c, name);
    if (!target) continue;
    for (const atom of atoms) count(target, String(atom), c, delta);
  }
}

function count(target: Table, uuid: string, c: Change, delta: number): void {
  let sources = target.weakRefs.get(uuid);
  if (!sources) {
    sources = new Map();
    target.weakRefs.set(uuid, sources);
  }
  const key = `${c.table.schema.name}/${c.uuid}`;
  const source = sources.get(key) ?? { table: c.table, count: 0 };
  source.count += delta;
  if (source.count > 0) sources.set(key, source);
  else sources.delete(key);
  if (sources.size === 0) target.weakRefs.delete(uuid);
}
