/** How many flows name each group and meter. */
import type { OfBridge } from '../../bridge/of-bridge.js';
import { OFPP } from '../../flow/field.js';
import { Match } from '../../flow/match.js';
import { namedIn } from '../../flowtable/actions.js';
import { TABLE_ALL } from '../../flowtable/flow-mod.js';

export interface References {
  readonly groups: ReadonlyMap<number, number>;
  readonly meters: ReadonlyMap<number, number>;
}

function count(into: Map<number, number>, ids: ReadonlySet<number>): void {
  for (const id of ids) into.set(id, (into.get(id) ?? 0) + 1);
}

/** Looks at every flow: statistics are asked for now and then, and no flow_mod pays for a count that is kept. */
export function references(bridge: OfBridge): References {
  const groups = new Map<number, number>();
  const meters = new Map<number, number>();
  const any = { cookieFilter: 0n, cookieMask: 0n, outPort: OFPP.none, outGroup: 0xffffffff };
  for (const rule of bridge.flows({ table: TABLE_ALL, match: new Match(), ...any })) {
    const named = namedIn(rule.actions);
    count(groups, named.groups);
    count(meters, named.meters);
  }
  return { groups, meters };
}
