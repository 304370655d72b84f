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
import { dpHash } from '../packet/dp-hash.js';
import { DP_KEY_BYTES, K } from '../packet/key.js';
import { executionOrder, writeActionSet } from './action-set.js';
import { portIsUp } from './output.js';
import type { GroupBucketView, GroupView } from './view.js';
import type { Walk } from './walk.js';

/** Ends a pass: what is left goes on under a number when the packet comes back. */
export function finishFreezing(w: Walk): void {
  w.commit();
  const stateId = w.input.states.intern(
    {
      bridge: w.bridge,
      ofLines: w.flow.slice(DP_KEY_BYTES),
      stack: w.stack,
      actionSet: w.actionSet,
      frames: w.frames,
      table: w.table,
      cookie: w.rule?.cookie ?? 0n,
      userdata: new Uint8Array(0),
    },
    w.input.now,
  );
  w.t.states.push(stateId);
  if (w.freezeHash) w.out.push(w.freezeHash);
  w.out.push({ type: 'recirc', id: stateId });
  w.sent = true;
  w.freezing = false;
  w.freezeHash = undefined;
  w.frames = [];
  w.wasMpls = false;
}

/** Runs `body` with everything of the walk put back afterwards except what was emitted, looked at, and a failure. */
function onCopy(w: Walk, body: () => void): void {
  const { stack, actionSet, table, rule, wasMpls, inPort, current, position, cut } = w;
  const flow = w.flow.slice();
  w.stack = [...stack];
  body();
  if (w.freezing) finishFreezing(w);
  w.flow.set(flow);
  w.stack = stack;
  w.actionSet = actionSet;
  w.table = table;
  w.rule = rule;
  w.wasMpls = wasMpls;
  w.inPort = inPort;
  w.current = current;
  w.position = position;
  w.cut = cut;
}

/** Runs `body` with its actions collected apart and the datapath's packet as it was afterwards. */
function apart(w: Walk, body: () => void): DpAction[] {
  const { out } = w;
  const base = w.base.slice();
  const list: DpAction[] = [];
  w.out = list;
  onCopy(w, body);
  w.out = out;
  w.base.set(base);
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

export function clone(w: Walk, actions: readonly Action[]): void {
  if (!w.mayNest()) return;
  w.depth++;
  const body = (): void => {
    w.actionSet = [];
    w.list(actions);
    w.finishList();
  };
  const last = w.position + 1 >= w.current.length && w.depth === 1;
  if (last || !actions.some(irreversible)) onCopy(w, body);
  else {
    w.commit();
    const list = apart(w, body);
    if (list.length > 0) w.out.push({ type: 'clone', actions: list });
  }
  w.depth--;
}

/** The rest of the list in both ways; the list itself then ends. */
export function checkPktLarger(w: Walk, length: number, dst: Subfield): void {
  const { current, position } = w;
  if (position + 1 >= current.length || !w.mayNest()) return;
  w.commit();
  const sentBefore = w.sent;
  const way = (bit: bigint): DpAction[] => {
    w.sent = false;
    const list = apart(w, () => {
      writeBits(w.flow, dst, bit, 1n);
      w.list(current, position + 1);
      w.finishList();
    });
    if (!w.sent && !sentBefore && list.length === 0) list.push({ type: 'drop', reason: DROP[w.reason ?? 'policy'] });
    return list;
  };
  w.depth++;
  const greater = way(1n);
  const ended = w.ended;
  w.ended = w.failed;
  const lessEqual = way(0n);
  w.depth--;
  w.out.push({ type: 'check_pkt_len', length, greater, lessEqual });
  w.sent = true;
  w.actionSet = [];
  // Both ways went to the end of this list.
  w.listOver = true;
  w.ended ||= ended;
}

// Groups

function isLive(w: Walk, b: GroupBucketView, depth: number): boolean {
  const watchesPort = b.watchPort !== 0xffffffff;
  const watchesGroup = b.watchGroup !== 0xffffffff;
  if (watchesPort && portIsUp(w.bridge.port(b.watchPort))) return true;
  const g = watchesGroup && depth < 8 ? w.bridge.groups.get(b.watchGroup) : undefined;
  if (g?.buckets.some((x) => isLive(w, x, depth + 1))) return true;
  return !watchesPort && !watchesGroup;
}

function runBucket(w: Walk, b: GroupBucketView): void {
  const ordered = executionOrder(writeActionSet([], b.actions));
  w.depth++;
  onCopy(w, () => w.list(ordered));
  w.depth--;
  w.ended = w.failed;
}

/** Buckets of a select group as the datapath's hash chooses among them: each gets slots by weight. Heavy use repeats, so it is cached by group. */
const SLOTS = 256;
function bucketFor(live: readonly GroupBucketView[], hash: number): GroupBucketView | undefined {
  const total = live.reduce((n, b) => n + b.weight, 0);
  if (total === 0) return undefined;
  let at = ((hash & (SLOTS - 1)) * total) / SLOTS;
  for (const b of live) {
    at -= b.weight;
    if (at < 0) return b;
  }
  return live[live.length - 1];
}

function select(w: Walk, g: GroupView): void {
  const live = g.buckets.filter((b) => isLive(w, b, 0));
  if (live.length === 0) return w.reject('no_recipient');
  if (g.selection === 'hash') {
    const hash = g.fields ? w.hashFields(g.fields, g.selectionParam) : dpHash('l4', w.flow, g.selectionParam);
    const bucket = bucketFor(live, hash);
    if (bucket) runBucket(w, bucket);
    return;
  }
  const hash = get32(w.flow, K.dpHash.offset);
  if (hash === 0) {
    // Not computed yet: the datapath does it, and the packet comes back to this action.
    w.freezing = true;
    w.freezeHash = { type: 'hash', alg: 'l4', basis: g.selectionParam };
    w.frames.push({ actions: w.current, from: w.position, table: w.table, rule: w.rule });
    w.listOver = true;
    return;
  }
  w.mask[K.dpHash.offset + 3] |= SLOTS - 1;
  const bucket = bucketFor(live, hash);
  if (bucket) runBucket(w, bucket);
}

export function group(w: Walk, id: number): void {
  const g = w.bridge.groups.get(id);
  w.t.groups.push(id);
  if (!g) return w.reject('policy');
  if (!w.mayNest()) return;
  w.note(() => `group ${id}, ${g.type}`);
  if (g.type === 'all') for (const b of g.buckets) runBucket(w, b);
  else if (g.type === 'indirect') {
    if (g.buckets.length > 0) runBucket(w, g.buckets[0]);
  } else if (g.type === 'select') select(w, g);
  else {
    const live = g.buckets.find((b) => isLive(w, b, 0));
    if (live) runBucket(w, live);
    else w.reject('no_recipient');
  }
}
