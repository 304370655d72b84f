/**
 * One database: tables under a schema, transactions all or nothing, a feed of what was committed. What a file keeps is the concern of the storage that it is
 * given; when that fails, the transaction fails.
 */
import type { Json, JsonObject } from '../json/json.js';
import type { DatabaseSchema } from '../schema/schema.js';
import { OvsdbError } from '../value/error.js';
import { Members } from '../value/members.js';
import { apply, prepare, type Ready } from './commit.js';
import { exhausted, MAX_DATABASE, MAX_RESULTS, weigh } from './limits.js';
import { type Execution, MustWait, OPERATIONS } from './operations.js';
import { type RowChange, Table } from './row.js';
import { Transaction } from './transaction.js';

/** A transaction that is part of the database now. */
export interface Committed {
  readonly id: string;
  readonly changes: readonly RowChange[];
  readonly comment: string;
  /** Characters of what went and what came. */
  readonly weight: number;
}

/** Where transactions are kept. */
export interface Storage {
  /** Keeps a transaction, on the disk itself when `durable`. Throws OvsdbError "I/O error"; then nothing of it is kept. */
  write(txn: Committed, durable: boolean): void;
}

/** Who asks for a transaction. */
export interface TransactContext {
  readonly holdsLock?: (lock: string) => boolean;
  /** Since the first try, in milliseconds. */
  readonly elapsedMs?: number;
  /** A "wait" that is not met fails at once, with no time to wait. */
  readonly mayBlock?: boolean;
}

export type Outcome =
  | { readonly kind: 'done'; readonly results: readonly Json[]; readonly committed: Committed | undefined }
  /** A "wait" is not met: try again after a commit, or after this many milliseconds from the first try. */
  | { readonly kind: 'blocked'; readonly timeoutMs: number | undefined };

export class Database {
  readonly tables: ReadonlyMap<string, Table>;
  private readonly listeners = new Set<(txn: Committed) => void>();
  /** Characters of all rows. */
  private weight = 0;

  constructor(
    readonly schema: DatabaseSchema,
    /** A fresh random UUID, in lower case. */
    private readonly newUuid: () => string,
    private storage?: Storage,
  ) {
    const tables = new Map<string, Table>();
    for (const t of schema.tables.values()) tables.set(t.name, new Table(t, tables));
    this.tables = tables;
  }

  /** Where transactions go from now on; undefined: nowhere. */
  setStorage(storage: Storage | undefined): void {
    this.storage = storage;
  }

  /** Hears each transaction that changed something, after it is in the tables and in the file. The returned function ends that. */
  onCommit(listener: (txn: Committed) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Runs operations (JSON) as one transaction. Faults are in the results. */
  transact(operations: readonly Json[], context: TransactContext = {}): Outcome {
    const txn = this.begin();
    const { holdsLock = () => false, elapsedMs = 0 } = context;
    const x: Execution = { txn, holdsLock, elapsedMs, room: MAX_RESULTS };
    const results: Json[] = [];
    for (const [i, json] of operations.entries()) {
      try {
        results.push(this.operation(x, json, `ovsdb operation ${i + 1} of ${operations.length}`));
      } catch (e) {
        txn.abort();
        if (e instanceof MustWait && context.mayBlock !== false) return { kind: 'blocked', timeoutMs: e.timeoutMs };
        results.push(faultToJson(e));
        while (results.length < operations.length) results.push(null);
        return { kind: 'done', results, committed: undefined };
      }
    }
    try {
      return { kind: 'done', results, committed: this.commit(txn) };
    } catch (e) {
      results.push(faultToJson(e));
      return { kind: 'done', results, committed: undefined };
    }
  }

  /** A transaction by hand: for storage that is read back, and for what the program itself changes. Ends with commit() or abort(). */
  begin(): Transaction {
    return new Transaction(this.tables, this.newUuid);
  }

  /** Throws OvsdbError; the transaction is aborted then. Undefined: it changed nothing. `replay`: it comes from the storage. */
  commit(txn: Transaction, replay = false): Committed | undefined {
    let ready: Ready;
    let committed: Committed;
    let grown: number;
    try {
      ready = prepare(txn);
      if (ready.changes.length === 0) return undefined;
      const { before, after } = weigh(ready.changes);
      grown = after - before;
      // What a file holds already is served, whatever its size; and less is always fine.
      if (!replay && grown > 0 && this.weight + grown > MAX_DATABASE) throw exhausted('the database', MAX_DATABASE);
      const comment = txn.comments.join('\n');
      committed = { id: this.newUuid(), changes: ready.changes, comment, weight: before + after };
      if (!replay) this.storage?.write(committed, txn.durable);
    } catch (e) {
      txn.abort();
      throw e;
    }
    apply(ready);
    this.weight += grown;
    for (const listener of this.listeners) listener(committed);
    return committed;
  }

  private operation(x: Execution, json: Json, what: string): JsonObject {
    const m = new Members(json, what);
    const name = m.id('op');
    m.check();
    const operation = name === undefined ? undefined : OPERATIONS.get(name);
    if (!operation) {
      m.raise(`No operation "${name}"`);
      throw m.finish();
    }
    let result: JsonObject;
    try {
      result = operation.run(x, m);
    } catch (e) {
      // What is wrong with the operation's form counts before what went wrong in it.
      if (e instanceof OvsdbError || e instanceof MustWait) m.finish();
      throw e;
    }
    m.finish();
    if (!operation.readOnly && this.schema.name.startsWith('_')) {
      const text = `${name} operation not allowed on table in reserved database ${this.schema.name}`;
      throw new OvsdbError('not allowed', text);
    }
    return result;
  }
}

function faultToJson(e: unknown): Json {
  if (e instanceof OvsdbError) return e.toJson();
  if (e instanceof MustWait) return new OvsdbError('not supported', 'triggers not supported').toJson();
  throw e;
}
