/**
 * Action sets of OpenFlow 1.1 and later: what write_actions collects and the end of the pipeline executes. One action of a kind, executed in the
 * order of the specification whatever order they were written in; sets of fields in the order they came. Without a way out (group, output, resubmit,
 * ct: the first of these that is there) nothing at all is executed.
 */
import type { Action } from '../action/action.js';

/** Kinds that come before field sets, in order of execution. */
const FIRST: readonly Action['type'][] = [
  'strip_vlan',
  'pop_mpls',
  'decap',
  'encap',
  'push_mpls',
  'push_vlan',
  'dec_ttl',
  'dec_mpls_ttl',
  'dec_nsh_ttl',
];
const LAST: readonly Action['type'][] = ['group', 'output', 'resubmit', 'ct'];

const single = new Set<Action['type']>([...FIRST, ...LAST, 'set_queue', 'meter']);

/** A new set: later actions take the place of earlier ones of their kind. */
export function writeActionSet(set: readonly Action[], actions: readonly Action[]): Action[] {
  const out = [...set];
  for (const a of actions) {
    const at = single.has(a.type) ? out.findIndex((b) => b.type === a.type) : -1;
    if (at >= 0) out.splice(at, 1);
    out.push(a);
  }
  return out;
}

export function executionOrder(set: readonly Action[]): Action[] {
  const last = LAST.find((type) => set.some((a) => a.type === type));
  if (!last) return [];
  const first = FIRST.flatMap((type) => set.filter((a) => a.type === type));
  const rest = set.filter((a) => !FIRST.includes(a.type) && !LAST.includes(a.type));
  return [...first, ...rest, ...set.filter((a) => a.type === last)];
}
