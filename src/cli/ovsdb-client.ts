import { UserError } from '../lib/errors.js';
import { Disconnected } from '../ovsdb/client/calls.js';
import { isArray } from '../ovsdb/json/json.js';
import { VSWITCH_SCHEMA } from '../ovsdb/schema/vswitch.js';
import { runDirectory } from '../switch/of-sockets.js';
import { alarm } from './alarm.js';
import { ASK_COMMANDS, type Command } from './ovsdb-client/commands.js';
import { watchCommands } from './ovsdb-client/watch.js';
import { versionText } from './usage.js';
import { type Connection, connect } from './vsctl/connection.js';
import {
  COMMON_SPECS,
  type CommonDraft,
  commonDefaults,
  flag,
  ignored,
  OptionReader,
  type Specs,
  tlsOf,
} from './vsctl/read-options.js';

interface Draft extends CommonDraft {
  timestamp: boolean;
  info: 'help' | 'version' | undefined;
}

const SPECS: Specs<Draft> = {
  ...COMMON_SPECS,
  '--timestamp': flag((r) => {
    r.timestamp = true;
  }),
  '--force': ignored('none'),
  '--leader-only': ignored('none'),
  '--no-leader-only': ignored('none'),
  '--help': flag((r) => {
    r.info = 'help';
  }),
  '--version': flag((r) => {
    r.info = 'version';
  }),
};

/** What a command line is completed from. */
export const COMPLETION = {
  options: (): string[] => Object.entries(SPECS).map(([name, s]) => `${name}${s.value === 'none' ? '' : '='}`),
  commands: (): readonly Command[] => [...ASK_COMMANDS, ...watchCommands(false)],
};

const REMOTE = /^p?(unix|tcp|ssl):/;

function usage(program: string, commands: readonly Command[]): string {
  const lines = commands.map((c) => `  ${c.name} [SERVER] ${c.usage}\n      ${c.what}\n`).join('');
  return `${program}: asks and changes an OVSDB server
usage: ${program} [OPTION...] COMMAND [ARG...]

${lines}
SERVER is unix:PATH, tcp:HOST:PORT, ssl:HOST:PORT or for it to come to us punix:, ptcp:, pssl:; without one unix:${runDirectory()}/db.sock.

Options:
  -f, --format=table|list|html|csv|json  -d, --data=string|bare|json  --no-headings  --pretty  --bare  --max-column-width=N
  --timestamp            put the time before what monitor prints
  -t, --timeout=SECS     give up after SECS seconds
  -p, --private-key=FILE  -c, --certificate=FILE  -C, --ca-cert=FILE  --bootstrap-ca-cert=FILE
  -h, --help  -V, --version
`;
}

/** The database that the arguments begin with, where enough others follow; else the usual one. */
async function databaseOf(
  connection: Connection,
  args: readonly string[],
  min: number,
): Promise<[string, readonly string[]]> {
  const all = await connection.request('list_dbs', []);
  const [first, ...rest] = args;
  if (args.length > min && isArray(all) && all.includes(first)) return [first, rest];
  return [VSWITCH_SCHEMA.name, args];
}

/** ovsdb-client(1). */
export async function main(args: readonly string[], program: string): Promise<number> {
  const fail = (text: string): number => {
    process.stderr.write(`${program}: ${text}\n`);
    return 1;
  };
  let connection: Connection | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    const draft: Draft = { ...commonDefaults(), timestamp: false, info: undefined };
    draft.style.format = 'table';
    // Unlike ovs-vsctl's, options may stand anywhere.
    const reader = new OptionReader(SPECS, draft);
    const words: string[] = [];
    for (let rest = args; rest.length > 0; ) {
      const at = reader.read(rest, () => draft.info !== undefined);
      const ended = at > 0 && rest[at - 1] === '--';
      words.push(...rest.slice(at, ended ? undefined : at + 1));
      rest = ended || draft.info ? [] : rest.slice(at + 1);
    }
    const commands = [...ASK_COMMANDS, ...watchCommands(draft.timestamp)];
    if (draft.info) {
      process.stdout.write(draft.info === 'help' ? usage(program, commands) : versionText(program));
      return 0;
    }
    const [name, ...rest] = words;
    if (name === undefined) return fail('missing command name; use --help for help');
    const command = commands.find((c) => c.name === name);
    if (!command) return fail(`unknown command '${name}'; use --help for help`);
    // What a command cannot do without is no server, whatever it looks like.
    const isSaid = rest.length > command.min && REMOTE.test(rest[0]);
    const server = isSaid ? rest[0] : `unix:${runDirectory()}/db.sock`;
    const given = isSaid ? rest.slice(1) : rest;
    const most = command.max + (command.database ? 1 : 0);
    if (given.length < command.min || given.length > most) {
      return fail(`invalid syntax for '${name}' (use --help for help)`);
    }
    if (!command.database) command.check?.(given);
    if (draft.timeout > 0) timer = alarm(draft.timeout);
    try {
      connection = await connect(server, tlsOf(draft), false);
    } catch (e) {
      const why = e instanceof UserError ? /\(([^)]*)\)$/.exec(e.message) : null;
      if (!why) throw e;
      return fail(`failed to connect to "${server}" (${why[1]})`);
    }
    const [database, own] = command.database ? await databaseOf(connection, given, command.min) : ['', given];
    if (own.length > command.max || own.length < command.min) {
      return fail(`invalid syntax for '${name}' (use --help for help)`);
    }
    const out = (text: string): void => void process.stdout.write(text);
    await command.run({ connection, server, database, args: own, style: draft.style, out });
    return 0;
  } catch (e) {
    if (!(e instanceof UserError || e instanceof Disconnected)) throw e;
    return fail(e.message);
  } finally {
    clearTimeout(timer);
    connection?.close();
  }
}
