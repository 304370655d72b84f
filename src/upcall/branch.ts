/**
 * What runs on a copy of the packet, and what goes on in a later pass.
 *
 * A copy need not be a copy in the datapath: when the actions can be undone, the same packet is rewritten there and back, because commit compares
 * with what the packet is then. Only actions that cannot be undone (a cut, a meter) need the datapath's clone.
 */
import type { Action } from '../action/action.js';
import type { DpAction } from '../datapath/action.js';
import { DROP } from '../datapath/drop-reasons.js';
import type { Subfield } from '../flow/field.js';
import { writeBits } from '../flow/fields.js';
import { get32 } from '../lib/bytes.js';
import { DP_KEY_BYTES, K } from '../packet/key.js';
import { left } from './freeze.js';
import type { Walk } from './walk.js';

/** What a trace says of a copy, or of a way of check_pkt_larger, that needs a later pass. OVS forgets what should happen after it. */
export const COPY_WAITS = '-> this goes on in a later pass, what follows in this one';

/** Ends a pass: what is left goes on under a number when the packet comes back, from the datapath or from a controller. */
export function finishFreezing(w: Walk): void {
  w.commit();
  const { pause } = w;
  const stateId = w.input.states.intern(
    {
      bridge: w.bridge,
      ofLines: w.flow.slice(DP_KEY_BYTES),
      stack: w.stack,
      actionSet: w.actionSet,
      frames: left(w.frames),
      mirrored: w.mirrored,
      packetType: get32(w.flow, K.packetType.offset),
      // Lists know their tables. A controller is told of the rule the packet met first, whichever paused it, as by OVS.
      table: 0,
      cookie: pause ? w.topCookie : (w.rule?.cookie ?? 0n),
      userdata: pause?.userdata ?? new Uint8Array(0),
    },
    w.input.now,
  );
  w.t.states.push(stateId);
  if (pause) {
    const { maxLen, reason, controllerId } = pause;
    const dontSend = !w.learns;
    w.out.push({
      type: 'userspace',
      cookie: { type: 'controller', stateId, maxLen, reason, controllerId, dontSend, continuation: true },
    });
  } else {
    if (w.freezeHash) w.out.push(w.freezeHash);
    w.out.push({ type: 'recirc', id: stateId });
  }
  w.sent = true;
  w.freezing = false;
  w.freezeHash = undefined;
  w.pause = undefined;
  w.frames = [];
  w.wasMpls = w.copyWasMpls = w.deepLabels = false;
}

/** Runs `body` with everything of the walk put back afterwards except what was emitted, looked at, and a failure. */
export function onCopy(w: Walk, body: () => void): void {
  const { stack, actionSet, table, rule, wasMpls, deepLabels, inPort, current, position, cut } = w;
  const { flowShape, pendingNsh, pendingLabel, copyWasMpls } = w;
  const flow = w.flow.slice();
  w.stack = [...stack];
  body();
  if (w.freezing) finishFreezing(w);
  w.flow.set(flow);
  w.shown = undefined;
  w.stack = stack;
  w.actionSet = actionSet;
  w.table = table;
  w.rule = rule;
  w.wasMpls = wasMpls;
  w.copyWasMpls = copyWasMpls;
  w.deepLabels = deepLabels;
  w.flowShape = flowShape;
  w.pendingNsh = pendingNsh;
  w.pendingLabel = pendingLabel;
  w.inPort = inPort;
  w.current = current;
  w.position = position;
  w.cut = cut;
}

/** Runs `body` with its actions collected apart and the datapath's packet as it was afterwards. */
export function apart(w: Walk, body: () => void): DpAction[] {
  const { out } = w;
  const base = w.base.slice();
  const { baseShape } = w;
  const list: DpAction[] = [];
  w.out = list;
  onCopy(w, body);
  w.out = out;
  w.base.set(base);
  w.baseShape = baseShape;
  return list;
}

/** Actions after which the packet cannot be made what it was by setting fields. */
function irreversible(a: Action): boolean {
  switch (a.type) {
    case 'ct':
    case 'meter':
    case 'output_trunc':
    case 'encap':
    case 'decap':
    case 'dec_nsh_ttl':
      return true;
    default:
      return false;
  }
}

/** The action set, or what says that it has to wait; it may itself have to. */
function finishCopy(w: Walk): void {
  const waits = w.freezing;
  if (waits) w.note(() => COPY_WAITS);
  const { length } = w.t.states;
  w.finishList();
  if (!waits && w.t.states.length > length) w.note(() => COPY_WAITS);
}

/** Copies in copies, over all tables and lists: under half of what the stack holds. */
const MAX_COPIES = 400;

/** A copy is no level of its own among the nested tables, as in OVS. */
export function clone(w: Walk, actions: readonly Action[]): void {
  if (w.copies >= MAX_COPIES) {
    w.note(() => `>>>> over ${MAX_COPIES} copies in copies <<<<`);
    return w.fail('translation_error', 'Recursion too deep');
  }
  w.copies++;
  const { inBucket } = w;
  let wasMpls = false;
  // The copy has the action set so far, and executes it at its own end.
  const body = (): void => {
    w.inBucket = false;
    w.list(actions);
    finishCopy(w);
    wasMpls = w.wasMpls || w.copyWasMpls;
  };
  if (w.isLast || !actions.some(irreversible)) {
    onCopy(w, body);
    w.copyWasMpls ||= wasMpls;
  } else {
    w.commit();
    // A clone of the datapath's is a packet of its own, which ends with its list.
    w.isLast = true;
    const list = apart(w, body);
    if (list.length > 0) w.out.push({ type: 'clone', actions: list });
  }
  w.inBucket = inBucket;
  w.copies--;
}

/** The rest of the list in both ways; the list itself then ends. */
export function checkPktLarger(w: Walk, length: number, dst: Subfield): void {
  const { current, position, inBucket } = w;
  w.inBucket = false;
  w.commit();
  const sentBefore = w.sent;
  const way = (bit: bigint): DpAction[] => {
    w.sent = false;
    const list = apart(w, () => {
      writeBits(w.flow, dst, bit, 1n);
      w.isLast = true;
      w.list(current, position + 1);
      finishCopy(w);
    });
    if (!w.sent && !sentBefore && list.length === 0) list.push({ type: 'drop', reason: DROP[w.reason ?? 'policy'] });
    return list;
  };
  const greater = way(1n);
  const ended = w.ended;
  w.ended = w.failed;
  const lessEqual = way(0n);
  w.out.push({ type: 'check_pkt_len', length, greater, lessEqual });
  w.sent = true;
  w.actionSet = [];
  w.inBucket = inBucket;
  // Both ways went to the end of this list.
  w.listOver = true;
  w.ended ||= ended;
}
