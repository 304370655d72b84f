/** Arguments of the database commands: COLUMN[:KEY], and that with an operator and a value. */
import { UserError } from '../../lib/errors.js';
import type { Column, TableSchema } from '../../ovsdb/schema/schema.js';
import { parseAtom, parseDatum, type Symbols, TokenReader } from '../../ovsdb/text/parse.js';
import type { Atom } from '../../ovsdb/value/atom.js';
import { compareDatums, excludesAll, findKey, includesAll, union } from '../../ovsdb/value/datum.js';
import { ColumnType, Datum } from '../../ovsdb/value/type.js';
import type { Model, Row } from './model.js';
import { findColumn } from './names.js';

export interface ColumnKey {
  readonly column: Column;
  /** As it was written. */
  readonly key: string | undefined;
}

/** Reads COLUMN[:KEY] from the beginning of an argument. Throws UserError. */
export function readColumnKey(r: TokenReader, table: TableSchema): ColumnKey {
  const name = r.token();
  if (name === '') throw new UserError(`${r.text}: missing column name`);
  const column = findColumn(table, name);
  if (r.text[r.at] !== ':') return { column, key: undefined };
  r.at++;
  return { column, key: r.token() };
}

interface Relation {
  /** Of sets: a key that is not there stands for nothing, and the whole of both sides is looked at. */
  readonly isSet: boolean;
  holds(a: Datum, b: Datum, type: ColumnType): boolean;
}

const compared = (test: (order: number) => boolean): Relation => ({
  isSet: false,
  holds: (a, b, type) => test(compareDatums(a, b, type)),
});
const among = (holds: Relation['holds']): Relation => ({ isSet: true, holds });

/** Operators of "find" and "wait-until". */
const RELATIONS: Readonly<Record<string, Relation>> = {
  '=': compared((o) => o === 0),
  '!=': compared((o) => o !== 0),
  '<': compared((o) => o < 0),
  '>': compared((o) => o > 0),
  '<=': compared((o) => o <= 0),
  '>=': compared((o) => o >= 0),
  '{=}': among((a, b, t) => compareDatums(a, b, t) === 0),
  '{!=}': among((a, b, t) => compareDatums(a, b, t) !== 0),
  '{<}': among((a, b, t) => a.size < b.size && includesAll(a, b, t)),
  '{>}': among((a, b, t) => b.size < a.size && includesAll(b, a, t)),
  '{<=}': among(includesAll),
  '{>=}': among((a, b, t) => includesAll(b, a, t)),
  '{in}': among(includesAll),
  '{not-in}': among(excludesAll),
};
const LONGEST_FIRST = Object.keys(RELATIONS).sort((a, b) => b.length - a.length);

export interface Condition extends ColumnKey {
  readonly operator: string;
  readonly value: string;
}

/** COLUMN[:KEY] OPERATOR VALUE. Throws UserError. */
export function readCondition(text: string, table: TableSchema, operators: readonly string[]): Condition {
  const r = new TokenReader(text);
  const which = readColumnKey(r, table);
  const operator = LONGEST_FIRST.find((o) => r.rest.startsWith(o) && operators.includes(o));
  const value = operator === undefined ? '' : r.rest.slice(operator.length);
  if (operator === undefined || value === '') {
    const quoted = operators.map((o) => `"${o}"`);
    const wanted = quoted.length === 1 ? quoted[0] : `${quoted.slice(0, -1).join(', ')}, or ${quoted.at(-1)}`;
    throw new UserError(`${text}: argument does not end in ${wanted} followed by a value.`);
  }
  return { ...which, operator, value };
}

export const ALL_OPERATORS: readonly string[] = Object.keys(RELATIONS);

/** Type of one value of a map, for what KEY names. */
function valueType(column: Column): ColumnType {
  const { value } = column.type;
  if (!value) throw new UserError(`cannot specify key to check for non-map column ${column.name}`);
  return new ColumnType(value, undefined, 0, 1);
}

/** True when the row is as the condition says. Throws UserError when it makes no sense. */
export function isSatisfied(row: Row, text: string, symbols: Symbols | undefined): boolean {
  const { column, key, operator, value } = readCondition(text, row.table, ALL_OPERATORS);
  const relation = RELATIONS[operator];
  const have = row.data[column.index];
  if (key === undefined) return relation.holds(have, parseDatum(value, column.type, symbols), column.type);
  const type = valueType(column);
  const at = findKey(have, parseAtom(key, column.type.key), column.type.key.type);
  if (at < 0 && !relation.isSet) return false;
  const found = at < 0 || !have.values ? type.empty : new Datum([have.values[at]]);
  return relation.holds(found, parseDatum(value, type, symbols), type);
}

/** COLUMN[:KEY]=VALUE applied to a row. Throws UserError. */
export function setColumn(model: Model, row: Row, text: string, symbols: Symbols): void {
  const { column, key, value } = readCondition(text, row.table, ['=']);
  checkMutable(column, row);
  if (key === undefined) {
    model.write(row, column, parseDatum(value, column.type, symbols));
    return;
  }
  if (!column.type.value) throw new UserError(`cannot specify key to set for non-map column ${column.name}`);
  const k = parseAtom(key, column.type.key, symbols);
  const v = parseAtom(value, column.type.value, symbols);
  model.verify(row, column.name);
  model.write(row, column, union(new Datum([k], [v]), row.data[column.index], column.type));
}

/** Throws UserError for a column that cannot change after its row was made. */
export function checkMutable(column: Column, row: Row): void {
  if (!column.mutable && !row.isNew) {
    throw new UserError(`cannot modify read-only column ${column.name} in table ${row.table.name}`);
  }
}

/** The value of a key in a map, or undefined when it has none. Throws UserError. */
export function keyedValue(row: Row, column: Column, key: string): { value: Atom; type: ColumnType } | undefined {
  if (!column.type.value) throw new UserError(`cannot specify key to get for non-map column ${column.name}`);
  const have = row.data[column.index];
  const at = findKey(have, parseAtom(key, column.type.key), column.type.key.type);
  if (at < 0 || !have.values) return undefined;
  return { value: have.values[at], type: new ColumnType(column.type.value, undefined, 1, 1) };
}
