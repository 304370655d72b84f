/**
 * Columns of a table as a program reads and writes them. One declaration gives the TypeScript type, the way from and to the JSON of RFC 7047 and the
 * way in which a server tells a change (update2 of ovsdb-server(7)): a set's change is the elements that came or went, a map's the pairs that are
 * new, different or, where they are as before, gone; anything with at most one element is told anew.
 *
 *     const BRIDGE = table('Bridge', { name: one(text), ports: set(uuid), fail_mode: optional(text), other_config: map(text, text) });
 *     type Bridge = RowOf<typeof BRIDGE>;   // { _uuid: string; name: string; ports: readonly string[]; fail_mode: string | undefined; ... }
 */

import { isArray, type Json } from '../json/json.js';

/** What a server sent is not what the schema says. The connection is of no more use. */
export class DataError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DataError';
  }
}

export type Atom = string | number | bigint | boolean;

export interface AtomType<T extends Atom> {
  readonly zero: T;
  decode(json: Json): T;
  encode(value: T): Json;
}

function plain<T extends Atom>(zero: T, isOne: (v: Json) => v is T): AtomType<T> {
  return {
    zero,
    decode(json) {
      if (!isOne(json)) throw new DataError(`expected a ${typeof zero}, not ${JSON.stringify(json)}`);
      return json;
    },
    encode: (value) => value,
  };
}

export const text = plain('', (v): v is string => typeof v === 'string');
export const real = plain(0, (v): v is number => typeof v === 'number');
/** What a double cannot hold is rounded: nothing that weft reads is so large. */
export const integer: AtomType<number> = { ...real, decode: (v) => real.decode(typeof v === 'bigint' ? Number(v) : v) };
/** For programs that must keep all 64 bits. */
export const int64 = plain<number | bigint>(
  0,
  (v): v is number | bigint => typeof v === 'number' || typeof v === 'bigint',
);
export const bool = plain(false, (v): v is boolean => typeof v === 'boolean');

export const ZERO_UUID = '00000000-0000-0000-0000-000000000000';
/** Names of rows that a transaction inserts begin with this, so that they are never taken for the number of a row. */
export const NAMED = 'row_';

export const uuid: AtomType<string> = {
  zero: ZERO_UUID,
  decode(json) {
    if (!isArray(json) || json[0] !== 'uuid' || typeof json[1] !== 'string') {
      throw new DataError(`expected a uuid, not ${JSON.stringify(json)}`);
    }
    return json[1];
  },
  encode: (value) => [value.startsWith(NAMED) ? 'named-uuid' : 'uuid', value],
};

export interface Column<T> {
  /** Value of a row that nobody gave one. */
  readonly empty: T;
  /** True: written and not read, so that the server need not tell it. */
  readonly isOutput: boolean;
  /** Throws DataError. */
  decode(json: Json): T;
  encode(value: T): Json;
  /** The value after a change as update2 tells it. Throws DataError. */
  patch(old: T, change: Json): T;
}

export function one<T extends Atom>(atom: AtomType<T>): Column<T> {
  const decode = (json: Json): T => {
    const elements = elementsOf(json);
    if (elements.length !== 1) throw new DataError(`expected one value, not ${JSON.stringify(json)}`);
    return atom.decode(elements[0]);
  };
  return { empty: atom.zero, isOutput: false, decode, encode: (v) => atom.encode(v), patch: (_old, c) => decode(c) };
}

export function optional<T extends Atom>(atom: AtomType<T>): Column<T | undefined> {
  const decode = (json: Json): T | undefined => {
    const elements = elementsOf(json);
    return elements.length === 0 ? undefined : atom.decode(elements[0]);
  };
  const encode = (v: T | undefined): Json => (v === undefined ? ['set', []] : atom.encode(v));
  return { empty: undefined, isOutput: false, decode, encode, patch: (_old, c) => decode(c) };
}

export function set<T extends Atom>(atom: AtomType<T>): Column<readonly T[]> {
  const decode = (json: Json): T[] => elementsOf(json).map((e) => atom.decode(e));
  return {
    empty: [],
    isOutput: false,
    decode,
    encode: (v) => (v.length === 1 ? atom.encode(v[0]) : ['set', v.map((e) => atom.encode(e))]),
    patch(old, change) {
      const all = new Set(old);
      for (const e of decode(change)) if (!all.delete(e)) all.add(e);
      return [...all];
    },
  };
}

export function map<K extends Atom, V extends Atom>(key: AtomType<K>, value: AtomType<V>): Column<ReadonlyMap<K, V>> {
  const decode = (json: Json): Map<K, V> => {
    if (!isArray(json) || json[0] !== 'map' || !isArray(json[1])) {
      throw new DataError(`expected a map, not ${JSON.stringify(json)}`);
    }
    return new Map(
      json[1].map((pair) => {
        if (!isArray(pair) || pair.length !== 2) throw new DataError('a pair of a map has two parts');
        return [key.decode(pair[0]), value.decode(pair[1])];
      }),
    );
  };
  return {
    empty: new Map(),
    isOutput: false,
    decode,
    encode: (v) => ['map', [...v].map(([k, e]) => [key.encode(k), value.encode(e)])],
    patch(old, change) {
      const all = new Map(old);
      for (const [k, v] of decode(change)) {
        if (all.get(k) === v) all.delete(k);
        else all.set(k, v);
      }
      return all;
    },
  };
}

/** A column that is written and not read. */
export function output<T>(column: Column<T>): Column<T> {
  return { ...column, isOutput: true };
}

/** A set of exactly one element may be written as that element. */
function elementsOf(json: Json): readonly Json[] {
  if (!isArray(json)) return [json];
  if (json[0] === 'set' && isArray(json[1])) return json[1];
  return [json];
}

export interface Table<C> {
  readonly name: string;
  readonly columns: C;
}

export type ValueOf<C> = C extends { readonly empty: infer T } ? T : never;
export type ValuesOf<C> = { readonly [K in keyof C]: ValueOf<C[K]> };
export type Row<C> = ValuesOf<C> & { readonly _uuid: string };
export type RowOf<T> = T extends Table<infer C> ? Row<C> : never;

export function table<C>(name: string, columns: C): Table<C> {
  return { name, columns };
}
