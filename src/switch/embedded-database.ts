/** The database server inside a program: its file, its sockets, its managers. What `src/ovsdb` leaves to whoever has a real clock and real sockets. */
import { randomUUID } from 'node:crypto';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { loadAddon } from '../datapath/driver/load.js';
import type { Clock } from '../lib/clock.js';
import { OVSDB_PORT, parseTarget } from '../openflow/target.js';
import type { Database } from '../ovsdb/engine/database.js';
import type { DatabaseSchema } from '../ovsdb/schema/schema.js';
import { VSWITCH_SCHEMA } from '../ovsdb/schema/vswitch.js';
import { Managers } from '../ovsdb/server/managers.js';
import { type Endpoint, type RemoteOptions, Remotes } from '../ovsdb/server/remotes.js';
import { OvsdbServer } from '../ovsdb/server/server.js';
import { FileStorage } from '../ovsdb/storage/file.js';
import { dial, listenAt } from './target-sockets.js';
import type { Tls } from './tls.js';

export interface EmbeddedDatabaseOptions {
  /** Made when it is not there. */
  readonly file: string;
  readonly schema?: DatabaseSchema;
  /** Addresses to listen on or to connect to, beside those that the database names, e.g. "punix:/run/db.sock". */
  readonly remotes: readonly string[];
  readonly tls?: Tls;
  readonly clock: Clock;
  readonly log: (text: string) => void;
}

/** Over a Unix socket nobody gets lost without a word. */
const LOCAL: RemoteOptions = { maxBackoffMs: 8000, probeMs: 0 };
const DISTANT: RemoteOptions = { maxBackoffMs: 8000, probeMs: 5000 };

export class EmbeddedDatabase {
  readonly server: OvsdbServer;
  private readonly storage: FileStorage;
  private readonly remotes: Remotes;
  private managers: Managers;

  /** Throws UserError when the file cannot be had, or an address is none. */
  constructor(options: EmbeddedDatabaseOptions) {
    const { clock, log, tls } = options;
    const common = { clock, log, newUuid: randomUUID };
    // Before the file is opened: what is wrong with the arguments is said first.
    const fixed = options.remotes.map(
      (r) => [r, parseTarget(r, OVSDB_PORT).kind === 'unix' ? LOCAL : DISTANT] as const,
    );
    this.storage = FileStorage.open(options.file, options.schema ?? VSWITCH_SCHEMA, {
      ...common,
      lock: (path) => loadAddon().lockPidFile(path),
    });
    this.server = new OvsdbServer({ ...common, soon: setImmediate });
    this.remotes = new Remotes(this.server, endpoints(tls), log);
    const attach = (db: Database) => new Managers(db, this.remotes, clock, new Map(fixed));
    this.server.addDatabase(this.storage.db, (db) => {
      this.storage.replace(db);
      this.managers.close();
      this.managers = attach(db);
    });
    this.managers = attach(this.storage.db);
  }

  /** The database as it is now; a conversion puts another in its place. */
  get db(): Database {
    return this.storage.db;
  }

  /** Writes the file anew, with nothing but what the database holds. Throws OvsdbError. */
  compact(): void {
    this.storage.compact();
  }

  close(): void {
    this.managers.close();
    this.remotes.close();
    this.server.close();
    this.storage.close();
  }
}

/** What addresses mean. Clients of Unix sockets have no name of their own: they are numbered. */
function endpoints(tls: Tls | undefined): (address: string) => Endpoint {
  let visitors = 0;
  return (address) => {
    const target = parseTarget(address, OVSDB_PORT);
    const { kind, passive, port } = target;
    if (!passive) return { kind: 'active', open: (then) => dial(target, tls, then) };
    const nameOf = (s: Duplex): string =>
      kind !== 'unix' && s instanceof Socket ? `${kind}:${s.remoteAddress}:${s.remotePort}` : `unix#${visitors++}`;
    return {
      kind: 'passive',
      listen: async (accept) => {
        const stop = await listenAt(target, tls, (stream) => accept(stream, nameOf(stream)));
        return { stop, port: kind === 'unix' ? undefined : port };
      },
    };
  };
}
