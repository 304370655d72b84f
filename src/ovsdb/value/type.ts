/** Types of columns: a base type for keys, one for values in a map, and how many there may be. */
import type { Json } from '../json/json.js';
import { ATOMS, type Atom, type AtomicType } from './atom.js';
import { OvsdbError } from './error.js';

/** What max is where a schema says "unlimited". */
export const UNLIMITED = 0xffffffff;

export interface BaseType {
  readonly type: AtomicType;
  /** The only values allowed, in order. */
  readonly enum?: readonly Atom[];
  /** Of integers and reals. */
  readonly min?: number | bigint;
  readonly max?: number | bigint;
  /** Of strings, in characters. */
  readonly minLength?: number;
  readonly maxLength?: number;
  /** Of UUIDs: the table whose rows they name. */
  readonly refTable?: string;
  readonly refType?: 'strong' | 'weak';
}

/** The atoms of a column in one row, in order of keys. Never changed once made. */
export class Datum {
  constructor(
    readonly keys: readonly Atom[],
    /** As many as keys, in maps only. */
    readonly values?: readonly Atom[],
  ) {}

  get size(): number {
    return this.keys.length;
  }
}

const EMPTY_SET = new Datum([]);
const EMPTY_MAP = new Datum([], []);

export class ColumnType {
  readonly isMap: boolean;
  /** Exactly one atom. */
  readonly isScalar: boolean;
  /** None or one atom. */
  readonly isOptional: boolean;
  readonly isSet: boolean;
  /** What a row has where nothing was said. */
  readonly default: Datum;

  constructor(
    readonly key: BaseType,
    readonly value: BaseType | undefined,
    readonly min: number,
    readonly max: number,
  ) {
    this.isMap = value !== undefined;
    this.isScalar = !this.isMap && min === 1 && max === 1;
    this.isOptional = !this.isMap && min === 0 && max === 1;
    this.isSet = !this.isMap && !this.isScalar;
    if (min === 0) this.default = this.isMap ? EMPTY_MAP : EMPTY_SET;
    else this.default = new Datum([ATOMS[key.type].default], value && [ATOMS[value.type].default]);
  }

  get empty(): Datum {
    return this.isMap ? EMPTY_MAP : EMPTY_SET;
  }

  /** Holds references of a sort. */
  refers(how: 'strong' | 'weak'): boolean {
    return isRef(this.key, how) || (this.value !== undefined && isRef(this.value, how));
  }
}

export function isRef(base: BaseType, how: 'strong' | 'weak'): boolean {
  return base.refTable !== undefined && (base.refType ?? 'strong') === how;
}

function hasConstraints(base: BaseType): boolean {
  return Object.entries(base).some(([name, v]) => name !== 'type' && v !== undefined);
}

/** Characters, not UTF-16 units. */
function characters(s: string): number {
  let n = 0;
  for (const _ of s) n++;
  return n;
}

/** Throws OvsdbError "constraint violation" when the base type does not allow the atom. */
export function checkAtom(atom: Atom, base: BaseType): void {
  const fault = atomFault(atom, base);
  if (fault !== undefined) throw new OvsdbError('constraint violation', fault);
}

function atomFault(atom: Atom, base: BaseType): string | undefined {
  const { compare, toText } = ATOMS[base.type];
  if (base.enum) {
    if (base.enum.some((e) => compare(e, atom) === 0)) return undefined;
    return `${toText(atom)} is not one of the allowed values (${enumText(base)})`;
  }
  if (base.type === 'string') {
    const { minLength = 0, maxLength = UNLIMITED } = base;
    if (minLength === 0 && maxLength === UNLIMITED) return undefined;
    const n = characters(String(atom));
    if (n < minLength) return `"${atom}" length ${n} is less than minimum allowed length ${minLength}`;
    if (n > maxLength) return `"${atom}" length ${n} is greater than maximum allowed length ${maxLength}`;
    return undefined;
  }
  const { min, max } = base;
  if ((min === undefined || compare(atom, min) >= 0) && (max === undefined || compare(atom, max) <= 0))
    return undefined;
  if (min !== undefined && max !== undefined) {
    return `${toText(atom)} is not in the valid range ${toText(min)} to ${toText(max)} (inclusive)`;
  }
  if (min !== undefined) return `${toText(atom)} is less than minimum allowed value ${toText(min)}`;
  return `${toText(atom)} is greater than maximum allowed value ${toText(max ?? 0)}`;
}

function enumText(base: BaseType): string {
  const texts = (base.enum ?? []).map(ATOMS[base.type].toText);
  return texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
}

/** What error texts call a type, e.g. "set of up to 3 strings". */
export function english(type: ColumnType): string {
  if (type.isScalar) return type.key.type;
  const { min, max } = type;
  let count = ' of';
  if (max === UNLIMITED) count = min > 0 ? ` of ${min} or more` : ' of';
  else count = min > 0 ? ` of ${min} to ${max}` : ` of up to ${max}`;
  return type.value ? `map${count} (${type.key.type}, ${type.value.type}) pairs` : `set${count} ${type.key.type}s`;
}

/** The JSON of a base type: its name where there is no more to say. */
export function baseToJson(base: BaseType): Json {
  if (!hasConstraints(base)) return base.type;
  const { toJson } = ATOMS[base.type];
  const limits =
    base.type === 'integer' ? { minInteger: base.min, maxInteger: base.max } : { minReal: base.min, maxReal: base.max };
  return {
    type: base.type,
    enum: base.enum && ['set', base.enum.map(toJson)],
    ...limits,
    minLength: base.minLength || undefined,
    maxLength: base.maxLength,
    refTable: base.refTable,
    refType: base.refType === 'weak' ? 'weak' : undefined,
  };
}

export function typeToJson(type: ColumnType): Json {
  const key = baseToJson(type.key);
  if (type.isScalar && typeof key === 'string') return key;
  return {
    key,
    value: type.value && baseToJson(type.value),
    min: type.min === 1 ? undefined : type.min,
    max: type.max === 1 ? undefined : type.max === UNLIMITED ? 'unlimited' : type.max,
  };
}
