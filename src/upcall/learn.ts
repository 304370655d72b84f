/** The flow_mod that a learn action makes of a packet. */
import type { LearnSpec } from '../action/action.js';
import { learnFlow } from '../action/learn.js';
import { formatActions } from '../action/list.js';
import { noteValue } from '../action/rows/move.js';
import { OFPP, type Subfield } from '../flow/field.js';
import { formatMatch } from '../flow/format-match.js';
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

/** As OVS says it, which is not how flows are written elsewhere. */
function learnedText(m: FlowMod): string {
  const words = [`table=${m.table}`, formatMatch(m.match), `priority=${m.priority}`];
  if (m.cookie !== 0n) words.push(`cookie=0x${m.cookie.toString(16)}`);
  if (m.idleTimeout > 0) words.push(`idle=${m.idleTimeout}`);
  if (m.hardTimeout > 0) words.push(`hard=${m.hardTimeout}`);
  if (m.flags & FLOW_FLAG.sendFlowRem) words.push('send_flow_rem');
  words.push(`actions=${formatActions(m.actions)}`);
  return words.filter((text) => text !== '').join(' ');
}

export function learn(w: Walk, spec: LearnSpec): void {
  const mod = learnedFlow(spec, (f) => w.read(f));
  const { bridge, t } = w;
  if (!w.learns) return w.note(() => '>> suppressing side effects, so learn action ignored');
  w.note(() => `-> ${learnedText(mod)}`);
  w.effect({ kind: 'learn', bridge, spec, mod });
  const taken = bridge.mayLearn(spec, mod);
  if (spec.resultDst) {
    w.write(spec.resultDst, taken ? 1n : 0n, 1n);
    noteValue(w, spec.resultDst);
  }
  if (!taken) w.note(() => '-> Limit exceeded, learn failed');
  if (!spec.resultDst) return;
  // The answer changes with the flows of that table.
  t.tables[spec.table >> 5] |= 1 << (spec.table & 31);
}
