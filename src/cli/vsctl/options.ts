/** The command line: options of the run, then commands with theirs, "--" between. */
import { UserError } from '../../lib/errors.js';
import type { TableStyle } from '../../ovsdb/text/table.js';
import { runDirectory } from '../../switch/of-sockets.js';
import type { Tls } from '../../switch/tls.js';
import type { Command } from './command.js';
import {
  COMMON_SPECS,
  type CommonDraft,
  commonDefaults,
  flag,
  ignored,
  needed,
  OptionReader,
  SHORT,
  type Specs,
  tlsOf,
} from './read-options.js';

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

interface Draft extends Run, CommonDraft {}

const SPECS: Specs<Draft> = {
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
  ...COMMON_SPECS,
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

/** As --options prints them. */
export function optionLines(): string[] {
  return Object.entries(SPECS).flatMap(([name, spec]) => {
    const arg = spec.value !== 'none';
    const letters = Object.keys(SHORT).filter((l) => SHORT[l] === name);
    return [`${name}${arg ? '=ARG' : ''}`, ...letters.map((l) => `-${l}${arg ? ' ARG' : ''}`)];
  });
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
    info: undefined,
    commands: [],
    ...commonDefaults(),
  };
}

/** Throws UserError. */
export function parseCommandLine(args: readonly string[], commands: readonly Command[]): Run {
  const run = defaults();
  const local = localOptions(commands);
  const first = new Map<string, string>();
  const reader = new OptionReader(SPECS, run, local, first);
  const i = reader.read(args, () => run.info !== undefined);
  if (run.info) return run;
  run.tls = tlsOf(run);
  for (const words of split(args.slice(i))) {
    run.commands.push(parseInvocation(words, commands, run.commands.length === 0 ? first : new Map()));
  }
  return run;
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
