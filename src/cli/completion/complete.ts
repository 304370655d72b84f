/** Which words may stand where a command line ends. */
import { bridges, ports, tables } from './names.js';
import { type Expected, expectedAt, type Program, programOf } from './programs.js';

/** Programs by the names of Open vSwitch, too. */
const CALLED: Readonly<Record<string, string>> = {
  'ovs-vswitchd': 'switchd',
  'ovs-ofctl': 'ofctl',
  'ovs-vsctl': 'vsctl',
  'ovs-appctl': 'appctl',
  'ovs-dpctl': 'dpctl',
};

/** Of the shell's words before the one that is begun, those that are no options and no values of options. */
function operands(given: readonly string[], options: readonly string[]): string[] {
  const takesWord = new Set(options.filter((o) => o.endsWith('=')).map((o) => o.slice(0, -1)));
  const out: string[] = [];
  for (let i = 0; i < given.length; i++) {
    const word = given[i];
    if (!word.startsWith('-') || word === '-') out.push(word);
    else if (takesWord.has(word) || /^-[tOFPpcC]$/.test(word)) i++;
  }
  return out;
}

async function named(expected: Expected, args: readonly string[]): Promise<readonly string[]> {
  if (expected === 'bridge') return bridges();
  if (expected === 'table') return tables();
  if (expected === 'file') return [];
  if (expected !== 'port') return expected;
  const all = await bridges();
  return ports(args.find((a) => all.includes(a)));
}

async function inProgram(program: Program, given: readonly string[], begun: string): Promise<readonly string[]> {
  const options = await program.options();
  if (begun.startsWith('-')) return options;
  const from = program.many ? given.lastIndexOf('--') + 1 : 0;
  const [command, ...args] = operands(given.slice(from), options);
  const commands = await program.commands();
  if (command === undefined) return [...commands.keys()];
  const expected = expectedAt(commands.get(command) ?? [], args.length);
  return expected === undefined ? [] : named(expected, args);
}

/** `words`: of the line up to where one types, the program's name first, the word that is begun last (it may be empty). Sorted. */
export async function complete(words: readonly string[]): Promise<string[]> {
  let [called, ...rest] = words;
  called = called.replace(/.*\//, '');
  if (called === 'weft' && rest.length > 1) [called, ...rest] = rest;
  const program = programOf(CALLED[called] ?? called);
  const begun = rest.at(-1) ?? '';
  const all = program ? await inProgram(program, rest.slice(0, -1), begun) : [];
  return [...new Set(all)].filter((w) => w.startsWith(begun)).sort();
}
