/**
 * Reads the members of a JSON object, as OVSDB does: each is asked for by name and kind; the first fault is kept and thrown at the end, so that what is asked
 * after it needs no care; a member nobody asked for is a fault.
 */
import { isArray, isInteger, isObject, type Json, type JsonObject } from '../json/json.js';
import { OvsdbError } from './error.js';

/** A name as RFC 7047 has it. */
export function isId(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);
}

const isString = (v: Json): v is string => typeof v === 'string';
const isName = (v: Json): v is string => isString(v) && isId(v);
const isBoolean = (v: Json): v is boolean => typeof v === 'boolean';
const isNumber = (v: Json): v is number | bigint => typeof v === 'number' || typeof v === 'bigint';
const isAny = (_: Json): _ is Json => true;

export class Members {
  private fault: OvsdbError | undefined;
  /** A handful: a list is quicker than a set. */
  private readonly used: string[] = [];
  private readonly object: JsonObject;

  /** `what` is read, e.g. "ovsdb operation 1 of 2". */
  constructor(
    readonly json: Json,
    private readonly what: string,
  ) {
    this.object = isObject(json) ? json : {};
    if (!isObject(json)) this.raise('Object expected.');
  }

  /** Throws the first fault, if any. */
  check(): void {
    if (this.fault) throw this.fault;
  }

  get failed(): boolean {
    return this.fault !== undefined;
  }

  /** Throws the first fault, or that of a member that nobody asked for. */
  finish(): void {
    const extra: string[] = [];
    for (const n of Object.keys(this.object)) {
      if (!this.used.includes(n) && this.object[n] !== undefined) extra.push(n);
    }
    if (extra.length === 0) return this.check();
    const [name] = extra;
    if (extra.length === 1) this.raise(`Member '${name}' is present but not allowed here.`);
    if (extra.length > 1) {
      const n = extra.length - 1;
      this.raise(`Member '${name}' and ${n} other member${n > 1 ? 's' : ''} are present but not allowed here.`);
    }
    this.check();
  }

  raise(message: string): void {
    this.fault ??= new OvsdbError(
      'syntax error',
      `Parsing ${this.what} failed: ${message}`,
      isObject(this.json) ? this.json : undefined,
    );
  }

  private get<T extends Json>(name: string, optional: boolean, is: (v: Json) => v is T): T | undefined {
    const v = this.object[name];
    if (v === undefined) {
      if (!optional) this.raise(`Required '${name}' member is missing.`);
      return undefined;
    }
    if (!is(v)) {
      this.raise(`Type mismatch for member '${name}'.`);
      return undefined;
    }
    this.used.push(name);
    return v;
  }

  id(name: string, optional = false): string | undefined {
    return this.get(name, optional, isName);
  }

  string(name: string, optional = false): string | undefined {
    return this.get(name, optional, isString);
  }

  boolean(name: string, optional = false): boolean | undefined {
    return this.get(name, optional, isBoolean);
  }

  integer(name: string, optional = false): number | bigint | undefined {
    return this.get(name, optional, isInteger);
  }

  number(name: string, optional = false): number | bigint | undefined {
    return this.get(name, optional, isNumber);
  }

  array(name: string, optional = false): readonly Json[] | undefined {
    return this.get(name, optional, isArray);
  }

  member(name: string, optional = false): Json | undefined {
    return this.get(name, optional, isAny);
  }

  jsonObject(name: string, optional = false): JsonObject | undefined {
    return this.get(name, optional, isObject);
  }
}
