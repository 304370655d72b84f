/**
 * Action sets of OpenFlow 1.1 and later: what write_actions collects and the end of the pipeline executes. One action of a kind, executed in the
 * order of the specification whatever order they were written in; sets of fields in the order they came. Without a way out (group, output, resubmit,
 * ct: the first of these that is there) nothing at all is executed.
 */
import type { Action } from '../action/action.js';
import { formatActions } from '../action/list.js';
import { OFPP } from '../flow/field.js';
import { OK } from '../flow/key.js';
import { put32 } from '../lib/bytes.js';
import type { Walk } from './walk.js';

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

const single = new Set<Action['type']>([...FIRST, ...LAST, 'meter']);

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

/** As it would be executed now, after "is" or "was". */
function setText(w: Walk): string {
  const ordered = executionOrder(w.actionSet);
  return ordered.length === 0 ? ' empty' : `: ${formatActions(ordered)}`;
}

/** Executes the set of a walk and empties it. After an exit nothing of it runs, as in OVS. */
export function run(w: Walk): void {
  if (w.actionSet.length === 0) return;
  const ordered = executionOrder(w.actionSet);
  w.actionSet = [];
  if (ordered.length === 0) return;
  w.input.tracer?.open('--. Executing action set:', false);
  const { isLast } = w;
  w.inActionSet = true;
  w.isLast = true;
  w.list(ordered);
  w.isLast = isLast;
  w.inActionSet = false;
  w.input.tracer?.leave();
}

export function clear(w: Walk): void {
  w.note(() => `-> action set was${setText(w)}`);
  w.actionSet = [];
  put32(w.flow, OK.actsetOutput.offset, OFPP.unset);
}

export function write(w: Walk, actions: readonly Action[]): void {
  w.actionSet = writeActionSet(w.actionSet, actions);
  const group = w.actionSet.some((a) => a.type === 'group');
  const out = w.actionSet.find((a) => a.type === 'output');
  w.note(() => `-> action set is${setText(w)}`);
  put32(w.flow, OK.actsetOutput.offset, !group && out?.type === 'output' ? out.port : OFPP.unset);
}
