/** Text of datapath actions, as in "actions:set(eth(dst=..)),push_vlan(vid=5,pcp=0),2". Nothing, or a drop, is "drop". */
import { formatMac, parseMac } from '../../lib/address.js';
import { formatHex, get16, get32, parseHex, put16, put32 } from '../../lib/bytes.js';
import { UserError, unreachable } from '../../lib/errors.js';
import type { Slot } from '../../packet/key.js';
import { type DpAction, SET_KIND_NAMES, SET_KINDS, type SetKind, type UserCookie } from '../action.js';
import { DROP } from '../drop-reasons.js';
import type { DpTextContext } from './flow.js';
import { formatMembers, group, inSet, isGroup, parseMembers, parseNumber, splitCall, splitItems } from './members.js';
import { formatNsh, parseNsh } from './nsh.js';
import { formatLse, formatTci, formatTunnel, parseLses, parseTci, parseTunnel, tunnelInSet } from './special.js';
import { formatPush, parsePush } from './tunnel.js';

/** Words of slow_path(...), by bit. */
export const SLOW_PATH_REASONS = ['cfm', 'bfd', 'lacp', 'stp', 'lldp', 'action', 'match'] as const;
const REASON_WORDS: readonly string[] = SLOW_PATH_REASONS;
const PROBABILITY_MAX = 0xffffffff;
const VLAN_CFI = 0x1000;

export function formatDpActions(actions: readonly DpAction[], ctx: DpTextContext = {}): string {
  return actions.length === 0 ? 'drop' : actions.map((a) => formatAction(a, ctx)).join(',');
}

function formatAction(a: DpAction, ctx: DpTextContext): string {
  switch (a.type) {
    case 'output':
      return ctx.portName?.(a.port) ?? String(a.port);
    case 'set':
      return `set(${a.kind}(${formatSet(a.kind, a.value, a.mask)}))`;
    case 'push_vlan': {
      const tpid = a.tpid === 0x8100 ? '' : `tpid=0x${a.tpid.toString(16).padStart(4, '0')},`;
      const cfi = a.tci & VLAN_CFI ? '' : ',cfi=0';
      return `push_vlan(${tpid}vid=${a.tci & 0xfff},pcp=${a.tci >> 13}${cfi})`;
    }
    case 'pop_vlan':
      return 'pop_vlan';
    case 'push_mpls':
    case 'add_mpls':
      return `${a.type}(${formatLse(a.lse)},eth_type=0x${a.ethType.toString(16)})`;
    case 'pop_mpls':
      return `pop_mpls(eth_type=0x${a.ethType.toString(16)})`;
    case 'push_eth':
      return `push_eth(src=${formatMac(a.addresses, 6)},dst=${formatMac(a.addresses, 0)})`;
    case 'pop_eth':
      return 'pop_eth';
    case 'push_nsh':
      return `push_nsh(${formatNsh(a.header)})`;
    case 'pop_nsh':
      return 'pop_nsh()';
    case 'tnl_push':
      return formatPush(a, (vport) => ctx.portName?.(vport) ?? String(vport));
    case 'tnl_pop':
      return `tnl_pop(${ctx.portName?.(a.port) ?? a.port})`;
    case 'recirc':
      return `recirc(${hex(a.id)})`;
    case 'hash':
      return `hash(${a.alg}(${a.basis}))`;
    case 'trunc':
      return `trunc(${a.maxLen})`;
    case 'clone':
      return `clone(${formatDpActions(a.actions, ctx)})`;
    case 'sample': {
      const percent = ((100 * a.probability) / PROBABILITY_MAX).toFixed(1);
      return `sample(sample=${percent}%,actions(${formatDpActions(a.actions, ctx)}))`;
    }
    case 'userspace':
      return `userspace(pid=0,${formatCookie(a.cookie, ctx)})`;
    case 'check_pkt_len':
      return `check_pkt_len(size=${a.length},gt(${formatDpActions(a.greater, ctx)}),le(${formatDpActions(a.lessEqual, ctx)}))`;
    case 'meter':
      return `meter(${a.id})`;
    case 'drop':
      return 'drop';
    default:
      return unreachable(a);
  }
}

const hex = (v: number): string => (v === 0 ? '0' : `0x${v.toString(16)}`);
const bit = (v: boolean): number => (v ? 1 : 0);

function formatSet(kind: SetKind, value: Uint8Array, mask: Uint8Array): string {
  if (isGroup(kind)) return formatMembers(group(kind), { value, mask }, inSet);
  if (kind === 'tunnel') return formatTunnel({ value, mask: given(value, mask) }, tunnelInSet);
  if (kind === 'vlan') return formatTci(get16(value, 0), get16(mask, 0) & ~VLAN_CFI);
  const v = get32(value, 0);
  const m = get32(mask, 0);
  if (kind === 'mpls') return formatLse(v, m);
  return m === 0xffffffff ? hex(v) : `${hex(v)}/${hex(m)}`;
}

/** A tunnel is set whole; what is said of it is what is not zero. */
function given(value: Uint8Array, mask: Uint8Array): Uint8Array {
  const out = new Uint8Array(mask.length);
  const fill = (at: number, bytes: number): void => {
    for (let i = at; i < at + bytes; i++) if (value[i] !== 0) return void out.fill(0xff, at, at + bytes);
  };
  for (const [at, bytes] of [
    [0, 8],
    [8, 4],
    [12, 4],
    [16, 16],
    [32, 16],
    [48, 2],
    [50, 1],
    [51, 1],
    [52, 2],
    [54, 1],
    [64, 4],
    [68, 1],
    [69, 1],
    [70, 1],
    [71, 1],
    [72, 1],
  ])
    fill(at, bytes);
  return out;
}

function formatCookie(c: UserCookie, ctx: DpTextContext): string {
  if (c.type === 'controller') {
    const cookie = ctx.ruleCookie?.(c.stateId) ?? 0n;
    const rule = cookie === 0n ? '0' : `0x${cookie.toString(16)}`;
    return `controller(reason=${c.reason},dont_send=${bit(c.dontSend)},continuation=${bit(c.continuation)},recirc_id=${c.stateId},rule_cookie=${rule},controller_id=${c.controllerId},max_len=${c.maxLen})`;
  }
  if (c.type === 'slow_path') {
    return `slow_path(${SLOW_PATH_REASONS.filter((_, i) => c.reasons & (1 << i)).join(',')})`;
  }
  return `${c.type}(${formatHex(c.data)})`;
}

/** Throws UserError. "drop" alone is a drop by policy. */
export function parseDpActions(text: string, ctx: DpTextContext = {}): DpAction[] {
  return splitItems(text).map((item) => parseAction(item, ctx));
}

type Parser = (args: string, ctx: DpTextContext, item: string) => DpAction;

function parseAction(item: string, ctx: DpTextContext): DpAction {
  if (/^\d+$/.test(item)) return { type: 'output', port: parseNumber(item) };
  const { name, args } = splitCall(item);
  const parser = Object.hasOwn(PARSERS, name) ? PARSERS[name] : undefined;
  if (parser && (args !== undefined || BARE.has(name))) return parser(args ?? '', ctx, item);
  const port = ctx.portNumber?.(item);
  if (port === undefined) throw new UserError(`syntax error at ${item}`);
  return { type: 'output', port };
}

/** Number of a vport that is given by number or name. */
function vport(text: string, ctx: DpTextContext): number {
  return ctx.portNumber?.(text) ?? parseNumber(text);
}

const BARE = new Set(['drop', 'pop_vlan', 'pop_eth']);

/** "name=value" pairs of a list. */
function pairs(args: string, item: string): Map<string, string> {
  return new Map(
    splitItems(args).map((part) => {
      const m = /^([a-z_]+\d?)=(.*)$/.exec(part);
      if (!m) throw new UserError(`syntax error at ${item}`);
      return [m[1], m[2]];
    }),
  );
}

function need(args: Map<string, string>, name: string, item: string): number {
  const text = args.get(name);
  if (text === undefined) throw new UserError(`${name} is missing in ${item}`);
  return parseNumber(text);
}

function parseLabel(args: string, item: string): { lse: number; ethType: number } {
  const items = splitItems(args);
  const type = items.find((i) => i.startsWith('eth_type='));
  const [lse] = parseLses(items.filter((i) => i !== type).join(','));
  if (!type || !lse) throw new UserError(`syntax error at ${item}`);
  return { lse: lse.value, ethType: parseNumber(type.slice(9), 0xffff) };
}

const PARSERS: Readonly<Record<string, Parser>> = {
  drop: () => ({ type: 'drop', reason: DROP.policy }),
  pop_vlan: () => ({ type: 'pop_vlan' }),
  set: (args, _ctx, item) => parseSet(args, item),
  push_vlan(args) {
    const items = splitItems(args);
    const tpid = items.find((i) => i.startsWith('tpid='));
    const tci = parseTci(items.filter((i) => i !== tpid).join(','));
    return { type: 'push_vlan', tpid: tpid ? parseNumber(tpid.slice(5), 0xffff) : 0x8100, tci: tci.value };
  },
  push_mpls: (args, _ctx, item) => ({ type: 'push_mpls', ...parseLabel(args, item) }),
  // The text does not say what it stands in front of.
  add_mpls: (args, _ctx, item) => ({ type: 'add_mpls', ...parseLabel(args, item), whole: true }),
  push_eth(args, _ctx, item) {
    const [src, dst] = splitItems(args);
    if (!src?.startsWith('src=') || !dst?.startsWith('dst=')) throw new UserError(`syntax error at ${item}`);
    const from = parseMac(src.slice(4));
    const to = parseMac(dst.slice(4));
    if (!from || !to) throw new UserError(`syntax error at ${item}`);
    return { type: 'push_eth', addresses: Uint8Array.of(...to, ...from) };
  },
  pop_eth: () => ({ type: 'pop_eth' }),
  push_nsh: (args, _ctx, item) => ({ type: 'push_nsh', header: parseNsh(pairs(args, item), item) }),
  pop_nsh: () => ({ type: 'pop_nsh' }),
  pop_mpls: (args, _ctx, item) => ({ type: 'pop_mpls', ethType: need(pairs(args, item), 'eth_type', item) }),
  tnl_push: (args, ctx, item) => parsePush(args, item, (text) => vport(text, ctx)),
  tnl_pop(args, ctx) {
    const port = vport(args, ctx);
    const tunnel = ctx.tunnelOf?.(port);
    if (!tunnel) throw new UserError(`${args} is no tunnel's port`);
    return { type: 'tnl_pop', port, tunnel };
  },
  recirc: (args) => ({ type: 'recirc', id: parseNumber(args) }),
  hash(args, _ctx, item) {
    const { name, args: basis } = splitCall(args);
    if (name !== 'l4' && name !== 'sym_l4') throw new UserError(`syntax error at ${item}`);
    return { type: 'hash', alg: name, basis: parseNumber(basis ?? '0') };
  },
  trunc: (args) => ({ type: 'trunc', maxLen: parseNumber(args) }),
  clone: (args, ctx) => ({ type: 'clone', actions: nested(args, ctx) }),
  sample(args, ctx, item) {
    const m = /^sample=(\d+(?:\.\d+)?)%,actions\((.*)\)$/.exec(args);
    if (!m || Number(m[1]) > 100) throw new UserError(`syntax error at ${item}`);
    const probability = Math.round((Number(m[1]) / 100) * PROBABILITY_MAX);
    return { type: 'sample', probability, actions: nested(m[2], ctx) };
  },
  check_pkt_len(args, ctx, item) {
    const items = splitItems(args);
    const list = (word: string): DpAction[] => {
      const part = items.find((i) => i.startsWith(`${word}(`));
      if (!part) throw new UserError(`${word}(...) is missing in ${item}`);
      return nested(splitCall(part).args ?? '', ctx);
    };
    const size = items.find((i) => i.startsWith('size='));
    if (!size) throw new UserError(`size is missing in ${item}`);
    return { type: 'check_pkt_len', length: parseNumber(size.slice(5)), greater: list('gt'), lessEqual: list('le') };
  },
  meter: (args) => ({ type: 'meter', id: parseNumber(args) }),
  userspace: (args, _ctx, item) => ({ type: 'userspace', cookie: parseCookie(args, item) }),
};

/** In a nested list "drop" says that it is empty. */
function nested(text: string, ctx: DpTextContext): DpAction[] {
  return text.trim() === 'drop' ? [] : parseDpActions(text, ctx);
}

function parseCookie(args: string, item: string): UserCookie {
  const inner = splitItems(args).find((i) => !i.startsWith('pid='));
  if (!inner) throw new UserError(`syntax error at ${item}`);
  const { name, args: body = '' } = splitCall(inner);
  if (name === 'controller') {
    const p = pairs(body, item);
    return {
      type: 'controller',
      reason: need(p, 'reason', item),
      dontSend: need(p, 'dont_send', item) !== 0,
      continuation: need(p, 'continuation', item) !== 0,
      stateId: need(p, 'recirc_id', item),
      controllerId: need(p, 'controller_id', item),
      maxLen: need(p, 'max_len', item),
    };
  }
  if (name === 'slow_path') {
    let reasons = 0;
    for (const word of splitItems(body)) {
      const i = REASON_WORDS.indexOf(word);
      if (i < 0) throw new UserError(`unknown reason "${word}" in ${item}`);
      reasons |= 1 << i;
    }
    return { type: 'slow_path', reasons };
  }
  if (name === 'sflow' || name === 'ipfix' || name === 'flow_sample') return { type: name, data: parseHex(body) };
  throw new UserError(`syntax error at ${item}`);
}

function isSetKind(name: string): name is SetKind {
  return SET_KIND_NAMES.some((k) => k === name);
}

function parseSet(args: string, item: string): DpAction {
  const { name, args: body = '' } = splitCall(args);
  if (!isSetKind(name)) throw new UserError(`syntax error at ${item}`);
  const value = new Uint8Array(SET_KINDS[name]);
  const mask = new Uint8Array(SET_KINDS[name]);
  const d = { value, mask };
  if (isGroup(name)) parseMembers(group(name), body, d, inSet);
  else if (name === 'tunnel') {
    parseTunnel(body, d, (s: Slot) => tunnelInSet(s));
    mask.fill(0xff);
  } else if (name === 'vlan') {
    const t = parseTci(body);
    put16(value, 0, t.value & ~VLAN_CFI);
    put16(mask, 0, t.mask & ~VLAN_CFI);
  } else if (name === 'mpls') {
    const [lse] = parseLses(body);
    if (!lse) throw new UserError(`syntax error at ${item}`);
    put32(value, 0, lse.value);
    put32(mask, 0, lse.mask);
  } else {
    const [v, m] = body.split('/');
    put32(value, 0, parseNumber(v));
    put32(mask, 0, m === undefined ? 0xffffffff : parseNumber(m));
  }
  return { type: 'set', kind: name, value, mask };
}
