/** Matches on the wire, as messages hold them: of 1.0, of Nicira (with the cookie among the fields), and OXM. */
import type { WireReader, WireWriter } from '../../action/context.js';
import type { Match } from '../../flow/match.js';

export interface NxMatch {
  readonly match: Match;
  readonly cookie: bigint;
  readonly cookieMask: bigint;
}
export function readMatch10(_r: WireReader): Match {
  throw new Error('pending');
}
export function writeMatch10(_w: WireWriter, _m: Match): void {
  throw new Error('pending');
}
export function readNxm(_r: WireReader, _length: number): NxMatch {
  throw new Error('pending');
}
export function writeNxm(_w: WireWriter, _m: Match, _cookie: bigint, _mask: bigint): number {
  throw new Error('pending');
}
export function readOxm(_r: WireReader): Match {
  throw new Error('pending');
}
export function writeOxm(_w: WireWriter, _m: Match): void {
  throw new Error('pending');
}
export function writeNxmUnpadded(_w: WireWriter, _m: Match): number {
  throw new Error('pending');
}
