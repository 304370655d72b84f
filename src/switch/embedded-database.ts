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
import { Managers, namingColumn } from '../ovsdb/server/managers.js';
import { type Endpoint, type RemoteOptions, Remotes } from '../ovsdb/server/remotes.js';
import { OvsdbServer } from '../ovsdb/server/server.js';
import { FileStorage } from '../ovsdb/storage/file.js';
import { dial, listenAt } from './target-sockets.js';
import type { Tls } from './tls.js';

export interface EmbeddedDatabaseOptions {
  /** The first database; made when it is not there and a schema is said. */
  readonly file: string;
  /** Undefined: that of Open vSwitch. Null: whatever the file has. */
  readonly schema?: DatabaseSchema | null;
  /** Files of further databases, which must be there. */
  readonly more?: readonly string[];
  /** Addresses to listen on or to connect to, e.g. "punix:/run/db.sock", and columns that name some: "db:DB,TABLE,COLUMN". */
  readonly remotes: readonly string[];
  /** Columns that name more where the databases have them. */
  readonly naming?: readonly string[];
  readonly tls?: Tls;
  readonly clock: Clock;
  readonly log: (text: string) => void;
}

/** Over a Unix socket nobody gets lost without a word. */
const LOCAL: RemoteOptions = { maxBackoffMs: 8000, probeMs: 0 };
const DISTANT: RemoteOptions = { maxBackoffMs: 8000, probeMs: 5000 };

export class EmbeddedDatabase {
  readonly server: OvsdbServer;
  /** By name of database, the first one first. */
  private readonly storages = new Map<string, FileStorage>();
  private readonly fixed = new Map<string, RemoteOptions>();
  private readonly remotes: Remotes;
  private readonly first: FileStorage;
  private managers: Managers;

  /** Throws UserError when a file cannot be had, or an address is none. */
  constructor(options: EmbeddedDatabaseOptions) {
    const { clock, log, tls } = options;
    const common = { clock, log, newUuid: randomUUID };
    // Before a file is opened: what is wrong with the arguments is said first.
    for (const address of [...options.remotes, ...(options.naming ?? [])]) this.fixed.set(address, optionsOf(address));
    const lock = (path: string) => loadAddon().lockPidFile(path);
    const open = (file: string, schema: DatabaseSchema | undefined) =>
      FileStorage.open(file, schema, { ...common, lock });
    const first = open(options.file, options.schema === null ? undefined : (options.schema ?? VSWITCH_SCHEMA));
    this.first = first;
    const all = [first, ...(options.more ?? []).map((file) => open(file, undefined))];
    this.server = new OvsdbServer({ ...common, soon: setImmediate });
    this.remotes = new Remotes(this.server, endpoints(tls), log);
    const attach = () => new Managers(this.databaseOf, this.storages.keys(), this.remotes, clock, this.fixed);
    for (const storage of all) {
      this.storages.set(storage.db.schema.name, storage);
      this.server.addDatabase(storage.db, (db) => {
        storage.replace(db);
        this.managers.close();
        this.managers = attach();
      });
    }
    for (const address of options.remotes) namingColumn(address, this.databaseOf);
    this.managers = attach();
  }

  private readonly databaseOf = (name: string): Database | undefined =>
    this.storages.get(name)?.db ?? this.server.databases.get(name)?.db;

  /** The first database as it is now; a conversion puts another in its place. */
  get db(): Database {
    return this.first.db;
  }

  /** Resolves when its sockets are there, or the log says why one is not. */
  listens(): Promise<void> {
    return this.remotes.tried();
  }

  /** Writes the files anew, or one of them, with nothing but what the databases hold. Throws OvsdbError. */
  compact(name?: string): void {
    for (const [n, storage] of this.storages) if (name === undefined || n === name) storage.compact();
  }

  /** What was asked for: addresses, and columns that name some. */
  get addresses(): string[] {
    return [...this.fixed.keys()].sort();
  }

  /** Throws UserError. */
  addAddress(address: string): void {
    namingColumn(address, this.databaseOf);
    this.fixed.set(address, optionsOf(address));
    this.managers.refresh();
  }

  /** False when it was not there. */
  removeAddress(address: string): boolean {
    const known = this.fixed.delete(address);
    this.managers.refresh();
    return known;
  }

  close(): void {
    this.managers.close();
    this.remotes.close();
    this.server.close();
    for (const storage of this.storages.values()) storage.close();
  }
}

function optionsOf(address: string): RemoteOptions {
  if (address.startsWith('db:')) return DISTANT;
  return parseTarget(address, OVSDB_PORT).kind === 'unix' ? LOCAL : DISTANT;
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
