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
import { ETH } from './commit.js';
import { OFPR, packetIn } from './output.js';
import type { Walk } from './walk.js';

/** Packet types: namespace << 16 | type. */
const TYPE = { ethernet: 0, nsh: 0x1894f } as const;
const ETHERTYPES = 0x10000;
/** NSH's next protocol by packet type. */
const NEXT: ReadonlyMap<number, number> = new Map([
  [0x10800, 1],
  [0x186dd, 2],
  [TYPE.ethernet, 3],
  [TYPE.nsh, 4],
]);
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
  const next = NEXT.get(typeOf(w));
  if (a.packetType === TYPE.nsh && next !== undefined) return encapNsh(w, a, next);
  w.fail('action_error');
  return false;
}

function encapEthernet(w: Walk): boolean {
  if (typeOf(w) === TYPE.ethernet) {
    w.fail('action_error');
    return false;
  }
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

/** Writes the header that is still to be written. */
export function emitNsh(w: Walk): void {
  const { flow, base, pendingNsh } = w;
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

export function decap(w: Walk): boolean {
  const { flow, mask } = w;
  const type = typeOf(w);
  if (type === TYPE.ethernet && w.hasVlan()) {
    w.note(() => 'Dropping packet, cannot decap Ethernet if VLAN is present.');
    w.fail('action_error');
    return false;
  }
  if (type === TYPE.ethernet) {
    setType(w, ETHERTYPES | get16(flow, K.ethType.offset));
    noAddresses(flow);
    return true;
  }
  mask[K.nshNp.offset] = 0xff;
  const inside = [...NEXT].find(([, next]) => next === flow[K.nshNp.offset]);
  if (type !== TYPE.nsh || !inside) {
    w.fail('action_error');
    return false;
  }
  w.commit();
  w.out.push({ type: 'pop_nsh' });
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
  if (get16(flow, K.ethType.offset) !== ETH.nsh) return true;
  const at = K.nshTtl.offset;
  mask[at] = 0xff;
  if (flow[at] > 1) {
    flow[at]--;
    return true;
  }
  w.reject('ttl');
  packetIn(w, { reason: OFPR.invalidTtl });
  return false;
}
