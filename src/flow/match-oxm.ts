/** Reading matches from lists of OXM or NXM entries. Writing them is match-encode.ts. */
import { get16, get32, get64, getUint } from '../lib/bytes.js';
import { UserError } from '../lib/errors.js';
import { K } from '../packet/key.js';
import type { FieldRow } from './field.js';
import { FIELDS, readField, readNumber } from './fields.js';
import { Match } from './match.js';
import { COOKIE_EXACT, COOKIE_MASKED } from './match-encode.js';
import { decodeOxmHeader, decodeOxmValue, fault, isSmall, type OxmEntry } from './oxm.js';
import { assumeEthernet, completeEthernet } from './packet-type.js';
import { matchHasPrereqs, PREREQ_WORDS, type PrereqCheck, prereqCheck } from './prereqs.js';
import { setField, setNumber } from './set.js';
import { TunTable } from './tun-table.js';

export interface DecodeOptions {
  readonly tun?: TunTable | undefined;
  /** Take NXM_NX_COOKIE. */
  readonly cookie?: boolean;
  /** Skip fields that are unknown, or whose prerequisites are missing, rather than refuse: for requests that only describe packets. */
  readonly loose?: boolean;
}

/** Where the bytes stand, and what they go to. */
export interface DecodePlace {
  readonly from?: number;
  readonly to?: number;
  /** A match to use again instead of a new one; it is cleared. */
  readonly into?: Match | undefined;
}

export interface DecodedMatch {
  readonly match: Match;
  readonly cookie: bigint;
  readonly cookieMask: bigint;
}

/** The inverse, of exactly the bytes of the place (all of `b` unless it says). Throws UserError with the OpenFlow error. */
export function decodeMatch(b: Uint8Array, options: DecodeOptions = {}, place: DecodePlace = {}): DecodedMatch {
  const { from = 0, to = b.length } = place;
  const match = place.into ?? new Match();
  place.into?.clear();
  let cookie = 0n;
  let cookieMask = 0n;
  for (let at = from; at < to; ) {
    const cookieBytes = cookieAt(b, at, to);
    if (cookieBytes > 0) {
      if (!options.cookie && options.loose) {
        at += cookieBytes;
        continue;
      }
      if (!options.cookie) throw new UserError('a cookie is no field of this message', 'OFPBMC_BAD_FIELD');
      if (cookieMask !== 0n) throw new UserError('the cookie stands twice', 'OFPBMC_DUP_FIELD');
      cookie = get64(b, at + 4);
      cookieMask = cookieBytes > 12 ? get64(b, at + 12) : 0xffffffffffffffffn;
      if (cookie & ~cookieMask)
        throw new UserError('the cookie has ones that its mask ignores', 'OFPBMC_BAD_WILDCARDS');
      at += cookieBytes;
    } else at = decodeEntry(b, at, to, match, options);
  }
  completeEthernet(match);
  return { match, cookie, cookieMask };
}

/** Bytes of a whole cookie entry, 0 where there is none. */
function cookieAt(b: Uint8Array, at: number, to: number): number {
  if (to - at < 12 || get16(b, at) !== 0x0001) return 0;
  const rest = get16(b, at + 2);
  if (rest === (COOKIE_EXACT & 0xffff)) return 12;
  return rest === (COOKIE_MASKED & 0xffff) && to - at >= 20 ? 20 : 0;
}

/** Reads the entry at `at`, which ends before `to`; gives where the next one begins. */
function decodeEntry(b: Uint8Array, at: number, to: number, m: Match, options: DecodeOptions): number {
  try {
    const small = at + 4 <= to ? SMALL.get(get32(b, at) | 0) : undefined;
    if (small && at + 4 + b[at + 3] <= to) {
      decodeSmall(b, at + 4, small, m);
      return at + 4 + b[at + 3];
    }
    const e = decodeOxmHeader(b, at, to);
    decodeLarge(b, e, m, options.tun);
    return e.next;
  } catch (err) {
    const skip =
      options.loose && err instanceof UserError && /BAD_FIELD|BAD_PREREQ|INVALID_TLV_FIELD/.test(err.ofError ?? '');
    if (!skip) throw err;
    // A field that packets do not have says of them that they are Ethernet all the same.
    if (err.ofError === 'OFPBMC_BAD_PREREQ') assumeEthernet(m);
    return at + 4 + b[at + 3];
  }
}

function checkPlace(row: FieldRow, hasPrereqs: boolean, free: boolean): void {
  if (!hasPrereqs) {
    throw new UserError(`field ${row.name} needs ${PREREQ_WORDS[row.prereqs]} before it`, 'OFPBMC_BAD_PREREQ');
  }
  if (!free) throw new UserError(`field ${row.name} stands twice`, 'OFPBMC_DUP_FIELD');
}

/** An entry of at most 4 bytes, known by its header alone: most entries there are, read without an object for each. */
interface SmallEntry {
  readonly row: FieldRow;
  readonly masked: boolean;
  /** All bits of the payload. */
  readonly ones: number;
  readonly needs: PrereqCheck;
}

/** By the header as a signed number, which needs no memory of its own. */
const SMALL: ReadonlyMap<number, SmallEntry> = new Map(
  FIELDS.filter((row) => isSmall(row)).flatMap((row) =>
    row.ids
      .filter((id) => id.experimenter === undefined)
      .flatMap((id) =>
        [false, true].map((masked): [number, SmallEntry] => [
          (id.class << 16) | (id.field << 9) | (masked ? 0x100 : 0) | (masked ? 2 * row.bytes : row.bytes) | 0,
          { row, masked, ones: 2 ** (8 * row.bytes) - 1, needs: prereqCheck(row.prereqs) },
        ]),
      ),
  ),
);

/** The value stands at `at`. */
function decodeSmall(b: Uint8Array, at: number, { row, masked, ones, needs }: SmallEntry, m: Match): void {
  const value = getUint(b, at, row.bytes);
  const wire = masked ? getUint(b, at + row.bytes, row.bytes) : ones;
  if (row.maskable === 'no' && wire !== ones && wire !== 0) throw fault(row, 'BAD_MASK');
  if ((value & ~wire) !== 0) throw fault(row, 'BAD_WILDCARDS');
  if ((value & ~row.validLow) !== 0 || row.values?.includes(value) === false) throw fault(row, 'BAD_VALUE');
  checkPlace(row, needs.holds(m), readNumber(m.mask, row) === 0);
  const mask = (wire & row.validLow) >>> 0;
  if (mask !== 0) setNumber(m, row, value, mask);
}

function decodeLarge(b: Uint8Array, e: OxmEntry, m: Match, tun: TunTable | undefined): void {
  const { row } = e;
  const { value, mask } = decodeOxmValue(b, e);
  if (row.tunMetadata !== undefined) return setOption(m, row, e, value, mask, tun);
  checkPlace(row, matchHasPrereqs(row.prereqs, m), readField(m.mask, row) === 0n);
  if (mask !== 0n) setField(m, row, value, mask);
}

function setOption(
  m: Match,
  option: FieldRow,
  { bytes, masked }: OxmEntry,
  value: bigint,
  mask: bigint,
  table: TunTable | undefined,
): void {
  const index = option.tunMetadata ?? 0;
  const at = K.tunMdPresent.offset + 7 - (index >> 3);
  const bit = 1 << (index & 7);
  if (m.mask[at] & bit) throw new UserError(`field ${option.name} stands twice`, 'OFPBMC_DUP_FIELD');
  let row: FieldRow;
  if (table) row = table.need(option);
  else {
    m.tun ??= new TunTable();
    row = m.tun.add(option, { optionClass: 0xffff, optionType: index, length: bytes, masked });
  }
  m.mask[at] |= bit;
  m.value[at] |= bit;
  if (row.bits === 0 || (bytes === 0 && masked)) return;
  // An unmasked value that is shorter than the option fixes all of it, the rest to zero; of a longer one the first bytes count.
  const exact = !masked;
  const over = BigInt(8 * Math.max(0, bytes - row.bytes));
  setField(m, row, value >> over, exact ? row.valid : (mask >> over) & row.valid);
}
