/**
 * Atoms: one row an atomic type of RFC 7047. An integer is a number, or a bigint where a double could not hold it; a UUID is its 36 characters in
 * lower case, which sort as the UUIDs do.
 */
import { isArray, isInteger, type Json, toInteger } from '../json/json.js';
import { syntaxError } from './error.js';

export type AtomicType = 'integer' | 'real' | 'boolean' | 'string' | 'uuid';
export type Atom = number | bigint | boolean | string;

/** Gives the UUID that a name stands for within a transaction, whether its row was inserted yet or not. */
export type NamedUuids = (name: string) => string;

interface AtomKind {
  readonly default: Atom;
  /** Throws OvsdbError. */
  fromJson(json: Json, names: NamedUuids | undefined): Atom;
  toJson(atom: Atom): Json;
  /** As ovs-vsctl and ovsdb-client print it. */
  toText(atom: Atom): string;
  compare(a: Atom, b: Atom): number;
}

export const ZERO_UUID = '00000000-0000-0000-0000-000000000000';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The UUID in the form we keep, or undefined when the text is none. */
export function asUuid(text: string): string | undefined {
  if (UUID.test(text)) return text;
  const lower = text.toLowerCase();
  return UUID.test(lower) ? lower : undefined;
}

const byOrder = (a: Atom, b: Atom): number => (a < b ? -1 : a > b ? 1 : 0);

/** The order of their UTF-8 bytes, in which surrogates come after all other units. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const highX = x >= 0xd800 && x <= 0xdfff;
    const highY = y >= 0xd800 && y <= 0xdfff;
    return highX === highY ? x - y : highX ? 1 : -1;
  }
  return a.length - b.length;
}

/** The value in a pair of a name and a value of one JSON type, or undefined. */
function unwrap(json: Json, name: string): string | undefined {
  return isArray(json) && json.length === 2 && json[0] === name && typeof json[1] === 'string' ? json[1] : undefined;
}

/** True for what ovs-vsctl prints without quotes. */
const PLAIN = /^[A-Za-z_][A-Za-z0-9_.-]*$/;

/** 15 significant digits, as C's "%.15g". */
export function formatReal(v: number): string {
  if (Number.isInteger(v) && Math.abs(v) < 1e15) return String(v + 0);
  const [digits, exponent] = v.toExponential(14).split('e');
  const e = Number(exponent);
  if (e >= -4 && e < 15) return String(Number(v.toPrecision(15)));
  const mantissa = digits.replace(/\.?0+$/, '');
  return `${mantissa}e${e < 0 ? '-' : '+'}${String(Math.abs(e)).padStart(2, '0')}`;
}

export const ATOMS: Readonly<Record<AtomicType, AtomKind>> = {
  integer: {
    default: 0,
    fromJson: (json) => {
      // -0 becomes 0.
      if (isInteger(json)) return typeof json === 'number' ? json + 0 : json;
      throw syntaxError(json, 'expected integer');
    },
    toJson: (a) => (typeof a === 'bigint' ? toInteger(a) : Number(a)),
    toText: String,
    compare: byOrder,
  },
  real: {
    default: 0,
    fromJson: (json) => {
      if (typeof json === 'number' || typeof json === 'bigint') return Number(json) + 0;
      throw syntaxError(json, 'expected real');
    },
    // 15 digits, as Open vSwitch writes them: two servers say the same of the same number.
    toJson: (a) => Number(Number(a).toPrecision(15)),
    toText: (a) => formatReal(Number(a)),
    compare: byOrder,
  },
  boolean: {
    default: false,
    fromJson: (json) => {
      if (typeof json === 'boolean') return json;
      throw syntaxError(json, 'expected boolean');
    },
    toJson: (a) => a === true,
    toText: String,
    compare: byOrder,
  },
  string: {
    default: '',
    fromJson: (json) => {
      if (typeof json === 'string') return json;
      throw syntaxError(json, 'expected string');
    },
    toJson: String,
    toText: (a) => {
      const s = String(a);
      return PLAIN.test(s) && s !== 'true' && s !== 'false' ? s : JSON.stringify(s);
    },
    compare: (a, b) => compareStrings(String(a), String(b)),
  },
  uuid: {
    default: ZERO_UUID,
    fromJson: (json, names) => {
      const text = unwrap(json, 'uuid');
      if (text !== undefined) {
        const uuid = asUuid(text);
        if (uuid === undefined) throw syntaxError(json, `"${text}" is not a valid UUID`);
        return uuid;
      }
      const name = names && unwrap(json, 'named-uuid');
      if (names && name !== undefined) return names(name);
      throw syntaxError(json, 'expected ["uuid", <string>]');
    },
    toJson: (a) => ['uuid', String(a)],
    toText: String,
    compare: byOrder,
  },
};
