/** Requests over one stream to a database server, the replies that answer them, and what the server says by itself. */
import type { Duplex } from 'node:stream';
import { UserError } from '../../lib/errors.js';
import { type Json, type RawJson, sortedJson } from '../json/json.js';
import { JsonRpcConnection, type JsonRpcMessage } from '../json/json-rpc.js';

/** The server's answer to a request was an error. */
export class RpcError extends UserError {
  constructor(readonly error: Json) {
    super(typeof error === 'string' ? error : sortedJson(error));
    this.name = 'RpcError';
  }
}

/** The connection ended before the answer came: whether the request was served is not known. */
export class Disconnected extends Error {
  constructor(why = 'the connection to the database ended') {
    super(why);
    this.name = 'Disconnected';
  }
}

export interface CallsHandler {
  notification(method: string, params: readonly Json[]): void;
  /** Once, after all that waited were told. `why` where there was a fault; undefined when the peer, or we, just closed. */
  closed(why: string | undefined): void;
}

/** A whole large database comes as one message. */
const MAX_MESSAGE = 1 << 30;

export class Calls {
  private readonly rpc: JsonRpcConnection;
  private readonly waiting = new Map<number, { resolve(result: Json): void; reject(e: Error): void }>();
  private nextId = 1;
  private lost: Disconnected | undefined;

  constructor(
    stream: Duplex,
    private readonly handler: CallsHandler,
  ) {
    const events = { message: (m: JsonRpcMessage) => this.message(m), closed: (why?: string) => this.closed(why) };
    this.rpc = new JsonRpcConnection(stream, events, { message: MAX_MESSAGE });
  }

  get isClosed(): boolean {
    return this.lost !== undefined;
  }

  /** Rejects with RpcError or Disconnected. */
  request(method: string, params: Json | RawJson): Promise<Json> {
    if (this.lost) return Promise.reject(this.lost);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.rpc.request(method, params, id);
    });
  }

  /** Asks the server whether it is there: any sign of life is the answer. */
  probe(): void {
    this.rpc.request('echo', [], 'echo');
  }

  close(): void {
    this.rpc.close(undefined);
  }

  private message(m: JsonRpcMessage): void {
    if (m.kind === 'notification') return this.handler.notification(m.method, m.params);
    if (m.kind === 'request') return this.rpc.error(m.id, 'unknown method');
    if (typeof m.id !== 'number') return;
    const waiting = this.waiting.get(m.id);
    this.waiting.delete(m.id);
    if (m.kind === 'reply') waiting?.resolve(m.result);
    else waiting?.reject(new RpcError(m.error));
  }

  private closed(why: string | undefined): void {
    this.lost = new Disconnected(why);
    for (const w of this.waiting.values()) w.reject(this.lost);
    this.waiting.clear();
    this.handler.closed(why);
  }
}
