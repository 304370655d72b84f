/**
 * Decisions by precedent: a new flow that agrees with an earlier one in everything that decided (witness.ts) gets what that one got, without a walk.
 *
 * The problem: a client's next connection comes up only because its port is another, and crosses the same tables by the same rules as the one before. A walk costs
 * microseconds for each table; a look at what it went by costs one hash of some ten words, however many tables there are.
 *
 * Precedents lie as flows in the datapath do: by the words that are gone by, one hash table for each set of them. They hold as long as nothing changes that any
 * walk goes by: with the first change of rules, ports or settings all are forgotten. A precedent names its flow's mask, way and list of actions, and so is
 * one only for walks that leave nothing else behind: no effects, no addresses, no state, no copies.
 *
 * Where decisions rarely repeat, to ask and to witness is a waste; then none is asked for a while.
 */
import type { DpAction } from '../datapath/action.js';
import { finish, mix } from '../flowtable/mini.js';
import { DP_KEY_BYTES, K, LINE_BYTES } from '../packet/key.js';
import { NO_DETAILS, type Path } from './derivation.js';
import type { MaskShape } from './mask-shapes.js';
import type { DpFlow } from './megaflows.js';
import type { PacketRefusal } from './refusal.js';
import { Witness } from './witness.js';

const DP_WORDS = DP_KEY_BYTES / 4;
const LINE_WORDS = LINE_BYTES / 4;
/** Sets of words asked one after the other: each costs as much as an action of a walk. */
const MAX_KINDS = 8;
/** Of a kind; past it that kind starts over. */
const MAX_OF_KIND = 4096;
/** A hash each; where a walk met more subtables that the packet's varying bits could have been in, walking is as good. */
const MAX_REFUSALS = 32;
/** A trial is so many decisions; with fewer repeated ones than an eighth of them, the next so many are made without. */
const TRIAL = 256;
const FEW = TRIAL / 8;
const REST = 4096;

export interface Precedent {
  /** What it went by, in the words of its kind. */
  readonly values: Uint32Array;
  readonly refusals: readonly PacketRefusal[];
  readonly shape: MaskShape;
  readonly actions: readonly DpAction[];
  readonly path: Path;
}

/** Those that went by the same bits. */
interface Kind {
  readonly index: Uint8Array;
  readonly mask: Uint32Array;
  readonly byHash: Map<number, Precedent>;
}

export class Precedents {
  private readonly own = new Witness();
  private kinds: Kind[] = [];
  private version = 0;
  private tried = 0;
  private repeated = 0;
  /** Decisions to come that are made without. */
  private resting = 0;

  /** Whom the walk tells what it goes by, when that is wanted. */
  get witness(): Witness | undefined {
    return this.resting > 0 ? undefined : this.own;
  }

  /** `version`: of everything that walks go by. */
  find(key: Uint32Array, version: number): Precedent | undefined {
    if (version !== this.version) {
      this.kinds = [];
      this.version = version;
    }
    if (this.resting > 0) {
      this.resting--;
      return undefined;
    }
    if (++this.tried > TRIAL) {
      if (this.repeated < FEW) this.resting = REST;
      this.tried = this.repeated = 0;
    }
    const { kinds } = this;
    for (let k = 0; k < kinds.length; k++) {
      const { index, mask, byHash } = kinds[k];
      let h = 0;
      for (let i = 0; i < index.length; i++) h = mix(h, key[index[i]] & mask[i]);
      const found = byHash.get(finish(h));
      if (!found || !agrees(found.values, kinds[k], key) || !isRefused(found.refusals, key)) continue;
      if (found.shape.gone) break;
      this.repeated++;
      if (k > 0) [kinds[k - 1], kinds[k]] = [kinds[k], kinds[k - 1]];
      return found;
    }
    return undefined;
  }

  /** A witnessed walk led to this flow. `key`: of the packet. */
  keep(key: Uint32Array, flow: DpFlow): void {
    if (this.own.alone || flow.details !== NO_DETAILS) return;
    const kind = this.kind(present(this.own.words, key));
    if (kind.byHash.size >= MAX_OF_KIND) kind.byHash.clear();
    const values = Uint32Array.from(kind.index, (w, i) => key[w] & kind.mask[i]);
    let h = 0;
    for (const v of values) h = mix(h, v);
    const { shape, actions, path } = flow;
    const refusals = this.own.refusals.filter((r) => !r.isSettledBy(this.own.words));
    if (refusals.length > MAX_REFUSALS) return;
    kind.byHash.set(finish(h), { values, refusals, shape, actions, path });
  }

  /** That of a mask, made where it is new. */
  private kind(bits: Uint32Array): Kind {
    const index = Uint8Array.from(bits.keys()).filter((w) => bits[w] !== 0);
    const isIt = (k: Kind) =>
      k.index.length === index.length && k.index.every((w, i) => w === index[i] && k.mask[i] === bits[w]);
    const known = this.kinds.find(isIt);
    if (known) return known;
    const made = { index, mask: Uint32Array.from(index, (w) => bits[w]), byHash: new Map() };
    if (this.kinds.length >= MAX_KINDS) this.kinds.pop();
    this.kinds.push(made);
    return made;
  }
}

function agrees(values: Uint32Array, { index, mask }: Kind, key: Uint32Array): boolean {
  for (let i = 0; i < index.length; i++) if ((key[index[i]] & mask[i]) >>> 0 !== values[i]) return false;
  return true;
}

function isRefused(refusals: readonly PacketRefusal[], key: Uint32Array): boolean {
  for (let i = 0; i < refusals.length; i++) if (!refusals[i].holds(key)) return false;
  return true;
}

/** Which lines a packet has is gone by; those it has not are all zeros, and not asked. */
function present(bits: Uint32Array, key: Uint32Array): Uint32Array {
  const lines = new Uint8Array(key.buffer, key.byteOffset, DP_KEY_BYTES)[K.lines.offset];
  return Uint32Array.from({ length: DP_WORDS }, (_, w) => {
    const line = Math.floor(w / LINE_WORDS);
    return line === 0 || (lines >> (line - 1)) & 1 ? bits[w] : 0;
  });
}
