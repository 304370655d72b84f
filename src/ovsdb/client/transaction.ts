/**
 * A transaction in the making: operations of RFC 7047 section 5.2 on typed rows. What was read to decide is put in with `verify`: if it changed
 * meanwhile nothing is done, and the program decides anew (`Database.retry`).
 *
 * Changes to one row are gathered into one operation. Rows that are inserted are named at once, and their name stands for them in other rows.
 */
import type { Json, JsonObject } from '../json/json.js';
import { type AtomType, type Column, NAMED, type Row, type Table, uuid, type ValuesOf } from './column.js';

export type Mutator = '+=' | '-=' | '*=' | '/=' | '%=' | 'insert' | 'delete';

/** Any row, where only its number is of interest. */
export interface AnyRow {
  readonly _uuid: string;
}

type AnyColumns = Readonly<Record<string, Column<Json>>>;

function columnsOf<C>(table: Table<C>): AnyColumns {
  return table.columns as AnyColumns;
}

function where(id: string): Json {
  return [['_uuid', '==', uuid.encode(id)]];
}

interface Gathered {
  readonly op: 'insert' | 'update';
  readonly table: string;
  readonly id: string;
  readonly row: Record<string, Json>;
}

export class Transaction {
  private readonly first: JsonObject[] = [];
  private readonly rows = new Map<string, Gathered>();
  private readonly last: JsonObject[] = [];
  private readonly verified = new Set<string>();
  private comments: string[] = [];
  private nextName = 1;

  get isEmpty(): boolean {
    return this.rows.size === 0 && this.last.length === 0;
  }

  /** Returns the name that stands for the new row, in this transaction only. */
  insert<C>(table: Table<C>, values: Partial<ValuesOf<C>>): string {
    const id = `${NAMED}${this.nextName++}`;
    this.rows.set(id, { op: 'insert', table: table.name, id, row: {} });
    this.put(table, id, values);
    return id;
  }

  /** `row`: one of the database, or a name that insert gave. */
  update<C>(table: Table<C>, row: AnyRow | string, values: Partial<ValuesOf<C>>): void {
    const id = typeof row === 'string' ? row : row._uuid;
    if (!this.rows.has(id)) this.rows.set(id, { op: 'update', table: table.name, id, row: {} });
    this.put(table, id, values);
  }

  private put<C>(table: Table<C>, id: string, values: Partial<ValuesOf<C>>): void {
    const columns = columnsOf(table);
    const gathered = this.rows.get(id);
    for (const [name, value] of Object.entries(values)) {
      if (gathered) gathered.row[name] = columns[name].encode(value as Json) as Json;
    }
  }

  delete<C>(table: Table<C>, row: AnyRow): void {
    this.last.push({ op: 'delete', table: table.name, where: where(row._uuid) });
  }

  /** A change that the server computes; `value` as the column's for sets and maps, a single key or number otherwise, already as JSON. */
  mutate<C>(table: Table<C>, row: AnyRow, column: keyof C & string, mutator: Mutator, value: Json): void {
    this.last.push({ op: 'mutate', table: table.name, where: where(row._uuid), mutations: [[column, mutator, value]] });
  }

  /** The outcome holds only if these columns are still as the row says. */
  verify<C>(table: Table<C>, row: Row<C>, ...names: (keyof C & string)[]): void {
    const columns = columnsOf(table);
    const fresh = names.filter((n) => !this.verified.has(`${row._uuid}/${n}`));
    if (fresh.length === 0) return;
    for (const n of fresh) this.verified.add(`${row._uuid}/${n}`);
    const values: Record<string, unknown> = row;
    const expected = Object.fromEntries(fresh.map((n) => [n, columns[n].encode(values[n] as Json) as Json]));
    this.first.push({
      op: 'wait',
      timeout: 0,
      table: table.name,
      where: where(row._uuid),
      columns: fresh,
      until: '==',
      rows: [expected],
    });
  }

  /** Any operation, in front of the changes. */
  operation(op: JsonObject): void {
    this.first.push(op);
  }

  /** A line for the database's own log. */
  comment(line: string): void {
    this.comments.push(line);
  }

  /** Parameters of "transact". */
  operations(database: string, lock: string | undefined): Json {
    const ops: Json[] = [database];
    if (lock !== undefined) ops.push({ op: 'assert', lock });
    ops.push(...this.first);
    for (const g of this.rows.values()) {
      if (g.op === 'insert') ops.push({ op: 'insert', table: g.table, row: g.row, 'uuid-name': g.id });
      else ops.push({ op: 'update', table: g.table, where: where(g.id), row: g.row });
    }
    ops.push(...this.last);
    if (this.comments.length > 0) ops.push({ op: 'comment', comment: this.comments.join('\n') });
    return ops;
  }

  /** Place in the reply of each inserted row, by its name. */
  insertedAt(lock: boolean): Map<string, number> {
    const at = new Map<string, number>();
    let i = this.first.length + (lock ? 1 : 0);
    for (const g of this.rows.values()) {
      if (g.op === 'insert') at.set(g.id, i);
      i++;
    }
    return at;
  }
}

/** JSON of a set with one element or a map with one pair: what `mutate` takes. */
export function setOf<T extends string | number>(atom: AtomType<T>, ...values: T[]): Json {
  return ['set', values.map((v) => atom.encode(v))];
}
