/**
 * Big-endian bytes of OpenFlow messages, read and written. A reader never passes its end: a length that lies becomes an OpenFlow
 * error, never an exception of the engine. A writer owns its buffer and grows it; `finish` gives the bytes away.
 */
import { UserError } from '../lib/errors.js';
import type { WireReader, WireWriter } from './context.js';

export class Writer implements WireWriter {
  private buf = new Uint8Array(128);
  private view = new DataView(this.buf.buffer);
  private at = 0;

  constructor(readonly version: number) {}

  get length(): number {
    return this.at;
  }

  private room(n: number): number {
    const at = this.at;
    this.at += n;
    if (this.at > this.buf.length) {
      const grown = new Uint8Array(Math.max(this.at, this.buf.length * 2));
      grown.set(this.buf);
      this.buf = grown;
      this.view = new DataView(grown.buffer);
    }
    return at;
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

  patch16(at: number, v: number): void {
    this.view.setUint16(at, v);
  }

  /** Forgets everything after `length` bytes. */
  truncate(length: number): void {
    this.at = length;
  }

  /** The bytes so far, as a copy. */
  finish(): Uint8Array {
    return this.buf.slice(0, this.at);
  }
}

export class Reader implements WireReader {
  private readonly view: DataView;
  private at = 0;

  /** `fault`: the OpenFlow error of reading past the end. `base`: where these bytes start in the message, for `position`. */
  constructor(
    private readonly data: Uint8Array,
    readonly version: number,
    private readonly fault = 'OFPBRC_BAD_LEN',
    private readonly base = 0,
  ) {
    this.view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }

  get remaining(): number {
    return this.data.length - this.at;
  }

  get position(): number {
    return this.base + this.at;
  }

  private take(n: number): number {
    if (n > this.remaining) {
      throw new UserError(`needs ${n} bytes at offset ${this.position}, and ${this.remaining} are left`, this.fault);
    }
    const at = this.at;
    this.at += n;
    return at;
  }

  u8(): number {
    return this.data[this.take(1)];
  }

  u16(): number {
    return this.view.getUint16(this.take(2));
  }

  u32(): number {
    return this.view.getUint32(this.take(4));
  }

  u64(): bigint {
    return this.view.getBigUint64(this.take(8));
  }

  /** A copy: it stays right when the receive buffer is used again. */
  bytes(n: number): Uint8Array {
    const at = this.take(n);
    return this.data.slice(at, at + n);
  }

  skip(n: number): void {
    this.take(n);
  }

  sub(n: number, fault = this.fault): Reader {
    const base = this.position;
    const at = this.take(n);
    return new Reader(this.data.subarray(at, at + n), this.version, fault, base);
  }

  /** The next bytes without consuming them; fewer than n at the end. */
  peek(n: number): Uint8Array {
    return this.data.subarray(this.at, this.at + n);
  }
}
