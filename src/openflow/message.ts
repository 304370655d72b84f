/**
 * Whole messages: header in front, body by its row. Reading gives a value or throws UserError with the OpenFlow error that the peer must get;
 * writing gives bytes. Multipart replies that do not fit one message of 65,535 bytes are split between elements.
 */
import { Reader, Writer } from '../action/wire.js';
import type { Match } from '../flow/match.js';
import type { TunTable } from '../flow/tun-table.js';
import { get16, get32 } from '../lib/bytes.js';
import { UserError } from '../lib/errors.js';
import { ofError } from './errors.js';
import {
  type AnyRow,
  type Kind,
  type Place,
  plainRowAt,
  rowAt,
  rowOf,
  type ValueOfKind,
  vendorKnown,
} from './registry.js';
import type { Codec } from './schema.js';

export const HEADER_BYTES = 8;
export const MAX_MESSAGE = 65535;
/** OFPSF_REPLY_MORE and OFPMPF_REQ_MORE: further parts follow. */
const MORE = 1;
const EXPERIMENTER = 4;
const STAT_EXPERIMENTER = 0xffff;

export interface Header {
  readonly version: number;
  readonly type: number;
  readonly length: number;
  readonly xid: number;
}

/** The header of a message of at least 8 bytes. */
export function readHeader(bytes: Uint8Array): Header {
  if (bytes.length < HEADER_BYTES) throw ofError('OFPBRC_BAD_LEN');
  return { version: bytes[0], type: bytes[1], length: get16(bytes, 2), xid: get32(bytes, 4) };
}

type MessageOf<K extends Kind> = {
  readonly kind: K;
  readonly value: ValueOfKind<K>;
  readonly version: number;
  readonly xid: number;
  /** The row's name: which wire form it came in. */
  readonly name: string;
  /** Multipart: another part follows. */
  readonly more: boolean;
};
export type Message = { [K in Kind]: MessageOf<K> }[Kind];

const isStats = (version: number, type: number) =>
  version === 1 ? type === 16 || type === 17 : type === 18 || type === 19;

/** Reads what stands between the header and the body, and finds the row. */
function locate(h: Header, r: Reader): { row: AnyRow; more: boolean } {
  const plain = plainRowAt(h.version, h.type);
  if (plain) return { row: plain, more: false };
  const place: { -readonly [K in keyof Place]: Place[K] } = { version: h.version, type: h.type };
  let more = false;
  if (h.type === EXPERIMENTER) {
    place.vendor = r.u32();
    place.subtype = r.u32();
  } else if (isStats(h.version, h.type)) {
    place.stat = r.u16();
    more = (r.u16() & MORE) !== 0;
    if (h.version > 1) r.skip(4);
    if (place.stat === STAT_EXPERIMENTER) {
      place.vendor = r.u32();
      if (vendorKnown(place.vendor)) {
        place.subtype = r.u32();
        if (h.version === 1) r.skip(4);
      }
    }
  }
  const row = rowAt(place);
  if (row) return { row, more };
  if (place.vendor !== undefined) throw ofError(vendorKnown(place.vendor) ? 'OFPBRC_BAD_SUBTYPE' : 'OFPBRC_BAD_VENDOR');
  throw ofError(place.stat === undefined ? 'OFPBRC_BAD_TYPE' : 'OFPBRC_BAD_STAT');
}

/** Which message these bytes are, without reading its body. Throws as `decode` does. */
export function identify(bytes: Uint8Array): { row: AnyRow; header: Header } {
  const header = readHeader(bytes);
  const r = new Reader(bytes, header.version);
  r.skip(HEADER_BYTES);
  return { row: locate(header, r).row, header };
}

/**
 * `bytes` is one whole message. Bytes after the body are an error, as in OVS. `lent`: a match that a flow_mod's value may hold, so that the value is good
 * only until the match is lent again. `tun`: the tunnel options of the bridge it is for.
 */
export function decode(bytes: Uint8Array, lent?: Match, tun?: TunTable): Message {
  const header = readHeader(bytes);
  const r = new Reader(bytes, header.version);
  r.lent = lent;
  r.tun = tun;
  r.skip(HEADER_BYTES);
  const { row, more } = locate(header, r);
  const value = row.body.read(r);
  if (r.remaining > 0) throw ofError('OFPBRC_BAD_LEN');
  return { kind: row.kind, value, version: header.version, xid: header.xid, name: row.name, more } as Message;
}

/**
 * What a message that is a list holds, read one after the other: each is good until the next is asked for, and its match is `lent`. Undefined when the
 * message is of another kind. Throws as `decode` does, at the element that is at fault.
 */
export function decodeEach<K extends Kind>(
  kind: K,
  bytes: Uint8Array,
  lent: Match,
): { readonly name: string; readonly elements: Iterable<ElementOf<ValueOfKind<K>>> } | undefined {
  const header = readHeader(bytes);
  const r = new Reader(bytes, header.version);
  r.lent = lent;
  r.skip(HEADER_BYTES);
  const { row } = locate(header, r);
  if (row.kind !== kind) return undefined;
  return { name: row.name, elements: elementsOf(row, r) as Iterable<ElementOf<ValueOfKind<K>>> };
}

function* elementsOf(row: AnyRow, r: Reader): Generator<unknown> {
  const element = elementOf(row);
  while (r.remaining > 0) yield element.read(r);
}

function elementOf(row: AnyRow): Codec<unknown> {
  const body: object = row.body;
  if (!('element' in body)) throw new Error(`weft bug: ${row.kind} is not a list`);
  return body.element as Codec<unknown>;
}

/** The flags of a part of a multipart message; 0 of any other. Bit 0: others follow. */
export function partFlags(bytes: Uint8Array): number {
  const header = readHeader(bytes);
  return isStats(header.version, header.type) && bytes.length >= 12 ? get16(bytes, HEADER_BYTES + 2) : 0;
}

/** Does the first part of a multipart message say that others follow? */
export function hasMore(bytes: Uint8Array): boolean {
  return (partFlags(bytes) & MORE) !== 0;
}

/** Writes the header (length 0 for now) and what tells the message apart. */
function begin(row: AnyRow, version: number, xid: number, more: boolean): Writer {
  const w = new Writer(version);
  w.u8(version);
  w.u8(row.type(version));
  w.u16(0);
  w.u32(xid >>> 0);
  if (row.stat !== undefined) {
    w.u16(row.stat);
    w.u16(more ? MORE : 0);
    if (version > 1) w.zeros(4);
    if (row.vendor !== undefined) {
      w.u32(row.vendor);
      w.u32(row.subtype ?? 0);
      if (version === 1) w.zeros(4);
    }
  } else if (row.vendor !== undefined) {
    w.u32(row.vendor);
    w.u32(row.subtype ?? 0);
  }
  return w;
}

function need(kind: Kind, version: number, name?: string): AnyRow {
  const row = rowOf(kind, version, name);
  if (!row) throw ofError('OFPBRC_BAD_VERSION', `OpenFlow 1.${version - 1} has no ${name ?? kind}`);
  return row;
}

export interface Envelope {
  readonly version: number;
  readonly xid: number;
  /** Which wire form, where a version has several (a row's name). */
  readonly name?: string;
}

export function encode<K extends Kind>(kind: K, value: ValueOfKind<K>, to: Envelope): Uint8Array {
  const row = need(kind, to.version, to.name);
  const w = begin(row, to.version, to.xid, false);
  (row.body as Codec<unknown>).write(w, value);
  if (w.length > MAX_MESSAGE) throw ofError('OFPBRC_BAD_LEN', `${row.name} would be ${w.length} bytes long`);
  w.patch16(2, w.length);
  return w.finish();
}

type ElementOf<T> = T extends readonly (infer E)[] ? E : never;

/** Writes an element. Its bytes, or more than any message has when it has parts that are too long for their own lengths. */
function written(element: Codec<unknown>, w: Writer, e: unknown): number {
  const before = w.length;
  try {
    element.write(w, e);
  } catch (fault) {
    if (!(fault instanceof UserError)) throw fault;
    return MAX_MESSAGE + 1;
  }
  return w.length - before;
}

/**
 * The messages of a multipart reply; at least one. Elements are taken as they are needed. One that no message has room for (a flow of 64 KB of actions,
 * in a version that needs more bytes for them) is left out; then OFPBRC_MULTIPART_BUFFER_OVERFLOW is thrown after the last message.
 */
export function* encodeParts<K extends Kind>(
  kind: K,
  elements: Iterable<ElementOf<ValueOfKind<K>>>,
  to: Envelope,
): Generator<Uint8Array> {
  const row = need(kind, to.version, to.name);
  const element = elementOf(row);
  let w = begin(row, to.version, to.xid, false);
  const head = w.length;
  let leftOut = 0;
  for (const e of elements) {
    const before = w.length;
    const size = written(element, w, e);
    if (before + size <= MAX_MESSAGE) continue;
    w.truncate(before);
    if (head + size > MAX_MESSAGE) {
      leftOut++;
      continue;
    }
    w.patch16(2, w.length);
    w.patch16(HEADER_BYTES + 2, MORE);
    yield w.finish();
    w = begin(row, to.version, to.xid, false);
    element.write(w, e);
  }
  w.patch16(2, w.length);
  yield w.finish();
  if (leftOut > 0)
    throw ofError('OFPBRC_MULTIPART_BUFFER_OVERFLOW', `${leftOut} of ${row.name} are longer than a message`);
}
