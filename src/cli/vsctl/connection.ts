/** One connection to a database server for the length of a run: its schema, a replica of what the commands read, transactions. */
import type { Duplex } from 'node:stream';
import { UserError } from '../../lib/errors.js';
import { OVSDB_PORT, parseTarget } from '../../openflow/target.js';
import { Calls } from '../../ovsdb/client/calls.js';
import { formatJson, isArray, isObject, type Json, type JsonObject } from '../../ovsdb/json/json.js';
import { parseSchema } from '../../ovsdb/schema/parse.js';
import type { DatabaseSchema } from '../../ovsdb/schema/schema.js';
import { dial, listenAt } from '../../switch/target-sockets.js';
import type { Tls } from '../../switch/tls.js';

const RETRY_MS = 1000;

export type Notified = (method: string, params: readonly Json[]) => void;

export class Connection {
  private readonly calls: Calls;
  /** Hears "closed", too. */
  onNotification: Notified = () => {};

  constructor(stream: Duplex) {
    this.calls = new Calls(stream, {
      notification: (method, params) => this.onNotification(method, params),
      closed: () => this.onNotification('closed', []),
    });
  }

  get isLost(): boolean {
    return this.calls.isClosed;
  }

  /** Rejects with RpcError when the server says no, Disconnected when it is gone. */
  request(method: string, params: readonly Json[]): Promise<Json> {
    return this.calls.request(method, params);
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
    this.calls.close();
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
