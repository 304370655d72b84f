/** What each program's command line may hold: read from the tables that the programs themselves are made from. */
import { PROGRAMS } from '../usage.js';
import { controlCommands } from './names.js';

/** What is expected at a place: names that a running switch or the database knows, or words that are always the same. */
export type Expected = 'bridge' | 'port' | 'table' | 'file' | readonly string[];

export interface Program {
  /** With "=" where one takes a value. */
  options(): Promise<readonly string[]>;
  /** Words of each command's usage, in order: see `expectedAt`. */
  commands(): Promise<ReadonlyMap<string, readonly string[]>>;
  /** May commands follow one another, apart by "--"? */
  readonly many?: true;
}

const words = (usage: string): string[] => usage.split(/\s+/).filter(Boolean);
const TARGET = ['-t', '--target=', '--help', '--version'];

const PROGRAM: Readonly<Record<string, Program>> = {
  weft: {
    options: async () => ['--help', '--version'],
    commands: async () => new Map(PROGRAMS.map(([name]) => [name, []])),
  },
  ofctl: {
    options: async () => (await import('../ofctl/options.js')).optionNames(),
    commands: async () => {
      const { COMMANDS } = await import('../ofctl.js');
      return new Map(Object.entries(COMMANDS).map(([name, c]) => [name, words(c.usage)]));
    },
  },
  vsctl: {
    many: true,
    options: async () => {
      const { optionLines } = await import('../vsctl/options.js');
      return optionLines().map((o) => o.replace(/[= ]ARG$/, '='));
    },
    commands: async () => {
      const { COMMANDS } = await import('../vsctl.js');
      return new Map(COMMANDS.map((c) => [c.name, words(c.usage ?? '')]));
    },
  },
  'ovsdb-client': {
    options: async () => (await import('../ovsdb-client.js')).COMPLETION.options(),
    commands: async () => {
      const { COMPLETION } = await import('../ovsdb-client.js');
      return new Map(COMPLETION.commands().map((c) => [c.name, words(c.usage)]));
    },
  },
  appctl: { options: async () => TARGET, commands: () => controlCommands('') },
  dpctl: { options: async () => TARGET, commands: () => controlCommands('dpctl/') },
  switchd: {
    options: async () => (await import('../switchd.js')).optionNames(),
    commands: async () => new Map(),
  },
  completion: { options: async () => ['--help'], commands: async () => new Map([['bash', []]]) },
};

export function programOf(name: string): Program | undefined {
  return Object.hasOwn(PROGRAM, name) ? PROGRAM[name] : undefined;
}

/** By what a usage calls its arguments, in small letters. The first that fits. */
const EXPECTED: readonly (readonly [RegExp, Expected])[] = [
  [/^(new|old)-/, []],
  [/bridge|switch|^br$|parent|^target$|^source\d$/, 'bridge'],
  [/port|iface|bond|interface/, 'port'],
  [/^table/, 'table'],
  [/file|pcap/, 'file'],
];

/** What stands at place `at` (0 is the first argument) after a command of this usage; undefined: anything. */
export function expectedAt(usage: readonly string[], at: number): Expected | undefined {
  const last = usage.at(-1);
  const word = usage[at] ?? (last !== undefined && /^[*+]|\.\.\./.test(last) ? last : undefined);
  if (word === undefined) return undefined;
  const name = word.replace(/^[!?*+[]+|[\]?.]+$/g, '').toLowerCase();
  return EXPECTED.find(([pattern]) => pattern.test(name))?.[1];
}
