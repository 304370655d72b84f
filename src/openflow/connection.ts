/**
 * One OpenFlow connection, either side: framing, hello, version, echo, sending within bounds. What messages mean is its owner's business.
 *
 * Bounded memory: less than one message is held of what comes in; of what goes out, a request's replies are written a part at a time as the
 * peer takes them, and reading stands still meanwhile. What nobody asked for (packet-ins, notices) is refused while the peer is behind.
 *
 * Bounded time: a peer whose requests and their answers take long gives way to the others after each TURN_MS.
 */
import type { Duplex } from 'node:stream';
import type { Match } from '../flow/match.js';
import type { TunTable } from '../flow/tun-table.js';
import type { Clock } from '../lib/clock.js';
import { UserError } from '../lib/errors.js';
import { Framer } from './framing.js';
import { decode, encode, HEADER_BYTES, type Message, readHeader } from './message.js';
import { errorMessage } from './messages/basic.js';
import type { Kind, ValueOfKind } from './registry.js';
import { describeVersions, highest, needsBitmap, negotiate, upTo } from './version.js';

/** Bytes that may wait for a slow peer before reading from it stops, and before unasked messages are dropped. */
const HIGH_WATER = 1 << 20;
/** Bytes of a long answer that may wait: the peer reads the first part while the next is made, and not much more is made at a time. */
const ANSWER_AHEAD = 1 << 18;
/** Messages between looks at the clock: who waits for each answer sends two at a time, and a look costs as much as reading one. */
const UNTIMED = 8;
/** Up to so many bytes are copied into one of Node's own buffers, which are slices of larger ones: memory of its own would cost more than the copy. */
const SMALL = 2048;
/** How long one peer may be served before others are. Others see it as a delay of their own requests. */
const TURN_MS = 4;
/** How long a peer that is hung up on may take to read what was said last. */
const LINGER_MS = 2000;
const HELLO = 0;
const ERROR = 1;
const ECHO_REQUEST = 2;
/** Types that mean the same in every version and may come in any. */
const ANY_VERSION: ReadonlySet<number> = new Set([HELLO, ERROR, ECHO_REQUEST]);
const NOTHING = new Uint8Array(0);
const HELLO_FAILED = { vendor: 0, type: 0, code: 0 } as const;

export interface ConnectionEvents {
  /** Without a clock there are no turns, and no end to waiting for a peer that was hung up on. */
  readonly clock?: Clock;
  /** Bytes that may wait for the peer, if it should be less than usual. */
  room?(): number;
  /** A whole message came, whatever it is. */
  heard?(): void;
  /** A match that flow_mods are read into: for owners that are done with a message when `message` returns. */
  readonly lent?: Match;
  /** After both hellos. */
  ready?(): void;
  /** A message that could be read; hellos and echo requests are dealt with before. Throwing UserError sends its error back. */
  message(m: Message, bytes: Uint8Array): void;
  /** A message before it is read; true: nothing more is wanted of it. */
  unread?(bytes: Uint8Array): boolean;
  /** A message that could not be read. Without this the error is sent back, which is what a switch does. */
  unreadable?(fault: UserError, bytes: Uint8Array): void;
  closed?(why: string): void;
  /** The tunnel options that messages may name; without this any. */
  tun?(): TunTable;
  /** An exception that is no UserError while a message was handled; the connection ends. Without this it is thrown on. */
  fault?(e: unknown): void;
}

export class Connection {
  /** 0 until the hellos are exchanged. */
  version = 0;
  /** Unasked messages refused because the peer was behind. */
  dropped = 0;
  /** Are told everything in and out, before it is looked at: for snoopers. */
  readonly observers = new Set<(bytes: Uint8Array) => void>();
  private readonly framer = new Framer();
  private open = true;
  private waiting: Uint8Array[] = [];
  private sending: Iterator<Uint8Array> | undefined;
  /** The request that is being answered by `sending`. */
  private asked: Uint8Array = NOTHING;
  /** When the turn began; NaN between turns. */
  private turn = Number.NaN;
  private nextXid = 1;

  constructor(
    private readonly stream: Duplex,
    /** Bitmap of versions. */
    private readonly versions: number,
    private readonly events: ConnectionEvents,
    /** Where transaction ids come from; of its own by default. */
    nextXid?: () => number,
  ) {
    if (nextXid) this.xid = nextXid;
    stream.on('data', (chunk: Uint8Array) => this.receive(chunk));
    stream.on('drain', () => this.resume());
    stream.on('error', (e) => this.end(e.message));
    stream.on('end', () => this.end('connection closed by peer'));
    stream.on('close', () => this.end('connection closed by peer'));
    const bitmap = needsBitmap(versions) ? { bitmap: versions } : {};
    this.write(encode('hello', bitmap, { version: highest(versions), xid: this.xid() }));
  }

  get isOpen(): boolean {
    return this.open;
  }

  readonly xid: () => number = () => this.nextXid++;

  send<K extends Kind>(kind: K, value: ValueOfKind<K>, xid = this.xid(), name?: string): number {
    this.write(encode(kind, value, { version: this.version, xid, name }));
    return xid;
  }

  /** What `run` sends goes out in one piece: one call of the system, and the peer wakes once. */
  together(run: () => void): void {
    this.stream.cork();
    try {
      run();
    } finally {
      this.stream.uncork();
    }
  }

  /** Sends now, or not at all when the peer is behind, or when the message would be too long: then false. */
  sendUnasked(make: Uint8Array | (() => Uint8Array)): boolean {
    if (this.open && this.stream.writableLength <= this.room) {
      try {
        this.write(typeof make === 'function' ? make() : make);
        return true;
      } catch (e) {
        if (!(e instanceof UserError)) throw e;
      }
    }
    this.dropped++;
    return false;
  }

  private get room(): number {
    return Math.min(HIGH_WATER, this.events.room?.() ?? HIGH_WATER);
  }

  /**
   * Answers `request` with messages as fast as the peer takes them. Until the last one is written no further message is handled. An error that making
   * one throws is sent in its place, and is the last.
   */
  sendAll(parts: Iterator<Uint8Array>, request: Uint8Array): void {
    this.sending = parts;
    this.asked = request;
    this.pump();
  }

  sendError(name: string, request: Uint8Array): void {
    const h = readHeader(request);
    // An error about a message of another version is in that version when we know it: its sender may understand no other.
    const version = h.version >= 1 && h.version <= 6 ? h.version : this.version;
    this.write(encode('error', errorMessage(name, version, request), { version, xid: h.xid }));
  }

  write(bytes: Uint8Array): void {
    if (!this.open) return;
    for (const tell of this.observers) tell(bytes);
    this.stream.write(bytes.length <= SMALL ? copied(bytes) : bytes);
  }

  end(why: string): void {
    if (!this.open) return;
    this.open = false;
    this.waiting = [];
    this.sending = undefined;
    this.asked = NOTHING;
    const cancel = this.events.clock?.after(LINGER_MS, () => this.stream.destroy());
    this.stream.end(() => {
      cancel?.();
      this.stream.destroy();
    });
    this.stream.once('close', () => cancel?.());
    this.events.closed?.(why);
  }

  private pump(): void {
    while (this.sending && this.open && !this.behind(ANSWER_AHEAD) && !this.isTurnOver()) {
      const part = this.nextPart(this.sending);
      if (part === undefined) {
        this.sending = undefined;
        this.asked = NOTHING;
        return;
      }
      this.write(part);
    }
  }

  private nextPart(parts: Iterator<Uint8Array>): Uint8Array | undefined {
    try {
      const next = parts.next();
      return next.done ? undefined : next.value;
    } catch (e) {
      if (e instanceof UserError) this.sendError(e.ofError ?? 'OFPBRC_BAD_LEN', this.asked);
      else this.fault(e);
      return undefined;
    }
  }

  private behind(bytes = HIGH_WATER): boolean {
    return this.stream.writableNeedDrain && this.stream.writableLength > Math.min(bytes, this.room);
  }

  private resume(): void {
    this.pump();
    this.work();
  }

  /** Others first: what is left is done when the streams have been looked at. */
  private isTurnOver(): boolean {
    const { clock } = this.events;
    if (!clock) return false;
    if (Number.isNaN(this.turn)) {
      this.turn = clock.now();
      setImmediate(() => {
        this.turn = Number.NaN;
        if (this.open && (this.sending || this.waiting.length > 0)) this.resume();
      });
    }
    return clock.now() - this.turn > TURN_MS;
  }

  private receive(chunk: Uint8Array): void {
    if (!this.open) return;
    const messages = this.framer.push(chunk);
    if (messages === undefined) {
      this.end('received a message whose length is below 8 bytes');
      return;
    }
    this.waiting.push(...messages);
    this.work();
  }

  private work(): void {
    let done = 0;
    while (this.open && done < this.waiting.length && !this.sending && !this.behind()) {
      if (done > 0 && done % UNTIMED === 0 && this.isTurnOver()) break;
      this.handle(this.waiting[done++]);
    }
    if (done === this.waiting.length) this.waiting.length = 0;
    else this.waiting.splice(0, done);
    if (!this.open) return;
    if (this.waiting.length) this.stream.pause();
    else this.stream.resume();
  }

  private handle(bytes: Uint8Array): void {
    for (const tell of this.observers) tell(bytes);
    this.events.heard?.();
    if (this.version === 0) return this.greet(bytes);
    const h = readHeader(bytes);
    try {
      if (h.version !== this.version && !(ANY_VERSION.has(h.type) && h.version >= 1 && h.version <= 6)) {
        throw new UserError(`version ${h.version} on a connection of version ${this.version}`, 'OFPBRC_BAD_VERSION');
      }
      if (h.type === ECHO_REQUEST) {
        this.write(encode('echo_reply', bytes.subarray(HEADER_BYTES), { version: h.version, xid: h.xid }));
        return;
      }
      if (this.events.unread?.(bytes)) return;
      this.events.message(decode(bytes, this.events.lent, this.events.tun?.()), bytes);
    } catch (e) {
      if (!(e instanceof UserError)) return this.fault(e);
      if (this.events.unreadable) this.events.unreadable(e, bytes);
      else this.sendError(e.ofError ?? 'OFPBRC_BAD_LEN', bytes);
    }
  }

  /** A bug of ours that this peer's message met: it costs this connection, not the switch. */
  private fault(e: unknown): void {
    if (!this.events.fault) throw e;
    this.events.fault(e);
    this.end('internal error');
  }

  private greet(bytes: Uint8Array): void {
    const h = readHeader(bytes);
    if (h.type !== HELLO || h.version === 0) {
      this.end(h.type === HELLO ? 'peer offers OpenFlow version 0' : 'the first message was not a hello');
      return;
    }
    const message = decode(hello(bytes));
    const theirs =
      message.kind === 'hello' && message.value.bitmap !== undefined ? message.value.bitmap : upTo(h.version);
    const version = negotiate(this.versions, theirs);
    if (version !== undefined) {
      this.version = version;
      this.events.ready?.();
      return;
    }
    const text = `We support ${describeVersions(this.versions)}, you support ${describeVersions(theirs)}, no common versions.`;
    // In 1.0: the oldest peers can read it, and no common version is known.
    this.write(encode('error', { ...HELLO_FAILED, data: Buffer.from(text) }, { version: 1, xid: 0 }));
    this.end(text);
  }
}

function copied(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafe(bytes.length);
  copy.set(bytes);
  return copy;
}

/** A hello of a version nobody knows yet is read as one of 1.0: their layout is the same for ever. */
function hello(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[0] = 1;
  return copy;
}
