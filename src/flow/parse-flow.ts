/** Text of flows, as ovs-ofctl(8) takes it: a match, the flow's properties, and the actions, which src/action parses. */
import { get16, get32, isZero } from '../lib/bytes.js';
import { UserError } from '../lib/errors.js';
import { K } from '../packet/key.js';
import { DEFAULT_PRIORITY } from './format-match.js';
import { Match } from './match.js';
import { settleTypes } from './packet-type.js';
import { type MatchContext, nextToken, parseMatchToken, type Token, unknownKey } from './parse-match.js';
import { parseOfPort } from './port-text.js';
import { PROTOCOLS_OF } from './protocols.js';
import { parseInteger } from './value-text.js';

/** What the text is for: it decides which properties may stand in it. */
export type FlowCommand = 'add' | 'modify' | 'modify_strict' | 'delete' | 'delete_strict' | 'dump';

/** flow_mod flags by their words; the numbers of OpenFlow 1.3, and the forms that have them. */
const FLAGS: ReadonlyMap<string, readonly [bit: number, protocols: number]> = new Map([
  ['send_flow_rem', [1, PROTOCOLS_OF.any]],
  ['check_overlap', [2, PROTOCOLS_OF.any]],
  ['reset_counts', [4, PROTOCOLS_OF.from12]],
  ['no_packet_counts', [8, PROTOCOLS_OF.from13]],
  ['no_byte_counts', [16, PROTOCOLS_OF.from13]],
]);

export const ANY_TABLE = 255;
export const ANY_GROUP = 0xffffffff;
const ANY_PORT = 0xffffffff;

export interface FlowText {
  match: Match;
  /** 32768 when not said. */
  priority: number;
  /** ANY_TABLE when not said. */
  table: number;
  /** "cookie=C": the cookie to give. */
  cookie: bigint | undefined;
  /** "cookie=C/M": only flows with these bits. Mask 0n takes all. */
  cookieFilter: bigint;
  cookieMask: bigint;
  idleTimeout: number;
  hardTimeout: number;
  importance: number;
  flags: number;
  /** Only flows with an output to it; 0xffffffff takes all. */
  outPort: number;
  outGroup: number;
  /** What follows "actions="; undefined when there is none. */
  actionsText: string | undefined;
}

export interface FlowContext extends MatchContext {
  /** Used for the answer instead of a new one, for callers that are done with one flow before the next. It is cleared first. */
  readonly scratch?: Match | undefined;
  /** Table names, where they are known. */
  readonly tables?: ((name: string) => number | undefined) | undefined;
}

const isStrict = (c: FlowCommand): boolean => c === 'modify_strict' || c === 'delete_strict';
const hasActions = (c: FlowCommand): boolean => c === 'add' || c === 'modify' || c === 'modify_strict';
const isSearch = (c: FlowCommand): boolean => c === 'delete' || c === 'delete_strict' || c === 'dump';

/** What dump-flows prints beside the flow; taken and ignored, so that its output can be fed back. */
const IGNORED = new Set(['duration', 'n_packets', 'n_bytes', 'idle_age', 'hard_age']);

/** Throws UserError in ovs-ofctl's words. */
export function parseFlow(text: string, command: FlowCommand = 'add', ctx: FlowContext = {}): FlowText {
  const flow: FlowText = {
    match: ctx.scratch ?? new Match(),
    priority: DEFAULT_PRIORITY,
    table: ANY_TABLE,
    cookie: undefined,
    cookieFilter: 0n,
    cookieMask: 0n,
    idleTimeout: 0,
    hardTimeout: 0,
    importance: 0,
    flags: 0,
    outPort: ANY_PORT,
    outGroup: ANY_GROUP,
    actionsText: undefined,
  };
  ctx.scratch?.clear();
  let head = text;
  if (hasActions(command)) {
    const at = text.indexOf('action');
    const equals = at < 0 ? -1 : text.indexOf('=', at);
    if (equals < 0) throw new UserError('must specify an action');
    head = text.slice(0, at);
    flow.actionsText = text.slice(equals + 1);
  }
  const token: Token = { key: '', value: '' };
  for (let at = nextToken(head, 0, token); at >= 0; at = nextToken(head, at, token)) {
    const { key, value } = token;
    if (parseMatchToken(flow.match, key, value, ctx)) continue;
    const flag = FLAGS.get(key);
    if (flag !== undefined && hasActions(command)) {
      flow.flags |= flag[0];
      only(ctx, flag[1]);
    } else if (value === '') throw unknownKey(token);
    else if (!parseProperty(flow, key, value, command, ctx)) throw unknownKey(token);
  }
  settleTypes(flow.match);
  if (ctx.usable && needsFieldList(flow.match)) only(ctx, PROTOCOLS_OF.nxmOr12);
  return flow;
}

function only(ctx: FlowContext, protocols: number): void {
  if (ctx.usable) ctx.usable.protocols &= protocols;
}

/** The fixed matches have protocol, TOS and ports of IPv4 only. */
function needsFieldList(m: Match): boolean {
  if (get16(m.value, K.ethType.offset) !== 0x86dd && get32(m.value, K.packetType.offset) !== 0x186dd) return false;
  return [K.nwProto, K.nwTos, K.tpSrc, K.tpDst].some((s) => !isZero(m.mask, s.offset, s.offset + s.bytes));
}

function parseProperty(flow: FlowText, key: string, value: string, command: FlowCommand, ctx: FlowContext): boolean {
  switch (key) {
    case 'table':
      flow.table = parseTable(value, ctx);
      if (flow.table !== ANY_TABLE) only(ctx, PROTOCOLS_OF.tableIds);
      return true;
    case 'priority':
      if (!hasActions(command) && !isStrict(command)) return false;
      flow.priority = parseU16(value, key);
      return true;
    case 'idle_timeout':
    case 'hard_timeout':
      if (!hasActions(command)) return false;
      flow[key === 'idle_timeout' ? 'idleTimeout' : 'hardTimeout'] = parseU16(value, key);
      return true;
    case 'importance':
      if (command !== 'add') return false;
      flow.importance = parseU16(value, key);
      return true;
    case 'out_port': {
      if (!isSearch(command)) return false;
      const port = parseOfPort(value, ctx.ports);
      if (port === undefined) throw new UserError(`${value} is not a valid OpenFlow port`);
      flow.outPort = port;
      return true;
    }
    case 'out_group': {
      if (!isSearch(command)) return false;
      const group = /^(any|all)$/i.test(value) ? BigInt(ANY_GROUP) : parseInteger(value);
      if (group === undefined || group < 0n || group > 0xffffffffn) throw new UserError(`invalid out_group: ${value}`);
      flow.outGroup = Number(group);
      only(ctx, PROTOCOLS_OF.from11);
      return true;
    }
    case 'cookie':
      parseCookie(flow, value, command);
      if (flow.cookieMask !== 0n) only(ctx, PROTOCOLS_OF.nxmOr11);
      return true;
    default:
      return IGNORED.has(key);
  }
}

function parseU16(text: string, name: string): number {
  const v = parseInteger(text);
  if (v === undefined || v < 0n || v > 65535n) throw new UserError(`invalid ${name} "${text}"`);
  return Number(v);
}

/** A table by number or name. Throws UserError. */
export function parseTable(text: string, ctx: FlowContext = {}): number {
  const v = /^\d+$/.test(text) ? Number(text) : ctx.tables?.(text.replace(/^"(.*)"$/, '$1'));
  if (v === undefined || v > 255) throw new UserError(`unknown table "${text}"`);
  return v;
}

function parseU64(text: string): bigint {
  const v = parseInteger(text);
  if (v === undefined || v >= 1n << 64n || v < -(1n << 63n)) throw new UserError(`invalid numeric format ${text}`);
  return BigInt.asUintN(64, v);
}

function parseCookie(flow: FlowText, text: string, command: FlowCommand): void {
  const slash = text.indexOf('/');
  if (slash < 0) {
    if (!hasActions(command)) {
      throw new UserError(`cannot set cookie (to match on a cookie, specify a mask, e.g. cookie=${text}/-1)`);
    }
    flow.cookie = parseU64(text);
    return;
  }
  if (command === 'add') throw new UserError('flow additions cannot use a cookie mask');
  flow.cookieFilter = parseU64(text.slice(0, slash));
  flow.cookieMask = parseU64(text.slice(slash + 1));
}

const COMMAND_WORDS: Readonly<Record<string, FlowCommand>> = {
  add: 'add',
  modify: 'modify',
  modify_strict: 'modify_strict',
  delete: 'delete',
  delete_strict: 'delete_strict',
};

/** A line of a flow file: a flow, or a command word and then one. */
export function splitCommand(line: string): { readonly command: FlowCommand; readonly flow: string } {
  const m = /^\s*([a-z_]+)(?:\s+|$)/.exec(line);
  const command = m && COMMAND_WORDS[m[1]];
  return command && m ? { command, flow: line.slice(m[0].length) } : { command: 'add', flow: line };
}
