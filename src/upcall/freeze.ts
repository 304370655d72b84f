/** Going on after a recirculation: what has to wait for it, and how it picks up. */
import type { Action } from '../action/action.js';
import { OFPP, type Subfield } from '../flow/field.js';
import { OK } from '../flow/key.js';
import { get32 } from '../lib/bytes.js';
import { DP_KEY_BYTES, K } from '../packet/key.js';
import type { FrozenState } from './frozen.js';
import type { Walk } from './walk.js';

/** Slots of what stands inside the last label. */
const OUTSIDE = new Set<string>(
  [
    K.inPort,
    K.ethDst,
    K.ethSrc,
    K.ethType,
    K.vlanTci,
    K.vlanTpid,
    K.vlan2Tci,
    K.vlan2Tpid,
    K.mplsLse0,
    K.mplsLse1,
    K.mplsLse2,
    K.pktMark,
    K.skbPriority,
    K.tunId,
    K.tunSrc,
    K.tunDst,
    K.tunIpv6Src,
    K.tunIpv6Dst,
    K.tunFlags,
    K.tunMetadata,
    OK.regs,
    OK.metadata,
    OK.ofInPort,
  ].map((s) => s.name),
);
const inner = (f: Subfield): boolean => !OUTSIDE.has(f.field.slot.name);

/** After the last label was popped, does this action look at what the label covered? The rest of the pipeline does, whatever it is. */
export function needsInner(a: Action): boolean {
  switch (a.type) {
    case 'set_field':
      return inner(a.dst);
    case 'move':
      return inner(a.src) || inner(a.dst);
    case 'stack_push':
    case 'stack_pop':
      return inner(a.field);
    case 'output_reg':
      return inner(a.src);
    case 'output':
      return a.port === OFPP.table;
    case 'resubmit':
    case 'goto_table':
    case 'group':
    case 'learn':
    case 'multipath':
    case 'bundle':
    case 'ct':
    case 'dec_ttl':
    case 'push_mpls':
    case 'clone':
      return true;
    default:
      return false;
  }
}

/** Takes up a frozen walk: same registers, stack and action set, a fresh look at the packet, then what was left of each list. */
export function resume(w: Walk, s: FrozenState): void {
  w.flow.set(s.ofLines, DP_KEY_BYTES);
  w.inPort = get32(w.flow, OK.ofInPort.offset);
  w.stack = [...s.stack];
  w.actionSet = [...s.actionSet];
  w.mirrored = s.mirrored;
  w.note(() => `-> resumed in table ${s.table}`);
  for (let i = 0; i < s.frames.length; i++) {
    const f = s.frames[i];
    if (w.ended) return;
    w.table = f.table;
    w.rule = f.rule;
    w.lostCookie = f.cookie ?? 0n;
    w.topCookie = f.rule?.cookie ?? w.lostCookie;
    w.list(f.actions, f.from);
    if (w.freezing) {
      w.frames.push(...s.frames.slice(i + 1));
      return;
    }
  }
}
