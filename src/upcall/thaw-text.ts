/**
 * What a trace says where a packet goes on in a later pass, in OVS's words. There the lists that are left are one, in which an action of its own says
 * from where on they are those of another rule: before the first action that may tell a controller whose it is.
 */
import type { Action } from '../action/action.js';
import { formatActions } from '../action/list.js';
import { hex } from '../action/text.js';
import { tellsRule } from './continuation.js';
import type { Frame, FrozenState } from './frozen.js';
import type { Tracer } from './translation.js';

/** A rule's, from here on. */
interface Unroll {
  readonly table: number;
  readonly cookie: bigint;
}

/** To be told each action with where it stands; tells of each change of rule that matters. */
export function unrolling(tell: (u: Unroll) => void): (f: Frame, a: Action) => void {
  let known: Unroll | undefined;
  return ({ table, rule, cookie: lost }, a) => {
    const cookie = rule?.cookie ?? lost ?? 0n;
    // "This table" is one that the rule is in.
    if (!tellsRule(a) && !(a.type === 'resubmit' && a.table === 255)) return;
    if (known?.table === table && known.cookie === cookie) return;
    known = { table, cookie };
    tell(known);
  };
}

const unrollText = ({ table, cookie }: Unroll): string => `unroll_xlate(table=${table}, cookie=${cookie})`;

/** The cookie's bytes as a machine reads them that puts the low one first: so it stands there. */
function reversed(cookie: bigint): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, cookie);
  return view.getBigUint64(0, true);
}

export function tellUnroll(tracer: Tracer, u: Unroll): void {
  tracer.step(unrollText(u));
  tracer.step(`restored state: table=${u.table}, cookie=${hex(reversed(u.cookie))}`, false);
}

/** The part of a trace that was opened for it, and closes here. */
export function tellThaw(tracer: Tracer, { table, actionSet, frames }: FrozenState): void {
  tracer.step(`Resuming from table ${table}`, false);
  if (actionSet.length > 0) tracer.step(`Restoring action set: ${formatActions(actionSet)}`, false);
  const left: string[] = [];
  const unroll = unrolling((u) => left.push(unrollText(u)));
  for (const f of frames) {
    for (const a of f.actions.slice(f.from)) {
      unroll(f, a);
      left.push(formatActions([a]));
    }
  }
  if (left.length > 0) tracer.step(`Restoring actions: ${left.join(',')}`, false);
  tracer.leave();
}
