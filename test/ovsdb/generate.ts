/** Random operations, conditions and monitors over any schema. Values come from small pools, so that they meet each other; some are wrong on purpose. */
import type { Random } from '../../src/lib/random.js';
import type { Table } from '../../src/ovsdb/engine/row.js';
import type { Json, JsonObject } from '../../src/ovsdb/json/json.js';
import { type Column, STD_COLUMNS } from '../../src/ovsdb/schema/schema.js';
import type { AtomicType } from '../../src/ovsdb/value/atom.js';
import type { BaseType } from '../../src/ovsdb/value/type.js';

type Draw = (g: Generator) => Json;

const WORDS = ['', 'a', 'b', 'abc', 'abcd', 'é', '😀', 'x"y', 'true', '1', 'br0', '\u0001'];
const ATOMS: Readonly<Record<AtomicType, Draw>> = {
  integer: (g) =>
    g.random.chance(0.05)
      ? g.random.pick<Json>([9223372036854775807n, -9223372036854775808n, 9007199254740993n, 1e18])
      : g.random.between(-3, 8),
  real: (g) => g.random.pick<Json>([0, 1, 2.5, -0.1, 0.1, 1e-7, 12345.678, 1e20]),
  boolean: (g) => g.random.chance(0.5),
  string: (g) => g.random.pick(WORDS),
  uuid: (g) => ['uuid', g.random.pick(['00000000-0000-0000-0000-000000000000', ...g.pool.slice(0, 4)])],
};

export class Generator {
  /** UUIDs that rows are given, whatever their table. */
  readonly pool: readonly string[];
  private names: { name: string; table: string }[] = [];
  /** Rows that were referred to by a name, and are still to be inserted. */
  private wanted: { name: string; table: string }[] = [];
  private nextName = 0;

  constructor(
    readonly random: Random,
    readonly tables: ReadonlyMap<string, Table>,
    /** Share of things that are wrong. */
    private faults: number,
  ) {
    this.pool = Array.from({ length: 24 }, (_, i) => `f0000000-0000-4000-8000-0000000000${String(10 + i)}`);
  }

  /** `plans`: where it needs a row that is not there, one may be inserted later. */
  private reference(table: string, plans: boolean): Json {
    const { random } = this;
    if (plans && random.chance(0.35) && this.nextName < 5) {
      const name = `n${this.nextName++}`;
      this.wanted.push({ name, table });
      return ['named-uuid', name];
    }
    const named = this.names.filter((n) => n.table === table);
    if (named.length > 0 && random.chance(0.6)) return ['named-uuid', random.pick(named).name];
    const there = [...(this.tables.get(table)?.rows.keys() ?? [])];
    if (there.length > 0 && random.chance(0.9)) return ['uuid', random.pick(there)];
    return ['uuid', random.pick(this.pool)];
  }

  atom(base: BaseType, plans = false): Json {
    const { random } = this;
    if (random.chance(this.faults / 20))
      return random.pick<Json>([null, 'wrong', 1.5, [], { a: 1 }, ['uuid', 'x'], ['named-uuid', 'nobody']]);
    if (base.refTable !== undefined) return this.reference(base.refTable, plans);
    if (base.enum && !random.chance(this.faults)) {
      const e = random.pick(base.enum);
      return e;
    }
    if (base.min !== undefined && !random.chance(this.faults)) {
      const low = Number(base.min);
      return base.type === 'integer' ? random.between(Math.ceil(low), Math.ceil(low) + 12) : low + random.below(20) / 4;
    }
    return ATOMS[base.type](this);
  }

  /** A value of a column's type; `any` number of members, where said. */
  value(column: Column, any = false, plans = false): Json {
    const { type } = column;
    const { random } = this;
    if (type.isScalar && !random.chance(0.05)) return this.atom(type.key, plans);
    const most = Math.min(type.max, 4) + ((any && !type.isScalar) || random.chance(this.faults) ? 1 : 0);
    const n = random.between(random.chance(this.faults) ? 0 : type.min, most);
    const keys = Array.from({ length: n }, () => this.atom(type.key, plans));
    // One and the same twice is an error; mostly it is not meant.
    const distinct = random.chance(this.faults) ? keys : [...new Map(keys.map((k) => [String(k), k])).values()];
    const { value } = type;
    if (value) return ['map', distinct.map((k) => [k, this.atom(value, plans)])];
    return distinct.length === 1 && random.chance(0.7) ? distinct[0] : ['set', distinct];
  }

  table(): Table {
    return this.random.pick([...this.tables.values()]);
  }

  column(table: Table): Column {
    const { columns } = table.schema;
    return this.random.chance(0.1) ? this.random.pick(columns) : this.random.pick(columns.slice(STD_COLUMNS));
  }

  row(table: Table, share: number, plans = false): JsonObject {
    const out: Record<string, Json> = {};
    for (const c of table.schema.columns.slice(STD_COLUMNS)) {
      const needed = c.type.min > 0 && c.type.refers('weak');
      if (!needed && !this.random.chance(c.type.refers('weak') ? share / 2 : share)) continue;
      out[c.name] = this.value(c, false, plans);
      // Of several wrong columns it is not fixed which is told.
    }
    if (this.random.chance(this.faults / 10)) return { nowhere: 1 };
    return out;
  }

  clause(table: Table): Json {
    const { random } = this;
    if (random.chance(this.faults / 5))
      return random.pick<Json>([7, ['n'], ['nowhere', '==', 1], [table.schema.columns[2].name, '~', 1]]);
    if (random.chance(0.05)) return random.chance(0.8);
    if (random.chance(0.3))
      return [
        '_uuid',
        random.pick(['==', '==', '!=', 'includes', 'excludes']),
        this.reference(table.schema.name, false),
      ];
    const c = this.column(table);
    const number =
      (c.type.isScalar || c.type.isOptional) && (c.type.key.type === 'integer' || c.type.key.type === 'real');
    const f = random.pick([
      '==',
      '!=',
      'includes',
      'excludes',
      ...(number || random.chance(this.faults / 10) ? ['<', '<=', '>', '>='] : []),
    ]);
    // Less or more than nothing: ovsdb-server reads memory that is not there.
    if (number && /[<>]/.test(f)) return [c.name, f, this.atom(c.type.key)];
    return [c.name, f, this.value(c, f === 'excludes')];
  }

  where(table: Table): Json[] {
    const n = this.random.pick([0, 0, 1, 1, 1, 2]);
    return Array.from({ length: n }, () => this.clause(table));
  }

  private columnNames(table: Table): string[] {
    const names = new Set<string>();
    for (let n = this.random.between(1, 4); n > 0; n--) names.add(this.column(table).name);
    if (this.random.chance(this.faults / 20)) names.add('nowhere');
    return [...names];
  }

  private mutation(table: Table): Json {
    const { random } = this;
    const c = this.column(table);
    const number = !c.type.isMap && (c.type.key.type === 'integer' || c.type.key.type === 'real');
    const many = !c.type.isScalar;
    const fit = [
      ...(number ? ['+=', '-=', '*=', '/=', ...(c.type.key.type === 'integer' ? ['%='] : [])] : []),
      ...(many ? ['insert', 'insert', 'delete', 'delete'] : []),
    ];
    if (fit.length === 0 || random.chance(this.faults / 4))
      return [c.name, random.pick(['insert', '+=', '~=', '%=']), this.atom(c.type.key)];
    const m = random.pick(fit);
    if (m === 'insert' || m === 'delete') {
      if (m === 'delete' && c.type.isMap && random.chance(0.5)) return [c.name, m, ['set', [this.atom(c.type.key)]]];
      return [c.name, m, this.value(c, false, true)];
    }
    // Of two negative numbers ovsdb-server lets the product overflow.
    if (m === '*=' && c.type.key.type === 'integer') return [c.name, m, random.between(0, 8)];
    return [c.name, m, ATOMS[c.type.key.type](this)];
  }

  private readonly kinds: readonly (() => Json)[] = [
    () => this.insert(),
    () => this.insert(),
    () => this.insert(),
    () => {
      const t = this.table();
      return {
        op: 'select',
        table: t.schema.name,
        where: this.where(t),
        ...(this.random.chance(0.7) ? { columns: this.columnNames(t) } : {}),
      };
    },
    () => {
      const t = this.table();
      return { op: 'update', table: t.schema.name, where: this.where(t), row: this.updateRow(t) };
    },
    () => {
      const t = this.table();
      return { op: 'update', table: t.schema.name, where: this.where(t), row: this.updateRow(t) };
    },
    () => {
      const t = this.table();
      return {
        op: 'mutate',
        table: t.schema.name,
        where: this.where(t),
        mutations: Array.from({ length: this.random.between(1, 2) }, () => this.mutation(t)),
      };
    },
    () => {
      const t = this.table();
      return { op: 'delete', table: t.schema.name, where: [this.clause(t), ...this.where(t)] };
    },
    () => {
      const t = this.table();
      const columns = this.columnNames(t).filter((n) => n !== '_version');
      const rows = Array.from({ length: this.random.between(0, 2) }, () => this.row(t, 0.3));
      return {
        op: 'wait',
        table: t.schema.name,
        where: this.where(t),
        columns,
        until: this.random.pick(['==', '!=']),
        rows,
        timeout: 0,
      };
    },
    () => ({ op: 'comment', comment: this.random.pick(WORDS) }),
  ];

  private updateRow(t: Table): JsonObject {
    const row: Record<string, Json | undefined> = { ...this.row(t, 0.15, true) };
    if (!this.random.chance(this.faults / 5)) for (const c of t.schema.columns) if (!c.mutable) delete row[c.name];
    return row;
  }

  private insert(): Json {
    const { random } = this;
    const t = this.table();
    const { name } = t.schema;
    const named = random.chance(0.3) ? random.pick(['x', 'y', 'z', 'w', 'v', 'u']) : undefined;
    const uuid = random.chance(0.7) ? random.pick(this.pool) : undefined;
    const row = this.row(t, 0.3, true);
    if (named !== undefined) this.names.push({ name: named, table: name });
    return { op: 'insert', table: name, row, uuid, 'uuid-name': named };
  }

  /** The operations of a transaction. */
  operations(): Json[] {
    const { random } = this;
    this.names = [];
    this.wanted = [];
    this.nextName = 0;
    // Rows may be named before they are inserted.
    if (random.chance(0.1)) this.names.push({ name: random.pick(['x', 'y']), table: this.table().schema.name });
    const out = Array.from({ length: random.pick([1, 1, 2, 3, 4, 6]) }, () => random.pick(this.kinds)());
    for (let w = this.wanted.shift(); w; w = this.wanted.shift()) {
      const table = this.tables.get(w.table);
      if (table) out.push({ op: 'insert', table: w.table, row: this.row(table, 0.2, true), 'uuid-name': w.name });
    }
    if (random.chance(0.03)) out.push({ op: 'abort' });
    if (random.chance(0.05)) out.push({ op: 'commit', durable: false });
    if (random.chance(0.05)) out.push({ op: 'assert', lock: random.pick(['l1', 'l2']) });
    if (random.chance(this.faults / 5))
      out.push(
        random.pick<Json>([{ op: 'dance' }, 7, { op: 'select', table: 'Nowhere', where: [] }, { op: 'comment' }]),
      );
    return out;
  }

  /** What a monitor asks for. */
  monitor(conditional: boolean): Json {
    this.names = [];
    const { random } = this;
    const out: Record<string, Json> = {};
    for (const t of this.tables.values()) {
      if (!random.chance(0.6)) continue;
      const request = (): JsonObject => ({
        ...(random.chance(0.7) ? { columns: this.columnNames(t) } : {}),
        ...(conditional && random.chance(0.6) ? { where: this.conditions(t) } : {}),
        ...(random.chance(0.3) ? { select: this.select() } : {}),
      });
      out[t.schema.name] = [request()];
    }
    if (random.chance(this.faults / 10)) out.Nowhere = [{}];
    return out;
  }

  private select(): JsonObject {
    const out: Record<string, Json> = {};
    for (const o of ['initial', 'insert', 'delete', 'modify'])
      if (this.random.chance(0.5)) out[o] = this.random.chance(0.5);
    return out;
  }

  private conditions(t: Table): Json[] {
    return Array.from({ length: this.random.between(0, 3) }, () => this.clause(t));
  }

  /** New conditions for a monitor of some tables. All right or all of one table: of a request that is wrong in part, ovsdb-server does the rest. */
  conditionChange(tables: readonly string[]): Json {
    this.names = [];
    const out: Record<string, Json> = {};
    const one = tables.length > 0 && this.random.chance(0.3) ? this.random.pick(tables) : undefined;
    for (const name of one === undefined ? tables : [one]) {
      const table = this.tables.get(name);
      if (!table || (one === undefined && !this.random.chance(0.5))) continue;
      const { faults } = this;
      if (one === undefined) this.faults = 0;
      out[name] = [{ where: this.conditions(table) }];
      this.faults = faults;
    }
    if (one === undefined && Object.keys(out).length === 0 && this.random.chance(0.1)) out.Nowhere = [{}];
    return out;
  }
}
