/** weft ovsdb-server: a database server of its own, with the options of ovsdb-server(1). */
import { unlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ControlServer } from '../control/unixctl.js';
import { loadAddon } from '../datapath/driver/load.js';
import { UserError } from '../lib/errors.js';
import type { Database } from '../ovsdb/engine/database.js';
import { databaseCommands } from '../switch/database-commands.js';
import { EmbeddedDatabase } from '../switch/embedded-database.js';
import { listenUnix, prepareRunDirectory, removeStaleControl, runDirectory } from '../switch/of-sockets.js';
import { RealClock } from '../switch/real-clock.js';
import { Tls } from '../switch/tls.js';
import { vlogCommands } from '../switch/vlog/commands.js';
import { makeVlog } from './switchd/log.js';
import {
  becomeProcess,
  isDetached,
  letGo,
  type ProcessOptions,
  takeProcessOptions,
  tellStarter,
} from './switchd/process.js';
import { versionText } from './usage.js';

const PROGRAM = 'ovsdb-server';
const OPTIONS = {
  remote: { type: 'string', multiple: true },
  'private-key': { type: 'string', short: 'p' },
  certificate: { type: 'string', short: 'c' },
  'ca-cert': { type: 'string', short: 'C' },
  'bootstrap-ca-cert': { type: 'string' },
  'no-dbs': { type: 'boolean' },
  'disable-file-column-diff': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
} as const;

const USAGE = `weft ovsdb-server [OPTION...] [DATABASE...]
Serves OVSDB databases; DATABASE is a file (default: $OVS_DBDIR/conf.db or /etc/openvswitch/conf.db). The first one's Manager rows are served, too.
  --remote=REMOTE           punix:FILE, ptcp:[PORT][:HOST], pssl:[PORT][:HOST], unix:FILE, tcp:HOST[:PORT] or ssl:HOST[:PORT],
                            or db:DB,TABLE,COLUMN that names some; may be given again
  -p, --private-key, -c, --certificate, -C, --ca-cert FILE   PEM files for ssl, or db:DB,TABLE,COLUMN
  --bootstrap-ca-cert FILE  as --ca-cert; where there is no such file yet, the first peer's authority is kept in it
  --detach, --monitor, --no-chdir, --pidfile[=FILE], --log-file[=FILE], -v[SPEC], --unixctl=SOCKET   as for ovsdb-server(1)
`;

interface Arguments {
  readonly files: readonly string[];
  readonly remotes: readonly string[];
  readonly tls: (database: () => Database | undefined) => Tls | undefined;
}

/** Without a name these two have one of the switch. */
function named(args: readonly string[]): string[] {
  const logDir = process.env.OVS_LOGDIR || '/var/log/openvswitch';
  return args.map((a) =>
    a === '--log-file'
      ? `--log-file=${join(logDir, `${PROGRAM}.log`)}`
      : a === '--pidfile'
        ? `--pidfile=${join(runDirectory(), `${PROGRAM}.pid`)}`
        : a,
  );
}

function parse(args: readonly string[]): Arguments | 'help' | 'version' {
  let parsed: ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>>;
  try {
    parsed = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (e) {
    throw new UserError(e instanceof Error ? e.message : String(e));
  }
  const { values: v, positionals } = parsed;
  if (v.help) return 'help';
  if (v.version) return 'version';
  const standard = join(process.env.OVS_DBDIR || '/etc/openvswitch', 'conf.db');
  const given = positionals.length > 0 || v['no-dbs'] ? positionals : [standard];
  if (given.length === 0) throw new UserError('name a database: one that serves none is of no use');
  const remotes = v.remote ?? [];
  const ca = v['ca-cert'] ?? v['bootstrap-ca-cert'];
  const tls: Arguments['tls'] = (database) => {
    const { 'private-key': key, certificate } = v;
    if (key === undefined || certificate === undefined || ca === undefined) return undefined;
    const files = () => ({
      privateKey: fileOf(key, database()),
      certificate: fileOf(certificate, database()),
      caCert: fileOf(ca, database()),
      bootstrap: v['ca-cert'] === undefined,
    });
    return new Tls(files);
  };
  return { files: given.map((f) => resolve(f)), remotes, tls };
}

/** A file's name, or what a column of the database's first row says it is. Throws UserError. */
function fileOf(text: string, db: Database | undefined): string {
  const m = /^db:[^,]*,([^,]*),([^,]*)$/.exec(text);
  if (!m) return text;
  const table = db?.tables.get(m[1]);
  const column = table?.schema.column(m[2]);
  const row = table && [...table.rows.values()][0];
  const value = row && column ? row.data[column.index].keys[0] : undefined;
  if (typeof value !== 'string' || value === '') throw new UserError(`${text}: the database does not say`);
  return value;
}

/** What a running server has to be rid of. */
class Running {
  private readonly undo: (() => void | Promise<void>)[] = [];

  add(undo: () => void | Promise<void>): void {
    this.undo.unshift(undo);
  }

  async end(): Promise<void> {
    for (const u of this.undo.splice(0)) await u();
  }
}

async function serve(
  args: Arguments,
  own: ProcessOptions,
  running: Running,
  say: (line: string) => void,
): Promise<void> {
  const vlog = makeVlog(own, say);
  const runDir = runDirectory();
  if (own.pidFile !== undefined || own.unixctl === undefined) prepareRunDirectory(runDir);
  if (own.pidFile !== undefined) {
    const file = resolve(runDir, own.pidFile);
    loadAddon().lockPidFile(file);
    running.add(() => unlinkSync(file));
    removeStaleControl(runDir, PROGRAM);
  }
  const [file, ...more] = args.files;
  const state: { database?: EmbeddedDatabase } = {};
  const database = new EmbeddedDatabase({
    file,
    more,
    schema: null,
    remotes: args.remotes,
    tls: args.tls(() => state.database?.db),
    clock: new RealClock(),
    log: vlog.logger('ovsdb_server'),
  });
  state.database = database;
  running.add(() => database.close());
  let exit = (): void => {};
  const asked = new Promise<void>((done) => {
    exit = done;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => done());
  });
  const control = new ControlServer(vlog.logger('unixctl'));
  // Not before who asked has its answer.
  for (const c of databaseCommands(database, versionText(PROGRAM), () => setImmediate(exit))) control.register(c);
  for (const c of vlogCommands(vlog)) control.register(c);
  const socket = resolve(runDir, own.unixctl ?? `${PROGRAM}.${process.pid}.ctl`);
  running.add(await listenUnix(socket, (s) => control.accept(s)));
  if (isDetached()) vlog.console = undefined;
  letGo(own);
  await asked;
}

export async function main(args: readonly string[], program: string): Promise<number> {
  const say = (line: string): void => {
    if (isDetached()) tellStarter(line);
    else process.stderr.write(line);
  };
  const running = new Running();
  try {
    const { options: own, rest } = takeProcessOptions(named(args));
    const parsed = parse(rest);
    if (parsed === 'help' || parsed === 'version') {
      process.stdout.write(parsed === 'help' ? USAGE : versionText(program));
      return 0;
    }
    const status = await becomeProcess({ name: 'ovsdb-server', args }, own, say);
    if (status !== undefined) return status;
    await serve(parsed, own, running, say);
    return 0;
  } catch (e) {
    if (!(e instanceof UserError) && !(e instanceof Error && 'code' in e)) throw e;
    say(`${program}: ${e.message}\n`);
    return 1;
  } finally {
    await running.end();
  }
}
