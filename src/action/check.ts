/** Do actions suit the packets of their flow, and the switch? What flow_mod asks before it accepts a flow. */
import type { Match } from '../flow/match.js';
import { UserError } from '../lib/errors.js';
import type { Action } from './action.js';
import { type CheckOptions, CheckState } from './check-state.js';
import { rowOf } from './rows/index.js';

export type { CheckOptions };

/** The same list where no action got a note. */
function checkList(actions: readonly Action[], state: CheckState): readonly Action[] {
  let out: Action[] | undefined;
  for (let i = 0; i < actions.length; i++) {
    const a = actions[i];
    if (a.type === 'group' && state.options.groupExists?.(a.id) === false) {
      throw new UserError(`no group ${a.id}`, 'OFPBAC_BAD_OUT_GROUP');
    }
    const noted = rowOf(a).check?.(a, state) ?? a;
    if (noted !== a) {
      out ??= [...actions];
      out[i] = noted;
    }
  }
  return out ?? actions;
}

/**
 * Checks each action against the match and against what the ones before it did to the packet: prerequisites of fields, VLAN tags, ports, tables,
 * groups, meters. Gives the actions back with notes about the match that some wire forms need. Throws UserError with the OpenFlow error,
 * OFPBAC_MATCH_INCONSISTENT for an action that would do nothing (from OpenFlow 1.1 on; a field that is not there is an error in all).
 */
export function checkActions(actions: readonly Action[], match: Match, options: CheckOptions): readonly Action[] {
  return checkList(actions, new CheckState(match, options, checkList));
}
