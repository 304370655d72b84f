import { UserError } from '../lib/errors.js';
import { alarm } from './alarm.js';
import { command, DEFAULT_TARGET, Unreachable } from './control.js';
import { PROCESS } from './streams.js';
import { versionText } from './usage.js';
import { flag, ignored, needed, OptionReader, type Specs } from './vsctl/read-options.js';

const USAGE = `usage: weft appctl [OPTION...] COMMAND [ARG...]
Gives a command to the running switch, the one of $WEFT_RUNDIR. The command list-commands lists them.

  -t, --target=TARGET  another program: a socket's path (/...), or a name whose NAME.pid is in the run directory
                       (default: ovs-vswitchd; ovsdb-server is another)
  -T, --timeout=SECS   wait at most so many seconds for the reply
  -h, --help           this text
  -V, --version        version of this program
  -o, --option         list all options
`;

interface Draft {
  target: string | undefined;
  /** Seconds; 0 no limit. */
  timeout: number;
  info: 'help' | 'version' | 'options' | undefined;
}

const SPECS: Specs<Draft> = {
  '--target': needed((d, v) => {
    d.target = v;
  }),
  '--execute': ignored('none'),
  '--help': flag((d) => {
    d.info = 'help';
  }),
  '--option': flag((d) => {
    d.info = 'options';
  }),
  '--version': flag((d) => {
    d.info = 'version';
  }),
  '--timeout': needed((d, v) => {
    if (!/^\d+$/.test(v) || Number(v) === 0) throw new UserError(`value ${v} on -T or --timeout is invalid`);
    d.timeout = Number(v);
  }),
  '--verbose': ignored('maybe'),
  '--log-file': ignored('maybe'),
  '--syslog-method': ignored('needed'),
  '--syslog-target': ignored('needed'),
};
const LETTERS: Readonly<Record<string, string>> = {
  t: '--target',
  e: '--execute',
  h: '--help',
  o: '--option',
  V: '--version',
  T: '--timeout',
  v: '--verbose',
};

/** As ovs-appctl --option prints them. */
function optionLines(): string {
  const lines = Object.entries(SPECS).flatMap(([name, { value }]) => {
    const letter = Object.keys(LETTERS).find((l) => LETTERS[l] === name);
    const [long, short] = { none: ['', ''], needed: ['=ARG', 'ARG'], maybe: ['=[ARG]', '[ARG]'] }[value];
    return [`${name}${long}`, ...(letter === undefined ? [] : [`-${letter} ${short}`])];
  });
  return `${lines.join('\n')}\n`;
}

/** ovs-appctl(8). Exit status 2 when the switch refused the command, 1 when there is no switch or no such option. */
export async function main(args: readonly string[], program: string, streams = PROCESS): Promise<number> {
  const draft: Draft = { target: undefined, timeout: 0, info: undefined };
  let timer: NodeJS.Timeout | undefined;
  try {
    const reader = new OptionReader(SPECS, draft, new Map(), new Map(), LETTERS);
    const [method, ...rest] = args.slice(reader.read(args, () => draft.info !== undefined));
    if (draft.info !== undefined) {
      streams.out({ help: USAGE, version: versionText(program), options: optionLines() }[draft.info]);
      return 0;
    }
    if (method === undefined) {
      throw new Unreachable('at least one non-option argument is required (use --help for help)');
    }
    if (draft.timeout > 0) timer = alarm(draft.timeout);
    try {
      streams.out(await command(draft.target, method, rest, streams));
      return 0;
    } catch (e) {
      if (!(e instanceof UserError) || e instanceof Unreachable) throw e;
      streams.err(`${e.message}\n${program}: ${draft.target ?? DEFAULT_TARGET}: server returned an error\n`);
      return 2;
    }
  } catch (e) {
    if (!(e instanceof UserError)) throw e;
    streams.err(`${program}: ${e.message}\n`);
    return 1;
  } finally {
    clearTimeout(timer);
  }
}
