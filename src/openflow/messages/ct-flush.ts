/** Forgetting tracked connections: all, those of a zone, or those of a tuple. */
import type { WireReader, WireWriter } from '../../action/context.js';
import type { CtFlushRequest, CtTupleFilter } from '../../bridge/of-bridge.js';
import { isZero } from '../../lib/bytes.js';
import { ofError } from '../errors.js';
import { nx } from '../row.js';
import { type Codec, mapped, pad, struct, u16 } from '../schema.js';
import { readProperties, writeProperty } from './property.js';

/** One direction of a connection. */
export type CtTuple = CtTupleFilter;
export type CtFlush = CtFlushRequest;

const ADDRESS_BYTES = 16;
export const ANY_TUPLE: CtTuple = {
  src: new Uint8Array(ADDRESS_BYTES),
  dst: new Uint8Array(ADDRESS_BYTES),
  srcPort: 0,
  dstPort: 0,
  icmpId: 0,
  icmpType: 0,
  icmpCode: 0,
};

const PROP = { orig: 0, reply: 1, zone: 2 } as const;
const TUPLE = { src: 0, dst: 1, srcPort: 2, dstPort: 3, icmpId: 4, icmpType: 5, icmpCode: 6 } as const;

export const isIcmp = (proto: number): boolean => proto === 1 || proto === 58;

/** A property of exactly so many bytes. */
function exactly<T>(r: WireReader, bytes: number, read: () => T): T {
  if (r.remaining !== bytes) throw ofError('OFPBPC_BAD_LEN');
  return read();
}

/** Sixteen bits fill a word, and the padding counts. */
function number16(r: WireReader): number {
  return exactly(r, 4, () => {
    const v = r.u16();
    r.skip(2);
    return v;
  });
}

function write16(w: WireWriter, type: number, v: number): void {
  writeProperty(w, type, () => {
    w.u16(v);
    w.zeros(2);
  });
}

function readTuple(body: WireReader): CtTuple {
  body.sub(4, 'OFPBPC_BAD_LEN');
  let t = ANY_TUPLE;
  readProperties(body, (type, p) => {
    if (type === TUPLE.src) t = { ...t, src: exactly(p, ADDRESS_BYTES, () => p.bytes(ADDRESS_BYTES)) };
    else if (type === TUPLE.dst) t = { ...t, dst: exactly(p, ADDRESS_BYTES, () => p.bytes(ADDRESS_BYTES)) };
    else if (type === TUPLE.srcPort) t = { ...t, srcPort: number16(p) };
    else if (type === TUPLE.dstPort) t = { ...t, dstPort: number16(p) };
    else if (type === TUPLE.icmpId) t = { ...t, icmpId: number16(p) };
    else if (type === TUPLE.icmpType) t = { ...t, icmpType: exactly(p, 1, () => p.u8()) };
    else if (type === TUPLE.icmpCode) t = { ...t, icmpCode: exactly(p, 1, () => p.u8()) };
    else throw ofError('OFPBPC_BAD_TYPE');
  });
  return t;
}

/** Nothing is written of a tuple that says nothing. */
function writeTuple(w: WireWriter, type: number, t: CtTuple, proto: number): void {
  const icmp = isIcmp(proto);
  if (isZero(t.src) && isZero(t.dst) && t.srcPort === 0 && t.dstPort === 0 && !icmp) return;
  writeProperty(w, type, () => {
    w.zeros(4);
    if (!isZero(t.src)) writeProperty(w, TUPLE.src, () => w.bytes(t.src));
    if (!isZero(t.dst)) writeProperty(w, TUPLE.dst, () => w.bytes(t.dst));
    if (icmp) {
      write16(w, TUPLE.icmpId, t.icmpId);
      writeProperty(w, TUPLE.icmpType, () => w.u8(t.icmpType));
      writeProperty(w, TUPLE.icmpCode, () => w.u8(t.icmpCode));
      return;
    }
    if (t.srcPort) write16(w, TUPLE.srcPort, t.srcPort);
    if (t.dstPort) write16(w, TUPLE.dstPort, t.dstPort);
  });
}

const flush: Codec<CtFlush> = {
  read: (r) => {
    const proto = r.u8();
    r.skip(7);
    let v: CtFlush = { proto, zone: undefined, orig: ANY_TUPLE, reply: ANY_TUPLE };
    readProperties(r, (type, body) => {
      if (type === PROP.orig) v = { ...v, orig: readTuple(body) };
      else if (type === PROP.reply) v = { ...v, reply: readTuple(body) };
      else if (type === PROP.zone) v = { ...v, zone: number16(body) };
      else throw ofError('OFPBPC_BAD_TYPE');
    });
    return v;
  },
  write: (w, v) => {
    w.u8(v.proto);
    w.zeros(7);
    writeTuple(w, PROP.orig, v.orig, v.proto);
    writeTuple(w, PROP.reply, v.reply, v.proto);
    const { zone } = v;
    if (zone !== undefined) write16(w, PROP.zone, zone);
  },
};

const flushZone: Codec<CtFlush> = mapped(
  struct({ _pad: pad(6), zone: u16 }),
  ({ zone }): CtFlush => ({ proto: 0, zone, orig: ANY_TUPLE, reply: ANY_TUPLE }),
  (v) => ({ zone: v.zone ?? 0 }),
);

export const ctFlushRows = [
  nx('ct_flush_zone', 'NXT_CT_FLUSH_ZONE', 29, flushZone),
  nx('ct_flush', 'NXT_CT_FLUSH', 32, flush),
] as const;
