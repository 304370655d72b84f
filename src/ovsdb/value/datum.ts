/** What is done with datums: JSON both ways, comparing, sets and maps as algebra, differences. Both sides of an operation have the same type. */
import { isArray, type Json, stringWeight } from '../json/json.js';
import { ATOMS, type Atom, type AtomicType, type NamedUuids } from './atom.js';
import { OvsdbError, syntaxError } from './error.js';
import { type ColumnType, checkAtom, Datum } from './type.js';

/** Throws OvsdbError. Of a type's constraints all are checked, those of references excepted. */
export function datumFromJson(json: Json, type: ColumnType, names?: NamedUuids): Datum {
  const d =
    type.isMap || (isArray(json) && json[0] === 'set') ? compound(json, type, names) : single(json, type, names);
  checkDatum(d, type);
  return d;
}

function single(json: Json, type: ColumnType, names: NamedUuids | undefined): Datum {
  return new Datum([ATOMS[type.key.type].fromJson(json, names)]);
}

function compound(json: Json, type: ColumnType, names: NamedUuids | undefined): Datum {
  const what = type.isMap ? 'map' : 'set';
  const inner = isArray(json) && json.length === 2 && json[0] === what ? json[1] : undefined;
  if (!isArray(inner)) throw syntaxError(json, `expected ["${what}", <array>]`);
  const n = inner.length;
  if (n < type.min || n > type.max) {
    if (type.min === 1 && type.max === 1) {
      throw syntaxError(json, `${what} must have exactly one member but ${n} are present`);
    }
    throw syntaxError(json, `${what} must have ${type.min} to ${type.max} members but ${n} are present`);
  }
  const keys: Atom[] = [];
  const keyKind = ATOMS[type.key.type];
  if (!type.value) {
    for (const e of inner) keys.push(keyKind.fromJson(e, names));
    return sorted(keys, undefined, type);
  }
  const values: Atom[] = [];
  const valueKind = ATOMS[type.value.type];
  for (const pair of inner) {
    if (!isArray(pair) || pair.length !== 2) throw syntaxError(pair, 'expected 2-element array');
    keys.push(keyKind.fromJson(pair[0], names));
    values.push(valueKind.fromJson(pair[1], names));
  }
  return sorted(keys, values, type);
}

/** Brings atoms in order. Throws OvsdbError when a key is there twice. */
function sorted(keys: Atom[], values: Atom[] | undefined, type: ColumnType): Datum {
  const { compare } = ATOMS[type.key.type];
  let inOrder = true;
  for (let i = 1; i < keys.length && inOrder; i++) inOrder = compare(keys[i - 1], keys[i]) < 0;
  if (inOrder) return new Datum(keys, values);
  const order = keys.map((_, i) => i).sort((a, b) => compare(keys[a], keys[b]));
  for (let i = 1; i < order.length; i++) {
    if (compare(keys[order[i - 1]], keys[order[i]]) !== 0) continue;
    throw new OvsdbError('ovsdb error', type.isMap ? 'map contains duplicate key' : 'set contains duplicate');
  }
  return new Datum(
    order.map((i) => keys[i]),
    values && order.map((i) => values[i]),
  );
}

/** A datum of atoms in any order. Throws OvsdbError when a key is there twice. */
export function makeDatum(keys: readonly Atom[], values: readonly Atom[] | undefined, type: ColumnType): Datum {
  return sorted([...keys], values && [...values], type);
}

/** Throws OvsdbError when an atom breaks the type's constraints. */
export function checkDatum(d: Datum, type: ColumnType): void {
  for (const k of d.keys) checkAtom(k, type.key);
  if (type.value && d.values) for (const v of d.values) checkAtom(v, type.value);
}

export function datumToJson(d: Datum, type: ColumnType): Json {
  const key = ATOMS[type.key.type];
  if (type.value) {
    const value = ATOMS[type.value.type];
    return ['map', d.keys.map((k, i) => [key.toJson(k), value.toJson(d.values?.[i] ?? value.default)])];
  }
  if (d.size === 1) return key.toJson(d.keys[0]);
  return ['set', d.keys.map(key.toJson)];
}

function compareAll(a: readonly Atom[], b: readonly Atom[], type: AtomicType): number {
  const { compare } = ATOMS[type];
  for (let i = 0; i < a.length; i++) {
    const c = compare(a[i], b[i]);
    if (c !== 0) return c;
  }
  return 0;
}

/** The order in which OVSDB sorts: fewer atoms first, then by keys, then by values. */
export function compareDatums(a: Datum, b: Datum, type: ColumnType): number {
  if (a.size !== b.size) return a.size - b.size;
  return (
    compareAll(a.keys, b.keys, type.key.type) ||
    (type.value && a.values && b.values ? compareAll(a.values, b.values, type.value.type) : 0)
  );
}

/** Atoms are numbers, bigints (only beyond what numbers hold), booleans and strings: `===` tells them apart. */
export function equalDatums(a: Datum, b: Datum): boolean {
  if (a === b) return true;
  const n = a.size;
  if (n !== b.size) return false;
  for (let i = 0; i < n; i++) if (a.keys[i] !== b.keys[i]) return false;
  const { values } = a;
  const others = b.values;
  if (values && others) for (let i = 0; i < n; i++) if (values[i] !== others[i]) return false;
  return true;
}

/** Where a key is, or -1. */
export function findKey(d: Datum, key: Atom, type: AtomicType): number {
  const { compare } = ATOMS[type];
  let low = 0;
  let high = d.size;
  while (low < high) {
    const mid = (low + high) >> 1;
    const c = compare(key, d.keys[mid]);
    if (c === 0) return mid;
    if (c < 0) high = mid;
    else low = mid + 1;
  }
  return -1;
}

/** The value of a key in a map, or undefined. */
export function mapGet(d: Datum, key: Atom, type: ColumnType): Atom | undefined {
  const at = findKey(d, key, type.key.type);
  return at < 0 ? undefined : d.values?.[at];
}

/** True when every element of `a` (in maps: with its value) is in `b`. */
export function includesAll(a: Datum, b: Datum, type: ColumnType): boolean {
  return a.keys.every((k, i) => has(b, k, a.values?.[i], type));
}

/** True when no element of `a` (in maps: with its value) is in `b`. */
export function excludesAll(a: Datum, b: Datum, type: ColumnType): boolean {
  return !a.keys.some((k, i) => has(b, k, a.values?.[i], type));
}

/** Without a value: only the key counts. */
function has(d: Datum, key: Atom, value: Atom | undefined, type: ColumnType): boolean {
  const at = findKey(d, key, type.key.type);
  return at >= 0 && (value === undefined || d.values?.[at] === value);
}

/** Walks both in order; `take` says for each key of which sides it is whether it stays, and from which. */
function merge(a: Datum, b: Datum, type: ColumnType, take: (i: number, j: number) => Datum | undefined): Datum {
  const { compare } = ATOMS[type.key.type];
  const keys: Atom[] = [];
  const values: Atom[] | undefined = type.isMap ? [] : undefined;
  let i = 0;
  let j = 0;
  while (i < a.size || j < b.size) {
    const c = i >= a.size ? 1 : j >= b.size ? -1 : compare(a.keys[i], b.keys[j]);
    const inA = c <= 0 ? i++ : -1;
    const inB = c >= 0 ? j++ : -1;
    const from = take(inA, inB);
    if (!from) continue;
    const at = from === a ? inA : inB;
    keys.push(from.keys[at]);
    values?.push(from.values?.[at] ?? ATOMS[type.value?.type ?? 'string'].default);
  }
  return new Datum(keys, values);
}

/** All of `a`, and of `b` what has another key. */
export function union(a: Datum, b: Datum, type: ColumnType): Datum {
  if (a.size === 0) return b;
  return merge(a, b, type, (i) => (i >= 0 ? a : b));
}

/** `a` without what is in `b`; in maps a pair goes when key and value are there, or the key where `b` has no values. */
export function subtract(a: Datum, b: Datum, type: ColumnType): Datum {
  if (b.size === 0) return a;
  return merge(a, b, type, (i, j) => {
    if (i < 0) return undefined;
    const gone = j >= 0 && (!b.values || a.values?.[i] === b.values[j]);
    return gone ? undefined : a;
  });
}

/**
 * What changed, as update2 and database files say it. Of a column of one value at most the new one; of a set what is in one of both; of a map the pairs whose keys are in one,
 * and the new values of those whose values differ.
 */
export function difference(old: Datum, now: Datum, type: ColumnType): Datum {
  if (type.max === 1) return now;
  return merge(old, now, type, (i, j) => {
    if (j < 0) return old;
    if (i < 0) return now;
    return type.isMap && old.values?.[i] !== now.values?.[j] ? now : undefined;
  });
}

/** The other way: what `difference` made of `old` and something gives that something. Throws OvsdbError when there are then too few or too many. */
export function applyDifference(old: Datum, diff: Datum, type: ColumnType): Datum {
  if (type.max === 1) return diff;
  const now = merge(old, diff, type, (i, j) => {
    if (j < 0) return old;
    if (i < 0) return diff;
    return type.isMap && old.values?.[i] !== diff.values?.[j] ? diff : undefined;
  });
  if (!conforms(now, type)) throw new OvsdbError('internal error', 'Datum created by diff has size error');
  return now;
}

/** True when there are neither too few nor too many. */
export function conforms(d: Datum, type: ColumnType): boolean {
  return d.size >= type.min && d.size <= type.max;
}

/** Longest text of an integer or a real; what marks a UUID or a set as one is no longer. */
const ATOM_WEIGHT = 24;

/** About how many characters it has in JSON: rather too many. */
export function datumWeight({ keys, values }: Datum): number {
  let n = ATOM_WEIGHT;
  for (const a of keys) n += typeof a === 'string' ? ATOM_WEIGHT + stringWeight(a) : ATOM_WEIGHT;
  for (const a of values ?? []) n += typeof a === 'string' ? ATOM_WEIGHT + stringWeight(a) : ATOM_WEIGHT;
  return n;
}
