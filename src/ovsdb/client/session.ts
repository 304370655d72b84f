/**
 * A connection to a database server that is made again whenever it is lost: Calls, one after the other, at the times of Reconnect (the wait
 * between tries, the probe by "echo" of a server that is silent). Streams are opened by an argument; of several remotes the next one is tried each time.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../lib/clock.js';
import { Reconnect } from '../../openflow/reconnect.js';
import type { Json, RawJson } from '../json/json.js';
import { Calls, Disconnected } from './calls.js';

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

export class Session {
  readonly reconnect: Reconnect;
  private calls: Calls | undefined;
  private giveUp: () => void = () => {};
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
        probe: () => this.calls?.probe(),
        changed: (state, why) => {
          if (state === 'ACTIVE' && why === 'connected') log(`${this.remote.text}: connected`);
          if (state === 'BACKOFF' && why !== 'starting') log(`${this.remote.text}: ${why}`);
        },
      },
      { maxBackoffMs, probeMs, reliable: true },
    );
  }

  get isConnected(): boolean {
    return this.calls !== undefined;
  }

  private get remote(): Remote {
    return this.options.remotes[this.turn % this.options.remotes.length];
  }

  /** Rejects with RpcError or Disconnected. */
  request(method: string, params: Json | RawJson): Promise<Json> {
    return this.calls?.request(method, params) ?? Promise.reject(new Disconnected());
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
    const calls: Calls = new Calls(stream, {
      notification: (method, params) => {
        if (this.calls === calls) this.handler.notification(method, params);
      },
      closed: (why) => {
        if (this.calls !== calls) return;
        this.lost();
        this.reconnect.failed(why ?? 'connection closed by peer');
        this.turn++;
      },
    });
    stream.on('data', () => {
      if (this.calls === calls) this.reconnect.heard();
    });
    this.calls = calls;
    this.reconnect.connected();
    this.handler.connected();
  }

  private drop(): void {
    this.giveUp();
    this.giveUp = () => {};
    const { calls } = this;
    this.lost();
    calls?.close();
  }

  private lost(): void {
    if (!this.calls) return;
    this.calls = undefined;
    this.handler.disconnected();
  }
}
