/**
 * Rows and tables. A row that a transaction committed is never changed again: a later transaction puts another in its place. So what monitors and history
 * remember are the rows themselves, at no cost.
 */
import type { Column, TableSchema } from '../schema/schema.js';
import { ATOMS } from '../value/atom.js';
import { type Datum, isRef } from '../value/type.js';

export class Row {
  constructor(
    readonly uuid: string,
    /** By index of column. Only the transaction that made the row writes here. */
    readonly data: Datum[],
  ) {}

  copy(): Row {
    return new Row(this.uuid, this.data.slice());
  }
}

/** A column that refers to rows, and where: in its keys, its values or both. */
export interface RefColumn {
  readonly column: Column;
  readonly keys: string | undefined;
  readonly values: string | undefined;
}

function refColumns(schema: TableSchema, how: 'strong' | 'weak'): RefColumn[] {
  const table = (base: Column['type']['value']) => (base && isRef(base, how) ? base.refTable : undefined);
  return schema.columns
    .filter((c) => c.type.refers(how))
    .map((column) => ({ column, keys: table(column.type.key), values: table(column.type.value) }));
}

export class Table {
  /** All rows, as the transaction at work has them. */
  readonly rows = new Map<string, Row>();
  /** How many strong references there are to a row, as of the last commit; none: 0. A row's references to itself do not count. */
  readonly strongRefs = new Map<string, number>();
  /** Which rows (by table and UUID) hold weak references to a row, and how many; as of the last commit. */
  readonly weakRefs = new Map<string, Map<string, WeakSource>>();
  /** For each index of the schema the row of each key, as of the last commit. */
  readonly indexes: readonly Map<string, string>[];
  readonly strongColumns: readonly RefColumn[];
  readonly weakColumns: readonly RefColumn[];
  /** A row in which every column but _uuid has its default. */
  readonly defaults: readonly Datum[];

  constructor(
    readonly schema: TableSchema,
    /** All tables of the database, by name. */
    readonly siblings: ReadonlyMap<string, Table>,
  ) {
    this.indexes = schema.indexes.map(() => new Map());
    this.strongColumns = refColumns(schema, 'strong');
    this.weakColumns = refColumns(schema, 'weak');
    this.defaults = schema.columns.map((c) => c.type.default);
  }
}

export interface WeakSource {
  readonly table: Table;
  count: number;
}

/** What makes two rows equal in some columns: equal texts. */
export function columnsKey(row: Row, columns: readonly Column[]): string {
  if (columns.length === 1 && columns[0].type.isScalar) return String(row.data[columns[0].index].keys[0]);
  return columns.map((c) => datumKey(row.data[c.index])).join('\u0002');
}

function datumKey(d: Datum): string {
  return d.values ? `${d.keys.join('\u0001')}\u0003${d.values.join('\u0001')}` : d.keys.join('\u0001');
}

/** A row as error texts show it: its columns' values, separated by commas. */
export function columnsText(row: Row, columns: readonly Column[]): string {
  return columns
    .map(({ index, type }) => {
      const d = row.data[index];
      const key = ATOMS[type.key.type].toText;
      const value = type.value && ATOMS[type.value.type].toText;
      const parts = d.keys.map((k, i) => (value && d.values ? `${key(k)}=${value(d.values[i])}` : key(k)));
      if (type.max === 1 && d.size === 1) return parts[0];
      return type.isMap ? `{${parts.join(', ')}}` : `[${parts.join(', ')}]`;
    })
    .join(', ');
}

/** One row in a transaction that was committed. Not both sides are undefined. */
export interface RowChange {
  readonly table: Table;
  readonly uuid: string;
  readonly old: Row | undefined;
  readonly now: Row | undefined;
  /** Of a row that is on both sides: 1 at the index of each column that changed. */
  readonly changed: Uint8Array | undefined;
}
