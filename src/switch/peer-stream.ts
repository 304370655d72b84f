/**
 * The stream of an OpenFlow peer, without a stream's detours.
 *
 * The problem: a peer that waits for each answer pays the time between a request and its answer for each flow it adds. Of Node's own sockets more than half
 * of that is theirs: a buffer and a view of 64 KB made for each read, a request object for each write, a turn of the event loop between two requests.
 *
 * What is done instead: bytes are read into one buffer for all peers and handed on as a small copy; what is written goes to the socket at once and only
 * what that does not take is queued; and after an answer the next request is read, or looked for (patience.ts), before the event loop has its turn.
 * Others wait at most TURN_MS for that, and less when the loop has anything to do.
 */
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { getSystemErrorMap } from 'node:util';
import { loadAddon } from '../datapath/driver/load.js';
import { PEER_EVENT, type PeerSocket } from '../datapath/native.js';
import { Patience } from './patience.js';

/** How long a peer may be served without a look at the others. */
const TURN_MS = 1;
const AGAIN = -1;
/** Where bytes are read to; each read's are copied before the next. */
const INTO = Buffer.allocUnsafeSlow(1 << 16);

type Done = (e?: Error | null) => void;

export class PeerStream extends Duplex {
  private readonly socket: PeerSocket;
  private readonly patience = new Patience();
  private watched = 0;
  /** What the socket did not take, and whom to tell when it did. */
  private rest: Uint8Array | undefined;
  private written: Done = () => {};
  /** When the last bytes had been dealt with, in milliseconds. */
  private idleFrom = 0;

  /** Takes a share of the descriptor. Throws an Error. */
  constructor(fd: number) {
    super({ allowHalfOpen: false });
    this.socket = new (loadAddon().PeerSocket)(fd, INTO, (events) => this.ready(events));
  }

  /** At once where nothing waits before it. */
  override write(chunk: Uint8Array, ...rest: [(BufferEncoding | Done)?, Done?]): boolean {
    const isFree = this.writableLength === 0 && this.writableCorked === 0 && this.writable;
    if (!isFree || rest.length > 0 || !(chunk instanceof Uint8Array)) {
      return super.write(chunk, ...(rest as [BufferEncoding, Done]));
    }
    const n = this.socket.write(chunk);
    if (n === chunk.length) return true;
    // Errors come from there, too.
    return super.write(n > 0 ? chunk.subarray(n) : chunk);
  }

  override _read(): void {
    this.watch(this.watched | PEER_EVENT.readable);
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: Done): void {
    this.rest = chunk;
    this.written = done;
    this.writeRest();
  }

  override _final(done: Done): void {
    this.socket.shut();
    done();
  }

  override _destroy(e: Error | null, done: Done): void {
    this.socket.close();
    done(e);
  }

  private watch(events: number): void {
    if (events === this.watched || this.destroyed) return;
    this.watched = events;
    this.socket.watch(events);
  }

  private ready(events: number): void {
    if (this.destroyed) return;
    if (events & PEER_EVENT.writable && this.rest) this.writeRest();
    if (events & PEER_EVENT.readable && this.watched & PEER_EVENT.readable) this.readOn();
  }

  private writeRest(): void {
    const { rest } = this;
    if (!rest) return;
    const n = this.socket.write(rest);
    if (n < AGAIN) return this.settle(fault('write', n));
    if (n === rest.length) return this.settle();
    if (n > 0) this.rest = rest.subarray(n);
    this.watch(this.watched | PEER_EVENT.writable);
  }

  private settle(e?: Error): void {
    this.rest = undefined;
    this.watch(this.watched & ~PEER_EVENT.writable);
    this.written(e);
  }

  /** Reads while there is something, until the turn is over. */
  private readOn(): void {
    const { patience } = this;
    /** Of this thread, when the first look of the turn began. */
    let displaced = Number.NaN;
    let look = 0;
    let now = performance.now();
    const end = now + TURN_MS;
    for (;;) {
      const n = this.socket.read(look * 1000);
      if (n === AGAIN) {
        if (look > 0) patience.inVain();
        return;
      }
      if (look > 0) now = performance.now();
      patience.came((now - this.idleFrom) * 1000, look > 0);
      if (!this.give(n)) return;
      now = performance.now();
      this.idleFrom = now;
      if (now > end) break;
      look = patience.look;
      if (look > 0 && Number.isNaN(displaced)) displaced = displacements();
    }
    // Others want the processor, perhaps the peer itself.
    if (displaced < displacements()) patience.inVain();
  }

  /** Hands on what was read. False: no more is wanted. */
  private give(n: number): boolean {
    if (n > 0) {
      const chunk = Buffer.allocUnsafe(n);
      INTO.copy(chunk, 0, 0, n);
      if (this.push(chunk) && !this.isPaused()) return !this.destroyed;
    } else if (n === 0) this.push(null);
    else this.destroy(fault('read', n));
    this.watch(this.watched & ~PEER_EVENT.readable);
    return false;
  }
}

/** How often this thread had to leave a processor to others, ever. */
function displacements(): number {
  return loadAddon().PeerSocket.displaced();
}

function fault(what: string, n: number): Error {
  const [code, text] = getSystemErrorMap().get(n - AGAIN) ?? ['EIO', 'i/o error'];
  return Object.assign(new Error(text), { code, syscall: what });
}

/** Takes a socket over that was just accepted or connected and that nobody has listened to yet. Other streams (SSL) are given back as they are. */
export function directly(stream: Duplex): Duplex {
  if (!(stream instanceof Socket) || 'encrypted' in stream) return stream;
  const handle: unknown = Reflect.get(stream, '_handle');
  const fd: unknown = handle instanceof Object ? Reflect.get(handle, 'fd') : undefined;
  // Node does not promise the descriptor: without it all works as well, but slower.
  if (typeof fd !== 'number' || fd < 0) return stream;
  const own = new PeerStream(fd);
  stream.destroy();
  return own;
}
