/** Elements that say their own length, and type-length-value properties of OpenFlow 1.3 and later. */
import type { WireReader, WireWriter } from '../../action/context.js';
import type { UserError } from '../../lib/errors.js';
import { ofError } from '../errors.js';

export const EXPERIMENTER = 0xffff;

/** The rest of an element whose length field stands here and counts from `before` bytes earlier (its own two bytes included). */
export function sized(r: WireReader, before: number): WireReader {
  const length = r.u16();
  if (length < before) throw ofError('OFPBRC_BAD_LEN');
  return r.sub(length - before);
}

/** Each property is padded to 8 bytes, which its length does not count. */
export function readProperties(r: WireReader, each: (type: number, body: WireReader) => void): void {
  while (r.remaining > 0) {
    if (r.remaining < 4) throw ofError('OFPBPC_BAD_LEN');
    const type = r.u16();
    const length = r.u16();
    if (length < 4) throw ofError('OFPBPC_BAD_LEN');
    each(type, r.sub(length - 4, 'OFPBPC_BAD_LEN'));
    r.sub((8 - (length % 8)) % 8, 'OFPBPC_BAD_LEN');
  }
}

/** The error of a property that is not known where it stands; `body` is at its start. */
export function unknownProperty(type: number, body: WireReader): UserError {
  if (type !== EXPERIMENTER) return ofError('OFPBPC_BAD_TYPE');
  return ofError(body.remaining < 8 ? 'OFPBPC_BAD_LEN' : 'OFPBPC_BAD_EXP_TYPE');
}

/** Writes a property, its length and its padding. */
export function writeProperty(w: WireWriter, type: number, body: () => void): void {
  const start = w.length;
  w.u16(type);
  w.u16(0);
  body();
  const length = w.length - start;
  w.patch16(start + 2, length);
  w.zeros((8 - (length % 8)) % 8);
}
