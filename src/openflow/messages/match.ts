/** Matches on the wire, as messages hold them: of 1.0, of Nicira (with the cookie among the fields), and OXM. */
import type { WireReader, WireWriter } from '../../action/context.js';
import type { Match } from '../../flow/match.js';
import { matchBytes } from '../../flow/match-encode.js';
import { decodeOf10Match, encodeOf10Match, OF10_MATCH_BYTES } from '../../flow/match-of10.js';
import { type DecodedMatch, decodeMatch } from '../../flow/match-oxm.js';
import { ofError } from '../errors.js';
import { decodeOf11Match, encodeOf11Match, OF11_MATCH_BYTES } from './match-of11.js';

const NXM = 0;
/** ofp_match of 1.2 and later: type, then a length that counts both. */
const FIXED_TYPE = 0;
const OXM_TYPE = 1;
const OXM_HEADER = 4;
const OXM_SINCE = 3;

/** `into`, here and below: a match to use again instead of a new one. */
export function readMatch10(r: WireReader, into?: Match): Match {
  return decodeOf10Match(r.data, r.take(OF10_MATCH_BYTES), into);
}

export function writeMatch10(w: WireWriter, m: Match): void {
  w.bytes(encodeOf10Match(m));
}

const padding = (length: number) => (8 - (length % 8)) % 8;

/** `length` bytes of fields, and the padding after them. */
export function readNxm(r: WireReader, length: number, into?: Match): DecodedMatch {
  const from = takeMatch(r, length, padding(length));
  return decodeMatch(r.data, { cookie: true, tun: r.tun }, { from, to: from + length, into });
}

/** Where the next `length` bytes are in the reader's data; they and the padding are consumed. */
function takeMatch(r: WireReader, length: number, after: number): number {
  if (length + after > r.remaining) throw ofError('OFPBMC_BAD_LEN');
  const from = r.take(length);
  r.skip(after);
  return from;
}

/** What a packet-in says of its packet: unknown fields are passed over. */
export function readMetadata(r: WireReader, length: number): Match {
  return decodeMatch(r.bytes(length), { loose: true, tun: r.tun }).match;
}

/** Writes fields and padding; returns the length without it. */
export function writeNxm(w: WireWriter, m: Match, cookie: bigint, cookieMask: bigint): number {
  const fields = matchBytes(m, NXM, cookieMask === 0n ? {} : { cookie: { value: cookie, mask: cookieMask } });
  w.bytes(fields);
  w.zeros(padding(fields.length));
  return fields.length;
}

/** For properties: fields as OXM has them, also where the connection is older. */
export function writeFields(w: WireWriter, m: Match): void {
  w.bytes(matchBytes(m, Math.max(w.version, OXM_SINCE)));
}

export function readOxm(r: WireReader, loose = false, into?: Match): Match {
  const type = r.u16();
  const length = r.u16();
  // Type 0 is the fixed match of 1.1, which has its own length.
  if (type === FIXED_TYPE) {
    if (length !== OF11_MATCH_BYTES) throw ofError('OFPBMC_BAD_LEN');
    const whole = new Uint8Array(OF11_MATCH_BYTES);
    whole.set(r.sub(length - OXM_HEADER, 'OFPBMC_BAD_LEN').bytes(length - OXM_HEADER), OXM_HEADER);
    return decodeOf11Match(whole);
  }
  if (type !== OXM_TYPE) throw ofError('OFPBMC_BAD_TYPE');
  if (length < OXM_HEADER) throw ofError('OFPBMC_BAD_LEN');
  const from = takeMatch(r, length - OXM_HEADER, padding(length));
  return decodeMatch(r.data, { loose, tun: r.tun }, { from, to: from + length - OXM_HEADER, into }).match;
}

/** Returns the length in the header, which leaves the padding out. */
export function writeOxm(w: WireWriter, m: Match): number {
  if (w.version === 2) {
    w.bytes(encodeOf11Match(m));
    return OF11_MATCH_BYTES;
  }
  return writeOxmAlways(w, m);
}

/** As OVS lists flows to 1.1, too: its fixed match could not say all that a flow of another version has. */
export function writeOxmAlways(w: WireWriter, m: Match): number {
  const fields = matchBytes(m, w.version);
  w.u16(OXM_TYPE);
  w.u16(OXM_HEADER + fields.length);
  w.bytes(fields);
  w.zeros(padding(OXM_HEADER + fields.length));
  return OXM_HEADER + fields.length;
}
