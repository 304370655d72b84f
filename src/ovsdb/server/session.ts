/** One client of the server: its requests, its monitors, its locks, its transactions that wait. */
import type { Duplex } from 'node:stream';
import type { Database } from '../engine/database.js';
import type { Account } from '../json/budget.js';
import { formatJson, type Json, jsonWeight, RawJson, sortedJson } from '../json/json.js';
import { JsonRpcConnection, type JsonRpcHandler, type JsonRpcLimits, type JsonRpcMessage } from '../json/json-rpc.js';
import { OvsdbError } from '../value/error.js';
import type { LockHolder } from './locks.js';
import { METHODS } from './methods.js';
import type { ChangeSet, Conditions, MonitorKind, SharedMonitor } from './monitors.js';
import type { OvsdbServer, Served } from './server.js';
import type { Trigger } from './triggers.js';

/** A monitor of a session. */
export interface SessionMonitor {
  /** As the client gave it, in JSON. */
  id: Json;
  readonly kind: MonitorKind;
  readonly served: Served;
  readonly shared: SharedMonitor;
  conditions: Conditions;
  set: ChangeSet;
  /** Of the request, in memory. */
  weight: number;
}

/** What whoever keeps a connection wants to know. */
export interface SessionEvents {
  /** Something came. */
  heard?(): void;
  /** Once. `why` where there was a fault; undefined when the peer just closed. */
  closed(why: string | undefined): void;
}

/** Bytes a client may leave unread before it is told nothing more than it asked for. */
const SLOW_BYTES = 256 << 10;

export class Session implements JsonRpcHandler, LockHolder {
  readonly monitors = new Map<string, SessionMonitor>();
  /** By request. */
  readonly triggers = new Map<string, { id: Json; trigger: Trigger; weight: number }>();
  isChangeAware = false;
  private readonly rpc: JsonRpcConnection;
  /** What requests left here. */
  private readonly kept: Account;
  private readonly unread: Account;

  constructor(
    readonly server: OvsdbServer,
    stream: Duplex,
    readonly name: string,
    limits: JsonRpcLimits,
    private readonly events: SessionEvents,
  ) {
    stream.on('data', () => events.heard?.());
    this.rpc = new JsonRpcConnection(stream, this, limits);
    this.kept = server.held.open((why) => this.close(why));
    this.unread = server.unread.open((why) => this.close(why));
  }

  get isClosed(): boolean {
    return this.rpc.closed;
  }

  holdsLock = (name: string): boolean => this.server.locks.owns(this, name);

  message(m: JsonRpcMessage): void {
    if (m.kind === 'request') this.request(m.method, m.params, m.id);
    else if (m.kind === 'notification') this.notification(m.method, m.params);
    else if (m.id !== 'echo') this.close(`received unexpected ${m.kind} message`);
    this.countUnread();
    if (this.rpc.backlog > SLOW_BYTES) this.rpc.pause();
  }

  /** Counts what the client makes us keep, or, with less than nothing, what is done with. */
  keep(bytes: number): void {
    if (!this.kept.add(bytes)) this.close(this.server.held.why(this.kept.size));
  }

  /** With what monitors keep for a client that does not read: rows as they were when it read last. */
  private countUnread(): void {
    const { backlog } = this.rpc;
    let size = backlog;
    if (backlog > SLOW_BYTES) for (const m of this.monitors.values()) size += m.set.weight;
    if (!this.unread.set(size)) this.close(this.server.unread.why(size));
  }

  private request(method: string, params: readonly Json[], id: Json): void {
    const run = METHODS.get(method);
    if (!run) {
      this.error(id, 'unknown method');
      return;
    }
    try {
      const result = run(this, { method, params, id });
      if (result !== undefined) this.reply(id, result);
    } catch (e) {
      if (!(e instanceof OvsdbError)) throw e;
      this.error(id, e.toJson());
    }
  }

  private notification(method: string, params: readonly Json[]): void {
    if (method !== 'cancel' || params.length !== 1) return;
    const key = sortedJson(params[0]);
    const waiting = this.triggers.get(key);
    if (!waiting || !this.server.triggers.cancel(waiting.trigger)) return;
    this.dropTrigger(key);
    this.error(waiting.id, 'canceled');
  }

  /** What happened so far is told before the reply: a client then knows what its own transaction did. */
  reply(id: Json, result: Json | RawJson): void {
    this.flush();
    this.rpc.reply(id, result);
  }

  error(id: Json, error: Json): void {
    this.flush();
    this.rpc.error(id, error);
  }

  notify(method: string, params: Json | RawJson): void {
    this.rpc.notify(method, params);
  }

  /** Asks the peer whether it is there. */
  probe(): void {
    this.rpc.request('echo', [], 'echo');
  }

  lockChanged(name: string, what: 'locked' | 'stolen'): void {
    this.flush();
    this.notify(what, [name]);
  }

  addMonitor(key: string, m: SessionMonitor): void {
    this.monitors.set(key, m);
    this.keep(m.weight);
  }

  dropMonitor(key: string): void {
    const m = this.monitors.get(key);
    if (!m) return;
    m.shared.leave(m.set);
    this.monitors.delete(key);
    this.keep(-m.weight);
  }

  /** Runs a transaction, now or when its "wait" is met. */
  transact(db: Database, operations: readonly Json[], id: Json): void {
    const key = sortedJson(id);
    const trigger: Trigger = {
      db,
      operations,
      holdsLock: this.holdsLock,
      done: (results) => {
        this.dropTrigger(key);
        this.reply(id, results);
        this.countUnread();
      },
    };
    this.triggers.set(key, { id, trigger, weight: 0 });
    this.server.triggers.run(trigger);
    const waits = this.triggers.get(key);
    if (!waits) return;
    waits.weight = jsonWeight(operations);
    this.keep(waits.weight);
  }

  /** One that was run or cancelled is kept no longer. */
  dropTrigger(key: string): void {
    this.keep(-(this.triggers.get(key)?.weight ?? 0));
    this.triggers.delete(key);
  }

  /** Tells what changed, unless the client has enough to read. */
  flushIfRead(): void {
    if (this.monitors.size === 0) return;
    if (this.rpc.backlog <= SLOW_BYTES) this.flush();
    this.countUnread();
  }

  flush(): void {
    for (const m of this.monitors.values()) {
      if (m.set.isEmpty) continue;
      const tables = m.shared.update(m.set, m.kind, m.conditions);
      m.shared.leave(m.set);
      m.set = m.shared.enter();
      if (tables) this.tell(m, tables);
    }
  }

  tell(m: SessionMonitor, tables: RawJson): void {
    const last = m.kind.since ? `"${m.served.history.last}",` : '';
    this.notify(m.kind.notification, new RawJson(`[${formatJson(m.id)},${last}${tables.text}]`));
  }

  drained(): void {
    this.unread.set(0);
    this.flushIfRead();
    this.rpc.resume();
  }

  close(why: string | undefined): void {
    this.rpc.close(why);
  }

  closed(why: string | undefined): void {
    this.kept.close();
    this.unread.close();
    for (const { trigger } of this.triggers.values()) this.server.triggers.cancel(trigger);
    this.triggers.clear();
    for (const m of this.monitors.values()) m.shared.leave(m.set);
    this.monitors.clear();
    this.server.locks.releaseAll(this);
    this.events.closed(why);
  }
}
