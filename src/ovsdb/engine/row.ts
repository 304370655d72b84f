/**
 * Rows and tables. A row that a transaction committed is never changed again: a later transaction puts another in its place. So what monitors and history
 * remember are the rows themselves, at no cost.
 */
import type { Column, TableSchema } from '../schema/schema.js';
import { checkDatum } from '../value/datum.js';
import { OvsdbError } from '../value/error.js';
import { datumText } from '../value/text.js';
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

function isAllowed(d: Datum, type: Column['type']): boolean {
  try {
    checkDatum(d, type);
    return true;
  } catch (e) {
    if (e instanceof OvsdbError) return false;
    throw e;
  }
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
  /** Columns whose default breaks their own constraints: a row must say something else. */
  readonly needed: readonly Column[];

  constructor(
    readonly schema: TableSchema,
    /** All tables of the database, by name. */
    readonly siblings: ReadonlyMap<string, Table>,
  ) {
    this.indexes = schema.indexes.map(() => new Map());
    this.strongColumns = refColumns(schema, 'strong');
    this.weakColumns = refColumns(schema, 'weak');
    this.defaults = schema.columns.map((c) => c.type.default);
    this.needed = schema.columns.filter(({ type }) => type.default.size === 1 && !isAllowed(type.default, type));
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

/** With its size: a set of an empty string is no empty set. */
function datumKey(d: Datum): string {
  const keys = `${d.size}\u0004${d.keys.join('\u0001')}`;
  return d.values ? `${keys}\u0003${d.values.join('\u0001')}` : keys;
}

/** "a", "a and b", "a, b, and c". */
export function enumeration(parts: readonly string[]): string {
  if (parts.length < 3) return parts.join(' and ');
  return `${parts.slice(0, -1).join(', ')}, and ${parts.at(-1)}`;
}

/** A row's columns as error texts show them. */
export function columnsText(row: Row, columns: readonly Column[]): string {
  return enumeration(columns.map(({ index, type }) => datumText(row.data[index], type)));
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
