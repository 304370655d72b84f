/** Groups: buckets, each run on a copy of the packet. */

import type { DpAction } from '../datapath/action.js';
import { markBits, readField, wholeField } from '../flow/fields.js';
import { formatOfPort } from '../flow/port-text.js';
import { type Bucket, GROUP, type Group, WATCH_NONE } from '../flowtable/groups.js';
import { get32, put32 } from '../lib/bytes.js';
import { murmurBytes, murmurLong } from '../lib/hash.js';
import { K } from '../packet/key.js';
import { executionOrder, writeActionSet } from './action-set.js';
import { onCopy } from './branch.js';
import { portIsUp } from './output.js';
import type { Walk } from './walk.js';

/**
 * How much of the datapath's hash a choice looks at. Each value of these bits is a datapath flow of its own: the price of a finer spread is more flows.
 */
const HASH_BITS = 0xff;

/** A packet counts once in its group, and in each of these buckets. */
function count(w: Walk, group: Group, buckets: readonly Bucket[]): void {
  w.t.buckets.push({ groups: w.bridge.groups, group, buckets });
}

function runOne(w: Walk, g: Group, b: Bucket): void {
  count(w, g, [b]);
  runBucket(w, b);
}

function runBucket(w: Walk, b: Bucket): void {
  const ordered = executionOrder(writeActionSet([], b.actions));
  w.input.tracer?.open(`bucket ${b.id}`, true);
  w.depth++;
  const { inBucket } = w;
  let { stack, actionSet } = w;
  onCopy(w, () => {
    w.inBucket = true;
    w.list(ordered);
    ({ stack, actionSet } = w);
  });
  // A bucket has its own packet, but what it pushed, and wrote to the action set, stays: as in OVS.
  w.stack = stack;
  w.actionSet = actionSet;
  w.inBucket = inBucket;
  w.depth--;
  w.input.tracer?.leave();
  // What ends a bucket ends that bucket only, and so does an action that this packet cannot have; not so a limit of the walk.
  if (w.reason === 'action_error') w.failed = false;
  w.ended = w.failed;
}

/** As Open vSwitch does it, so that traffic goes to the same buckets. */
function fieldsHash(w: Walk, g: Group): number {
  let h = murmurLong(g.selection.param);
  for (const { field, mask } of g.selection.fields) {
    const whole = wholeField(field);
    if (!w.prerequisitesHold(whole)) continue;
    markBits(w.mask, whole);
    const value = readField(w.flow, field) & mask;
    const bytes = new Uint8Array(field.bytes);
    for (let i = field.bytes - 1, v = value; i >= 0; i--, v >>= 8n) bytes[i] = Number(v & 0xffn);
    h = murmurBytes(bytes, h);
  }
  return h;
}

function up(w: Walk): (port: number) => boolean {
  return (port) => portIsUp(w.bridge.port(port));
}

/** What a trace says of a group whose choice looks at what a label covered. */
export const CHOICE_WAITS = '-> what the label covered is looked at in a later pass';

/** The group's action again, in a later pass. */
function comeBack(w: Walk): void {
  w.freezing = true;
  w.frames.push({ actions: w.current, from: w.position, table: w.table, rule: w.rule });
  w.listOver = true;
}

/**
 * Where the bits that choose are all 0, also those up to the first that is not: a flow is translated again by what it keeps of its packet, and a hash
 * of 0 there would be one that is still to be computed, for ever.
 */
function lookAtHash(mask: Uint8Array, hash: number): void {
  const rest = hash & ~HASH_BITS;
  const bits = hash & HASH_BITS ? HASH_BITS : rest ^ (rest - 1);
  const { offset } = K.dpHash;
  put32(mask, offset, (get32(mask, offset) | bits) >>> 0);
}

/** What the datapath is to hash: both directions alike, unless the group says how. As in OVS the upper half of its number names the way. */
function hashOf({ selection: { method, param } }: Group): Extract<DpAction, { type: 'hash' }> {
  if (method === '') return { type: 'hash', alg: 'sym_l4', basis: 0 };
  return { type: 'hash', alg: param >> 32n === 0n ? 'l4' : 'sym_l4', basis: Number(param & 0xffffffffn) };
}

function select(w: Walk, g: Group): void {
  let bucket: Bucket | undefined;
  const { groups } = w.bridge;
  if (w.wasMpls && g.selection.method === 'hash') {
    // Fields that the label covered. OVS takes them for zeros.
    w.note(() => CHOICE_WAITS);
    return comeBack(w);
  }
  if (g.selection.method === 'hash') {
    bucket = groups.best(g, fieldsHash(w, g), up(w), {
      dead: (b) => noteDead(w, b),
      scored: (b, score) => w.note(() => `-> bucket ${b.id}: score ${score}`),
    });
  } else {
    // Nothing to choose, so no need to know.
    if (g.buckets.every((b) => b.weight === 0)) {
      for (const b of g.buckets) noteDead(w, b);
      return runChosen(w, g, undefined);
    }
    const dpHash = get32(w.flow, K.dpHash.offset);
    if (dpHash === 0) {
      // Not computed yet: the datapath does it, and the packet comes back to this action.
      w.freezeHash = hashOf(g);
      w.note(() => '-> no live bucket');
      return comeBack(w);
    }
    lookAtHash(w.mask, dpHash);
    bucket = w.bridge.groups.select(g, dpHash & HASH_BITS, up(w));
  }
  runChosen(w, g, bucket);
}

function runChosen(w: Walk, g: Group, bucket: Bucket | undefined): void {
  if (bucket) {
    w.note(() => `-> using bucket ${bucket.id}`);
    runOne(w, g, bucket);
    return;
  }
  w.note(() => '-> no live bucket');
  w.reject('no_recipient');
}

/** What a trace says of a bucket that is passed over. */
function noteDead(w: Walk, b: Bucket): void {
  const watched = [
    ...(b.watchPort === WATCH_NONE ? [] : [`port ${formatOfPort(b.watchPort)}`]),
    ...(b.watchGroup === GROUP.any ? [] : [`port ${b.watchGroup}`]),
  ];
  w.note(() => `-> bucket ${b.id}: not live due to ${watched.join(' and ')}`);
}

export function group(w: Walk, id: number): void {
  w.t.deps.push(id);
  const g = w.bridge.groups.get(id);
  if (!g) return w.reject('policy');
  if (!w.mayNest()) return;
  if (g.type === 'all') {
    count(w, g, g.buckets);
    const { isLast } = w;
    g.buckets.forEach((b, i) => {
      w.isLast = isLast && i + 1 === g.buckets.length;
      runBucket(w, b);
    });
    w.isLast = isLast;
  } else if (g.type === 'indirect') {
    if (g.buckets.length > 0) runOne(w, g, g.buckets[0]);
  } else if (g.type === 'select') select(w, g);
  else {
    const { groups } = w.bridge;
    const live = groups.firstAlive(g, up(w), (b) => noteDead(w, b));
    runChosen(w, g, live);
  }
}
