/** The flow_mod that a learn action makes of a packet. */
import type { LearnSpec } from '../action/action.js';
import { learnFlow } from '../action/learn.js';
import { OFPP, type Subfield } from '../flow/field.js';
import type { FlowMod } from '../flowtable/flow-mod.js';
import { FLOW_FLAG } from '../flowtable/rule.js';
import type { Walk } from './walk.js';

/**
 * `read` adds what it reads to the mask: every packet of a datapath flow teaches the same. The command is a strict modify that adds where there is
 * nothing, so that learning the same again changes nothing but the start of the hard timeout.
 */
function learnedFlow(spec: LearnSpec, read: (f: Subfield) => bigint): FlowMod {
  const f = learnFlow(spec, read);
  return {
    command: 'modify_strict',
    table: f.table,
    priority: f.priority,
    match: f.match,
    cookie: f.cookie,
    cookieFilter: 0n,
    cookieMask: 0n,
    modifyCookie: true,
    idleTimeout: f.idleTimeout,
    hardTimeout: f.hardTimeout,
    flags: f.sendFlowRem ? FLOW_FLAG.sendFlowRem : 0,
    importance: 0,
    outPort: OFPP.none,
    outGroup: 0xffffffff,
    actions: f.actions,
  };
}

export function learn(w: Walk, spec: LearnSpec): void {
  const mod = learnedFlow(spec, (f) => w.read(f));
  const { bridge, t } = w;
  w.effect({ kind: 'learn', bridge, spec, mod });
  if (!spec.resultDst) return;
  w.write(spec.resultDst, bridge.mayLearn(spec, mod) ? 1n : 0n, 1n);
  // The answer changes with the flows of that table.
  t.tables[spec.table >> 5] |= 1 << (spec.table & 31);
}
