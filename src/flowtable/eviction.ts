/**
 * Which rules to give up for new ones.
 *
 * As in OVS: only rules with a timeout may go (others are permanent by the user's wish). Rules with the same values of the table's eviction fields
 * are a group, and the largest group loses one, so that who fills the table pays for it. In a group the least important goes first, between equals
 * the one that would time out first. Looks at every rule: eviction is for tables kept small on purpose.
 */
import type { Subfield } from '../flow/field.js';
import { readBits } from '../flow/fields.js';
import { expand, Match } from '../flow/match.js';
import { deadline } from './expiry.js';
import type { Rule } from './rule.js';

/** Negative when `a` goes before `b`. */
function order(a: Rule, b: Rule): number {
  return a.importance - b.importance || deadline(a) - deadline(b);
}

function groupKey(rule: Rule, groups: readonly Subfield[], scratch: Match): string {
  expand(rule.match, scratch);
  return groups.map((f) => readBits(scratch.value, f)).join(',');
}

/** The `n` rules to give up one after the other, or as many as there are. */
export function victims(rules: Iterable<Rule>, groups: readonly Subfield[], n: number): Rule[] {
  const byKey = new Map<string, Rule[]>();
  const scratch = new Match();
  for (const rule of rules) {
    if (deadline(rule) === Number.POSITIVE_INFINITY) continue;
    const key = groups.length === 0 ? '' : groupKey(rule, groups, scratch);
    const group = byKey.get(key);
    if (group) group.push(rule);
    else byKey.set(key, [rule]);
  }
  if (n === 1) return first(largest(byKey.values()));
  for (const group of byKey.values()) group.sort((a, b) => order(b, a));
  const out: Rule[] = [];
  while (out.length < n) {
    const rule = largest(byKey.values())?.pop();
    if (!rule) break;
    out.push(rule);
  }
  return out;
}

function largest(groups: Iterable<Rule[]>): Rule[] | undefined {
  let best: Rule[] | undefined;
  for (const g of groups) if (!best || g.length > best.length) best = g;
  return best;
}

function first(group: Rule[] | undefined): Rule[] {
  let best: Rule | undefined;
  for (const rule of group ?? []) if (!best || order(rule, best) < 0) best = rule;
  return best ? [best] : [];
}
