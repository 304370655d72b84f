import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { UserError } from '../lib/errors.js';
import { alarm } from './alarm.js';
import { command, Unreachable } from './control.js';
import { PROCESS } from './streams.js';
import { versionText } from './usage.js';
import { flag, ignored, needed, OptionReader, type Specs } from './vsctl/read-options.js';

const USAGE = `usage: weft dpctl [OPTION...] COMMAND [ARG...]
Shows and changes the datapath of the running switch, the one of $WEFT_RUNDIR. DP, the datapath's name, may be left out where it stands in brackets.

  show [DP...]                     ports and look-ups; -s: with statistics
  dump-dps                         names of datapaths
  dump-flows [DP] [filter=MATCH] [type=TYPE,...]   cached flows; -m: with all fields; --names: ports by name
  add-flow [DP] FLOW ACTIONS       put a flow in, until the tables say otherwise
  mod-flow [DP] FLOW ACTIONS       other actions for a flow
  get-flow [DP] ufid:UFID          one flow
  del-flow [DP] FLOW|ufid:UFID     take one flow out
  del-flows [DP] [FILE]            take all flows out, or those of a file
  add-flows, mod-flows [DP] FILE   lines "FLOW ACTIONS"; "-" is standard input
  set-if, add-if, del-if DP IFACE...  ports; the database says which there are
  parse-actions, normalize-actions   actions, written as the datapath writes them
  ct-*, ipf-*, dump-conntrack      tracked connections and fragments
  list-commands                    all commands

  -m, --more  -s, --statistics  --names, --no-names  --may-create  --clear  --read-only
  -t, --timeout=SECS   wait at most so many seconds
  --target=TARGET      another control socket; -t takes that, too
`;

interface Draft {
  target: string | undefined;
  timeout: number;
  readOnly: boolean;
  info: 'help' | 'version' | undefined;
  /** Options that the switch reads. */
  readonly passed: string[];
}

const pass = (word: string) => flag<Draft>((d) => void d.passed.push(word));

const SPECS: Specs<Draft> = {
  '--statistics': pass('-s'),
  '--clear': pass('--clear'),
  '--may-create': pass('--may-create'),
  '--more': pass('-m'),
  '--names': pass('--names'),
  '--no-names': pass('--no-names'),
  '--read-only': flag((d) => {
    d.readOnly = true;
  }),
  // ovs-dpctl's -t is a time; a control socket is never a number.
  '--timeout': needed((d, v) => {
    if (/^[1-9]\d*$/.test(v)) d.timeout = Number(v);
    else if (v.includes('/')) d.target = v;
    else throw new UserError(`value ${v} on -t or --timeout is invalid`);
  }),
  '--target': needed((d, v) => {
    d.target = v;
  }),
  '--help': flag((d) => {
    d.info = 'help';
  }),
  '--version': flag((d) => {
    d.info = 'version';
  }),
  '--verbose': ignored('maybe'),
  '--log-file': ignored('maybe'),
  '--syslog-method': ignored('needed'),
  '--syslog-target': ignored('needed'),
};
const LETTERS: Readonly<Record<string, string>> = {
  s: '--statistics',
  m: '--more',
  t: '--timeout',
  h: '--help',
  V: '--version',
  v: '--verbose',
};

const CHANGES = /^((add|set|del|mod)-|flush-|ct-(set|del|enable|disable)-|ipf-set-|cache-set-)/;
const FILES: ReadonlySet<string> = new Set(['add-flows', 'mod-flows', 'del-flows']);

/** The switch opens the file, from another directory. */
function withFile(args: readonly string[]): { args: readonly string[]; done(): void } {
  const path = args[args.length - 1];
  if (path === undefined || path.includes('@')) return { args, done() {} };
  if (path !== '-') return { args: [...args.slice(0, -1), resolve(path)], done() {} };
  const copy = join(tmpdir(), `weft-dpctl-${process.pid}.flows`);
  writeFileSync(copy, readFileSync(0), { mode: 0o600, flag: 'wx' });
  return { args: [...args.slice(0, -1), copy], done: () => rmSync(copy, { force: true }) };
}

/** What the switch says is told as ours: names of programs in front, commands without their family. */
function ours(text: string, program: string): string {
  return text
    .replace(/^ovs-vswitchd: /gm, `${program}: `)
    .replace(/^"dpctl\/([\w-]+)" is not a valid command .*$/m, `${program}: unknown command '$1'; use --help for help`)
    .replace(/^"dpctl\/([\w-]+)" command/m, `${program}: '$1' command`);
}

/** ovs-dpctl(8), for a datapath in a program. Exit status 1 when something failed. */
export async function main(args: readonly string[], program: string, streams = PROCESS): Promise<number> {
  const draft: Draft = { target: undefined, timeout: 0, readOnly: false, info: undefined, passed: [] };
  let timer: NodeJS.Timeout | undefined;
  try {
    const reader = new OptionReader(SPECS, draft, new Map(), new Map(), LETTERS);
    const [name, ...rest] = args.slice(reader.read(args, () => draft.info !== undefined));
    if (draft.info !== undefined) {
      streams.out(draft.info === 'help' ? USAGE : versionText(program));
      return 0;
    }
    if (name === undefined) throw new Unreachable('missing command name; use --help for help');
    if (draft.readOnly && CHANGES.test(name)) {
      throw new Unreachable(`'${name}' command does not work in read only mode`);
    }
    if (draft.timeout > 0) timer = alarm(draft.timeout);
    const file = FILES.has(name) ? withFile(rest) : { args: rest, done() {} };
    try {
      const text = await command(draft.target, `dpctl/${name}`, [...draft.passed, ...file.args], streams);
      streams.out(ours(name === 'list-commands' ? text.replace(/^ {2}dpctl\//gm, '  ') : text, program));
      return 0;
    } catch (e) {
      if (!(e instanceof UserError) || e instanceof Unreachable) throw e;
      streams.err(`${ours(e.message, program)}\n`);
      return 1;
    } finally {
      file.done();
    }
  } catch (e) {
    if (!(e instanceof UserError)) throw e;
    streams.err(`${program}: ${e.message}\n`);
    return 1;
  } finally {
    clearTimeout(timer);
  }
}
