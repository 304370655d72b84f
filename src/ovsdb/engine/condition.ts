/** Conditions of operations and of monitors: RFC 7047 section 5.1, with booleans, and order on optional numbers. One row a function. */
import { isArray, type Json } from '../json/json.js';
import { type Column, type TableSchema, UUID_COLUMN } from '../schema/schema.js';
import { ATOMS, type NamedUuids } from '../value/atom.js';
import { datumFromJson, equalDatums, excludesAll, includesAll } from '../value/datum.js';
import { OvsdbError, syntaxError } from '../value/error.js';
import { ColumnType, type Datum, english, UNLIMITED } from '../value/type.js';
import type { Row, Table } from './row.js';

export type Clause =
  | boolean
  | { readonly column: Column; readonly name: string; readonly arg: Datum; readonly test: Test };

type Test = (field: Datum, arg: Datum, type: ColumnType) => boolean;

interface ConditionFunction {
  /** Only for numbers, of which there is one at most. */
  readonly ordered?: boolean;
  /** The type of the argument. */
  readonly argument: (type: ColumnType) => ColumnType;
  readonly test: Test;
}

const asIs = (type: ColumnType): ColumnType => type;
const withMin0 = (t: ColumnType): ColumnType => (t.isScalar ? t : new ColumnType(t.key, t.value, 0, t.max));
const anyCount = (t: ColumnType): ColumnType => (t.isScalar ? t : new ColumnType(t.key, t.value, 0, UNLIMITED));

/** Nothing is neither less nor more than anything. */
function ordered(holds: (c: number) => boolean): ConditionFunction {
  const test: Test = (field, arg, type) =>
    field.size === 1 && arg.size === 1 && holds(ATOMS[type.key.type].compare(field.keys[0], arg.keys[0]));
  return { ordered: true, argument: asIs, test };
}

const FUNCTIONS: ReadonlyMap<string, ConditionFunction> = new Map([
  ['==', { argument: asIs, test: (f, a) => equalDatums(f, a) }],
  ['!=', { argument: asIs, test: (f, a) => !equalDatums(f, a) }],
  ['includes', { argument: withMin0, test: (f, a, type) => includesAll(a, f, type) }],
  ['excludes', { argument: anyCount, test: (f, a, type) => excludesAll(a, f, type) }],
  ['<', ordered((c) => c < 0)],
  ['<=', ordered((c) => c <= 0)],
  ['>', ordered((c) => c > 0)],
  ['>=', ordered((c) => c >= 0)],
]);

function parseClause(json: Json, table: TableSchema, names: NamedUuids | undefined): Clause {
  if (typeof json === 'boolean') return json;
  if (!isArray(json) || json.length !== 3 || typeof json[0] !== 'string' || typeof json[1] !== 'string') {
    throw syntaxError(json, 'Parse error in condition.');
  }
  const [columnName, name, argument] = json;
  const column = table.column(columnName);
  if (!column) throw new OvsdbError('unknown column', `No column ${columnName} in table ${table.name}.`, json);
  const f = FUNCTIONS.get(name);
  if (!f) throw new OvsdbError('unknown function', `No function named ${name}.`);
  const { type } = column;
  if (f.ordered && !isNumber(type)) {
    const what = `column ${column.name} of type ${english(type)}`;
    throw syntaxError(json, `Type mismatch: "${name}" operator may not be applied to ${what}.`);
  }
  const arg = datumFromJson(argument, f.argument(type), names);
  return { column, name, arg, test: f.test };
}

function isNumber(type: ColumnType): boolean {
  const { type: atom } = type.key;
  return (type.isScalar || type.isOptional) && (atom === 'integer' || atom === 'real');
}

/** Throws OvsdbError. */
export function parseCondition(json: readonly Json[], table: TableSchema, names?: NamedUuids): Clause[] {
  return json.map((c) => parseClause(c, table, names));
}

function holds(clause: Clause, row: Row): boolean {
  if (typeof clause === 'boolean') return clause;
  return clause.test(row.data[clause.column.index], clause.arg, clause.column.type);
}

/** What an operation's "where" means: all clauses. */
export function matchesAll(row: Row, clauses: readonly Clause[]): boolean {
  return clauses.every((c) => holds(c, row));
}

/** What a monitor's "where" means: any clause, or there are none. */
export function matchesAny(row: Row, clauses: readonly Clause[]): boolean {
  return clauses.length === 0 || clauses.some((c) => holds(c, row));
}

/** The rows of a table that meet all clauses. A clause that names the row is asked first. */
export function query(table: Table, clauses: readonly Clause[]): Row[] {
  for (const c of clauses) {
    if (typeof c === 'boolean' || c.column.index !== UUID_COLUMN || c.name !== '==') continue;
    const row = table.rows.get(String(c.arg.keys[0]));
    return row && matchesAll(row, clauses) ? [row] : [];
  }
  const out: Row[] = [];
  for (const row of table.rows.values()) if (matchesAll(row, clauses)) out.push(row);
  return out;
}
