/** Words in which schemas are declared: base types, and how many of them a column holds. */

import type { Atom, AtomicType } from '../value/atom.js';
import { makeDatum } from '../value/datum.js';
import { type BaseType, ColumnType, UNLIMITED } from '../value/type.js';

export function fixedScalar(type: AtomicType): ColumnType {
  return new ColumnType({ type }, undefined, 1, 1);
}

export const string: BaseType = { type: 'string' };
export const integer: BaseType = { type: 'integer' };
export const boolean: BaseType = { type: 'boolean' };
export const uuid: BaseType = { type: 'uuid' };

/** Integers from `min`, and where said to `max`, both included. */
export function range(min: number, max?: number): BaseType {
  return { type: 'integer', min, max };
}

/** One of some strings. */
export function oneOf(...names: string[]): BaseType {
  return { type: 'string', enum: sortAtoms(names, 'string') };
}

/** A reference that keeps its row alive. */
export function strong(refTable: string): BaseType {
  return { type: 'uuid', refTable, refType: 'strong' };
}

/** A reference that goes when its row goes. */
export function weak(refTable: string): BaseType {
  return { type: 'uuid', refTable, refType: 'weak' };
}

export const one = (key: BaseType): ColumnType => new ColumnType(key, undefined, 1, 1);
export const optional = (key: BaseType): ColumnType => new ColumnType(key, undefined, 0, 1);
export const set = (key: BaseType, max = UNLIMITED): ColumnType => new ColumnType(key, undefined, 0, max);
/** At least one. */
export const some = (key: BaseType): ColumnType => new ColumnType(key, undefined, 1, UNLIMITED);
export const map = (key: BaseType, value: BaseType): ColumnType => new ColumnType(key, value, 0, UNLIMITED);

/** Atoms in OVSDB's order. Throws OvsdbError when one is there twice. */
export function sortAtoms(atoms: readonly Atom[], type: AtomicType): readonly Atom[] {
  return makeDatum(atoms, undefined, new ColumnType({ type }, undefined, 0, UNLIMITED)).keys;
}
