/**
 * What a program knows of a table: its rows as they are in the database, kept so by what the server tells. A row is never changed: a changed one
 * is a new object, so that who holds one can see by identity whether anything happened to it.
 */
import { isObject, type Json, type JsonObject } from '../json/json.js';
import { type Column, DataError, type Row, type Table } from './column.js';

/** `old` is missing for a new row, `row` for one that is gone. */
export interface Change<C> {
  readonly old?: Row<C>;
  readonly row?: Row<C>;
}

/** A table as the database client handles it, whatever its columns. */
export interface AnyReplica {
  readonly name: string;
  /** Takes part in monitoring: names of the columns that are read, of those the server has. Undefined: the server has no such table. */
  prepare(columns: JsonObject | undefined): string[] | undefined;
  /** A table-updates object of RFC 7047's update, or of update2. Throws DataError. */
  apply(updates: JsonObject, isDiff: boolean): void;
  clear(): void;
}

type AnyColumn = Column<Json>;

export class TableReplica<C> implements AnyReplica {
  readonly rows = new Map<string, Row<C>>();
  private readonly columns: ReadonlyMap<string, AnyColumn>;
  private readonly listeners = new Set<(change: Change<C>) => void>();
  /** Columns that the server has. */
  private served: ReadonlySet<string> = new Set();

  constructor(readonly table: Table<C>) {
    this.columns = new Map(Object.entries<AnyColumn>(table.columns as Record<string, AnyColumn>));
  }

  get name(): string {
    return this.table.name;
  }

  /** Has the server's schema this column? Before a connection: no. */
  has(column: keyof C & string): boolean {
    return this.served.has(column);
  }

  /** Called for each change, at once. Returns how to stop it. */
  listen(listener: (change: Change<C>) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  prepare(columns: JsonObject | undefined): string[] | undefined {
    this.served = new Set(Object.keys(columns ?? {}));
    if (!columns) return undefined;
    return [...this.columns].filter(([name, c]) => this.served.has(name) && !c.isOutput).map(([name]) => name);
  }

  apply(updates: JsonObject, isDiff: boolean): void {
    for (const [id, update] of Object.entries(updates)) {
      if (!isObject(update)) throw new DataError(`${this.name}: an update of a row is an object`);
      this.put(id, isDiff ? this.change2(id, update) : this.change1(update));
    }
  }

  clear(): void {
    for (const id of [...this.rows.keys()]) this.put(id, undefined);
  }

  private put(id: string, values: Record<string, unknown> | undefined): void {
    const old = this.rows.get(id);
    const row = values && (Object.assign(values, { _uuid: id }) as Row<C>);
    if (row) this.rows.set(id, row);
    else if (!this.rows.delete(id)) return;
    for (const l of this.listeners) l({ old, row });
  }

  /** RFC 7047: the whole of a row under "new". */
  private change1(update: JsonObject): Record<string, unknown> | undefined {
    return isObject(update.new) ? this.whole(update.new) : undefined;
  }

  private change2(id: string, update: JsonObject): Record<string, unknown> | undefined {
    if ('delete' in update) return undefined;
    const fresh = update.initial ?? update.insert;
    if (isObject(fresh)) return this.whole(fresh);
    const old = this.rows.get(id);
    if (!old || !isObject(update.modify))
      throw new DataError(`${this.name}: a change of row ${id}, which is not there`);
    const before: Record<string, unknown> = old;
    const values = { ...before };
    for (const [name, json] of Object.entries(update.modify)) {
      const column = this.columns.get(name);
      if (column) values[name] = column.patch(before[name] as Json, json ?? null);
    }
    return values;
  }

  /** What is not said has its type's empty value. */
  private whole(json: JsonObject): Record<string, unknown> {
    const values: Record<string, unknown> = {};
    for (const [name, column] of this.columns) {
      const told = json[name];
      values[name] = told === undefined ? column.empty : column.decode(told);
    }
    return values;
  }
}
