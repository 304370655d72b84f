/** The control commands of a database server, as ovsdb-server(1) has them. */
import type { ControlCommand } from '../control/unixctl.js';
import { UserError } from '../lib/errors.js';
import { OvsdbError } from '../ovsdb/value/error.js';
import type { EmbeddedDatabase } from './embedded-database.js';

/** Runs what may fail as a database does; throws UserError. */
function attempt(run: () => void): string {
  try {
    run();
    return '';
  } catch (e) {
    throw e instanceof OvsdbError ? new UserError(`${e.message}${e.ioError ? ` (${e.ioError})` : ''}`) : e;
  }
}

/** `exit`: ends the program. */
export function databaseCommands(
  database: EmbeddedDatabase,
  versionText: string,
  exit: () => void,
): readonly ControlCommand[] {
  const names = () => [...database.server.databases.keys()].sort();
  const known = (name: string): void => {
    if (!database.server.databases.has(name)) throw new UserError('no database by that name');
  };
  const one = (name: string, usage: string, run: (argument: string) => string): ControlCommand => ({
    name,
    usage,
    min: 1,
    max: 1,
    run: ([argument]) => run(argument),
  });
  const none = (name: string, run: () => string): ControlCommand => ({ name, usage: '', min: 0, max: 0, run });
  return [
    none('version', () => versionText),
    none('exit', () => {
      exit();
      return '';
    }),
    {
      name: 'ovsdb-server/compact',
      usage: '[DB]',
      min: 0,
      max: 1,
      run: ([name]) => {
        if (name !== undefined) known(name);
        if (name?.startsWith('_')) throw new UserError('cannot compact built-in databases');
        return attempt(() => database.compact(name));
      },
    },
    none('ovsdb-server/list-dbs', () => `${names().join('\n')}\n`),
    none('ovsdb-server/list-remotes', () => database.addresses.map((a) => `${a}\n`).join('')),
    one('ovsdb-server/add-remote', 'REMOTE', (address) => attempt(() => database.addAddress(address))),
    one('ovsdb-server/remove-remote', 'REMOTE', (address) => {
      if (!database.removeAddress(address)) throw new UserError('no such remote');
      return '';
    }),
    none('ovsdb-server/reconnect', () => {
      for (const s of [...database.server.clients]) s.close('reconnect was asked for');
      return '';
    }),
    one('ovsdb-server/get-db-storage-status', 'DB', (name) => {
      known(name);
      return 'status: ok\n';
    }),
    none('ovsdb-server/sync-status', () => 'state: active\n'),
    none('memory/show', () => {
      const tables = names().flatMap((n) => [...(database.server.databases.get(n)?.db.tables.values() ?? [])]);
      const rows = tables.reduce((n, t) => n + t.rows.size, 0);
      return `rows:${rows} sessions:${database.server.clients.size} triggers:${database.server.triggers.size}\n`;
    }),
  ];
}
