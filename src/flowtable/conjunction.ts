/**
 * Conjunctive matches, for every engine: (a1 or a2 or ...) and (b1 or b2 or ...) without the product of the two.
 *
 * Each rule of such a match carries actions conjunction(id, k/n) in place of real ones: "clause k of the n clauses of id holds". When all
 * n clauses of an id hold at one priority, the table is searched once more with conj_id set to it, ignoring conjunctions.
 *
 * Rules of precedence (ovs-fields(7), and where it is silent, what ovs-vswitchd does): an ordinary rule beats conjunctions of its own or a
 * lower priority. Priorities are tried from the top. When the second search finds nothing, the conjunction counts as not matched. Several ids
 * complete at one priority are called unpredictable there; here the lowest id that leads to a rule wins, so that engines agree.
 *
 * Masks stay sound because the ordinary search already adds all that was looked at to find, or to rule out, each clause of a priority above
 * the ordinary answer's, and the second search adds its own.
 */
import type { Action } from '../action/action.js';
import { OK } from '../flow/key.js';
import type { RuleListener } from './flow-mod.js';
import type { Rule } from './rule.js';

/** What an engine offers to this file. */
export interface OrdinarySearch {
  /**
   * The best rule that is no conjunction. Matching conjunctions of a priority above its are appended to `soft` (others may be, too);
   * without `soft` they are passed over.
   */
  ordinary(key: Uint32Array, mask: Uint32Array | undefined, soft: Rule[] | undefined): Rule | undefined;
}

export function isConjunction(actions: readonly Action[]): boolean {
  for (const a of actions) if (a.type === 'conjunction') return true;
  return false;
}

/**
 * Did a clause of a conjunctive match change or go? Look-ups return the rule of the id and not its clauses, so what was derived from a
 * look-up does not show that it depends on this one.
 */
export function clauseChanged(event: Parameters<RuleListener>[0]): boolean {
  switch (event.kind) {
    case 'added':
      return event.replaced !== undefined && isConjunction(event.replaced.actions);
    case 'modified':
      return event.before !== event.rule.actions && isConjunction(event.before);
    case 'removed':
      return isConjunction(event.rule.actions);
  }
}

const CONJ_WORD = OK.conjId.offset >> 2;
const scratch = new DataView(new ArrayBuffer(4));
const scratchWord = new Uint32Array(scratch.buffer);

/** The whole look-up of a table that holds conjunctions. `key` is changed on the way and restored. */
export function lookupConjunctive(
  engine: OrdinarySearch,
  key: Uint32Array,
  mask: Uint32Array | undefined,
): Rule | undefined {
  const soft: Rule[] = [];
  const hard = engine.ordinary(key, mask, soft);
  const floor = hard ? hard.priority : -1;
  soft.sort((a, b) => b.priority - a.priority);
  for (let i = 0; i < soft.length && soft[i].priority > floor; ) {
    let end = i + 1;
    while (end < soft.length && soft[end].priority === soft[i].priority) end++;
    for (const id of completed(soft, i, end)) {
      const saved = key[CONJ_WORD];
      scratch.setUint32(0, id);
      key[CONJ_WORD] = scratchWord[0];
      const found = engine.ordinary(key, mask, undefined);
      key[CONJ_WORD] = saved;
      if (found) return found;
    }
    i = end;
  }
  return hard;
}

/** Ids of which soft[from..to) has every clause, ascending. */
function completed(soft: readonly Rule[], from: number, to: number): number[] {
  const clauses = new Map<number, { n: number; seen: Set<number> }>();
  const ids: number[] = [];
  for (let i = from; i < to; i++) {
    for (const a of soft[i].actions) {
      if (a.type !== 'conjunction') continue;
      let c = clauses.get(a.id);
      if (!c) {
        c = { n: a.nClauses, seen: new Set() };
        clauses.set(a.id, c);
      }
      if (c.n !== a.nClauses || c.seen.has(a.clause)) continue;
      c.seen.add(a.clause);
      if (c.seen.size === c.n) ids.push(a.id);
    }
  }
  return ids.sort((a, b) => a - b);
}
