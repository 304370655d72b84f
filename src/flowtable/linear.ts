/**
 * The dumb look-up engine: rules in order of priority, each tried in turn. It is the judge of the fast one, so nothing in it is clever: its
 * mask has every bit of every rule it tried. Price: time and mask width grow with the number of rules.
 */
import { type MiniMatch, miniEqual, miniMatches } from '../flow/match.js';
import { isConjunction, lookupConjunctive } from './conjunction.js';
import type { Looked } from './looked.js';
import { miniCovers } from './mini.js';
import type { Classifier, Rule } from './rule.js';

export class LinearClassifier implements Classifier {
  readonly keepsMatches = false;
  /** Priority descending, between equals the oldest first. */
  private readonly sorted: Rule[] = [];
  /** Of the rules in, those that are conjunctions. */
  private readonly conjunctions = new Set<Rule>();

  get size(): number {
    return this.sorted.length;
  }

  insert(rule: Rule): void {
    this.sorted.splice(this.firstBelow(rule.priority), 0, rule);
    if (isConjunction(rule.actions)) this.conjunctions.add(rule);
  }

  remove(rule: Rule): void {
    const at = this.sorted.indexOf(rule);
    if (at >= 0) this.sorted.splice(at, 1);
    this.conjunctions.delete(rule);
  }

  find(match: MiniMatch, priority: number): Rule | undefined {
    return this.sorted.find((r) => r.priority === priority && miniEqual(r.match, match));
  }

  lookup(key: Uint32Array, mask: Uint32Array | undefined, looked?: Looked): Rule | undefined {
    looked?.bits.fill(0xffffffff);
    return lookupConjunctive(this, key, mask);
  }

  ordinary(key: Uint32Array, mask: Uint32Array | undefined, soft: Rule[] | undefined): Rule | undefined {
    for (const rule of this.sorted) {
      const m = rule.match;
      if (mask) for (let i = 0; i < m.index.length; i++) mask[m.index[i]] |= m.mask[i];
      if (!miniMatches(m, key)) continue;
      if (!this.conjunctions.has(rule)) return rule;
      soft?.push(rule);
    }
    return undefined;
  }

  rules(): Iterable<Rule> {
    return this.sorted;
  }

  collect(match: MiniMatch, out: Rule[]): void {
    for (const r of this.sorted) if (miniCovers(match, r.match)) out.push(r);
  }

  /** Position of the first rule of a priority lower than `priority`. */
  private firstBelow(priority: number): number {
    let lo = 0;
    let hi = this.sorted.length;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (this.sorted[mid].priority >= priority) lo = mid + 1;
      else hi = mid;
    }
    return lo;
  }
}
