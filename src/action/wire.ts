/**
 * Big-endian bytes of OpenFlow messages, read and written. A reader never passes its end: a length that lies becomes an OpenFlow
 * error, never an exception of the engine. A writer owns its buffer and grows it; `finish` gives the bytes away.
 */
import type { Match } from '../flow/match.js';
import type { TunTable } from '../flow/tun-table.js';
import { get16, get32 } from '../lib/bytes.js';
import { UserError } from '../lib/errors.js';
import type { WireReader, WireWriter } from './context.js';

const MAX_U64 = 0xffffffffffffffffn;

interface Memory {
  readonly buf: Uint8Array;
  readonly view: DataView;
}

function memory(bytes: number): Memory {
  const buf = new Uint8Array(bytes);
  return { buf, view: new DataView(buf.buffer) };
}

/** What writers that have finished wrote to: making one costs more than writing a small message. */
const spare: Memory[] = [];
const MAX_SPARE = 4;
/** Larger ones are let go; a full message fits after growing. */
const MAX_SPARE_BYTES = 1 << 17;

export class Writer implements WireWriter {
  private own = spare.pop() ?? memory(256);
  private buf = this.own.buf;
  private view = this.own.view;
  private at = 0;

  constructor(readonly version: number) {}

  get length(): number {
    return this.at;
  }

  private room(n: number): number {
    const at = this.at;
    this.at += n;
    if (this.at > this.buf.length) this.grow();
    return at;
  }

  private grow(): void {
    const larger = memory(Math.max(this.at, this.buf.length * 2));
    larger.buf.set(this.buf);
    this.own = larger;
    this.buf = larger.buf;
    this.view = larger.view;
  }

  u8(v: number): void {
    const at = this.room(1);
    this.buf[at] = v;
  }

  u16(v: number): void {
    const at = this.room(2);
    this.view.setUint16(at, v);
  }

  u32(v: number): void {
    const at = this.room(4);
    this.view.setUint32(at, v);
  }

  u64(v: bigint): void {
    const at = this.room(8);
    this.view.setBigUint64(at, v);
  }

  bytes(b: Uint8Array): void {
    const at = this.room(b.length);
    this.buf.set(b, at);
  }

  zeros(n: number): void {
    const at = this.room(n);
    this.buf.fill(0, at, at + n);
  }

  /** Zeros until the length since `start` is a multiple of `align`. */
  pad(start: number, align = 8): void {
    const over = (this.at - start) % align;
    if (over !== 0) this.zeros(align - over);
  }

  drop(n: number): void {
    this.at -= n;
  }

  patch16(at: number, v: number): void {
    this.view.setUint16(at, v);
  }

  /** Forgets everything after `length` bytes. */
  truncate(length: number): void {
    this.at = length;
  }

  /** The bytes, as a copy, and the end of this writer: its memory goes to the next. */
  finish(): Uint8Array {
    const { own } = this;
    const bytes = own.buf.slice(0, this.at);
    this.own = GONE;
    this.buf = GONE.buf;
    if (own !== GONE && spare.length < MAX_SPARE && own.buf.length <= MAX_SPARE_BYTES) spare.push(own);
    return bytes;
  }
}

/** Of a writer that finished: nothing fits in. */
const GONE = memory(0);

export class Reader implements WireReader {
  lent?: Match | undefined;
  tun?: TunTable | undefined;

  /**
   * Bytes `data[at..end)` of a message, or of a chunk that holds it. `fault`: the OpenFlow error of reading past the end. `base`: what is added to an
   * offset in `data` to say where in the message it is.
   */
  constructor(
    readonly data: Uint8Array,
    readonly version: number,
    private readonly fault = 'OFPBRC_BAD_LEN',
    private at = 0,
    private readonly end = data.length,
    private readonly base = 0,
  ) {}

  get remaining(): number {
    return this.end - this.at;
  }

  get position(): number {
    return this.base + this.at;
  }

  take(n: number): number {
    const { at } = this;
    if (n > this.end - at) this.short(n);
    this.at = at + n;
    return at;
  }

  private short(n: number): never {
    throw new UserError(`needs ${n} bytes at offset ${this.position}, and ${this.remaining} are left`, this.fault);
  }

  u8(): number {
    return this.data[this.take(1)];
  }

  u16(): number {
    return get16(this.data, this.take(2));
  }

  u32(): number {
    return get32(this.data, this.take(4));
  }

  u64(): bigint {
    const at = this.take(8);
    const high = get32(this.data, at);
    const low = get32(this.data, at + 4);
    // Most are cookies and counters that are 0 or all ones: the constants cost no memory.
    if (high === 0) return low === 0 ? 0n : BigInt(low);
    if (high === 0xffffffff && low === 0xffffffff) return MAX_U64;
    return (BigInt(high) << 32n) | BigInt(low);
  }

  /** A copy, so that what is kept of a message does not keep the chunk it came in: `slice` of a Buffer would. */
  bytes(n: number): Uint8Array {
    const at = this.take(n);
    return new Uint8Array(this.data.subarray(at, at + n));
  }

  skip(n: number): void {
    this.take(n);
  }

  sub(n: number, fault = this.fault): Reader {
    const at = this.take(n);
    const r = new Reader(this.data, this.version, fault, at, at + n, this.base);
    r.tun = this.tun;
    return r;
  }

  /** The next bytes without consuming them; fewer than n at the end. */
  peek(n: number): Uint8Array {
    return this.data.subarray(this.at, Math.min(this.at + n, this.end));
  }

  peek16(offset: number): number {
    const at = this.at + offset;
    return at + 2 <= this.end ? get16(this.data, at) : 0;
  }
}
