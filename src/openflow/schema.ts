/**
 * Schemas: one declaration gives a structure's type and its bytes, both ways.
 *
 *   const status = struct({ reason: u8, _: pad(7), port: ofPort });   // ValueOf<typeof status> is { reason: number; port: OfPortWire }
 *
 * Members are written in order of the declaration. Members whose name starts with "_" are padding: zeros out, skipped in.
 * Every read checks its length in the reader, which throws UserError with OFPBRC_BAD_LEN; a codec never indexes bytes itself.
 */
import type { WireReader, WireWriter } from '../action/context.js';

export interface Codec<T> {
  read(r: WireReader): T;
  write(w: WireWriter, value: T): void;
}

export type ValueOf<C> = C extends Codec<infer T> ? T : never;

/** OpenFlow 1.5 on the wire. */
const LAST_VERSION = 6;

/** All ones on the wire: a counter that the switch does not know. */
export const UNKNOWN = -1;
const MAX_U64 = 0xffffffffffffffffn;

export const u8: Codec<number> = { read: (r) => r.u8(), write: (w, v) => w.u8(v) };
export const u16: Codec<number> = { read: (r) => r.u16(), write: (w, v) => w.u16(v) };
/** A number that is padding before a version: 0 there, whatever a peer left in it. */
export function u16Since(version: number): Codec<number> {
  return {
    read: (r) => {
      const v = r.u16();
      return r.version >= version ? v : 0;
    },
    write: (w, v) => w.u16(w.version >= version ? v : 0),
  };
}

export const u32: Codec<number> = { read: (r) => r.u32(), write: (w, v) => w.u32(v) };
export const u64: Codec<bigint> = { read: (r) => r.u64(), write: (w, v) => w.u64(v) };

/** A 64-bit counter as a number; UNKNOWN stands for all ones. Exact to 2^53, which is 285 years at 1 GB/s. */
export const counter: Codec<number> = {
  read: (r) => {
    const v = r.u64();
    return v === MAX_U64 ? UNKNOWN : Number(v);
  },
  write: (w, v) => w.u64(v < 0 ? MAX_U64 : v >= 2 ** 64 ? MAX_U64 - 1n : BigInt(Math.floor(v))),
};

export const nothing: Codec<Record<string, never>> = { read: () => ({}), write: () => {} };

export function pad(n: number): Codec<undefined> {
  return {
    read: (r) => {
      r.skip(n);
      return undefined;
    },
    write: (w) => w.zeros(n),
  };
}

export function bytes(n: number): Codec<Uint8Array> {
  return { read: (r) => r.bytes(n), write: (w, v) => w.bytes(v) };
}

/** What is left of the message, copied. */
export const rest: Codec<Uint8Array> = { read: (r) => r.bytes(r.remaining), write: (w, v) => w.bytes(v) };

/** Text in a field of n bytes: ends at the first NUL, or after n - 1 bytes. */
export function text(n: number): Codec<string> {
  return {
    read: (r) => {
      const b = r.bytes(n);
      const end = b.indexOf(0);
      return Buffer.from(b.subarray(0, end < 0 ? n - 1 : end)).toString('latin1');
    },
    write: (w, v) => {
      const b = Buffer.from(v, 'latin1').subarray(0, n - 1);
      w.bytes(b);
      w.zeros(n - b.length);
    },
  };
}

interface AnyCodec {
  read(r: WireReader): unknown;
  write(w: WireWriter, value: never): void;
}

type Shown<M> = {
  -readonly [K in keyof M as K extends `_${string}` ? never : K]: M[K] extends Codec<infer T> ? T : never;
};

/** Members in wire order. */
export function struct<M extends { readonly [name: string]: AnyCodec }>(members: M): Codec<Shown<M>> {
  const list = Object.entries(members);
  return {
    read: (r) => {
      const out: Record<string, unknown> = {};
      for (const [name, c] of list) {
        const v = c.read(r);
        if (!name.startsWith('_')) out[name] = v;
      }
      return out as Shown<M>;
    },
    write: (w, value) => {
      const v: Record<string, unknown> = value;
      for (const [name, c] of list) c.write(w, v[name] as never);
    },
  };
}

/** The form for a message's version: the one of the greatest key that is not above it. All forms have one type. */
export function byVersion<T>(forms: { readonly [since: number]: Codec<T> }): Codec<T> {
  const since = Object.keys(forms).map(Number);
  const chosen = Array.from({ length: LAST_VERSION + 1 }, (_, version) => {
    let best = since[0];
    for (const s of since) if (s <= version) best = s;
    return forms[best];
  });
  return { read: (r) => chosen[r.version].read(r), write: (w, v) => chosen[w.version].write(w, v) };
}

/** A list up to the end of the message: what multipart replies carry, and what may be split over several of them. */
export interface ListCodec<T> extends Codec<T[]> {
  readonly element: Codec<T>;
}

export function listOf<T>(element: Codec<T>): ListCodec<T> {
  return {
    element,
    read: (r) => {
      const out: T[] = [];
      while (r.remaining > 0) out.push(element.read(r));
      return out;
    },
    write: (w, v) => {
      for (const e of v) element.write(w, e);
    },
  };
}

/** The same bytes under another type: `from` makes the value read, `to` what is written. */
export function mapped<A, B>(codec: Codec<A>, from: (a: A) => B, to: (b: B) => A): Codec<B> {
  return { read: (r) => from(codec.read(r)), write: (w, v) => codec.write(w, to(v)) };
}
