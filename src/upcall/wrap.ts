/**
 * encap and decap: headers around the packet, and packets that are not Ethernet in between.
 *
 * What stands inside a new header is out of reach, so it must be as it shall be before: a commit. The header itself is written when it is needed, with
 * what was set of it meanwhile. After a decap of NSH nobody knows what came out until the packet comes back.
 *
 * A change of this kind cannot be undone by setting fields. `flowShape` and `baseShape` number them: where they differ (a copy was wrapped, and what
 * follows should not be), nothing can be sent, which is said, and better than sending something else.
 */
import type { Action } from '../action/action.js';
import { get16, get32, put16, put32 } from '../lib/bytes.js';
import { clearHeaders } from '../packet/extract.js';
import { K, LINE } from '../packet/key.js';
import { nshBytes } from '../packet/nsh.js';
import { ETH, isMpls, MAX_MPLS } from './commit.js';
import { OFPR, packetIn } from './output.js';
import { countLabels, noRoom, tooManyLabels } from './rewrite.js';
import type { Walk } from './walk.js';

/** Packet types: namespace << 16 | type. */
const TYPE = { ethernet: 0, nsh: 0x1894f, mpls: 0x18847, mplsMulticast: 0x18848 } as const;
const ETHERTYPES = 0x10000;
/** NSH's next protocol by packet type. */
const NEXT: ReadonlyMap<number, number> = new Map([
  [0x10800, 1],
  [0x186dd, 2],
  [TYPE.ethernet, 3],
  [TYPE.nsh, 4],
]);
/** "Whatever the header says": MPLS says nothing. */
const USE_NEXT_PROTO = 0xfffe;
const MPLS_BOS = 0x100;
const MPLS_TTL = 64;
const EXPLICIT_NULL_IPV6 = 2 << 12;
const NSH_TTL = 63;
const NSH_INDEX = 255;
/** Properties of encap(nsh): class, and types. */
const NSH_CLASS = 4;
const MD_TYPE = 1;
const TLV = 2;
const CONTEXT = [K.nshC1, K.nshC2, K.nshC3, K.nshC4] as const;

const typeOf = (w: Walk): number => get32(w.flow, K.packetType.offset);

function setType(w: Walk, type: number): void {
  put32(w.flow, K.packetType.offset, type);
}

/** Without addresses: a packet that is not Ethernet. */
function noAddresses(key: Uint8Array): void {
  key.fill(0, K.ethDst.offset, K.ethSrc.offset + 6);
}

export function encap(w: Walk, a: Extract<Action, { type: 'encap' }>): boolean {
  if (a.packetType === TYPE.ethernet) return encapEthernet(w);
  if (isLabelled(a.packetType)) return encapMpls(w, a.packetType);
  const next = NEXT.get(typeOf(w));
  if (a.packetType === TYPE.nsh && next !== undefined) return encapNsh(w, a, next);
  return refuse(w, `encap(nsh) is not supported for packet type ${typeText(w)}`);
}

const typeText = (w: Walk): string => `(${typeOf(w) >>> 16},0x${(typeOf(w) & 0xffff).toString(16)})`;

/** No such header can be put on or taken off here. */
function refuse(w: Walk, why: string): false {
  w.input.tracer?.step(`Dropping packet as ${why}`);
  w.fail('action_error');
  return false;
}

function encapEthernet(w: Walk): boolean {
  if (typeOf(w) === TYPE.ethernet) return refuse(w, 'encap(ethernet) is not supported for packet type ethernet.');
  w.commit();
  noAddresses(w.flow);
  setType(w, TYPE.ethernet);
  return true;
}

function encapNsh(w: Walk, a: Extract<Action, { type: 'encap' }>, next: number): boolean {
  w.commit();
  const { flow } = w;
  const of = (type: number) => a.props.filter((p) => p.class === NSH_CLASS && p.type === type).map((p) => p.data);
  const mdType = of(MD_TYPE)[0]?.[0] ?? 1;
  const options = of(TLV).map((d) => d.subarray(0, 4 + Math.ceil(d[3] / 4) * 4));
  clearHeaders(flow);
  flow[K.lines.offset] |= 1 << (LINE.l2 - 1);
  put16(flow, K.ethType.offset, ETH.nsh);
  flow[K.nshTtl.offset] = NSH_TTL;
  flow[K.nshMdtype.offset] = mdType;
  flow[K.nshNp.offset] = next;
  put32(flow, K.nshPath.offset, NSH_INDEX);
  setType(w, TYPE.nsh);
  w.flowShape = ++w.shapes;
  w.pendingNsh = { options: mdType === 2 ? Uint8Array.from(options.flatMap((o) => [...o])) : undefined };
  return true;
}

const isLabelled = (type: number): boolean => type === TYPE.mpls || type === TYPE.mplsMulticast;

/** What a trace says where a copy took headers off, or put them on, for good. OVS goes on with the copy's, and may fall over them. */
export const OTHER_HEADERS = '>>>> headers around another copy of the packet cannot be undone <<<<';

/** What a trace says of a label around a frame that has some itself. OVS counts those as if they were outside. */
export const FRAME_OF_LABELS = '-> labels of the frame are inside';

/** What a trace says where a key has no room for one more label. OVS forgets in a bucket's copy that the Ethernet header was taken off. */
export const NO_ROOM = noRoom('an encap MPLS action');

/** What a trace says of a label around a frame with a tag. OVS goes on as if the tag were outside. */
export const TAG_INSIDE = '-> the tag of the frame is inside';

/** What a trace says where several labels come off at once. OVS goes on as if what they covered were 0. */
export const UNDER_LABELS = '-> what these labels covered is looked at in a later pass';

/** A label of the packet's outside: under it may be more labels, or a frame of its own. */
function encapMpls(w: Walk, type: number): boolean {
  w.commit();
  const { flow } = w;
  const inside = typeOf(w);
  const n = isLabelled(inside) ? countLabels(w) : 0;
  if (inside === TYPE.ethernet && isMpls(get16(flow, K.ethType.offset))) w.note(() => FRAME_OF_LABELS);
  if (inside === TYPE.ethernet && get16(flow, K.vlanTci.offset) !== 0) w.note(() => TAG_INSIDE);
  if (n >= MAX_MPLS) {
    tooManyLabels(w, NO_ROOM);
    return false;
  }
  const labels = flow.slice(K.mplsLse0.offset, K.mplsLse1.offset + 4);
  w.mask.fill(0xff, K.mplsLse0.offset, K.mplsLse0.offset + 4 * n);
  const label = get16(flow, K.ethType.offset) === ETH.ipv6 ? EXPLICIT_NULL_IPV6 : 0;
  clearHeaders(flow);
  flow[K.lines.offset] |= 1 << (LINE.l2 - 1);
  if (n > 0) flow.set(labels, K.mplsLse1.offset);
  // A copy of the label under it, but not the last.
  put32(flow, K.mplsLse0.offset, n > 0 ? (get32(labels, 0) & ~MPLS_BOS) >>> 0 : label | MPLS_BOS | MPLS_TTL);
  put16(flow, K.ethType.offset, type & 0xffff);
  setType(w, type);
  w.flowShape = ++w.shapes;
  w.pendingLabel = { whole: inside === TYPE.ethernet };
  return true;
}

function emitLabel(w: Walk, whole: boolean): void {
  const { flow, base } = w;
  w.pendingLabel = undefined;
  const ethType = get16(flow, K.ethType.offset);
  w.out.push({ type: 'add_mpls', lse: get32(flow, K.mplsLse0.offset), ethType, whole });
  clearHeaders(base);
  base[K.lines.offset] |= 1 << (LINE.l2 - 1);
  base.set(flow.subarray(K.mplsLse0.offset, K.mplsLse2.offset + 4), K.mplsLse0.offset);
  put16(base, K.ethType.offset, ethType);
  put32(base, K.packetType.offset, ETHERTYPES | ethType);
  w.baseShape = w.flowShape;
}

/** Writes the header that is still to be written. */
export function emitHeader(w: Walk): void {
  const { flow, base, pendingNsh } = w;
  if (w.pendingLabel) return emitLabel(w, w.pendingLabel.whole);
  if (!pendingNsh) return;
  w.pendingNsh = undefined;
  const context = new Uint8Array(16);
  for (const [i, s] of CONTEXT.entries()) put32(context, 4 * i, get32(flow, s.offset));
  const header = nshBytes({
    flags: flow[K.nshFlags.offset],
    ttl: flow[K.nshTtl.offset],
    mdType: flow[K.nshMdtype.offset],
    nextProtocol: flow[K.nshNp.offset],
    path: get32(flow, K.nshPath.offset),
    metadata: pendingNsh.options ?? context,
  });
  w.out.push({ type: 'push_nsh', header });
  clearHeaders(base);
  base[K.lines.offset] |= 1 << (LINE.l2 - 1);
  base.set(flow.subarray(K.nshFlags.offset, K.nshC4.offset + 4), K.nshFlags.offset);
  put16(base, K.ethType.offset, ETH.nsh);
  put32(base, K.packetType.offset, TYPE.nsh);
  w.baseShape = w.flowShape;
}

/** The outermost label, or all in sight where the action says that what follows is none; what is under it is what the action says. */
function decapMpls(w: Walk, next: number): boolean {
  const { flow, base } = w;
  const n = countLabels(w);
  if (n === 0 || (next !== TYPE.ethernet && next < ETHERTYPES)) {
    w.fail('action_error');
    return false;
  }
  w.commit();
  const whole = next === TYPE.ethernet;
  for (let left = isLabelled(next) ? 1 : n; left > 1; left--)
    w.out.push({ type: 'pop_mpls', ethType: typeOf(w) & 0xffff });
  w.out.push({ type: 'pop_mpls', ethType: whole ? ETH.bridging : next & 0xffff, ...(whole ? { whole } : {}) });
  const labels = flow.slice(K.mplsLse1.offset, K.mplsLse2.offset + 4);
  // What was in one place is looked at in another from here on.
  w.mask.fill(0xff, K.mplsLse1.offset, K.mplsLse0.offset + 4 * n);
  for (const key of [flow, base]) {
    clearHeaders(key);
    put32(key, K.packetType.offset, next);
    if (!whole) put16(key, K.ethType.offset, next & 0xffff);
    if (isLabelled(next) && n > 1) {
      key[K.lines.offset] |= 1 << (LINE.l2 - 1);
      key.set(labels, K.mplsLse0.offset);
    }
  }
  w.flowShape = w.baseShape = ++w.shapes;
  w.freezing = n === 1 || !isLabelled(next);
  if (n > 1 && w.freezing) w.note(() => UNDER_LABELS);
  return true;
}

export function decap(w: Walk, next: number | undefined): boolean {
  const { flow, mask } = w;
  const type = typeOf(w);
  if (type === TYPE.ethernet && w.hasVlan()) {
    w.input.tracer?.step('Dropping packet, cannot decap Ethernet if VLAN is present.');
    w.fail('action_error');
    return false;
  }
  if (type === TYPE.ethernet) {
    // What was changed is changed under the header, as in OVS: also where nothing comes of it.
    w.commit();
    setType(w, ETHERTYPES | get16(flow, K.ethType.offset));
    noAddresses(flow);
    return true;
  }
  if (isLabelled(type)) return decapMpls(w, next ?? USE_NEXT_PROTO);
  mask[K.nshNp.offset] = 0xff;
  const inside = [...NEXT].find(([, next]) => next === flow[K.nshNp.offset]);
  if (type !== TYPE.nsh) return refuse(w, `the decap() does not support packet type ${typeText(w)}`);
  if (!inside) return refuse(w, `NSH next protocol ${flow[K.nshNp.offset]} is not supported`);
  w.commit();
  w.out.push({ type: 'pop_nsh' });
  if (w.input.tracer) {
    w.shown = flow.slice();
    put32(w.shown, K.packetType.offset, inside[0]);
  }
  for (const key of [flow, w.base]) {
    clearHeaders(key);
    put32(key, K.packetType.offset, inside[0]);
    if (inside[0] !== TYPE.ethernet) put16(key, K.ethType.offset, inside[0] & 0xffff);
  }
  w.flowShape = w.baseShape = ++w.shapes;
  w.freezing = true;
  return true;
}

export function decNshTtl(w: Walk): boolean {
  const { flow, mask } = w;
  const wrapped = get16(flow, K.ethType.offset) === ETH.nsh;
  if (wrapped) {
    const at = K.nshTtl.offset;
    mask[at] = 0xff;
    if (flow[at] > 1) {
      flow[at]--;
      return true;
    }
  }
  // As with labels: the list ends for other packets, too.
  w.note(() => '>> NSH decrement TTL exception');
  w.reject('ttl');
  if (wrapped) packetIn(w, { reason: OFPR.invalidTtl });
  return false;
}
