/** The command line: options of the run, then commands with theirs, "--" between. */
import { UserError } from '../../lib/errors.js';
import { FORMATS, LIST_STYLE, type TableStyle } from '../../ovsdb/text/table.js';
import { runDirectory } from '../../switch/of-sockets.js';
import { Tls } from '../../switch/tls.js';
import type { Command } from './command.js';

export interface Invocation {
  readonly command: Command;
  readonly args: readonly string[];
  readonly options: ReadonlyMap<string, string>;
}

export interface Run {
  db: string;
  wait: boolean;
  retry: boolean;
  dryRun: boolean;
  oneline: boolean;
  /** Seconds; 0 no limit. */
  timeout: number;
  style: TableStyle;
  tls: Tls | undefined;
  /** Shown in place of running anything. */
  info: 'help' | 'version' | 'commands' | 'options' | undefined;
  readonly commands: Invocation[];
}

interface Spec {
  readonly value: 'none' | 'needed' | 'maybe';
  apply(run: Draft, value: string): void;
}

interface Draft extends Run {
  key: string | undefined;
  certificate: string | undefined;
  ca: string | undefined;
  bootstrap: boolean;
}

const flag = (apply: (run: Draft) => void): Spec => ({ value: 'none', apply });
const needed = (apply: (run: Draft, value: string) => void): Spec => ({ value: 'needed', apply });
const ignored = (value: Spec['value']): Spec => ({ value, apply() {} });

function choice<T extends string>(all: readonly T[], value: string, what: string): T {
  const found = all.find((v) => v === value);
  if (found === undefined) throw new UserError(`unknown ${what} format "${value}"`);
  return found;
}

function seconds(value: string): number {
  if (!/^\d+$/.test(value)) throw new UserError(`value ${value} on -t or --timeout is invalid`);
  return Number(value);
}

const SPECS: Readonly<Record<string, Spec>> = {
  '--db': needed((r, v) => {
    r.db = v;
  }),
  '--no-wait': flag((r) => {
    r.wait = false;
  }),
  '--retry': flag((r) => {
    r.retry = true;
  }),
  '--dry-run': flag((r) => {
    r.dryRun = true;
  }),
  '--oneline': flag((r) => {
    r.oneline = true;
  }),
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
  '--leader-only': ignored('none'),
  '--no-leader-only': ignored('none'),
  '--shuffle-remotes': ignored('none'),
  '--no-shuffle-remotes': ignored('none'),
  '--help': flag((r) => {
    r.info = 'help';
  }),
  '--version': flag((r) => {
    r.info = 'version';
  }),
  '--commands': flag((r) => {
    r.info = 'commands';
  }),
  '--options': flag((r) => {
    r.info = 'options';
  }),
};

const SHORT: Readonly<Record<string, string>> = {
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

/** As --options prints them. */
export function optionLines(): string[] {
  return Object.entries(SPECS).flatMap(([name, spec]) => {
    const arg = spec.value !== 'none';
    const letters = Object.keys(SHORT).filter((l) => SHORT[l] === name);
    return [`${name}${arg ? '=ARG' : ''}`, ...letters.map((l) => `-${l}${arg ? ' ARG' : ''}`)];
  });
}

/** The option that a word names, whole or by a beginning that no other has. */
function resolve(word: string, known: readonly string[]): string | undefined {
  if (known.includes(word)) return word;
  const found = known.filter((n) => n.startsWith(word));
  if (found.length > 1) {
    throw new UserError(`option '${word}' is ambiguous; possibilities: ${found.map((n) => `'${n}'`).join(' ')}`);
  }
  return found[0];
}

/** Options of commands: with "=" where they take a value. */
function localOptions(commands: readonly Command[]): Map<string, boolean> {
  return new Map(commands.flatMap((c) => c.options ?? []).map((o) => [o.replace(/=$/, ''), o.endsWith('=')]));
}

function defaults(): Draft {
  return {
    db: `unix:${runDirectory()}/db.sock`,
    wait: true,
    retry: false,
    dryRun: false,
    oneline: false,
    timeout: 0,
    style: { ...LIST_STYLE },
    tls: undefined,
    info: undefined,
    commands: [],
    key: undefined,
    certificate: undefined,
    ca: undefined,
    bootstrap: false,
  };
}

/** Throws UserError. */
export function parseCommandLine(args: readonly string[], commands: readonly Command[]): Run {
  const run = defaults();
  const local = localOptions(commands);
  const known = [...Object.keys(SPECS), ...local.keys()];
  const first = new Map<string, string>();
  let i = 0;
  for (; i < args.length; i++) {
    const word = args[i];
    if (word === '--') {
      i++;
      break;
    }
    if (!word.startsWith('-') || word === '-') break;
    i += word.startsWith('--') ? long(run, word, args[i + 1], known, local, first) : short(run, word, args[i + 1]);
    if (run.info) return run;
  }
  if (run.key !== undefined && run.certificate !== undefined && run.ca !== undefined) {
    const { key, certificate, ca, bootstrap } = run;
    run.tls = new Tls({ privateKey: key, certificate, caCert: ca, bootstrap });
  }
  for (const words of split(args.slice(i))) {
    run.commands.push(parseInvocation(words, commands, run.commands.length === 0 ? first : new Map()));
  }
  return run;
}

/** Returns how many further words it took. */
function long(
  run: Draft,
  word: string,
  next: string | undefined,
  known: readonly string[],
  local: ReadonlyMap<string, boolean>,
  first: Map<string, string>,
): number {
  const eq = word.indexOf('=');
  const given = eq < 0 ? undefined : word.slice(eq + 1);
  const name = resolve(eq < 0 ? word : word.slice(0, eq), known);
  if (name === undefined) throw new UserError(`unrecognized option '${word}'`);
  const spec = SPECS[name];
  const takes = spec ? spec.value : local.get(name) ? 'needed' : 'none';
  if (takes === 'none' && given !== undefined) throw new UserError(`option '${name}' doesn't allow an argument`);
  if (takes === 'needed' && given === undefined && next === undefined) {
    throw new UserError(`option '${name}' requires an argument`);
  }
  const fromNext = takes === 'needed' && given === undefined;
  const value = given ?? (fromNext ? (next ?? '') : '');
  if (spec) spec.apply(run, value);
  else {
    first.set(name, value);
  }
  return fromNext ? 1 : 0;
}

function short(run: Draft, word: string, next: string | undefined): number {
  const name = SHORT[word[1]];
  if (!name) throw new UserError(`invalid option -- '${word[1]}'`);
  const spec = SPECS[name];
  const rest = word.slice(2);
  if (spec.value === 'maybe') spec.apply(run, rest);
  else if (spec.value === 'none') {
    spec.apply(run, '');
    if (rest !== '') return short(run, `-${rest}`, next);
  } else if (rest !== '') spec.apply(run, rest);
  else {
    if (next === undefined) throw new UserError(`option requires an argument -- '${word[1]}'`);
    spec.apply(run, next);
    return 1;
  }
  return 0;
}

/** Pieces between "--"; empty ones count for nothing unless there is no other. */
function split(args: readonly string[]): string[][] {
  const all: string[][] = [[]];
  for (const a of args) {
    if (a === '--') all.push([]);
    else all[all.length - 1].push(a);
  }
  const full = all.filter((p) => p.length > 0);
  return full.length > 0 ? full : [[]];
}

function parseInvocation(
  words: readonly string[],
  commands: readonly Command[],
  first: ReadonlyMap<string, string>,
): Invocation {
  const options = new Map<string, string>(first);
  const own: [string, string | undefined][] = [...first];
  let i = 0;
  for (; i < words.length && words[i].startsWith('-'); i++) {
    const eq = words[i].indexOf('=');
    const name = eq < 0 ? words[i] : words[i].slice(0, eq);
    if (options.has(name)) throw new UserError(`'${name}' option specified multiple times`);
    const value = eq < 0 ? undefined : words[i].slice(eq + 1);
    options.set(name, value ?? '');
    own.push([name, value]);
  }
  const name = words[i];
  if (name === undefined) throw new UserError('missing command name (use --help for help)');
  const command = commands.find((c) => c.name === name);
  if (!command) throw new UserError(`unknown command '${name}'; use --help for help`);
  for (const [o, value] of own) checkOption(command, o, value);
  const args = words.slice(i + 1);
  const [least, most] = command.args;
  if (args.length < least) throw new UserError(`'${name}' command requires at least ${least} arguments`);
  if (args.length > most) throw new UserError(`'${name}' command takes at most ${most} arguments`);
  return { command, args, options };
}

function checkOption({ name, options = [] }: Command, option: string, value: string | undefined): void {
  if (options.includes(option)) {
    if (value === undefined || value === '') return;
    throw new UserError(`'${option}' option on '${name}' does not accept an argument`);
  }
  if (!options.includes(`${option}=`)) throw new UserError(`'${name}' command has no '${option}' option`);
  if (value === undefined) throw new UserError(`missing argument to '${option}' option on '${name}' command`);
}
