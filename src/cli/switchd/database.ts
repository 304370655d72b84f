/** Which database a switch has: one that is named, the server that is there already, or its own. */
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { MANAGER_OPTIONS } from '../../ovsdb/server/managers.js';
import { EmbeddedDatabase } from '../../switch/embedded-database.js';
import { isAlive, prepareRunDirectory } from '../../switch/of-sockets.js';
import type { Tls } from '../../switch/tls.js';

export interface DatabaseOptions {
  readonly clock: Clock;
  readonly runDir: string;
  /** Undefined: the environment's or, beside sockets in a place of their own, there, or OVS's own. */
  readonly dbDir: string | undefined;
  /** For managers that speak SSL. */
  readonly tls: Tls;
  readonly log: (text: string) => void;
}

/** Whether somebody listens on a socket that was left behind may take its time. */
const LISTENS_MS = 2000;

/** A switch whose run directory somebody chose is one of several, so its database is not the system's. */
function directory(options: DatabaseOptions, env: NodeJS.ProcessEnv): string {
  const { runDir, dbDir } = options;
  const isSystems = /^(\/var)?\/run\/openvswitch\/?$/.test(runDir);
  return dbDir ?? (env.WEFT_DBDIR || env.OVS_DBDIR || (isSystems ? '/etc/openvswitch' : runDir));
}

/** The address to connect to, and our own server if that is behind it. Rejects with UserError. */
export async function findDatabase(
  options: DatabaseOptions,
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ readonly remote: string; readonly own?: EmbeddedDatabase }> {
  const { clock, runDir, tls, log } = options;
  const socket = join(runDir, 'db.sock');
  const remote = `unix:${socket}`;
  if (await isAlive(socket)) {
    log(`${socket}: a database server is there already, it says what the switch is to be`);
    return { remote };
  }
  const dbDir = directory(options, env);
  prepareRunDirectory(dbDir, "database's directory", 'WEFT_DBDIR');
  const ways = { remotes: [`punix:${socket}`], naming: [MANAGER_OPTIONS] };
  const own = new EmbeddedDatabase({ file: join(dbDir, 'conf.db'), ...ways, tls, clock, log });
  // What `ovs-vsctl init` does: the one row that everything hangs on.
  if (own.db.tables.get('Open_vSwitch')?.rows.size === 0) {
    own.db.transact([{ op: 'insert', table: 'Open_vSwitch', row: {} }]);
  }
  let cancel = () => {};
  const late = new Promise<void>((resolve) => {
    cancel = clock.after(LISTENS_MS, resolve);
  });
  await Promise.race([own.listens(), late]);
  cancel();
  return { remote, own };
}
