/** Changes of headers that are more than a field: tags and labels come and go, and time to live runs out. */
import { hex } from '../action/text.js';
import { get16, get32, put16, put32 } from '../lib/bytes.js';
import { K, VLAN_CFI } from '../packet/key.js';
import { clearInner, ETH, isIp, isMpls, MAX_MPLS, mplsCount, vlanCount } from './commit.js';
import { OFPR, packetIn } from './output.js';
import type { Walk } from './walk.js';

const MPLS_BOS = 0x100;
const MPLS_SLOTS = [K.mplsLse0, K.mplsLse1, K.mplsLse2] as const;

export function hasVlan(w: Walk): boolean {
  w.mask[K.vlanTci.offset] |= VLAN_CFI >> 8;
  return (w.flow[K.vlanTci.offset] & (VLAN_CFI >> 8)) !== 0;
}

function lookAtTags(w: Walk): void {
  w.mask.fill(0xff, K.vlanTci.offset, K.vlanTci.offset + 2);
  if (vlanCount(w.flow) > 0) {
    w.mask.fill(0xff, K.vlanTpid.offset, K.vlanTpid.offset + 2);
    if (w.bridge.maxVlans > 1) w.mask.fill(0xff, K.vlan2Tci.offset, K.vlan2Tpid.offset + 2);
  }
}

/** What a trace says of a third tag. OVS loses the innermost one here. */
export const DEEP_TAGS = '-> more VLAN tags than a flow key holds';

export function pushVlan(w: Walk, ethType: number): void {
  const { flow } = w;
  lookAtTags(w);
  // The key has room for two tags. A third is pushed at once: what is under the two is out of sight, so it must not be in the comparison.
  const full = vlanCount(flow) === 2;
  if (full) {
    w.note(() => DEEP_TAGS);
    w.commit();
  }
  put16(flow, K.vlan2Tci.offset, get16(flow, K.vlanTci.offset));
  put16(flow, K.vlan2Tpid.offset, get16(flow, K.vlanTpid.offset));
  put16(flow, K.vlanTci.offset, VLAN_CFI);
  put16(flow, K.vlanTpid.offset, ethType);
  if (full) {
    w.out.push({ type: 'push_vlan', tpid: ethType, tci: VLAN_CFI });
    w.base.set(flow.subarray(K.vlan2Tci.offset, K.vlan2Tci.offset + 4), K.vlan2Tci.offset);
    put16(w.base, K.vlanTci.offset, VLAN_CFI);
    put16(w.base, K.vlanTpid.offset, ethType);
  }
}

/** Nothing happens to a packet without a tag. */
export function popVlan(w: Walk): void {
  const { flow } = w;
  lookAtTags(w);
  if (vlanCount(flow) === 0) return;
  put16(flow, K.vlanTci.offset, get16(flow, K.vlan2Tci.offset));
  put16(flow, K.vlanTpid.offset, get16(flow, K.vlan2Tpid.offset));
  put32(flow, K.vlan2Tci.offset, 0);
}

/** Labels in sight; the mask gets the bottom-of-stack bits that say so, or all of what is not zero. */
export function countLabels(w: Walk): number {
  const { flow, mask } = w;
  if (!isMpls(get16(flow, K.ethType.offset))) return 0;
  const n = mplsCount(flow);
  if (n === 0 || !isBottom(flow, n)) mask.fill(0xff, K.mplsLse0.offset, K.mplsLse2.offset + 4);
  else for (let i = 0; i < n; i++) mask[MPLS_SLOTS[i].offset + 2] |= MPLS_BOS >> 8;
  return n;
}

/** Is the n-th label the last one, the bottom of the stack? */
function isBottom(flow: Uint8Array, n: number): boolean {
  return n > 0 && (get32(flow, MPLS_SLOTS[n - 1].offset) & MPLS_BOS) !== 0;
}

/** What a trace says where a key has no room for one more label. */
export const noRoom = (what: string): string =>
  `>>>> dropping packet on which ${what} can't be performed as it would have more MPLS LSEs than the ${MAX_MPLS} supported. <<<<`;

/** As in OVS it is said only where there is a packet, not its description alone. */
export function tooManyLabels(w: Walk, why: string): void {
  if (w.learns) w.note(() => why);
  w.fail('action_error', 'Too many MPLS labels');
}

const NO_ROOM_TO_PUSH = noRoom('an MPLS push action');

export function pushMpls(w: Walk, ethType: number): void {
  const { flow, mask } = w;
  const n = countLabels(w);
  if (n === 0) {
    // What will be under the label can be set only now.
    w.commit();
    const type = get16(flow, K.ethType.offset);
    const bottom = w.deepLabels ? 0 : MPLS_BOS;
    let lse = (64 | bottom | (type === ETH.ipv6 ? 2 << 12 : 0)) >>> 0;
    if (isIp(type)) {
      mask[K.nwTos.offset] |= 0xfc;
      mask[K.nwTtl.offset] = 0xff;
      const ttl = flow[K.nwTtl.offset] || 64;
      lse = ((lse & ~0xff) | ttl | (((flow[K.nwTos.offset] >> 2) & 7) << 9)) >>> 0;
    }
    clearInner(flow);
    // Another hash, where one is needed: the packet is another.
    put32(flow, K.dpHash.offset, 0);
    flow.fill(0, K.mplsLse0.offset, K.mplsLse2.offset + 4);
    put32(flow, K.mplsLse0.offset, lse);
    if (isMpls(type)) {
      // Onto a stack of which nothing is in sight.
      w.out.push({ type: 'push_mpls', lse, ethType });
      put32(w.base, K.mplsLse0.offset, lse);
      put16(w.base, K.ethType.offset, ethType);
    }
  } else if (n >= MAX_MPLS) {
    return tooManyLabels(w, NO_ROOM_TO_PUSH);
  } else {
    mask.fill(0xff, K.mplsLse0.offset, K.mplsLse0.offset + 4 * n);
    flow.copyWithin(K.mplsLse1.offset, K.mplsLse0.offset, K.mplsLse2.offset);
    put32(flow, K.mplsLse0.offset, (get32(flow, K.mplsLse1.offset) & ~MPLS_BOS) >>> 0);
  }
  put16(flow, K.ethType.offset, ethType);
}

/** Nothing happens to a packet without labels. What was under the last one is unknown until the packet comes back. */
export function popMpls(w: Walk, ethType: number): void {
  const { flow } = w;
  const n = countLabels(w);
  // Labels may follow those that the key had room for, and only then.
  const deep = n === 0 ? w.deepLabels && isMpls(get16(flow, K.ethType.offset)) : !isBottom(flow, n);
  if (n === 0 && !deep) return;
  // The packet never had a label that comes off before anything saw it: nothing happens, whatever type is told, as in OVS.
  const unseen = n === 1 && !deep && !isMpls(get16(w.base, K.ethType.offset));
  const outOfSight = n === 0 || (isMpls(ethType) && !unseen && (n === 1 || deep));
  if (outOfSight) w.commit();
  w.deepLabels = deep;
  // What was in one place is looked at in another from here on.
  if (n > 1) w.mask.fill(0xff, K.mplsLse1.offset, K.mplsLse0.offset + 4 * n);
  flow.copyWithin(K.mplsLse0.offset, K.mplsLse1.offset, K.mplsLse2.offset + 4);
  put32(flow, K.mplsLse2.offset, 0);
  put16(flow, K.ethType.offset, ethType);
  if (!isMpls(ethType)) {
    flow.fill(0, K.mplsLse0.offset, K.mplsLse2.offset + 4);
    w.wasMpls = true;
  }
  if (outOfSight) {
    // Whatever labels follow, or none: the key cannot say, so the packet is changed now and nothing is left to compare.
    w.out.push({ type: 'pop_mpls', ethType });
    w.base.set(flow.subarray(K.mplsLse0.offset, K.mplsLse2.offset + 4), K.mplsLse0.offset);
    put16(w.base, K.ethType.offset, ethType);
  }
}

export function decTtl(w: Walk, controllerIds: readonly number[]): boolean {
  const { flow, mask } = w;
  if (!isIp(get16(flow, K.ethType.offset))) return true;
  mask[K.nwTtl.offset] = 0xff;
  mask[K.nwProto.offset] = 0xff;
  w.witness?.look(K.nwTtl);
  w.witness?.wrote(K.nwTtl);
  if (flow[K.nwTtl.offset] > 1) {
    flow[K.nwTtl.offset]--;
    return true;
  }
  w.reject('ttl');
  w.note(() => `>> IPv${get16(flow, K.ethType.offset) === ETH.ip ? 4 : 6} decrement TTL exception`);
  for (const id of controllerIds) packetIn(w, { reason: OFPR.invalidTtl, controllerId: id });
  return false;
}

export function decMplsTtl(w: Walk): boolean {
  const { flow, mask } = w;
  const labelled = isMpls(get16(flow, K.ethType.offset));
  if (labelled) {
    const at = K.mplsLse0.offset + 3;
    mask[at] = 0xff;
    if (flow[at] > 1) {
      flow[at]--;
      return true;
    }
  }
  // As in OVS the list ends here also for a packet without a label, of which no controller hears.
  w.note(() => '>> MPLS decrement TTL exception');
  w.reject('ttl');
  if (labelled) packetIn(w, { reason: OFPR.invalidTtl });
  return false;
}

export function setPriority(w: Walk, priority: number): void {
  w.mask.fill(0xff, K.skbPriority.offset, K.skbPriority.offset + 4);
  put32(w.flow, K.skbPriority.offset, priority);
}

/** Back to the queue the packet arrived with. */
export function popQueue(w: Walk): void {
  const before = get32(w.input.key, K.skbPriority.offset);
  if (get32(w.flow, K.skbPriority.offset) !== before) w.note(() => `-> queue = ${hex(before)}`);
  setPriority(w, before);
}

/** An output by a queue, after which the queue is the one before. To the port of arrival nothing is sent, without a word. */
export function enqueue(w: Walk, port: number, queue: number): void {
  if (port === w.inPort) return;
  const before = get32(w.flow, K.skbPriority.offset);
  setPriority(w, queue);
  w.output(port, 0);
  setPriority(w, before);
}
