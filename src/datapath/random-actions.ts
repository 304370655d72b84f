/**
 * Random action lists for suites: well-formed lists of every action, nested, with values drawn so that copies, refusals and sets of headers that
 * are not there all come up often.
 */
import type { Random } from '../lib/random.js';
import { type DpAction, SET_KIND_NAMES, SET_KINDS, type UserCookie } from './action.js';
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
  { weight: 1, make: (r) => ({ type: 'push_eth', addresses: r.bytes(12) }) },
  { weight: 1, make: () => ({ type: 'pop_eth' }) },
  { weight: 1, make: (r) => ({ type: 'push_nsh', header: randomNsh(r) }) },
  { weight: 2, make: () => ({ type: 'pop_nsh' }) },
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
