/** Going on after a recirculation: what has to wait for it, and how it picks up. */
import type { Action } from '../action/action.js';
import { OFPP, type Subfield } from '../flow/field.js';
import { OK } from '../flow/key.js';
import { get32, put32 } from '../lib/bytes.js';
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

/**
 * After the last label was popped, does this action wait for what the label covered? Only what surely looks at no header in there goes on, as in OVS: then
 * the same passes count the same packets and bytes.
 */
export function needsInner(a: Action): boolean {
  switch (a.type) {
    case 'output':
      return a.port === OFPP.table;
    case 'output_reg':
      return inner(a.src);
    case 'set_field':
      return inner(a.dst);
    case 'output_trunc':
    // Its buckets come back themselves where they have to; a choice by fields waits (group.ts).
    case 'group':
    case 'enqueue':
    case 'set_queue':
    case 'set_tunnel':
      return false;
    default:
      return true;
  }
}

/** Takes up a frozen walk: same registers, stack and action set, a fresh look at the packet, then what was left of each list. */
export function resume(w: Walk, s: FrozenState): void {
  w.flow.set(s.ofLines, DP_KEY_BYTES);
  for (const key of [w.flow, w.base]) put32(key, K.packetType.offset, s.packetType ?? 0);
  w.inPort = get32(w.flow, OK.ofInPort.offset);
  w.stack = [...s.stack];
  w.actionSet = [...s.actionSet];
  w.mirrored = s.mirrored;
  const { tracer } = w.input;
  tracer?.open('thaw', false);
  tracer?.step(`Resuming from table ${s.table}`, false);
  tracer?.leave();
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
