/**
 * One database of a server, as a program sees it: a replica of the tables it reads, kept up to date; the lock that says which of several programs may
 * change it; transactions.
 *
 *     disconnected ──connected──▶ loading ──whole replica──▶ ready (and, with a lock, `isOwner` once we have it)
 *
 * A connection that is made again asks only for what changed meanwhile (monitor_cond_since), where the server can say that; else the replica is
 * replaced. Servers that know neither that nor monitor_cond get RFC 7047's monitor.
 */
import { isArray, isObject, type Json, type JsonObject } from '../json/json.js';
import { Disconnected, RpcError } from './calls.js';
import { DataError } from './column.js';
import type { AnyReplica } from './replica.js';
import { Session, type SessionOptions } from './session.js';
import { Transaction } from './transaction.js';

export interface DatabaseOptions extends SessionOptions {
  readonly name: string;
  readonly tables: readonly AnyReplica[];
  /** Only who has this lock may write. */
  readonly lock?: string;
  /** The replica, the connection or the lock changed. Once for each message of the server. */
  readonly onChange: () => void;
}

export type DatabaseState = 'disconnected' | 'loading' | 'ready';

export type Outcome =
  | { readonly status: 'success'; readonly inserted: ReadonlyMap<string, string> }
  /** Nothing was to be done. */
  | { readonly status: 'unchanged' }
  /** What was verified has changed, or the connection was lost: look again and try again. */
  | { readonly status: 'try_again' }
  | { readonly status: 'not_locked' }
  | { readonly status: 'error'; readonly reason: string };

const NO_TXN = '00000000-0000-0000-0000-000000000000';
/** From the best to the oldest. */
const METHODS = ['monitor_cond_since', 'monitor_cond', 'monitor'] as const;

export class Database {
  readonly session: Session;
  state: DatabaseState = 'disconnected';
  isOwner = false;
  /** Version of the server's schema; "" before there was a connection. */
  version = '';
  /** The schema, as get_schema told it. */
  schema: JsonObject = {};
  private lastTxn = NO_TXN;
  private connection = 0;
  private waiters: (() => void)[] = [];
  /** News that came while the replica was being loaded: they are about what is to come. */
  private early: [string, readonly Json[]][] = [];

  constructor(private readonly options: DatabaseOptions) {
    this.isOwner = options.lock === undefined;
    this.session = new Session(options, {
      connected: () => void this.begin(),
      disconnected: () => this.ended(),
      notification: (method, params) => {
        if (this.state === 'loading') this.early.push([method, params]);
        else this.notification(method, params);
      },
    });
  }

  /** The replica is whole, and we may write. */
  get isReady(): boolean {
    return this.state === 'ready' && this.isOwner;
  }

  close(): void {
    this.session.close();
  }

  /** Resolves at the next change of the replica, the connection or the lock. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  async commit(tx: Transaction): Promise<Outcome> {
    const { name, lock } = this.options;
    if (tx.isEmpty) return { status: 'unchanged' };
    let reply: Json;
    try {
      reply = await this.session.request('transact', tx.operations(name, lock));
    } catch (e) {
      if (e instanceof Disconnected) return { status: 'try_again' };
      if (e instanceof RpcError) return { status: 'error', reason: e.message };
      throw e;
    }
    return outcome(reply, tx, lock !== undefined);
  }

  /** Builds a transaction and commits it, again and again while what it was built on changes meanwhile. */
  async retry(build: (tx: Transaction) => void): Promise<Outcome> {
    for (;;) {
      if (this.state !== 'ready') await this.changed();
      else {
        const tx = new Transaction();
        build(tx);
        const next = this.changed();
        const result = await this.commit(tx);
        if (result.status !== 'try_again') return result;
        await next;
      }
    }
  }

  private tell(): void {
    const { waiters } = this;
    this.waiters = [];
    for (const w of waiters) w();
    this.options.onChange();
  }

  private ended(): void {
    this.connection++;
    this.state = 'disconnected';
    if (this.options.lock !== undefined) this.isOwner = false;
    this.tell();
  }

  private async begin(): Promise<void> {
    const { name, lock } = this.options;
    const connection = ++this.connection;
    this.state = 'loading';
    this.early = [];
    try {
      const schema = await this.session.request('get_schema', [name]);
      if (!isObject(schema) || !isObject(schema.tables)) throw new DataError('the schema is no object');
      this.schema = schema;
      this.version = typeof schema.version === 'string' ? schema.version : '';
      if (lock !== undefined) await this.takeLock(lock);
      await this.load(schema.tables);
      this.state = 'ready';
      const { early } = this;
      this.early = [];
      for (const [method, params] of early) this.notification(method, params);
      this.tell();
    } catch (e) {
      if (connection !== this.connection) return;
      if (!(e instanceof RpcError || e instanceof DataError)) throw e;
      this.session.restart(e.message);
    }
  }

  private async takeLock(lock: string): Promise<void> {
    const got = await this.session.request('lock', [lock]);
    this.isOwner = isObject(got) && got.locked === true;
    if (!this.isOwner)
      this.options.log(`another program has the lock "${lock}" of the database: waiting for it to end`);
  }

  private async load(tables: JsonObject): Promise<void> {
    const { name } = this.options;
    const requests: Record<string, Json> = {};
    for (const t of this.options.tables) {
      const schema = tables[t.name];
      const columns = t.prepare(isObject(schema) && isObject(schema.columns) ? schema.columns : undefined);
      if (columns) requests[t.name] = [{ columns }];
    }
    for (const method of METHODS) {
      const since: Json[] = method === 'monitor_cond_since' ? [this.lastTxn] : [];
      let reply: Json;
      try {
        reply = await this.session.request(method, [name, name, requests, ...since]);
      } catch (e) {
        if (e instanceof RpcError && isUnknownMethod(e.error) && method !== 'monitor') continue;
        throw e;
      }
      if (method !== 'monitor_cond_since') return this.replace(reply, method !== 'monitor');
      if (!isArray(reply) || reply.length !== 3) throw new DataError('the reply to monitor_cond_since has three parts');
      const [found, txn, updates] = reply;
      this.lastTxn = typeof txn === 'string' ? txn : NO_TXN;
      if (found === true) this.apply(updates, true);
      else this.replace(updates, true);
      return;
    }
  }

  private replace(updates: Json, isDiff: boolean): void {
    for (const t of this.options.tables) t.clear();
    this.apply(updates, isDiff);
  }

  private apply(updates: Json, isDiff: boolean): void {
    if (!isObject(updates)) throw new DataError('table updates are an object');
    for (const t of this.options.tables) {
      const of = updates[t.name];
      if (isObject(of)) t.apply(of, isDiff);
    }
  }

  private notification(method: string, params: readonly Json[]): void {
    try {
      if (method === 'update3') {
        if (typeof params[1] === 'string') this.lastTxn = params[1];
        this.apply(params[2], true);
      } else if (method === 'update2') this.apply(params[1], true);
      else if (method === 'update') this.apply(params[1], false);
      else if (method === 'locked' || method === 'stolen') {
        if (params[0] !== this.options.lock) return;
        this.isOwner = method === 'locked';
        this.options.log(`the lock "${this.options.lock}" of the database is ${this.isOwner ? 'ours now' : 'lost'}`);
      } else if (method === 'monitor_canceled') return this.session.restart('the server let go of the database');
      else return;
    } catch (e) {
      if (!(e instanceof DataError)) throw e;
      this.lastTxn = NO_TXN;
      return this.session.restart(e.message);
    }
    this.tell();
  }
}

function isUnknownMethod(error: Json): boolean {
  return error === 'unknown method' || (isObject(error) && error.error === 'unknown method');
}

/** What the reply to "transact" means: an element an operation, then perhaps one more for a fault found at the end. */
function outcome(reply: Json, tx: Transaction, locked: boolean): Outcome {
  if (!isArray(reply)) return { status: 'error', reason: 'the reply is no array' };
  for (const r of reply) {
    if (!isObject(r) || r.error === undefined || r.error === null) continue;
    if (r.error === 'timed out' || r.error === 'not owner') {
      return { status: r.error === 'timed out' ? 'try_again' : 'not_locked' };
    }
    const details = typeof r.details === 'string' ? `: ${r.details}` : '';
    return { status: 'error', reason: `${String(r.error)}${details}` };
  }
  const inserted = new Map<string, string>();
  for (const [name, at] of tx.insertedAt(locked)) {
    const r = reply[at];
    if (isObject(r) && isArray(r.uuid) && typeof r.uuid[1] === 'string') inserted.set(name, r.uuid[1]);
  }
  return { status: 'success', inserted };
}
