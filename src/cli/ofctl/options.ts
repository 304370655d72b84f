/** Options of ofctl: anywhere on the line, long ones abbreviable, as getopt_long reads them. */
import { UserError } from '../../lib/errors.js';

type Arg = 'none' | 'required' | 'optional';

/** Every long option, with "=" where it takes a value. */
export function optionNames(): string[] {
  return LONG.map(([name, arg]) => `--${name}${arg === 'required' ? '=' : ''}`);
}

/** In the order in which an ambiguous abbreviation lists them. */
const LONG: readonly (readonly [name: string, arg: Arg])[] = [
  ['timeout', 'required'],
  ['strict', 'none'],
  ['read-only', 'none'],
  ['readd', 'none'],
  ['flow-format', 'required'],
  ['packet-in-format', 'required'],
  ['more', 'none'],
  ['timestamp', 'none'],
  ['sort', 'optional'],
  ['rsort', 'optional'],
  ['names', 'none'],
  ['no-names', 'none'],
  ['stats', 'none'],
  ['no-stats', 'none'],
  ['unixctl', 'required'],
  ['help', 'none'],
  ['option', 'none'],
  ['bundle', 'none'],
  ['color', 'optional'],
  ['may-create', 'none'],
  ['detach', 'none'],
  ['no-self-confinement', 'none'],
  ['no-chdir', 'none'],
  ['pidfile', 'optional'],
  ['overwrite-pidfile', 'none'],
  ['monitor', 'none'],
  ['user', 'required'],
  ['version', 'none'],
  ['protocols', 'required'],
  ['verbose', 'optional'],
  ['log-file', 'optional'],
  ['syslog-method', 'required'],
  ['syslog-target', 'required'],
  ['private-key', 'required'],
  ['certificate', 'required'],
  ['ca-cert', 'required'],
  ['peer-ca-cert', 'required'],
  ['bootstrap-ca-cert', 'required'],
  ['ssl-protocols', 'required'],
  ['ssl-ciphers', 'required'],
];
const SHORT: Readonly<Record<string, readonly [name: string, arg: Arg]>> = {
  t: ['timeout', 'required'],
  F: ['flow-format', 'required'],
  P: ['packet-in-format', 'required'],
  m: ['more', 'none'],
  O: ['protocols', 'required'],
  h: ['help', 'none'],
  V: ['version', 'none'],
  v: ['verbose', 'optional'],
  o: ['option', 'none'],
  p: ['private-key', 'required'],
  c: ['certificate', 'required'],
  C: ['ca-cert', 'required'],
};

export interface ParsedLine {
  /** In order; an option without argument has ''. */
  readonly options: readonly (readonly [name: string, value: string | undefined])[];
  readonly rest: readonly string[];
}

/** `said`: the whole word. */
function findLong(name: string, said = name): readonly [string, Arg] {
  const exact = LONG.find(([n]) => n === name);
  if (exact) return exact;
  const found = LONG.filter(([n]) => n.startsWith(name));
  if (found.length === 1) return found[0];
  if (found.length === 0) throw new UserError(`unrecognized option '--${name}'`);
  const list = found.map(([n]) => `'--${n}'`).join(' ');
  throw new UserError(`option '--${said}' is ambiguous; possibilities: ${list}`);
}

/** Throws UserError in getopt's words. */
export function parseLine(argv: readonly string[]): ParsedLine {
  const options: [string, string | undefined][] = [];
  const rest: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i];
    if (arg === '--') {
      rest.push(...argv.slice(i + 1));
      break;
    }
    if (arg.startsWith('--')) {
      const equals = arg.indexOf('=');
      const [name, kind] = findLong(equals < 0 ? arg.slice(2) : arg.slice(2, equals), arg.slice(2));
      let value = equals < 0 ? undefined : arg.slice(equals + 1);
      if (kind === 'none' && value !== undefined) throw new UserError(`option '--${name}' doesn't allow an argument`);
      if (kind === 'required' && value === undefined) {
        if (i + 1 >= argv.length) throw new UserError(`option '--${name}' requires an argument`);
        value = argv[++i];
      }
      options.push([name, value]);
    } else if (arg.startsWith('-') && arg.length > 1) {
      i += shortOptions(arg, argv[i + 1], options);
    } else rest.push(arg);
  }
  return { options, rest };
}

/** A cluster like "-mO"; returns how many further arguments it took. */
function shortOptions(arg: string, next: string | undefined, options: [string, string | undefined][]): number {
  for (let at = 1; at < arg.length; at++) {
    const found = SHORT[arg[at]];
    if (!found) throw new UserError(`invalid option -- '${arg[at]}'`);
    const [name, kind] = found;
    const tail = arg.slice(at + 1);
    if (kind === 'none') {
      options.push([name, undefined]);
      continue;
    }
    if (tail !== '' || kind === 'optional') {
      options.push([name, tail === '' ? undefined : tail]);
      return 0;
    }
    if (next === undefined) throw new UserError(`option requires an argument -- '${arg[at]}'`);
    options.push([name, next]);
    return 1;
  }
  return 0;
}
