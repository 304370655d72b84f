/** One connection to a database server for the length of a run: its schema, a replica of what the commands read, transactions. */
import type { Duplex } from 'node:stream';
import { UserError } from '../../lib/errors.js';
import { OVSDB_PORT, parseTarget } from '../../openflow/target.js';
import { formatJson, isArray, isObject, type Json, type JsonObject, sortedJson } from '../../ovsdb/json/json.js';
import { JsonRpcConnection } from '../../ovsdb/json/json-rpc.js';
import { parseSchema } from '../../ovsdb/schema/parse.js';
import type { DatabaseSchema } from '../../ovsdb/schema/schema.js';
import { dial, listenAt } from '../../switch/target-sockets.js';
import type { Tls } from '../../switch/tls.js';

/** A whole database comes as one message. */
const MAX_MESSAGE = 1 << 30;
const RETRY_MS = 1000;

/** The stream ended; whether the last request was served is not known. */
export class ConnectionLost extends Error {}

export type Notified = (method: string, params: readonly Json[]) => void;

export class Connection {
  private readonly waiting = new Map<number, { resolve(v: Json): void; reject(e: Error): void }>();
  private nextId = 1;
  private readonly rpc: JsonRpcConnection;
  private lost: Error | undefined;
  onNotification: Notified = () => {};

  constructor(stream: Duplex) {
    this.rpc = new JsonRpcConnection(
      stream,
      {
        message: (m) => {
          if (m.kind === 'notification') return this.onNotification(m.method, m.params);
          if (m.kind === 'request') return this.rpc.error(m.id, 'unknown method');
          const waiting = typeof m.id === 'number' ? this.waiting.get(m.id) : undefined;
          if (typeof m.id === 'number') this.waiting.delete(m.id);
          if (m.kind === 'reply') waiting?.resolve(m.result);
          else waiting?.reject(new UserError(isObject(m.error) ? sortedJson(m.error) : String(m.error)));
        },
        closed: (why) => {
          this.lost = new ConnectionLost(why ?? 'End of file');
          for (const w of this.waiting.values()) w.reject(this.lost);
          this.waiting.clear();
          this.onNotification('closed', []);
        },
      },
      { message: MAX_MESSAGE },
    );
  }

  get isLost(): boolean {
    return this.lost !== undefined;
  }

  /** Rejects with UserError when the server says no, ConnectionLost when it is gone. */
  request(method: string, params: readonly Json[]): Promise<Json> {
    if (this.lost) return Promise.reject(this.lost);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.rpc.request(method, params, id);
    });
  }

  async schema(name: string): Promise<DatabaseSchema> {
    return parseSchema(await this.request('get_schema', [name]));
  }

  async transact(name: string, ops: readonly Json[]): Promise<readonly Json[]> {
    const reply = await this.request('transact', [name, ...ops]);
    if (!isArray(reply)) throw new UserError(`the reply to a transaction is no array: ${formatJson(reply)}`);
    return reply;
  }

  async monitor(name: string, id: Json, requests: JsonObject): Promise<JsonObject> {
    const reply = await this.request('monitor', [name, id, requests]);
    if (!isObject(reply)) throw new UserError(`the reply to a monitor is no object: ${formatJson(reply)}`);
    return reply;
  }

  close(): void {
    this.rpc.close(undefined);
  }
}

/** The first server that visits a passive address. */
async function awaitVisitor(text: string, tls: Tls | undefined): Promise<Duplex> {
  const target = parseTarget(text, OVSDB_PORT);
  let stop: (() => Promise<void>) | undefined;
  const stream = await new Promise<Duplex>((resolve, reject) => {
    listenAt(target, tls, resolve).then((s) => {
      stop = s;
    }, reject);
  });
  void stop?.();
  return stream;
}

/** Opens the remote, or one of several with commas between. Rejects with UserError when nobody is there, unless `retry`. */
export async function connect(text: string, tls: Tls | undefined, retry: boolean): Promise<Connection> {
  for (;;) {
    let why = '';
    for (const one of text.split(/,(?=p?(?:unix|tcp|ssl):)/)) {
      const target = parseTarget(one, OVSDB_PORT);
      if (target.kind === 'ssl' && !tls) {
        throw new UserError(`${one}: ssl needs --private-key, --certificate and --ca-cert`);
      }
      if (target.passive) return new Connection(await awaitVisitor(one, tls));
      const stream = await new Promise<Duplex | undefined>((resolve) => {
        dial(target, tls, {
          open: resolve,
          failed: (w) => {
            why = w;
            resolve(undefined);
          },
        });
      });
      if (stream) return new Connection(stream);
    }
    if (!retry) throw new UserError(`${text}: database connection failed (${capital(why)})`);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

const capital = (s: string): string => s.charAt(0).toUpperCase() + s.slice(1);
