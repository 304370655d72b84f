import type { Action } from '../action/action.js';
import type { MiniMatch } from '../flow/match.js';
import type { Looked } from './looked.js';

/** OpenFlow flow_mod flags, as in 1.3 (1.0 has the first two). */
export const FLOW_FLAG = {
  sendFlowRem: 1,
  checkOverlap: 2,
  resetCounts: 4,
  noPktCounts: 8,
  noBytCounts: 16,
  hiddenRule: 0x8000,
} as const;

/** Keeps matches of rules in a form of its own. */
export interface MatchHolder {
  /** The match of one of its entries, as an object made for the caller. */
  matchAt(entry: number): MiniMatch;
}

/** A flow of a table. Identity is the object: a modified rule keeps it (and its counters), a replaced one does not. */
export interface Rule {
  readonly table: number;
  readonly priority: number;
  /** May be made for each who asks: ask once, and compare by value. */
  readonly match: MiniMatch;
  cookie: bigint;
  /** Seconds; 0 never. */
  idleTimeout: number;
  hardTimeout: number;
  /** FLOW_FLAG bits. */
  flags: number;
  importance: number;
  actions: readonly Action[];
  /** Milliseconds of the switch's clock. `modified` starts the hard timeout again, `used` the idle one. */
  readonly created: number;
  modified: number;
  used: number;
  packets: number;
  bytes: number;
  /** False once it has left its table. */
  live: boolean;
  /** Bumped when `actions` change; a datapath flow that was derived from another generation is translated again. */
  generation: number;
  /** An engine that keeps the match says where; the rule may let go of its own copy. Without a holder the rule leaves the engine. */
  filed?(holder: MatchHolder | undefined, entry: number): void;
}

/**
 * A table's look-up engine. The linear one is the judge, the tuple-space one is fast; both pass one case file.
 * Safe direction of error: a look-up may add more bits to the mask than needed (costs speed), never fewer (misdelivers).
 */
export interface Classifier {
  readonly size: number;
  /** Takes a rule's match over when the rule is inserted (`filed`): the match it came with may then be used for another. */
  readonly keepsMatches: boolean;
  /** The caller made sure that no rule of equal match and priority is in. */
  insert(rule: Rule): void;
  remove(rule: Rule): void;
  /** A rule of exactly this match and priority. */
  find(match: MiniMatch, priority: number): Rule | undefined;
  /**
   * The matching rule of highest priority (between equals any, but the same for the same set of rules in both engines: the oldest).
   * Every bit that the answer depends on is ORed into `mask` (both KEY_WORDS long, see `words`). Conjunctive matches are resolved here: a rule
   * whose actions are conjunctions only is never returned itself; when all clauses of one id match, look-up goes on with conj_id set, as in ovs-fields(7).
   *
   * `looked` gets what not only the answer but also its mask depends on: a key of the same bits that is refused by the same gets both again.
   */
  lookup(key: Uint32Array, mask: Uint32Array | undefined, looked?: Looked): Rule | undefined;
  rules(): Iterable<Rule>;
  /** Appends every rule that is at least as specific as `match` to `out`. */
  collect(match: MiniMatch, out: Rule[]): void;
}
