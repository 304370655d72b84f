/**
 * The bytes of matches, remembered. Which entries a match has, with which headers and masks, is settled by its mask and by the few values that
 * prerequisites ask about (a type, a protocol); flows of one table have few such combinations. For each a plan is kept: the bytes, and where the
 * values go. Writing a match is then one copy, and an answer of 100,000 flows takes a fifth of the time.
 *
 * Invariant: a plan is used only for a match whose mask is the same word for word, and whose values agree in all bits that any of its fields'
 * prerequisites look at. Judge: the plain writer, which makes the plans (match-encode.ts).
 */
import { getUint, putBig, putUint } from '../lib/bytes.js';
import type { FieldRow, Prereq } from './field.js';
import { readField, readNumber } from './fields.js';
import { KEY_WORDS, newKey, words } from './key.js';
import { type Match, usedWords } from './match.js';
import { markPrereqs } from './prereqs.js';

/** Where a field's value stands. */
export interface PlanField {
  readonly row: FieldRow;
  readonly at: number;
}

export interface Plan {
  /** Those of the match filled in last. */
  readonly bytes: Uint8Array;
  readonly fields: readonly PlanField[];
}

/** Fields whose value is the bytes of their slot as they are. */
function isPlain(row: FieldRow): boolean {
  const { bits, bytes, slot, shift } = row;
  return shift === 0 && slot.bytes === bytes && bits === 8 * bytes && row.valid === (1n << BigInt(bits)) - 1n;
}

const plainRows = new WeakMap<FieldRow, boolean>();

/** The plan's bytes with the values of a match; good until it is used again. */
export function fill(plan: Plan, value: Uint8Array): Uint8Array {
  const { bytes, fields } = plan;
  for (let i = 0; i < fields.length; i++) {
    const { row, at } = fields[i];
    const { offset, bytes: n } = row.slot;
    if (n > 4) {
      if (plainRows.get(row)) for (let k = 0; k < n; k++) bytes[at + k] = value[offset + k];
      else putBig(bytes, at, row.bytes, readField(value, row));
    } else if (row.shift === 0 && row.bytes === n) putUint(bytes, at, n, getUint(value, offset, n) & row.validLow);
    else putUint(bytes, at, row.bytes, readNumber(value, row));
  }
  return bytes;
}

interface Variant {
  /** What the words have in the bits that prerequisites look at. */
  readonly wants: Uint32Array;
  /** Undefined: such a match cannot be planned. */
  readonly plan: Plan | undefined;
}

const MAX_VARIANTS = 8;

/** All matches of one mask and version. */
export class PlanShape {
  private readonly variants: Variant[] = [];
  private nextOut = 0;

  constructor(
    readonly version: number,
    readonly index: Uint8Array,
    readonly mask: Uint32Array,
    /** By word of `index`: bits that prerequisites look at. */
    private readonly guards: Uint32Array,
  ) {}

  /** Undefined: not known yet. A plan of undefined: it cannot be planned. */
  find(value: Uint32Array): { readonly plan: Plan | undefined } | undefined {
    const { index, guards } = this;
    next: for (const v of this.variants) {
      for (let i = 0; i < index.length; i++) if ((value[index[i]] & guards[i]) >>> 0 !== v.wants[i]) continue next;
      return v;
    }
    return undefined;
  }

  add(value: Uint32Array, plan: Plan | undefined): void {
    for (const f of plan?.fields ?? []) plainRows.set(f.row, isPlain(f.row));
    const wants = Uint32Array.from(this.index, (word, i) => value[word] & this.guards[i]);
    if (this.variants.length < MAX_VARIANTS) this.variants.push({ wants, plan });
    else this.variants[this.nextOut++ % MAX_VARIANTS] = { wants, plan };
  }
}

/** Slots of the cache: more masks than real flow tables have. A new one takes the place of the one whose hash ends alike. */
const SLOTS = 1024;
const used = new Uint8Array(KEY_WORDS);

export class MatchPlans {
  private readonly slots = new Array<PlanShape | undefined>(SLOTS).fill(undefined);

  /** `prereqs`: of the fields that a match of this mask may have; asked for a new mask. */
  shapeOf(m: Match, version: number, prereqs: (m: Match) => Iterable<Prereq>): PlanShape {
    const mask = m.maskWords;
    const n = usedWords(mask, used);
    let h = version;
    for (let i = 0; i < n; i++) {
      h = Math.imul(h ^ mask[used[i]] ^ (used[i] << 24), 0x9e3779b1);
      h ^= h >>> 15;
    }
    const slot = h & (SLOTS - 1);
    const there = this.slots[slot];
    if (there && there.version === version && isMaskOf(there, n, mask)) return there;
    const looked = newKey();
    for (const p of prereqs(m)) markPrereqs(p, looked);
    const index = used.slice(0, n);
    const shape = new PlanShape(
      version,
      index,
      Uint32Array.from(index, (w) => mask[w]),
      Uint32Array.from(index, (w) => words(looked)[w]),
    );
    this.slots[slot] = shape;
    return shape;
  }
}

/** `used` names the mask's first n words that are not 0. */
function isMaskOf(shape: PlanShape, n: number, mask: Uint32Array): boolean {
  if (shape.index.length !== n) return false;
  for (let i = 0; i < n; i++) if (shape.index[i] !== used[i] || shape.mask[i] !== mask[used[i]]) return false;
  return true;
}
