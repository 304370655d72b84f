/** Headers of actions on the wire: standard ones and those of experimenters. All are padded with zeros to a multiple of 8 bytes. */
import { UserError } from '../lib/errors.js';
import type { Action } from './action.js';
import type { DecodeCtx, WireReader, WireWriter } from './context.js';
import type { WireForm } from './row.js';

export const NX_VENDOR = 0x2320;
export const ONF_VENDOR = 0x4f4e4600;
export const OFPAT_EXPERIMENTER = 0xffff;

/** Writes an action whose body `body` writes. The length covers the padding, except for a note of the caller in `body`. */
function action(w: WireWriter, header: () => void, body?: () => void): void {
  const start = w.length;
  header();
  body?.();
  w.pad(start);
  const length = w.length - start;
  if (length > 0xfff8) throw new UserError('an action is longer than 65528 bytes', 'OFPBAC_BAD_LEN');
  w.patch16(start + 2, length);
}

/** A standard action. */
export function std(w: WireWriter, type: number, body?: () => void): void {
  action(
    w,
    () => {
      w.u16(type);
      w.u16(0);
    },
    body,
  );
}

function experimenter(w: WireWriter, vendor: number, subtype: number, body?: () => void): void {
  action(
    w,
    () => {
      w.u16(OFPAT_EXPERIMENTER);
      w.u16(0);
      w.u32(vendor);
      w.u16(subtype);
    },
    body,
  );
}

/** A Nicira extension action. */
export function nx(w: WireWriter, subtype: number, body?: () => void): void {
  experimenter(w, NX_VENDOR, subtype, body);
}

export function onf(w: WireWriter, subtype: number, body?: () => void): void {
  experimenter(w, ONF_VENDOR, subtype, body);
}

type Decode<A extends Action> = (r: WireReader, ctx: DecodeCtx) => A;

/** Forms of a row. `versions` is [first, last] wire version. */
export function ofForm<A extends Action>(
  number: number,
  versions: readonly [number, number],
  size: number,
  decode: Decode<A>,
  open = false,
): WireForm<A> {
  return { space: 'of', number, from: versions[0], to: versions[1], size, open, decode };
}

export function nxForm<A extends Action>(
  number: number,
  size: number,
  decode: Decode<A>,
  versions: readonly [number, number] = ALL,
): WireForm<A> {
  return { space: 'nx', number, from: versions[0], to: versions[1], size, open: false, decode };
}

/** A Nicira form of at least `size` bytes. */
export function nxOpenForm<A extends Action>(
  number: number,
  size: number,
  decode: Decode<A>,
  versions: readonly [number, number] = ALL,
): WireForm<A> {
  return { ...nxForm(number, size, decode, versions), open: true };
}

export const ALL = [1, 6] as const;
/** OpenFlow 1.0 only, and 1.1 on. */
export const V10 = [1, 1] as const;
export const V11UP = [2, 6] as const;

/** Reads what must be zeros, to the end of the action. */
export function mustBeZero(r: WireReader, ofError = 'NXBRC_MUST_BE_ZERO', n = r.remaining): void {
  for (let i = 0; i < n; i++) {
    if (r.u8() !== 0) throw new UserError('reserved bytes of an action are not zero', ofError);
  }
}

/** Throws OFPBAC_BAD_ARGUMENT unless `ok`. */
export function argument(ok: boolean, what: string): asserts ok {
  if (!ok) throw new UserError(what, 'OFPBAC_BAD_ARGUMENT');
}

/** A number of an action on the wire, in some versions. */
export interface Code {
  readonly space: 'of' | 'nx';
  readonly number: number;
  readonly versions: readonly [number, number];
}

/** Nicira's form in 1.0 and the standard one since: the commonest pair. */
export function codes(nx10: number, of11: number): readonly Code[] {
  return [
    { space: 'nx', number: nx10, versions: V10 },
    { space: 'of', number: of11, versions: V11UP },
  ];
}

/** Where an argument of `bytes` bytes stands: after the header, aligned to its own width. */
function argumentAt(space: 'of' | 'nx', bytes: number): number {
  const header = space === 'of' ? 4 : 10;
  return bytes === 0 ? header : Math.ceil(header / bytes) * bytes;
}

/** Writes an action whose whole body is one number of 0, 1, 2, 4 or 8 bytes. */
export function putNumber(w: WireWriter, list: readonly Code[], bytes: number, value: number | bigint = 0): void {
  const code = list.find((c) => w.version >= c.versions[0] && w.version <= c.versions[1]);
  if (!code) throw new UserError(`an action has no form in this OpenFlow version`, 'OFPBAC_BAD_TYPE');
  const body = (): void => {
    w.zeros(argumentAt(code.space, bytes) - (code.space === 'of' ? 4 : 10));
    if (bytes === 1) w.u8(Number(value));
    else if (bytes === 2) w.u16(Number(value));
    else if (bytes === 4) w.u32(Number(value));
    else if (bytes === 8) w.u64(BigInt(value));
  };
  if (code.space === 'of') std(w, code.number, body);
  else nx(w, code.number, body);
}

/** The forms of such an action. `make` gets the number; of 8 bytes as a bigint's unsigned value. */
export function numberForms<A extends Action>(
  list: readonly Code[],
  bytes: number,
  make: (value: bigint) => A,
): WireForm<A>[] {
  return list.map((c) => {
    const at = argumentAt(c.space, bytes);
    return {
      space: c.space,
      number: c.number,
      from: c.versions[0],
      to: c.versions[1],
      size: Math.ceil((at + bytes) / 8) * 8,
      open: false,
      decode(r) {
        r.skip(at - (c.space === 'of' ? 4 : 10));
        if (bytes === 0) return make(0n);
        if (bytes === 8) return make(r.u64());
        return make(BigInt(bytes === 1 ? r.u8() : bytes === 2 ? r.u16() : r.u32()));
      },
    };
  });
}
