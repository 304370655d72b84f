/** Schemas from JSON: RFC 7047 section 3.2, with the error texts of OVSDB. */
import { isArray, type Json, type JsonObject } from '../json/json.js';
import { ATOMS, type Atom, type AtomicType } from '../value/atom.js';
import { datumFromJson } from '../value/datum.js';
import { OvsdbError, syntaxError } from '../value/error.js';
import { isId, Members } from '../value/members.js';
import { type BaseType, ColumnType, UNLIMITED } from '../value/type.js';
import { type ColumnSpec, DatabaseSchema, type TableSpec } from './schema.js';

/** Throws OvsdbError. */
export function parseSchema(json: Json): DatabaseSchema {
  const m = new Members(json, 'database schema');
  const name = m.id('name') ?? '';
  const version = m.string('version', true) ?? '';
  const cksum = m.string('cksum', true) ?? '';
  const tables = m.jsonObject('tables') ?? {};
  m.member('$schema', true);
  m.finish();
  if (version !== '' && !/^\d+\.\d+\.\d+$/.test(version)) {
    throw syntaxError(json, `schema version "${version}" not in format x.y.z`);
  }
  const specs: Record<string, TableSpec> = {};
  for (const [n, t] of named(tables, json, 'table')) specs[n] = parseTable(t, n);
  for (const spec of Object.values(specs)) checkRefs(spec, specs);
  return new DatabaseSchema(name, version, cksum, specs);
}

/** The members of an object whose names must be ids that are not reserved. */
function named(object: JsonObject, json: Json, what: string): [string, Json][] {
  return Object.entries(object).map(([n, v]) => {
    if (n.startsWith('_')) throw syntaxError(json, 'names beginning with "_" are reserved');
    if (!isId(n)) throw syntaxError(json, 'name must be a valid id');
    if (v === undefined) throw new OvsdbError('internal error', `${what} ${n} is undefined`);
    return [n, v];
  });
}

function parseTable(json: Json, name: string): TableSpec {
  const m = new Members(json, `table schema for table ${name}`);
  const columnsJson = m.jsonObject('columns') ?? {};
  const maxRows = m.integer('maxRows', true);
  const isRoot = m.boolean('isRoot', true);
  const indexesJson = m.array('indexes', true) ?? [];
  m.finish();
  if (maxRows !== undefined && maxRows <= 0) throw syntaxError(json, 'maxRows must be at least 1');
  const columns: Record<string, ColumnSpec> = {};
  for (const [n, c] of named(columnsJson, json, 'column')) columns[n] = parseColumn(c, n);
  if (Object.keys(columns).length === 0) throw syntaxError(json, 'table must have at least one column');
  const indexes = indexesJson.map((i) => parseIndex(i, name, columns));
  const rows = maxRows === undefined || maxRows > UNLIMITED ? undefined : Number(maxRows);
  return { columns, isRoot, maxRows: rows, indexes };
}

function parseIndex(json: Json, table: string, columns: Readonly<Record<string, ColumnSpec>>): string[] {
  if (!isArray(json) || !json.every((n) => typeof n === 'string')) {
    throw syntaxError(json, 'array of distinct column names expected');
  }
  if (json.length === 0) throw syntaxError(json, 'index must have at least one column');
  const names = json.map(String);
  for (const n of names) {
    if (!columns[n]) throw syntaxError(json, `${n} is not a valid column name`);
    if (columns[n].ephemeral) throw syntaxError(json, `ephemeral columns (such as ${n}) may not be indexed`);
  }
  if (new Set(names).size !== names.length) {
    throw syntaxError(json, `array of distinct column names expected in table ${table}`);
  }
  return names;
}

function parseColumn(json: Json, name: string): ColumnSpec {
  const m = new Members(json, `schema for column ${name}`);
  const mutable = m.boolean('mutable', true);
  const ephemeral = m.boolean('ephemeral', true);
  const type = m.member('type');
  m.finish();
  return { type: parseType(type ?? null), immutable: mutable === false, ephemeral: ephemeral === true };
}

/** Throws OvsdbError. */
export function parseType(json: Json): ColumnType {
  if (typeof json === 'string') return new ColumnType(parseBase(json), undefined, 1, 1);
  if (typeof json !== 'object' || json === null || isArray(json)) throw syntaxError(json, 'ovsdb type expected');
  const m = new Members(json, 'ovsdb type');
  const key = m.member('key');
  const value = m.member('value', true);
  const min = m.member('min', true);
  const max = m.member('max', true);
  m.finish();
  const keyType = parseBase(key ?? null);
  const valueType = value === undefined ? undefined : parseBase(value);
  const low = count(min, 1);
  const high = max === 'unlimited' ? UNLIMITED : count(max, 1);
  if (low > 1 || low > high) throw syntaxError(json, 'ovsdb type fails constraint checks');
  return new ColumnType(keyType, valueType, low, high);
}

function count(json: Json | undefined, fallback: number): number {
  if (json === undefined) return fallback;
  if (typeof json === 'number' && Number.isInteger(json) && json >= 0 && json < UNLIMITED) return json;
  throw syntaxError(json, 'bad min or max value');
}

function atomicType(json: Json): AtomicType {
  if (typeof json !== 'string') throw syntaxError(json, 'atomic-type expected');
  const types: readonly string[] = Object.keys(ATOMS);
  const isType = (s: string): s is AtomicType => types.includes(s);
  if (!isType(json)) throw syntaxError(json, `"${json}" is not an atomic-type`);
  return json;
}

function parseBase(json: Json): BaseType {
  if (typeof json === 'string') return { type: atomicType(json) };
  const m = new Members(json, 'ovsdb type');
  const typeJson = m.string('type');
  m.check();
  const type = atomicType(typeJson ?? null);
  const enumJson = m.member('enum', true);
  const base =
    enumJson !== undefined ? { type, enum: parseEnum(enumJson, type) } : { type, ...CONSTRAINTS[type](m, json) };
  m.finish();
  return base;
}

function parseEnum(json: Json, type: AtomicType): readonly Atom[] {
  return datumFromJson(json, new ColumnType({ type }, undefined, 1, UNLIMITED)).keys;
}

function length(m: Members, name: string): number | undefined {
  const v = m.integer(name, true);
  if (v === undefined) return undefined;
  if (v < 0 || v > UNLIMITED) throw syntaxError(toJson(v), `${name} out of valid range 0 to ${UNLIMITED}`);
  return Number(v);
}

const toJson = (v: number | bigint): Json => v;

/** What a type may say beyond its name. */
const CONSTRAINTS: Readonly<Record<AtomicType, (m: Members, json: Json) => Omit<BaseType, 'type' | 'enum'>>> = {
  integer: (m, json) => {
    const min = m.integer('minInteger', true);
    const max = m.integer('maxInteger', true);
    if (min !== undefined && max !== undefined && min > max) throw syntaxError(json, 'minInteger exceeds maxInteger');
    return { min, max };
  },
  real: (m, json) => {
    const min = m.number('minReal', true);
    const max = m.number('maxReal', true);
    if (min !== undefined && max !== undefined && min > max) throw syntaxError(json, 'minReal exceeds maxReal');
    return { min, max };
  },
  boolean: () => ({}),
  string: (m, json) => {
    const minLength = length(m, 'minLength');
    const maxLength = length(m, 'maxLength');
    if ((minLength ?? 0) > (maxLength ?? UNLIMITED)) throw syntaxError(json, 'minLength exceeds maxLength');
    return { minLength, maxLength };
  },
  uuid: (m, json) => {
    const refTable = m.id('refTable', true);
    if (refTable === undefined) return {};
    const refType = m.id('refType', true) ?? 'strong';
    if (refType !== 'strong' && refType !== 'weak') {
      throw syntaxError(json, `refType must be "strong" or "weak" (not "${refType}")`);
    }
    return { refTable, refType };
  },
};

function checkRefs(spec: TableSpec, tables: Readonly<Record<string, TableSpec>>): void {
  for (const [name, { type }] of Object.entries(spec.columns)) {
    for (const [what, base] of [
      ['key', type.key],
      ['value', type.value],
    ] as const) {
      if (base?.refTable === undefined || tables[base.refTable]) continue;
      throw new OvsdbError('syntax error', `column ${name} ${what} refers to undefined table ${base.refTable}`);
    }
  }
}
