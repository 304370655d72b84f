/**
 * Atoms and datums as people write them on the command lines of ovs-vsctl(8): words, quoted strings, [sets], {maps=of pairs}, ranges of integers and
 * @names of rows. Faults are UserErrors with the sentences of the real program.
 */
import { UserError } from '../../lib/errors.js';
import { parseJson } from '../json/json.js';
import { ATOMS, type Atom, asUuid } from '../value/atom.js';
import { OvsdbError } from '../value/error.js';
import { type BaseType, type ColumnType, checkAtom, Datum, english } from '../value/type.js';

/** Gives the UUID that stands for @name, whether its row was created yet or not. */
export type Symbols = (name: string, how: 'strong' | 'weak') => string;

/** As many as a range may hold. */
const MAX_RANGE = 4096;
const DELIMITER = /[:=, [\]{}!<>]/;
const INT64_MAX = (1n << 63n) - 1n;

/** A piece of text up to the next delimiter, or a quoted string with its quotes. */
export class TokenReader {
  constructor(
    readonly text: string,
    public at = 0,
  ) {}

  get rest(): string {
    return this.text.slice(this.at);
  }

  get done(): boolean {
    return this.at >= this.text.length;
  }

  /** Throws UserError when a quoted string has no end. */
  token(): string {
    const { text, at } = this;
    if (text[at] === '"') {
      let i = at + 1;
      while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
      if (i >= text.length) throw new UserError(`${text}: quoted string extends past end of argument`);
      this.at = i + 1;
    } else {
      while (!this.done && !DELIMITER.test(text[this.at])) this.at++;
    }
    return text.slice(at, this.at);
  }

  /** Skips what stands between elements. */
  skip(what: RegExp): void {
    while (!this.done && what.test(this.text[this.at])) this.at++;
  }
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['true', 'yes', 'on', '1'].map((w) => [w, true] as const),
  ...['false', 'no', 'off', '0'].map((w) => [w, false] as const),
]);

function unquote(word: string): string {
  if (!word.startsWith('"')) return word;
  if (word.length < 2 || !word.endsWith('"')) throw new UserError(`${word}: missing quote at end of quoted string`);
  try {
    return String(parseJson(word));
  } catch {
    throw new UserError(`${word}: bad escape in a quoted string`);
  }
}

function integer(word: string): bigint | undefined {
  if (!/^[+-]?\d+$/.test(word)) return undefined;
  const n = BigInt(word);
  return n > INT64_MAX || n < -INT64_MAX - 1n ? undefined : n;
}

const narrow = (n: bigint): Atom => (Number.isSafeInteger(Number(n)) ? Number(n) : n);

/** One value of a type; a range of integers gives them all. Throws UserError. */
function atoms(word: string, base: BaseType, symbols: Symbols | undefined): Atom[] {
  switch (base.type) {
    case 'integer': {
      const range = /^([+-]?\d+)-([+-]?\d+)$/.exec(word);
      const low = integer(range ? range[1] : word);
      const high = range ? integer(range[2]) : low;
      if (low === undefined || high === undefined) throw new UserError(`"${word}" is not a valid integer or range`);
      if (high < low) throw new UserError(`"${word}" is not a valid range. Range end cannot be before start.`);
      for (const end of [low, high]) check(narrow(end), base);
      if (high - low >= MAX_RANGE) {
        throw new UserError(`"${word}" is not a valid range. Range must not have more than ${MAX_RANGE} elements`);
      }
      return Array.from({ length: Number(high - low) + 1 }, (_, i) => narrow(low + BigInt(i)));
    }
    case 'real': {
      const v = Number(word);
      if (word.trim() === '' || !Number.isFinite(v)) throw new UserError(`"${word}" is not a valid real number`);
      return [v];
    }
    case 'boolean': {
      const v = BOOLEANS.get(word);
      if (v === undefined) throw new UserError(`"${word}" is not a valid boolean (use "true" or "false")`);
      return [v];
    }
    case 'string':
      if (word === '')
        throw new UserError('An empty string is not valid as input; use "" to represent the empty string');
      return [unquote(word)];
    case 'uuid': {
      if (word.startsWith('@') && symbols) return [symbols(word, base.refType ?? 'strong')];
      const v = asUuid(word);
      if (v === undefined) throw new UserError(`"${word}" is not a valid UUID`);
      return [v];
    }
  }
}

/** Throws UserError. */
function checked(word: string, base: BaseType, symbols: Symbols | undefined): Atom[] {
  const all = atoms(word, base, symbols);
  for (const a of all) check(a, base);
  return all;
}

function check(a: Atom, base: BaseType): void {
  try {
    checkAtom(a, base);
  } catch (e) {
    throw e instanceof OvsdbError ? new UserError(e.message) : e;
  }
}

/** One atom, for example the key of a map. Throws UserError. */
export function parseAtom(word: string, base: BaseType, symbols?: Symbols): Atom {
  const [a] = checked(word, base, symbols);
  return a;
}

/** How many there may be is checked, unless `partial`: a part of what a column shall hold. Throws UserError. */
export function parseDatum(text: string, type: ColumnType, symbols?: Symbols, partial = false): Datum {
  const r = new TokenReader(text);
  r.skip(/\s/);
  const [open, close] = type.isMap ? '{}' : '[]';
  const bracket = text[r.at] === open;
  if (bracket) r.at++;
  const pairs: [Atom, Atom | undefined][] = [];
  const unexpected = (): UserError => {
    if (text[r.at] === '"') return new UserError(`${text}: quoted string extends past end of argument`);
    return new UserError(`${text}: unexpected "${text[r.at]}" parsing ${english(type)}`);
  };
  for (;;) {
    r.skip(/\s/);
    if (r.done || (bracket && text[r.at] === close)) break;
    if (DELIMITER.test(text[r.at])) throw unexpected();
    const keys = checked(r.token(), type.key, symbols);
    if (type.value) {
      // The real program prints nothing after the quote at the end of the text.
      r.skip(/\s/);
      if (r.done) throw new UserError(`${text}: syntax error at "`);
      if (text[r.at] !== '=') throw new UserError(`${text}: syntax error at "${text[r.at]}" expecting "="`);
      r.at++;
      pairs.push([keys[0], checked(r.token(), type.value, symbols)[0]]);
    } else pairs.push(...keys.map((k): [Atom, undefined] => [k, undefined]));
    r.skip(/\s/);
    if (text[r.at] === ',') r.at++;
  }
  if (bracket) {
    if (r.done) throw new UserError(`${text}: missing "${close}" at end of data`);
    r.at++;
    r.skip(/\s/);
    if (!r.done) throw new UserError(`${text}: trailing garbage after "${close}"`);
  }
  return gather(text, pairs, type, partial);
}

function gather(text: string, pairs: [Atom, Atom | undefined][], type: ColumnType, partial: boolean): Datum {
  const { compare } = ATOMS[type.key.type];
  pairs.sort((a, b) => compare(a[0], b[0]));
  const what = type.isMap ? 'pair(s)' : 'value(s)';
  for (let i = 1; i < pairs.length; i++) {
    if (compare(pairs[i - 1][0], pairs[i][0]) !== 0) continue;
    if (type.isMap) throw new UserError(`${text}: map contains duplicate key`);
    throw new UserError(`${text}: set contains duplicate value`);
  }
  if (!partial && pairs.length < type.min) {
    throw new UserError(`${text}: ${pairs.length} ${what} specified but the minimum number is ${type.min}`);
  }
  if (!partial && pairs.length > type.max) {
    throw new UserError(`${text}: ${pairs.length} ${what} specified but the maximum number is ${type.max}`);
  }
  const values = type.value && pairs.map(([, v]) => v ?? '');
  return new Datum(
    pairs.map(([k]) => k),
    values,
  );
}
