/**
 * Keeps one connection to a controller alive: connects, waits longer after each failure, asks a silent peer whether it is there, and lets go of one
 * that does not answer. Streams are opened by a function it is given; time is a Clock, so that tests move it.
 *
 * States, as Open vSwitch names them: BACKOFF (waiting to try), CONNECTING, ACTIVE, IDLE (asked, no answer yet).
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../lib/clock.js';

export interface ReconnectOptions {
  /** Longest wait between tries, milliseconds. */
  readonly maxBackoffMs: number;
  /** Silence after which the peer is asked; the same time again without an answer ends the connection. 0: never asked. */
  readonly probeMs: number;
}

export const RECONNECT_DEFAULTS: ReconnectOptions = { maxBackoffMs: 8000, probeMs: 5000 };
const FIRST_BACKOFF_MS = 1000;

export type ReconnectState = 'BACKOFF' | 'CONNECTING' | 'ACTIVE' | 'IDLE';

export interface ReconnectEvents {
  /** Opens a stream; rejects with the reason. */
  open(): Promise<Duplex>;
  /** A stream is open. Returns how to ask the peer whether it is there. */
  connected(stream: Duplex): { probe(): void };
  changed(state: ReconnectState, why: string): void;
}

export class Reconnect {
  state: ReconnectState = 'BACKOFF';
  private backoffMs = 0;
  private cancel: () => void = () => {};
  private stream: Duplex | undefined;
  private ask: () => void = () => {};
  private lastHeard = 0;
  private ended = false;

  constructor(
    private readonly clock: Clock,
    private readonly events: ReconnectEvents,
    private readonly options: ReconnectOptions = RECONNECT_DEFAULTS,
  ) {
    this.wait(0, 'starting');
  }

  get isConnected(): boolean {
    return this.state === 'ACTIVE' || this.state === 'IDLE';
  }

  private enter(state: ReconnectState, why: string): void {
    this.state = state;
    this.events.changed(state, why);
  }

  private wait(ms: number, why: string): void {
    this.enter('BACKOFF', why);
    this.cancel = this.clock.after(ms, () => {
      this.enter('CONNECTING', 'connecting');
      this.events.open().then(
        (stream) => this.opened(stream),
        (e) => this.failed(e instanceof Error ? e.message : String(e)),
      );
    });
  }

  private failed(why: string): void {
    if (this.ended) return;
    this.backoffMs = Math.min(this.backoffMs === 0 ? FIRST_BACKOFF_MS : this.backoffMs * 2, this.options.maxBackoffMs);
    this.wait(this.backoffMs, `${why}; next try in ${this.backoffMs / 1000} s`);
  }

  private opened(stream: Duplex): void {
    if (this.ended) {
      stream.destroy();
      return;
    }
    this.stream = stream;
    this.lastHeard = this.clock.now();
    stream.on('data', () => this.heard());
    stream.on('close', () => this.lost(stream));
    this.ask = this.events.connected(stream).probe;
    this.enter('ACTIVE', 'connected');
    this.watch();
  }

  private heard(): void {
    this.lastHeard = this.clock.now();
    // A peer that talks has earned a quick try the next time.
    this.backoffMs = 0;
    if (this.state === 'IDLE') this.enter('ACTIVE', 'answered');
  }

  private lost(stream: Duplex): void {
    if (this.stream !== stream || this.ended) return;
    this.stream = undefined;
    this.cancel();
    this.failed('connection closed');
  }

  private watch(): void {
    if (this.options.probeMs === 0) return;
    const due = this.lastHeard + this.options.probeMs * (this.state === 'IDLE' ? 2 : 1);
    this.cancel = this.clock.after(Math.max(1, due - this.clock.now()), () => {
      const silent = this.clock.now() - this.lastHeard;
      if (silent >= this.options.probeMs * 2) {
        this.stream?.destroy();
        return;
      }
      if (silent >= this.options.probeMs && this.state === 'ACTIVE') {
        this.ask();
        this.enter('IDLE', 'asked whether the peer is there');
      }
      this.watch();
    });
  }

  /** Ends the connection and all tries. */
  close(): void {
    this.ended = true;
    this.cancel();
    this.stream?.destroy();
  }
}
