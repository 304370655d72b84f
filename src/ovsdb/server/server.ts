/**
 * The OVSDB server: databases offered to clients that come over any stream. It opens no sockets itself: see remotes.ts. A database that clients find beside the
 * others is _Server, which tells about them.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../lib/clock.js';
import { convertDatabase } from '../engine/convert.js';
import { Database } from '../engine/database.js';
import { Budget } from '../json/budget.js';
import { formatJson, RawJson } from '../json/json.js';
import type { DatabaseSchema } from '../schema/schema.js';
import { SERVER_SCHEMA } from '../schema/server.js';
import { makeDatum } from '../value/datum.js';
import { History } from './history.js';
import { Locks } from './locks.js';
import { Monitors } from './monitors.js';
import { Session, type SessionEvents } from './session.js';
import { Triggers } from './triggers.js';

/** A database as clients see it. */
export interface Served {
  readonly db: Database;
  readonly monitors: Monitors;
  readonly history: History;
  readonly schemaText: RawJson;
}

/** How a database is replaced by one of another schema, in its file too. Throws OvsdbError. */
export type ReplaceDatabase = (db: Database) => void;

export interface ServerOptions {
  readonly clock: Clock;
  /** A fresh random UUID, in lower case. */
  readonly newUuid: () => string;
  /** Soon, but not now: after what is being done. */
  readonly soon: (fn: () => void) => void;
  readonly log?: (text: string) => void;
}

/** Bytes of one message: a client that says more is cut off. ovsdb-server has no such limit; parsing takes some five times as much memory for a moment. */
const MAX_MESSAGE = 128 << 20;
/** Bytes that clients make us keep, all together: messages that are not whole yet, transactions that wait, what is monitored and locked. */
const MAX_HELD = 256 << 20;
/** Bytes that clients were told and have not read, all together. */
const MAX_UNREAD = 512 << 20;

export class OvsdbServer {
  readonly databases = new Map<string, Served>();
  readonly locks = new Locks();
  readonly triggers: Triggers;
  readonly clock: Clock;
  readonly id: string;
  private readonly sessions = new Set<Session>();
  private readonly replace = new Map<string, ReplaceDatabase>();
  readonly held = new Budget(MAX_HELD);
  readonly unread = new Budget(MAX_UNREAD);
  private readonly meta: Database;
  /** Databases with commits that were not followed up yet. */
  private readonly changed = new Set<Database>();

  constructor(private readonly options: ServerOptions) {
    this.clock = options.clock;
    this.id = options.newUuid();
    this.triggers = new Triggers(options.clock);
    this.meta = new Database(SERVER_SCHEMA, options.newUuid);
    this.addDatabase(this.meta);
  }

  get clients(): ReadonlySet<Session> {
    return this.sessions;
  }

  /** Offers a database. `replace`: what to do when a client converts it to another schema; without, nobody may. */
  addDatabase(db: Database, replace?: ReplaceDatabase): void {
    const { name } = db.schema;
    this.databases.set(name, this.serve(db));
    if (replace) this.replace.set(name, replace);
    this.describe(db.schema);
  }

  removeDatabase(name: string): void {
    const served = this.databases.get(name);
    if (!served) return;
    this.forget(served);
    this.databases.delete(name);
    this.replace.delete(name);
    this.meta.transact([{ op: 'delete', table: 'Database', where: [['name', '==', name]] }]);
  }

  private serve(db: Database): Served {
    const changed = () => {
      if (this.changed.size === 0) this.options.soon(() => this.followUp());
      this.changed.add(db);
    };
    // History first: what monitors tell names the last transaction.
    const history = new History(db);
    const schemaText = new RawJson(formatJson(db.schema.toJson()));
    return { db, history, monitors: new Monitors(db, changed), schemaText };
  }

  /** Writes the database's row in _Server. */
  private describe(schema: DatabaseSchema): void {
    const table = this.meta.tables.get('Database');
    if (!table) return;
    const txn = this.meta.begin();
    const values = {
      name: schema.name,
      model: 'standalone',
      connected: true,
      leader: true,
      schema: formatJson(schema.toJson()),
    };
    const data = table.defaults.slice();
    for (const [name, v] of Object.entries(values)) {
      const column = table.schema.column(name);
      if (column) data[column.index] = makeDatum([v], undefined, column.type);
    }
    const named = table.schema.column('name');
    for (const row of table.rows.values()) {
      if (named && row.data[named.index].keys[0] === schema.name) txn.delete(table, row);
    }
    txn.insert(table, this.options.newUuid(), data);
    this.meta.commit(txn);
  }

  /** After commits: transactions that waited run, and monitors are told. */
  private followUp(): void {
    for (const db of this.changed) {
      // Those that run may commit, too: then there is another round.
      this.changed.delete(db);
      this.triggers.retry(db);
    }
    for (const s of this.sessions) s.flushIfRead();
  }

  /** Serves a client until it, or we, end the stream. */
  accept(stream: Duplex, name: string, events?: SessionEvents): Session {
    const limits = { message: MAX_MESSAGE, held: this.held };
    const session: Session = new Session(this, stream, name, limits, {
      heard: () => events?.heard?.(),
      closed: (why) => {
        this.sessions.delete(session);
        if (why !== undefined) this.options.log?.(`${name}: ${why}`);
        events?.closed(why);
      },
    });
    this.sessions.add(session);
    return session;
  }

  /** Replaces a database by what it is under another schema. Throws OvsdbError. Clients that do not know of such changes are cut off. */
  convert(name: string, schema: DatabaseSchema, by: Session): void {
    const served = this.databases.get(name);
    const replace = this.replace.get(name);
    if (!served || !replace) return;
    const db = convertDatabase(served.db, schema, this.options.newUuid);
    replace(db);
    this.forget(served, by);
    this.databases.set(name, this.serve(db));
    this.describe(schema);
  }

  /** Ends what clients have to do with a database. */
  private forget(served: Served, except?: Session): void {
    served.monitors.close();
    served.history.close();
    for (const s of [...this.sessions]) {
      for (const [key, { id, trigger }] of s.triggers) {
        if (trigger.db !== served.db || !this.triggers.cancel(trigger)) continue;
        s.dropTrigger(key);
        s.error(id, 'canceled');
      }
      for (const [key, m] of s.monitors) {
        if (m.served !== served) continue;
        s.dropMonitor(key);
        s.notify('monitor_canceled', [m.id]);
      }
      if (s !== except && !s.isChangeAware) s.close('database changed');
    }
  }

  /** Ends all clients. */
  close(): void {
    for (const s of [...this.sessions]) s.close(undefined);
  }
}
