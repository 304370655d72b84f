/** Mutations: RFC 7047 section 5.1. One row a mutator. Arithmetic is that of 64-bit integers, with an error where it leaves them. */
import { isArray, type Json, toInteger } from '../json/json.js';
import type { Column, TableSchema } from '../schema/schema.js';
import type { Atom, NamedUuids } from '../value/atom.js';
import { conforms, datumFromJson, makeDatum, subtract, union } from '../value/datum.js';
import { OvsdbError, syntaxError } from '../value/error.js';
import { ColumnType, checkAtom, type Datum, english, UNLIMITED } from '../value/type.js';
import type { Row } from './row.js';

export interface Mutation {
  readonly column: Column;
  readonly name: string;
  readonly mutator: Mutator;
  readonly arg: Datum;
}

interface Mutator {
  /** May the column have this type? */
  readonly fits: (type: ColumnType) => boolean;
  readonly argument: (json: Json, type: ColumnType, names: NamedUuids | undefined) => Datum;
  /** Throws OvsdbError. */
  readonly run: (old: Datum, m: Mutation) => Datum;
}

const INT64_MIN = -(1n << 63n);
const INT64_MAX = (1n << 63n) - 1n;

interface Arithmetic {
  readonly integer: (x: bigint, y: bigint) => bigint;
  readonly real?: (x: number, y: number) => number;
  readonly divides?: boolean;
}

function tooLarge(name: string): OvsdbError {
  return new OvsdbError('range error', `Result of "${name}" operation is out of range.`);
}

function compute(x: Atom, m: Mutation, how: Arithmetic): Atom {
  const y = m.arg.keys[0];
  if (how.divides && Number(y) === 0) throw new OvsdbError('domain error', 'Division by zero.');
  if (m.column.type.key.type === 'real') {
    const v = how.real?.(Number(x), Number(y)) ?? Number.NaN;
    if (!Number.isFinite(v)) throw tooLarge(m.name);
    return v;
  }
  // Atoms of an integer column are numbers or bigints.
  const v = how.integer(BigInt(x), BigInt(y));
  if (v < INT64_MIN || v > INT64_MAX) throw tooLarge(m.name);
  return toInteger(v);
}

function arithmetic(how: Arithmetic): Mutator {
  return {
    fits: ({ isMap, key }) => !isMap && (key.type === 'integer' || (key.type === 'real' && how.real !== undefined)),
    // The column's constraints are for the result.
    argument: (json, type, names) =>
      datumFromJson(json, new ColumnType({ type: type.key.type }, undefined, 1, 1), names),
    run: (old, m) => {
      const { type } = m.column;
      const keys = old.keys.map((k) => compute(k, m, how));
      for (const k of keys) checkAtom(k, type.key);
      try {
        return makeDatum(keys, undefined, type);
      } catch (e) {
        if (!(e instanceof OvsdbError)) throw e;
        throw new OvsdbError('constraint violation', `Result of "${m.name}" operation contains duplicates.`);
      }
    },
  };
}

/** Open vSwitch refuses a product of two positive numbers that just fits. */
function multiply(x: bigint, y: bigint): bigint {
  return x > 0n && y > 0n && x >= INT64_MAX / y ? INT64_MAX + 1n : x * y;
}

function checkCount(d: Datum, type: ColumnType): Datum {
  if (conforms(d, type)) return d;
  throw new OvsdbError('constraint violation', `Attempted to store ${d.size} elements in ${english(type)}.`);
}

const fitsMany = (type: ColumnType): boolean => !type.isScalar;

const MUTATORS: ReadonlyMap<string, Mutator> = new Map([
  ['+=', arithmetic({ integer: (x, y) => x + y, real: (x, y) => x + y })],
  ['-=', arithmetic({ integer: (x, y) => x - y, real: (x, y) => x - y })],
  ['*=', arithmetic({ integer: multiply, real: (x, y) => x * y })],
  ['/=', arithmetic({ integer: (x, y) => x / y, real: (x, y) => x / y, divides: true })],
  ['%=', arithmetic({ integer: (x, y) => x % y, divides: true })],
  [
    'insert',
    {
      fits: fitsMany,
      argument: (json, t, names) => datumFromJson(json, new ColumnType(t.key, t.value, 0, t.max), names),
      run: (old, m) => checkCount(union(old, m.arg, m.column.type), m.column.type),
    },
  ],
  [
    'delete',
    {
      fits: fitsMany,
      argument: deleteArgument,
      run: (old, m) => checkCount(subtract(old, m.arg, m.column.type), m.column.type),
    },
  ],
]);

/** Of a map: pairs, or the keys alone. */
function deleteArgument(json: Json, t: ColumnType, names: NamedUuids | undefined): Datum {
  try {
    return datumFromJson(json, new ColumnType(t.key, t.value, 0, UNLIMITED), names);
  } catch (e) {
    if (!(e instanceof OvsdbError) || !t.isMap) throw e;
    return datumFromJson(json, new ColumnType(t.key, undefined, 0, UNLIMITED), names);
  }
}

/** Throws OvsdbError. */
export function parseMutation(json: Json, table: TableSchema, names: NamedUuids): Mutation {
  if (!isArray(json) || json.length !== 3 || typeof json[0] !== 'string' || typeof json[1] !== 'string') {
    throw syntaxError(json, 'Parse error in mutation.');
  }
  const [columnName, name, argument] = json;
  const column = table.column(columnName);
  if (!column) throw new OvsdbError('unknown column', `No column ${columnName} in table ${table.name}.`, json);
  if (!column.mutable) {
    const text = `Cannot mutate immutable column ${column.name} in table ${table.name}.`;
    throw new OvsdbError('constraint violation', text, json);
  }
  const mutator = MUTATORS.get(name);
  if (!mutator) throw new OvsdbError('unknown mutator', `No mutator named ${name}.`);
  if (!mutator.fits(column.type)) {
    const what = `column ${column.name} of type ${english(column.type)}`;
    throw syntaxError(json, `Type mismatch: "${name}" operator may not be applied to ${what}.`);
  }
  return { column, name, mutator, arg: mutator.argument(argument, column.type, names) };
}

/** Changes a row of the transaction's own. Throws OvsdbError. */
export function mutate(row: Row, mutations: readonly Mutation[]): void {
  for (const m of mutations) row.data[m.column.index] = m.mutator.run(row.data[m.column.index], m);
}
