/** Options of the programs that speak to a database: how they are read, and those that all of them have. */
import { UserError } from '../../lib/errors.js';
import { FORMATS, LIST_STYLE, type TableStyle } from '../../ovsdb/text/table.js';
import { Tls } from '../../switch/tls.js';

export interface Spec<D> {
  readonly value: 'none' | 'needed' | 'maybe';
  apply(draft: D, value: string): void;
}
export type Specs<D> = Readonly<Record<string, Spec<D>>>;

export const flag = <D>(apply: (draft: D) => void): Spec<D> => ({ value: 'none', apply });
export const needed = <D>(apply: (draft: D, value: string) => void): Spec<D> => ({ value: 'needed', apply });
export const ignored = <D>(value: Spec<D>['value']): Spec<D> => ({ value, apply() {} });

export interface CommonDraft {
  /** Seconds; 0 no limit. */
  timeout: number;
  style: TableStyle;
  tls: Tls | undefined;
  key: string | undefined;
  certificate: string | undefined;
  ca: string | undefined;
  bootstrap: boolean;
}

export function commonDefaults(): CommonDraft {
  return {
    timeout: 0,
    style: { ...LIST_STYLE },
    tls: undefined,
    key: undefined,
    certificate: undefined,
    ca: undefined,
    bootstrap: false,
  };
}

/** Undefined where not all three files were named. */
export function tlsOf({ key, certificate, ca, bootstrap }: CommonDraft): Tls | undefined {
  if (key === undefined || certificate === undefined || ca === undefined) return undefined;
  return new Tls({ privateKey: key, certificate, caCert: ca, bootstrap });
}

function choice<T extends string>(all: readonly T[], value: string, what: string): T {
  const found = all.find((v) => v === value);
  if (found === undefined) throw new UserError(`unknown ${what} format "${value}"`);
  return found;
}

function seconds(value: string): number {
  if (!/^0*[1-9]\d*$/.test(value)) throw new UserError(`value ${value} on -t or --timeout is invalid`);
  return Number(value);
}

export const COMMON_SPECS: Specs<CommonDraft> = {
  '--timeout': needed((r, v) => {
    r.timeout = seconds(v);
  }),
  '--format': needed((r, v) => {
    r.style.format = choice(FORMATS, v, 'output');
  }),
  '--data': needed((r, v) => {
    r.style.cells = choice(['string', 'bare', 'json'] as const, v, 'data');
  }),
  '--no-headings': flag((r) => {
    r.style.headings = false;
  }),
  '--pretty': flag((r) => {
    r.style.pretty = true;
  }),
  '--bare': flag((r) => {
    r.style = { ...r.style, format: 'list', cells: 'bare', headings: false };
  }),
  '--max-column-width': needed((r, v) => {
    r.style.maxWidth = Number(v);
  }),
  '--private-key': needed((r, v) => {
    r.key = v;
  }),
  '--certificate': needed((r, v) => {
    r.certificate = v;
  }),
  '--ca-cert': needed((r, v) => {
    r.ca = v;
  }),
  '--bootstrap-ca-cert': needed((r, v) => {
    r.ca = v;
    r.bootstrap = true;
  }),
  '--peer-ca-cert': ignored('needed'),
  '--ssl-protocols': ignored('needed'),
  '--ssl-ciphers': ignored('needed'),
  '--verbose': ignored('maybe'),
  '--log-file': ignored('maybe'),
  '--syslog-target': ignored('needed'),
  '--syslog-method': ignored('needed'),
  '--no-syslog': ignored('none'),
};

export const SHORT: Readonly<Record<string, string>> = {
  t: '--timeout',
  f: '--format',
  d: '--data',
  p: '--private-key',
  c: '--certificate',
  C: '--ca-cert',
  v: '--verbose',
  h: '--help',
  V: '--version',
};

/** The option that a word names, whole or by a beginning that no other has. */
function resolve(word: string, known: readonly string[]): string | undefined {
  if (known.includes(word)) return word;
  const found = known.filter((n) => n.startsWith(word));
  if (found.length > 1) {
    throw new UserError(`option '${word}' is ambiguous; possibilities: ${found.map((n) => `'${n}'`).join(' ')}`);
  }
  return found[0];
}

/** Options as getopt_long(3) reads them, up to the first other word. */
export class OptionReader<D> {
  private readonly known: readonly string[];

  constructor(
    private readonly specs: Specs<D>,
    private readonly draft: D,
    /** Options of the first command, by whether they take a value, and where they go. */
    private readonly local: ReadonlyMap<string, boolean> = new Map(),
    private readonly taken: Map<string, string> = new Map(),
    private readonly letters: Readonly<Record<string, string>> = SHORT,
  ) {
    this.known = [...Object.keys(specs), ...local.keys()];
  }

  /** Returns where the other words begin. Stops early when `isDone` says so. Throws UserError. */
  read(args: readonly string[], isDone: () => boolean): number {
    let i = 0;
    for (; i < args.length && !isDone(); i++) {
      const word = args[i];
      if (word === '--') return i + 1;
      if (!word.startsWith('-') || word === '-') break;
      i += word.startsWith('--') ? this.long(word, args[i + 1]) : this.short(word, args[i + 1]);
    }
    return i;
  }

  /** Returns how many further words it took. */
  private long(word: string, next: string | undefined): number {
    const eq = word.indexOf('=');
    const given = eq < 0 ? undefined : word.slice(eq + 1);
    const name = resolve(eq < 0 ? word : word.slice(0, eq), this.known);
    if (name === undefined) throw new UserError(`unrecognized option '${word}'`);
    const spec = Object.hasOwn(this.specs, name) ? this.specs[name] : undefined;
    const takes = spec ? spec.value : this.local.get(name) ? 'needed' : 'none';
    if (takes === 'none' && given !== undefined) throw new UserError(`option '${name}' doesn't allow an argument`);
    const fromNext = takes === 'needed' && given === undefined;
    if (fromNext && next === undefined) throw new UserError(`option '${name}' requires an argument`);
    const value = given ?? (fromNext ? (next ?? '') : '');
    if (spec) spec.apply(this.draft, value);
    else this.taken.set(name, value);
    return fromNext ? 1 : 0;
  }

  private short(word: string, next: string | undefined): number {
    const name = Object.hasOwn(this.letters, word[1]) ? this.letters[word[1]] : undefined;
    const spec = name === undefined ? undefined : this.specs[name];
    if (!spec) throw new UserError(`invalid option -- '${word[1]}'`);
    const rest = word.slice(2);
    if (spec.value === 'maybe') spec.apply(this.draft, rest);
    else if (spec.value === 'none') {
      spec.apply(this.draft, '');
      if (rest !== '') return this.short(`-${rest}`, next);
    } else if (rest !== '') spec.apply(this.draft, rest);
    else {
      if (next === undefined) throw new UserError(`option requires an argument -- '${word[1]}'`);
      spec.apply(this.draft, next);
      return 1;
    }
    return 0;
  }
}
