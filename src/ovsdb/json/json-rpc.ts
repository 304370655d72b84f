/**
 * JSON-RPC 1.0 over a stream (RFC 7047 section 4): messages of both directions, and one connection. Either end may ask; an "echo" is answered here, for
 * both ends must whenever they are asked.
 */
import type { Duplex } from 'node:stream';
import type { Account, Budget } from './budget.js';
import { formatJson, isArray, isObject, type Json, type RawJson } from './json.js';
import { JsonStream } from './json-stream.js';

export type JsonRpcMessage =
  | { readonly kind: 'request'; readonly method: string; readonly params: readonly Json[]; readonly id: Json }
  | { readonly kind: 'notification'; readonly method: string; readonly params: readonly Json[] }
  | { readonly kind: 'reply'; readonly result: Json; readonly id: Json }
  | { readonly kind: 'error'; readonly error: Json; readonly id: Json };

const MEMBERS: ReadonlySet<string> = new Set(['method', 'params', 'result', 'error', 'id']);

/** What a JSON value says as a message; a string says what is wrong with it. A request's id may be anything but null. */
export function asMessage(v: Json): JsonRpcMessage | string {
  if (!isObject(v)) return 'message is not a JSON object';
  const extra = Object.keys(v).find((n) => !MEMBERS.has(n));
  if (extra !== undefined) return `message has unexpected member "${extra}"`;
  const { method, params, result = null, error = null, id = null } = v;
  if (method !== undefined && method !== null) {
    if (typeof method !== 'string') return 'method is not JSON string';
    const kind = id === null ? 'notification' : 'request';
    if (params === undefined || params === null) return `${kind} must have "params"`;
    if (!isArray(params)) return '"params" must be JSON array';
    if (result !== null || error !== null) return `${kind} must not have "${result !== null ? 'result' : 'error'}"`;
    return id === null ? { kind: 'notification', method, params } : { kind: 'request', method, params, id };
  }
  if (params !== undefined && params !== null) return 'reply must not have "params"';
  if (id === null) return 'reply must have "id"';
  if (error !== null)
    return result !== null ? 'reply must not have both "result" and "error"' : { kind: 'error', error, id };
  return { kind: 'reply', result, id };
}

export interface JsonRpcHandler {
  message(m: JsonRpcMessage): void;
  /** Once, after the last message. `why` where there was a fault; undefined when the peer just closed. */
  closed(why: string | undefined): void;
  /** All that was sent has left us. */
  drained?(): void;
}

export interface JsonRpcLimits {
  /** Bytes of one message. */
  readonly message: number;
  /** Of unfinished messages; shared with the other connections of a server. */
  readonly held?: Budget;
}

export class JsonRpcConnection {
  private readonly json: JsonStream;
  private readonly held: Account | undefined;
  private isClosed = false;
  private why: string | undefined;
  private corked = false;
  private paused = false;
  /** Messages that came while reading was paused. */
  private waiting: Json[] = [];

  constructor(
    private readonly stream: Duplex,
    private readonly handler: JsonRpcHandler,
    limits: JsonRpcLimits,
  ) {
    this.held = limits.held?.open((why) => this.close(why));
    this.json = new JsonStream(limits.message, this.held);
    stream.on('data', (chunk: Uint8Array) => this.receive(chunk));
    stream.on('error', (e) => this.close(e.message));
    stream.on('end', () => this.close(this.json.isMidway ? 'connection ended within a message' : undefined));
    stream.on('close', () => this.close(undefined));
    stream.on('drain', () => this.handler.drained?.());
  }

  get closed(): boolean {
    return this.isClosed;
  }

  /** Bytes that the peer has not taken yet. */
  get backlog(): number {
    return this.stream.writableLength;
  }

  request(method: string, params: Json | RawJson, id: Json): void {
    this.send(() => `{"method":"${method}","params":${formatJson(params)},"id":${formatJson(id)}}`);
  }

  notify(method: string, params: Json | RawJson): void {
    this.send(() => `{"method":"${method}","params":${formatJson(params)},"id":null}`);
  }

  reply(id: Json, result: Json | RawJson): void {
    this.send(() => `{"id":${formatJson(id)},"result":${formatJson(result)},"error":null}`);
  }

  error(id: Json, error: Json): void {
    this.send(() => `{"id":${formatJson(id)},"result":null,"error":${formatJson(error)}}`);
  }

  /** Messages of one turn leave in one write. One that no string holds ends the connection: its peer must not wait for it. */
  private send(make: () => string): void {
    if (this.isClosed) return;
    let text: string;
    try {
      text = make();
    } catch (e) {
      if (!(e instanceof RangeError)) throw e;
      return this.close('a message for it is too long to be sent');
    }
    if (!this.corked) {
      this.corked = true;
      this.stream.cork();
      process.nextTick(() => {
        this.corked = false;
        this.stream.uncork();
      });
    }
    this.stream.write(text);
  }

  /** Hands on no more messages; what the peer says meanwhile waits at its end. */
  pause(): void {
    this.paused = true;
    this.stream.pause();
  }

  /** Hands on what waited, then reads again; unless a message makes the handler pause again. */
  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.deliver(this.waiting.splice(0));
    if (!this.paused && !this.isClosed) this.stream.resume();
  }

  /** Ends the connection; the handler hears it, at once. What was sent before still leaves. */
  close(why: string | undefined): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.why = why;
    this.json.end();
    this.held?.close();
    this.stream.on('error', () => {});
    if (why === undefined) this.stream.end(() => this.stream.destroy());
    else this.stream.destroy();
    this.handler.closed(this.why);
  }

  private receive(chunk: Uint8Array): void {
    if (this.isClosed) return;
    let values: Json[];
    try {
      values = this.json.push(chunk);
    } catch (e) {
      this.close(`error parsing stream: ${e instanceof Error ? e.message : String(e)}`);
      return;
    }
    this.deliver(values);
  }

  private deliver(values: readonly Json[]): void {
    for (const [i, v] of values.entries()) {
      if (this.isClosed) return;
      if (this.paused) {
        this.waiting.push(...values.slice(i));
        return;
      }
      const m = asMessage(v);
      if (typeof m === 'string') this.close(`received bad JSON-RPC message: ${m}`);
      else if (m.kind === 'request' && m.method === 'echo') this.reply(m.id, m.params);
      else this.handler.message(m);
    }
  }
}
