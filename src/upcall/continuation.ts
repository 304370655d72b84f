/** A packet that a controller holds back: what is left to do with it, told with the packet and given back to go on. */
import type { Action } from '../action/action.js';
import type { Frame, FrozenState, StackItem } from './frozen.js';

/** Actions that run as those of one rule. */
export interface ActionGroup {
  readonly table: number;
  readonly cookie: bigint;
  readonly actions: readonly Action[];
}

export interface Continuation {
  /** The top is the last. */
  readonly stack: readonly StackItem[];
  readonly groups: readonly ActionGroup[];
  readonly actionSet: readonly Action[];
}

/** Actions that may send a packet to a controller: it is told whose they are. For others that does not matter, and is not said. */
export function tellsRule(a: Action): boolean {
  switch (a.type) {
    case 'output':
    case 'output_reg':
    case 'output_trunc':
    case 'controller':
    case 'group':
    case 'dec_ttl':
    case 'dec_mpls_ttl':
    case 'dec_nsh_ttl':
      return true;
    default:
      return false;
  }
}

/** What is left of each list, innermost first, as OVS divides it. */
function groupsOf(frames: readonly Frame[]): ActionGroup[] {
  const groups: ActionGroup[] = [];
  let group = { table: 0, cookie: 0n, actions: [] as Action[] };
  let known = false;
  const close = (): void => {
    if (group.actions.length > 0) groups.push(group);
  };
  for (const f of frames) {
    const cookie = f.rule?.cookie ?? f.cookie ?? 0n;
    for (const a of f.actions.slice(f.from)) {
      if (tellsRule(a) && (!known || group.table !== f.table || group.cookie !== cookie)) {
        close();
        group = { table: f.table, cookie, actions: [] };
        known = true;
      }
      // "This table" is known here only.
      group.actions.push(a.type === 'resubmit' && a.table === 255 ? { ...a, table: f.table } : a);
    }
  }
  close();
  return groups;
}

export function continuationOf(s: FrozenState): Continuation {
  return { stack: s.stack, groups: groupsOf(s.frames), actionSet: s.actionSet };
}

/** The state of a packet that begins with actions, and with registers and metadata that are not its own. */
export function startOf(actions: readonly Action[], at: Pick<FrozenState, 'bridge' | 'ofLines'>): FrozenState {
  return stateOf({ stack: [], groups: [{ table: 0, cookie: 0n, actions }], actionSet: [] }, at);
}

/** The state in which a packet goes on. `ofLines`: its registers and metadata as the controller gave them back. */
export function stateOf(c: Continuation, at: Pick<FrozenState, 'bridge' | 'ofLines'>): FrozenState {
  const frames = c.groups.map((g): Frame => ({ ...g, from: 0, rule: undefined }));
  return {
    ...at,
    stack: c.stack,
    actionSet: c.actionSet,
    frames,
    // Who got a copy before is not told to the controller.
    mirrored: 0,
    table: 0,
    cookie: 0n,
    userdata: new Uint8Array(0),
  };
}
