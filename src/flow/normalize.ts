/**
 * What a match says of fields that its packets do not have. ovs-ofctl takes "tp_dst=80" without a protocol and then drops the condition, with a
 * remark; OpenFlow's encoders leave such fields out. Both come from here.
 */
import { isZero } from '../lib/bytes.js';
import { UserError } from '../lib/errors.js';
import { K } from '../packet/key.js';
import type { FieldRow } from './field.js';
import { FIELDS } from './fields.js';
import type { Match } from './match.js';
import { conditionsHeld, matchHasPrereqs, PREREQ_WORDS } from './prereqs.js';

/** With the words of the key that each stands in: asked first, for most are 0. */
const CONDITIONAL = FIELDS.filter((f) => f.prereqs !== 'none' && f.prereqs !== 'ethernet').map((row) => ({
  row,
  first: row.slot.offset >> 2,
  last: (row.slot.offset + Math.max(1, row.slot.bytes) - 1) >> 2,
}));

/** Fields that the match fixes, but whose prerequisites it does not: one a slot, the one whose prerequisites come nearest. */
export function missingPrereqs(m: Match): FieldRow[] {
  const missing: FieldRow[] = [];
  const covered: FieldRow[] = [];
  const words = m.maskWords;
  for (const { row, first, last } of CONDITIONAL) {
    if (words[first] === 0 && (first === last || areZero(words, first, last))) continue;
    const { offset, bytes } = row.slot;
    if (isZero(m.mask, offset, offset + bytes)) continue;
    if (row.prereqs === 'vlan') continue;
    (matchHasPrereqs(row.prereqs, m) && !isPortOfNothing(row, m) ? covered : missing).push(row);
  }
  if (missing.length === 0) return missing;
  const held = new Map(missing.map((row) => [row, conditionsHeld(row.prereqs, m)]));
  missing.sort((a, b) => (held.get(b) ?? 0) - (held.get(a) ?? 0));
  return missing.filter(
    (row, i) => !covered.some((c) => overlaps(c, row)) && !missing.slice(0, i).some((c) => overlaps(c, row)),
  );
}

function areZero(words: Uint32Array, first: number, last: number): boolean {
  for (let i = first; i <= last; i++) if (words[i] !== 0) return false;
  return true;
}

/** Ports of a connection whose protocol the match leaves open. */
function isPortOfNothing(row: FieldRow, m: Match): boolean {
  return row.name.startsWith('ct_tp_') && m.value[K.ctNwProto.offset] === 0;
}

function overlaps(a: FieldRow, b: FieldRow): boolean {
  return a.slot.offset < b.slot.offset + b.slot.bytes && b.slot.offset < a.slot.offset + a.slot.bytes;
}

/** The match without those conditions: itself when there are none. Dropping one may drop others that stood on it. */
export function normalizeMatch(m: Match): { readonly match: Match; readonly dropped: readonly FieldRow[] } {
  let match = m;
  const dropped: FieldRow[] = [];
  for (;;) {
    const rows = missingPrereqs(match);
    if (rows.length === 0) return { match, dropped };
    if (match === m) match = m.clone();
    for (const { slot } of rows) {
      match.mask.fill(0, slot.offset, slot.offset + slot.bytes);
      match.value.fill(0, slot.offset, slot.offset + slot.bytes);
    }
    dropped.push(...rows);
  }
}

/** Throws UserError that names the first such field and what it needs: for callers that refuse rather than drop. */
export function requirePrereqs(m: Match): void {
  const [row] = missingPrereqs(m);
  if (row)
    throw new UserError(`field ${row.name} needs ${PREREQ_WORDS[row.prereqs]} in the same match`, 'OFPBMC_BAD_PREREQ');
}
