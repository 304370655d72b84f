/**
 * When to connect to a controller, when to ask it whether it is there, when to give it up. A state machine of times alone: who owns it opens and
 * closes streams when told to, and says what came of it. States and times are those of Open vSwitch:
 *
 *     BACKOFF ──backoff over──▶ CONNECTING ──hellos exchanged──▶ ACTIVE ──probeMs of silence──▶ IDLE (asked)
 *        ▲                          │ failed, or took too long      ▲ │ lost                      │ │ silent again, lost
 *        └──────────────────────────┴────────────────────────────────┼─┴───────────────────────────┼─┘
 *                                                                    └────────── heard ────────────┘
 *
 * The wait grows from 1 s by doubling while connections end sooner than they were waited for; one that lasted begins again at 1 s. A peer that came
 * to us (`reliable: false`) is watched in the same way, but once gone it is gone: VOID.
 */
import type { Clock } from '../lib/clock.js';

export interface ReconnectOptions {
  /** Longest wait between tries, milliseconds. */
  readonly maxBackoffMs: number;
  /** Silence after which the peer is asked; the same time again without a word ends the connection. 0: never asked. */
  readonly probeMs: number;
  /** False: a connection that ends is not made again. */
  readonly reliable: boolean;
}

export const RECONNECT_DEFAULTS: ReconnectOptions = { maxBackoffMs: 8000, probeMs: 5000, reliable: true };
const FIRST_BACKOFF_MS = 1000;
/** A controller that kept the connection so long has admitted the switch, whatever it said. */
const ADMITTED_AFTER_MS = 30_000;

export type ReconnectState = 'VOID' | 'BACKOFF' | 'CONNECTING' | 'ACTIVE' | 'IDLE';

/** What the owner is told to do. None of them may call back before it returns. */
export interface ReconnectEvents {
  open(): void;
  /** End the stream, or the try to open one. */
  close(): void;
  /** Ask the peer whether it is there. */
  probe(): void;
  changed?(state: ReconnectState, why: string): void;
}

export class Reconnect {
  state: ReconnectState = 'VOID';
  /** Milliseconds of the clock when the state was entered. */
  since: number;
  /** Undefined: never. */
  connectedAt: number | undefined;
  disconnectedAt: number | undefined;
  attempts = 0;
  lastError: string | undefined;
  private backoffMs = 0;
  /** A connection that ends before this ended too soon. */
  private backoffUntil = Number.NEGATIVE_INFINITY;
  private heardAt = 0;
  private admittedAt: number;
  private isKnownAdmitted = false;
  private cancel: () => void = () => {};

  constructor(
    private readonly clock: Clock,
    private readonly events: ReconnectEvents,
    private readonly options: ReconnectOptions = RECONNECT_DEFAULTS,
  ) {
    this.since = clock.now();
    this.admittedAt = this.since;
    if (options.reliable) this.enter('BACKOFF', 'starting');
    else this.enter('CONNECTING', 'accepted');
  }

  get isConnected(): boolean {
    return this.state === 'ACTIVE' || this.state === 'IDLE';
  }

  /** Connected, and the controller has shown that it means to keep this switch. */
  get isAdmitted(): boolean {
    return this.isConnected && (this.isKnownAdmitted || this.elapsed() >= ADMITTED_AFTER_MS);
  }

  /** Milliseconds for which no controller has been in charge; 0 while one is. */
  get failureMs(): number {
    return this.isAdmitted ? 0 : this.clock.now() - this.admittedAt;
  }

  /** Both hellos are exchanged. */
  connected(): void {
    if (this.state !== 'CONNECTING') return;
    this.connectedAt = this.clock.now();
    this.heardAt = this.connectedAt;
    this.isKnownAdmitted = false;
    this.enter('ACTIVE', 'connected');
  }

  /** A message came. */
  heard(): void {
    this.heardAt = this.clock.now();
    if (this.state === 'IDLE') this.enter('ACTIVE', 'answered');
  }

  /** The controller did something that only one in charge does. */
  admitted(): void {
    if (!this.isConnected) return;
    this.isKnownAdmitted = true;
    this.admittedAt = this.clock.now();
  }

  /** A try to connect failed, or the connection ended. */
  failed(why: string): void {
    if (this.state === 'VOID' || this.state === 'BACKOFF') return;
    const now = this.clock.now();
    this.lastError = why;
    if (this.isConnected) {
      if (this.isAdmitted) this.admittedAt = now;
      this.disconnectedAt = now;
    }
    if (!this.options.reliable) return this.enter('VOID', why);
    const tooSoon = now < this.backoffUntil;
    const next = tooSoon ? Math.max(FIRST_BACKOFF_MS, this.backoffMs * 2) : FIRST_BACKOFF_MS;
    this.backoffMs = Math.min(next, this.options.maxBackoffMs);
    this.enter('BACKOFF', `${why}; next try in ${this.backoffMs / 1000} s`);
  }

  /** Ends the connection and all tries. */
  close(): void {
    if (this.state === 'VOID') return;
    const wasOpen = this.state !== 'BACKOFF';
    this.enter('VOID', 'closed');
    if (wasOpen) this.events.close();
  }

  private enter(state: ReconnectState, why: string): void {
    // The one who waits for an answer has waited since the question.
    if (!(this.isConnected && state === 'ACTIVE')) this.since = this.clock.now();
    this.state = state;
    this.events.changed?.(state, why);
    // Whoever was told may have closed us.
    if (this.state !== state) return;
    this.cancel();
    this.cancel = () => {};
    if (state === 'BACKOFF') this.cancel = this.clock.after(this.backoffMs, () => this.attempt());
    else if (state !== 'VOID') this.watch();
  }

  private attempt(): void {
    this.attempts++;
    this.backoffUntil = this.clock.now() + this.backoffMs;
    this.enter('CONNECTING', 'connecting');
    if (this.state === 'CONNECTING') this.events.open();
  }

  private elapsed(): number {
    return this.clock.now() - (this.connectedAt ?? this.since);
  }

  /** Milliseconds until this state has lasted too long. */
  private remaining(): number {
    const { probeMs, reliable } = this.options;
    const now = this.clock.now();
    if (this.state === 'CONNECTING') {
      if (!reliable) return probeMs === 0 ? Number.POSITIVE_INFINITY : this.since + 2 * probeMs - now;
      return this.since + Math.max(FIRST_BACKOFF_MS, this.backoffMs) - now;
    }
    if (probeMs === 0) return Number.POSITIVE_INFINITY;
    return (this.state === 'IDLE' ? this.since : Math.max(this.heardAt, this.connectedAt ?? 0)) + probeMs - now;
  }

  private watch(): void {
    const ms = this.remaining();
    if (ms === Number.POSITIVE_INFINITY) return;
    this.cancel = this.clock.after(Math.max(0, ms), () => {
      // Words that came meanwhile moved the end.
      if (this.remaining() > 0) return this.watch();
      if (this.state === 'ACTIVE') {
        this.enter('IDLE', 'silent, asked whether it is there');
        this.events.probe();
        return;
      }
      // However long it took: it was too long, and the next wait is longer.
      if (this.state === 'CONNECTING') this.backoffUntil = Number.POSITIVE_INFINITY;
      this.events.close();
      this.failed(this.state === 'CONNECTING' ? 'connection timed out' : 'no response to inactivity probe');
    });
  }
}
