/** A database's schema: tables, columns, indexes. Every table has the columns _uuid and _version before its own. */
import type { Json, JsonObject } from '../json/json.js';
import { type ColumnType, typeToJson } from '../value/type.js';
import { fixedScalar } from './std.js';

export const UUID_COLUMN = 0;
export const VERSION_COLUMN = 1;
export const STD_COLUMNS = 2;

export interface Column {
  readonly name: string;
  /** Place in a row's datums. */
  readonly index: number;
  readonly type: ColumnType;
  readonly mutable: boolean;
  /** Kept in the file. */
  readonly persistent: boolean;
}

export interface ColumnSpec {
  readonly type: ColumnType;
  /** Said to be immutable. A column of weak references is mutable whatever it says. */
  readonly immutable?: boolean;
  readonly ephemeral?: boolean;
}

export interface TableSpec {
  readonly columns: Readonly<Record<string, ColumnSpec>>;
  readonly isRoot?: boolean;
  readonly maxRows?: number;
  readonly indexes?: readonly (readonly string[])[];
}

export class TableSchema {
  /** All, standard ones first. */
  readonly columns: readonly Column[];
  readonly maxRows: number;
  readonly indexes: readonly (readonly Column[])[];
  private readonly byName: ReadonlyMap<string, Column>;

  constructor(
    readonly name: string,
    /** Rows live without being referred to. */
    readonly isRoot: boolean,
    private readonly spec: TableSpec,
  ) {
    const std = ['_uuid', '_version'].map((n, index) => ({
      name: n,
      index,
      type: fixedScalar('uuid'),
      mutable: false,
      persistent: n === '_uuid',
    }));
    const own = Object.entries(spec.columns).map(([n, c], i) => ({
      name: n,
      index: STD_COLUMNS + i,
      type: c.type,
      mutable: !c.immutable || c.type.refers('weak'),
      persistent: !c.ephemeral,
    }));
    this.columns = [...std, ...own];
    this.byName = new Map(this.columns.map((c) => [c.name, c]));
    this.maxRows = spec.maxRows ?? 0xffffffff;
    this.indexes = (spec.indexes ?? []).map((names) => names.flatMap((n) => this.byName.get(n) ?? []));
  }

  column(name: string): Column | undefined {
    return this.byName.get(name);
  }

  toJson(): JsonObject {
    const columns: Record<string, Json> = {};
    for (const c of this.columns.slice(STD_COLUMNS)) {
      columns[c.name] = {
        type: typeToJson(c.type),
        mutable: c.mutable ? undefined : false,
        ephemeral: c.persistent ? undefined : true,
      };
    }
    return {
      columns,
      isRoot: this.spec.isRoot ? true : undefined,
      maxRows: this.spec.maxRows,
      indexes: this.indexes.length ? this.indexes.map((i) => i.map((c) => c.name)) : undefined,
    };
  }
}

export class DatabaseSchema {
  readonly tables: ReadonlyMap<string, TableSchema>;

  constructor(
    readonly name: string,
    /** "x.y.z", or empty. */
    readonly version: string,
    readonly cksum: string,
    tables: Readonly<Record<string, TableSpec>>,
  ) {
    // Schemas older than garbage collection name no root: then all are.
    const someRoot = Object.values(tables).some((t) => t.isRoot);
    this.tables = new Map(
      Object.entries(tables).map(([n, t]) => [n, new TableSchema(n, t.isRoot === true || !someRoot, t)]),
    );
  }

  table(name: string): TableSchema | undefined {
    return this.tables.get(name);
  }

  toJson(): JsonObject {
    return {
      name: this.name,
      version: this.version || undefined,
      cksum: this.cksum || undefined,
      tables: Object.fromEntries([...this.tables].map(([n, t]) => [n, t.toJson()])),
    };
  }
}
