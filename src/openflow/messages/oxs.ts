/** Statistics of 1.5: a list of fields, as matches are, of those that are known. */
import type { WireReader, WireWriter } from '../../action/context.js';
import { ofError } from '../errors.js';

export interface Oxs {
  /** -1: not said; so for each. */
  readonly durationSec: number;
  readonly durationNsec: number;
  readonly idle: number;
  readonly flows: number;
  readonly packets: bigint;
  readonly bytes: bigint;
}
const OXS_CLASS = 0x8002;
const FIELD = { duration: 0, idle: 1, flows: 3, packets: 4, bytes: 5 } as const;

export function readOxs(outer: WireReader): Oxs {
  outer.skip(2);
  const length = outer.u16();
  if (length < 4) throw ofError('OFPBRC_BAD_LEN');
  const r = outer.sub(length - 4);
  outer.skip(Math.min(outer.remaining, (8 - (length % 8)) % 8));
  let v: Oxs = { durationSec: -1, durationNsec: 0, idle: -1, flows: -1, packets: -1n, bytes: -1n };
  while (r.remaining >= 4) {
    const oxsClass = r.u16();
    const field = r.u8() >> 1;
    const body = r.sub(r.u8());
    if (oxsClass !== OXS_CLASS) continue;
    if (field === FIELD.duration) v = { ...v, durationSec: body.u32(), durationNsec: body.u32() };
    else if (field === FIELD.idle) v = { ...v, idle: body.u32() };
    else if (field === FIELD.flows) v = { ...v, flows: body.u32() };
    else if (field === FIELD.packets) v = { ...v, packets: body.u64() };
    else if (field === FIELD.bytes) v = { ...v, bytes: body.u64() };
  }
  return v;
}

export function writeOxs(w: WireWriter, v: Oxs): void {
  const start = w.length;
  const head = (field: number, length: number) => {
    w.u16(OXS_CLASS);
    w.u8(field << 1);
    w.u8(length);
  };
  w.u16(0);
  w.u16(0);
  if (v.durationSec >= 0) {
    head(FIELD.duration, 8);
    w.u32(v.durationSec);
    w.u32(v.durationNsec);
  }
  if (v.idle >= 0) {
    head(FIELD.idle, 8);
    w.u32(v.idle);
    w.u32(0);
  }
  if (v.packets >= 0n) {
    head(FIELD.packets, 8);
    w.u64(v.packets);
  }
  if (v.bytes >= 0n) {
    head(FIELD.bytes, 8);
    w.u64(v.bytes);
  }
  if (v.flows >= 0) {
    head(FIELD.flows, 4);
    w.u32(v.flows);
  }
  const length = w.length - start;
  w.patch16(start + 2, length);
  w.zeros((8 - (length % 8)) % 8);
}
