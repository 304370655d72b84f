/**
 * Random action lists for suites: well-formed lists of every action, nested, with values drawn so that copies, refusals and sets of headers that
 * are not there all come up often.
 */
import { put16 } from '../lib/bytes.js';
import type { Random } from '../lib/random.js';
import { IP_PROTO } from '../packet/wire/wire.js';
import {
  type DpAction,
  isGre,
  SET_KIND_NAMES,
  SET_KINDS,
  TUNNEL_KINDS,
  type TunnelFormat,
  type TunnelKind,
  type UserCookie,
} from './action.js';
import { DROP_REASONS } from './drop-reasons.js';

export interface RandomActionsOptions {
  /** Output ports to draw from, existing or not. */
  readonly ports: readonly number[];
  /** Recirculation ids; none: no `recirc`. */
  readonly recircIds?: readonly number[];
  readonly meters?: readonly number[];
  /** Whether frames and metadata may go up. */
  readonly userspace?: boolean;
  /** Whether chance is asked for. */
  readonly sample?: boolean;
}

type Maker = (r: Random, o: RandomActionsOptions, depth: number) => DpAction;

const ETH_TYPES = [0x0800, 0x86dd, 0x0806, 0x8847, 0x8848, 0x8100, 0x894f, 0x1234];
const TPIDS = [0x8100, 0x8100, 0x8100, 0x88a8, 0x9100];

/** One row an action: weight, then how to make one. `nested` rows are left out at the bottom. */
const MAKERS: readonly { weight: number; nested?: boolean; make: Maker }[] = [
  { weight: 10, make: (r, o) => ({ type: 'output', port: r.pick(o.ports) }) },
  { weight: 12, make: randomSet },
  { weight: 3, make: (r) => ({ type: 'push_vlan', tpid: r.pick(TPIDS), tci: 0x1000 | r.below(65536) }) },
  { weight: 3, make: () => ({ type: 'pop_vlan' }) },
  { weight: 2, make: (r) => ({ type: 'push_mpls', lse: r.u32(), ethType: r.pick([0x8847, 0x8848]) }) },
  { weight: 2, make: (r) => ({ type: 'pop_mpls', ethType: r.pick(ETH_TYPES) }) },
  { weight: 1, make: () => ({ type: 'pop_mpls', ethType: 0x6558, whole: true }) },
  {
    weight: 1,
    make: (r) => ({ type: 'add_mpls', lse: r.u32(), ethType: r.pick([0x8847, 0x8848]), whole: r.chance(0.6) }),
  },
  { weight: 1, make: (r) => ({ type: 'push_eth', addresses: r.bytes(12) }) },
  { weight: 1, make: () => ({ type: 'pop_eth' }) },
  { weight: 1, make: (r) => ({ type: 'push_nsh', header: randomNsh(r) }) },
  { weight: 2, make: () => ({ type: 'pop_nsh' }) },
  { weight: 2, make: (r, o) => randomPush(r, o) },
  { weight: 1, make: (r, o) => randomPop(r, o) },
  { weight: 2, nested: true, make: randomTunnel },
  { weight: 2, make: (r) => ({ type: 'hash', alg: r.pick(['l4', 'sym_l4'] as const), basis: r.u32() }) },
  { weight: 2, make: (r) => ({ type: 'trunc', maxLen: r.pick([14, 60, 100, r.between(14, 1600)]) }) },
  { weight: 2, nested: true, make: (r, o, d) => ({ type: 'clone', actions: list(r, o, d + 1) }) },
  {
    weight: 2,
    nested: true,
    make: (r, o, d) => ({
      type: 'check_pkt_len',
      length: r.pick([64, 100, 600]),
      greater: list(r, o, d + 1),
      lessEqual: list(r, o, d + 1),
    }),
  },
];

/** A header of a tunnel that is whole, but for what pushing fills in; seldom one that no tunnel has. */
export function randomTunnelHeader(r: Random, kind: TunnelKind): Uint8Array {
  const v6 = kind === 'ip6gre' || r.chance(0.4);
  const l4 = 14 + (v6 ? 40 : 20);
  const gre = isGre(kind);
  const flags = r.pick([0, 0x2000, 0xb000, 0x8000, 0x3000, 0xa000]);
  const words = [0x8000, 0x2000, 0x1000].filter((bit) => flags & bit).length;
  const options = kind === 'geneve' ? r.pick([0, 0, 8, 12, 40]) : 0;
  const h = r.bytes(l4 + (gre ? 4 + 4 * words : 16 + options));
  put16(h, 12, v6 ? 0x86dd : 0x0800);
  h[14] = v6 ? 0x60 : 0x45;
  h[v6 ? 20 : 23] = gre ? IP_PROTO.gre : IP_PROTO.udp;
  if (!v6) put16(h, 20, r.pick([0, 0x4000]));
  if (gre) {
    put16(h, l4, flags);
    put16(h, l4 + 2, r.pick([0x6558, 0x6558, 0x0800, 0x86dd, 0x0005]));
  } else {
    if (r.chance(0.6)) put16(h, l4 + 6, 0);
    h.fill(0, l4 + 8, l4 + 16);
    h.set(r.bytes(3), l4 + 12);
    if (kind === 'vxlan')
      h.set(
        r.pick([
          [8, 0, 0, 0],
          [0x88, 0x48, 1, 2],
          [0x0c, 0, 0, 3],
          [0x0c, 0, 0, 1],
        ]),
        l4 + 8,
      );
    else randomGeneve(r, h, l4 + 8, options);
  }
  // What a pop then finds is not what it takes.
  if (!gre && r.chance(0.1)) h[l4 + 8 + r.below(8)] = r.below(256);
  return h;
}

function randomGeneve(r: Random, h: Uint8Array, at: number, options: number): void {
  h[at] = options / 4;
  h[at + 1] = r.pick([0, 0x80]);
  put16(h, at + 2, 0x6558);
  if (options === 0) return;
  // One option as long as they are, or two.
  const first = r.chance(0.5) ? options : r.pick([4, 8]);
  for (let from = at + 8, left = options; left > 0; ) {
    const n = left === options ? first : left;
    put16(h, from, 0x0102);
    h[from + 2] = r.pick([1, 2, 3, 0x81]);
    h[from + 3] = n / 4 - 1;
    from += n;
    left -= n;
  }
}

export function randomTunnelFormat(r: Random, kind: TunnelKind): TunnelFormat {
  const options = [0, 1, 2].slice(r.below(4)).map((n) => ({
    optionClass: 0x0102,
    optionType: n + 1,
    length: r.pick([0, 4, 8, 36]),
    offset: n * 64,
    index: r.below(64),
  }));
  return { kind, gbp: r.chance(0.5), gpe: r.chance(0.5), bare: r.chance(0.5), options };
}

const TUNNELS = Object.keys(TUNNEL_KINDS) as TunnelKind[];
function randomPush(r: Random, o: RandomActionsOptions, kind = r.pick(TUNNELS)): DpAction {
  const header = randomTunnelHeader(r, kind);
  const answer = r.chance(0.5) ? {} : { answer: r.pick([0, 7, 0xfffffffe, 'none' as const]) };
  const fit = r.chance(0.5) ? { fit: { mtu: r.pick([100, 300, 700, 1400]), cut: r.chance(0.5), ...answer } } : {};
  return { type: 'tnl_push', port: r.pick(o.ports), kind, bare: r.chance(0.2), header, out: r.pick(o.ports), ...fit };
}
function randomPop(r: Random, o: RandomActionsOptions, kind = r.pick(TUNNELS)): DpAction {
  return { type: 'tnl_pop', port: r.pick(o.ports), tunnel: randomTunnelFormat(r, kind) };
}
/** On and off again: the only way in which a pop often finds something. */
function randomTunnel(r: Random, o: RandomActionsOptions): DpAction {
  const kind = r.pick(TUNNELS);
  return { type: 'clone', actions: [randomPush(r, o, kind), randomPop(r, o, kind)] };
}

/** What flows of tunnels mostly are: a header on and out, or off and nothing else. `kind`: of the packet that is to be taken apart. */
export function randomTunnelFlow(r: Random, o: RandomActionsOptions, kind?: TunnelKind): DpAction[] {
  return kind ? [randomPop(r, o, kind)] : [randomPush(r, o), { type: 'output', port: r.pick(o.ports) }];
}

const DROP_ACTION: Maker = (r) => ({ type: 'drop', reason: r.between(1, DROP_REASONS.length - 1) });

/** A list of up to about six actions, often ending in an output or a recirculation as translated flows do. */
export function randomActions(r: Random, options: RandomActionsOptions): DpAction[] {
  return list(r, options, 0);
}

const MAX_DEPTH = 3;

function list(r: Random, o: RandomActionsOptions, depth: number): DpAction[] {
  const out = Array.from({ length: r.pick([0, 1, 1, 2, 3, 4, 5]) }, () => one(r, o, depth));
  if (r.chance(0.6)) {
    const recirc = o.recircIds?.length && r.chance(0.3);
    out.push(recirc ? { type: 'recirc', id: r.pick(o.recircIds) } : { type: 'output', port: r.pick(o.ports) });
  } else if (r.chance(0.1)) {
    out.push(DROP_ACTION(r, o, depth));
  }
  return out;
}

function one(r: Random, o: RandomActionsOptions, depth: number): DpAction {
  const special = r.below(24);
  if (special === 0 && o.userspace) return { type: 'userspace', cookie: randomCookie(r) };
  if (special === 1 && o.meters?.length) return { type: 'meter', id: r.pick(o.meters) };
  if (special === 2 && o.recircIds?.length) return { type: 'recirc', id: r.pick(o.recircIds) };
  if (special === 3 && o.sample && depth < MAX_DEPTH) {
    const probability = r.pick([0, 0x80000000, 0x80000000, 0xffffffff]);
    return { type: 'sample', probability, actions: list(r, o, depth + 1) };
  }
  const makers = MAKERS.filter((m) => !m.nested || depth < MAX_DEPTH);
  let at = r.below(makers.reduce((sum, m) => sum + m.weight, 0));
  for (const m of makers) {
    at -= m.weight;
    if (at < 0) return m.make(r, o, depth);
  }
  return { type: 'pop_vlan' };
}

function randomSet(r: Random): DpAction {
  const kind = r.chance(0.05) ? 'tunnel' : r.pick(SET_KIND_NAMES);
  const bytes = SET_KINDS[kind];
  const mask = new Uint8Array(bytes);
  const style = r.below(3);
  for (let i = 0; i < bytes; i++) mask[i] = style === 0 ? 0xff : r.pick([0, 0, 0xff, style === 1 ? 0 : r.below(256)]);
  const value = r.chance(0.1) ? new Uint8Array(bytes).fill(r.pick([0, 0xff])) : r.bytes(bytes);
  return { type: 'set', kind, value, mask };
}

function randomNsh(r: Random): Uint8Array {
  const header = r.bytes(r.pick([8, 24, 24, 252]));
  header[1] = (header[1] & 0xc0) | (r.chance(0.9) ? header.length / 4 : r.below(64));
  header[3] = r.pick([1, 2, 3, 3, 4, 5]);
  return header;
}

function randomCookie(r: Random): UserCookie {
  if (r.chance(0.5)) return { type: 'slow_path', reasons: r.u32() };
  if (r.chance(0.5)) return { type: r.pick(['sflow', 'ipfix', 'flow_sample'] as const), data: r.bytes(r.below(20)) };
  return {
    type: 'controller',
    stateId: r.u32(),
    maxLen: r.below(65536),
    reason: r.below(3),
    controllerId: r.below(4),
    dontSend: r.chance(0.5),
    continuation: r.chance(0.5),
  };
}
