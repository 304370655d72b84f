/** Going on after a recirculation: what has to wait for it, and how it picks up. */
import type { Action } from '../action/action.js';
import { OFPP, type Subfield } from '../flow/field.js';
import { field, wholeField } from '../flow/fields.js';
import { OK } from '../flow/key.js';
import { get32, put32 } from '../lib/bytes.js';
import { DP_KEY_BYTES, K } from '../packet/key.js';
import type { Frame, FrozenState } from './frozen.js';
import { tellThaw, tellUnroll, unrolling } from './thaw-text.js';
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

const METADATA = wholeField(field('metadata'));
/** What a later pass has in the place of an instruction, and nothing for what does nothing: as in OVS. A packet that the next table has nothing for is no miss there. */
function asLeft(a: Action): Action | undefined {
  switch (a.type) {
    case 'goto_table':
      return { type: 'resubmit', port: OFPP.inPort, table: a.table, ct: false };
    case 'write_metadata':
      return { type: 'set_field', dst: METADATA, value: a.value, mask: a.mask, form: 'set_field' };
    case 'note':
    case 'conjunction':
      return undefined;
    default:
      return a;
  }
}

const CHANGED: ReadonlySet<Action['type']> = new Set(['goto_table', 'write_metadata', 'note', 'conjunction']);
const MADE = new WeakMap<Action, Action>();

/** One object for each: states are told apart by the identity of their actions. */
function lasting(a: Action): Action[] {
  const known = MADE.get(a) ?? asLeft(a);
  if (known) MADE.set(a, known);
  return known ? [known] : [];
}

/** What is left of lists, as actions. */
export function left(frames: readonly Frame[]): Frame[] {
  return frames.flatMap((f) => {
    if (!f.actions.some((a) => CHANGED.has(a.type))) return [f];
    const actions = f.actions.slice(f.from).flatMap(lasting);
    return actions.length === 0 ? [] : [{ ...f, actions, from: 0 }];
  });
}

/** The number of a pass with this packet and a single output, cut to `cut` bytes where that is not 0. */
export function laterOutput(w: Walk, port: number, cut: number): number {
  const id = w.input.states.intern(
    {
      bridge: w.bridge,
      ofLines: w.flow.slice(DP_KEY_BYTES),
      stack: [],
      actionSet: [],
      frames: [{ actions: [w.input.states.output(port, cut)], from: 0, table: w.table, rule: w.rule }],
      mirrored: w.mirrored,
      packetType: get32(w.flow, K.packetType.offset),
      table: 0,
      cookie: w.rule?.cookie ?? 0n,
      userdata: new Uint8Array(0),
    },
    w.input.now,
  );
  w.t.states.push(id);
  return id;
}

/** A trace of a later pass that nobody knows; of real packets there is none. */
export function lost(w: Walk, id: number): void {
  w.note(() => `>>>> Recirculation context not found for ID ${id.toString(16)} <<<<`);
  w.fail('translation_error', 'No recirculation context');
}

/** Takes up a frozen walk: same registers, stack and action set, a fresh look at the packet, then what was left of each list. */
export function resume(w: Walk, s: FrozenState): void {
  const { tracer } = w.input;
  tracer?.open('thaw', false);
  if (tracer && w.input.actions) {
    w.note(() => '>>>> Recirculation conflict (actions)! <<<<');
    return w.fail('translation_error', 'Recirculation conflict');
  }
  // It may have come in by another bridge's port.
  w.bridge = s.bridge;
  if (!w.t.visited.includes(s.bridge)) w.t.visited.push(s.bridge);
  w.flow.set(s.ofLines, DP_KEY_BYTES);
  for (const key of [w.flow, w.base]) put32(key, K.packetType.offset, s.packetType ?? 0);
  w.inPort = get32(w.flow, OK.ofInPort.offset);
  w.stack = [...s.stack];
  w.actionSet = [...s.actionSet];
  w.mirrored = s.mirrored;
  const { frames } = s;
  if (tracer) tellThaw(tracer, s);
  const unroll = tracer && unrolling((step) => tellUnroll(tracer, step));
  for (let i = 0; i < frames.length; i++) {
    const f = frames[i];
    if (w.ended) return;
    w.table = f.table;
    w.rule = f.rule;
    w.lostCookie = f.cookie ?? 0n;
    w.topCookie = f.rule?.cookie ?? w.lostCookie;
    w.isLast = i + 1 === frames.length;
    if (unroll) w.before = (a) => unroll(f, a);
    w.list(f.actions, f.from);
    if (w.freezing) {
      w.frames.push(...frames.slice(i + 1));
      return;
    }
  }
}
