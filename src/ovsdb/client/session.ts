/**
 * A connection to a database server that is made again whenever it is lost: requests and their replies, news, and the times of Reconnect (the wait
 * between tries, the probe by "echo" of a server that is silent). Streams are opened by an argument; of several remotes the next one is tried each time.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../lib/clock.js';
import { Reconnect } from '../../openflow/reconnect.js';
import { formatJson, type Json, type RawJson } from '../json/json.js';
import { JsonRpcConnection, type JsonRpcMessage } from '../json/json-rpc.js';

/** Starts to open a stream; exactly one of `then`'s functions is called later, unless the returned function gives up before. */
export type Opener = (then: { open(stream: Duplex): void; failed(why: string): void }) => () => void;

export interface Remote {
  /** As it was written: its name in logs. */
  readonly text: string;
  readonly open: Opener;
}

export interface SessionHandler {
  /** A connection is there; nothing of the one before is. */
  connected(): void;
  disconnected(): void;
  notification(method: string, params: readonly Json[]): void;
}

export interface SessionOptions {
  readonly remotes: readonly Remote[];
  readonly clock: Clock;
  readonly log: (text: string) => void;
  /** Silence after which the server is asked whether it is there; 0 never. */
  readonly probeMs?: number;
  readonly maxBackoffMs?: number;
}

/** The server's answer to a request was an error. */
export class RpcError extends Error {
  constructor(readonly error: Json) {
    super(typeof error === 'string' ? error : formatJson(error));
    this.name = 'RpcError';
  }
}

/** The connection ended before the answer came: whether the request was served is not known. */
export class Disconnected extends Error {
  constructor() {
    super('the connection to the database ended');
    this.name = 'Disconnected';
  }
}

interface Waiting {
  resolve(result: Json): void;
  reject(e: Error): void;
}

/** A whole large database comes as one message. */
const MAX_MESSAGE = 1 << 30;

export class Session {
  readonly reconnect: Reconnect;
  private rpc: JsonRpcConnection | undefined;
  private giveUp: () => void = () => {};
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 1;
  private turn = 0;

  constructor(
    private readonly options: SessionOptions,
    private readonly handler: SessionHandler,
  ) {
    const { probeMs = 5000, maxBackoffMs = 8000, log, clock } = options;
    this.reconnect = new Reconnect(
      clock,
      {
        open: () => this.open(),
        close: () => this.drop(),
        probe: () => this.rpc?.request('echo', [], 'echo'),
        changed: (state, why) => {
          if (state === 'ACTIVE' && why === 'connected') log(`${this.remote.text}: connected`);
          if (state === 'BACKOFF' && why !== 'starting') log(`${this.remote.text}: ${why}`);
        },
      },
      { maxBackoffMs, probeMs, reliable: true },
    );
  }

  get isConnected(): boolean {
    return this.rpc !== undefined;
  }

  private get remote(): Remote {
    return this.options.remotes[this.turn % this.options.remotes.length];
  }

  /** Rejects with RpcError or Disconnected. */
  request(method: string, params: Json | RawJson): Promise<Json> {
    const { rpc } = this;
    if (!rpc) return Promise.reject(new Disconnected());
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      rpc.request(method, params, id);
    });
  }

  /** Ends this connection and begins anew, for example because the server said what makes no sense. */
  restart(why: string): void {
    this.drop();
    this.reconnect.failed(why);
  }

  close(): void {
    this.reconnect.close();
    this.drop();
  }

  private open(): void {
    this.giveUp = this.remote.open({
      open: (stream) => this.serve(stream),
      failed: (why) => {
        this.reconnect.failed(why);
        this.turn++;
      },
    });
  }

  private serve(stream: Duplex): void {
    const rpc = new JsonRpcConnection(
      stream,
      {
        message: (m) => {
          if (this.rpc === rpc) this.message(m);
        },
        closed: (why) => {
          if (this.rpc !== rpc) return;
          this.lost();
          this.reconnect.failed(why ?? 'connection closed by peer');
          this.turn++;
        },
      },
      { message: MAX_MESSAGE },
    );
    stream.on('data', () => {
      if (this.rpc === rpc) this.reconnect.heard();
    });
    this.rpc = rpc;
    this.reconnect.connected();
    this.handler.connected();
  }

  private message(m: JsonRpcMessage): void {
    if (m.kind === 'notification') return this.handler.notification(m.method, m.params);
    if (m.kind === 'request') return this.rpc?.error(m.id, 'unknown method');
    if (typeof m.id !== 'number') return;
    const waiting = this.waiting.get(m.id);
    this.waiting.delete(m.id);
    if (m.kind === 'reply') waiting?.resolve(m.result);
    else waiting?.reject(new RpcError(m.error));
  }

  private drop(): void {
    this.giveUp();
    this.giveUp = () => {};
    const { rpc } = this;
    this.lost();
    rpc?.close(undefined);
  }

  private lost(): void {
    if (!this.rpc) return;
    this.rpc = undefined;
    const all = [...this.waiting.values()];
    this.waiting.clear();
    for (const w of all) w.reject(new Disconnected());
    this.handler.disconnected();
  }
}
