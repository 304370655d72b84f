/**
 * JSON as OVSDB means it. Two things differ from JSON.parse: integers have 64 bits, so what a double cannot hold is a bigint here, and a string
 * holds neither a null character nor half a surrogate pair, for C clients could not read what we would send them afterwards. Texts with neither
 * long numbers nor such escapes, nearly all, go through the engine's own parser.
 */

export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json | undefined;
}

/** JSON that was written already: its text goes out as it is. */
export class RawJson {
  constructor(readonly text: string) {}
}

const INT64_MIN = -(1n << 63n);
const INT64_MAX = (1n << 63n) - 1n;
/**
 * What the engine's parser would take for something else: many digits, large exponents (of numbers, not the like of them in UUIDs), escapes of nulls and of
 * surrogates.
 */
const DELICATE = /\d{16}|[[,:\s]-?\d[\d.]*[eE][+-]?\d\d|\\u(?:0000|[dD][89a-fA-F])/;

/** Brackets in brackets; Open vSwitch has the same limit. */
export const MAX_DEPTH = 1000;

/** Throws SyntaxError. Of members with one name the last counts. */
export function parseJson(text: string): Json {
  return DELICATE.test(text) ? new Parser(text).parse() : JSON.parse(text);
}

export function isObject(v: Json | undefined): v is JsonObject {
  return typeof v === 'object' && v !== null && !Array.isArray(v);
}

/** Array.isArray does not see through readonly. */
export function isArray(v: Json | undefined): v is readonly Json[] {
  return Array.isArray(v);
}

/** A number that is whole and within 64 bits, as OVSDB's integers are. */
export function isInteger(v: Json | undefined): v is number | bigint {
  if (typeof v === 'bigint') return true;
  return typeof v === 'number' && Number.isSafeInteger(v);
}

/** The shorter of the two forms of a whole number. */
export function toInteger(v: bigint): number | bigint {
  return v >= Number.MIN_SAFE_INTEGER && v <= Number.MAX_SAFE_INTEGER ? Number(v) : v;
}

/** The text of a value. */
export function formatJson(v: Json | RawJson): string {
  try {
    if (!(v instanceof RawJson)) return JSON.stringify(v);
  } catch (e) {
    if (!(e instanceof TypeError)) throw e;
  }
  return format(v, false);
}

/** The same with the members of objects in order of their names: what error texts quote. */
export function sortedJson(v: Json): string {
  return format(v, true);
}

/** Characters of a string in JSON. */
export function stringWeight(s: string): number {
  return ESCAPED.test(s) ? JSON.stringify(s).length : s.length + 2;
}

/** What JSON must escape: quotes, backslashes, and what comes before the space. */
const ESCAPED = /["\\]|[^ -\uffff]/;

/** About how much memory a value takes, in bytes. */
export function jsonWeight(v: Json): number {
  if (typeof v === 'string') return 16 + v.length;
  let n = 16;
  if (isArray(v)) for (const e of v) n += jsonWeight(e);
  else if (isObject(v)) for (const name of Object.keys(v)) n += 16 + name.length + jsonWeight(v[name] ?? null);
  return n;
}

function format(v: Json | RawJson | undefined, sorted: boolean): string {
  if (v instanceof RawJson) return v.text;
  if (typeof v === 'bigint') return String(v);
  if (isArray(v)) return `[${v.map((e) => format(e, sorted)).join(',')}]`;
  if (isObject(v)) {
    const names = Object.keys(v).filter((n) => v[n] !== undefined);
    if (sorted) names.sort();
    return `{${names.map((n) => `${JSON.stringify(n)}:${format(v[n], sorted)}`).join(',')}}`;
  }
  return JSON.stringify(v ?? null);
}

/** A mark, the body of a string (found by hand: a pattern would need the stack for a long one), a number, a word. */
const TOKEN = /[ \t\n\r]*(?:([[\]{},:])|(")|(-?\d[^\s[\]{},:"]*)|(true|false|null))/y;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The plain parser, for delicate texts. Recursion is bounded by MAX_DEPTH. */
class Parser {
  private at = 0;

  constructor(private readonly text: string) {}

  parse(): Json {
    const v = this.value(this.next(), 0);
    if (/[^ \t\n\r]/.test(this.text.slice(this.at))) throw new SyntaxError('trailing garbage at end of input');
    return v;
  }

  private next(): RegExpExecArray {
    TOKEN.lastIndex = this.at;
    const m = TOKEN.exec(this.text);
    if (!m) throw new SyntaxError(`no JSON at character ${this.at}`);
    this.at = TOKEN.lastIndex;
    if (m[2] !== undefined) m[2] = this.body();
    return m;
  }

  /** From after the opening quote to the closing one. */
  private body(): string {
    const begin = this.at;
    for (let i = begin; i < this.text.length; i++) {
      const c = this.text[i];
      if (c === '\\') i++;
      else if (c === '"') {
        this.at = i + 1;
        return this.text.slice(begin, i);
      }
    }
    throw new SyntaxError('unexpected end of input in quoted string');
  }

  private value(m: RegExpExecArray, depth: number): Json {
    if (depth > MAX_DEPTH) throw new SyntaxError(`input exceeds maximum nesting depth ${MAX_DEPTH}`);
    if (m[1] === '[') return this.array(depth);
    if (m[1] === '{') return this.object(depth);
    if (m[2] !== undefined) return this.string(m[2]);
    if (m[3] !== undefined) return this.number(m[3]);
    if (m[4] !== undefined) return m[4] === 'null' ? null : m[4] === 'true';
    throw new SyntaxError(`"${m[1]}" where a value must be`);
  }

  private array(depth: number): Json {
    const out: Json[] = [];
    let m = this.next();
    if (m[1] === ']') return out;
    for (;;) {
      out.push(this.value(m, depth + 1));
      m = this.next();
      if (m[1] === ']') return out;
      if (m[1] !== ',') throw new SyntaxError('syntax error parsing array');
      m = this.next();
    }
  }

  private object(depth: number): Json {
    const out: [string, Json][] = [];
    let m = this.next();
    if (m[1] === '}') return {};
    for (;;) {
      if (m[2] === undefined) throw new SyntaxError('syntax error parsing object');
      const name = this.string(m[2]);
      if (this.next()[1] !== ':') throw new SyntaxError('syntax error parsing object');
      out.push([name, this.value(this.next(), depth + 1)]);
      m = this.next();
      if (m[1] === '}') return Object.fromEntries(out);
      if (m[1] !== ',') throw new SyntaxError('syntax error parsing object');
      m = this.next();
    }
  }

  private string(quoted: string): string {
    const s: string = JSON.parse(`"${quoted}"`);
    if (s.includes('\0')) throw new SyntaxError('null bytes not supported in quoted strings');
    if (/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(s)) {
      throw new SyntaxError('malformed escaped surrogate pair');
    }
    return s;
  }

  private number(text: string): number | bigint {
    if (!NUMBER.test(text)) throw new SyntaxError(`syntax error in number ${text}`);
    const v = Number(text);
    if (!Number.isFinite(v)) throw new SyntaxError('number outside valid range');
    if (!Number.isInteger(v) || Number.isSafeInteger(v)) return v;
    const whole = /^-?\d+$/.test(text) ? BigInt(text) : BigInt(v);
    return whole >= INT64_MIN && whole <= INT64_MAX ? toInteger(whole) : v;
  }
}
