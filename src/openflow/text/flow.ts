/** Flows: what dump-flows prints, and flow_mods as monitor and snoop show them. */
import type { Action } from '../../action/action.js';
import { checkActions } from '../../action/check.js';
import { formatActions } from '../../action/list.js';
import { OFPP } from '../../flow/field.js';
import { formatMatch } from '../../flow/format-match.js';
import type { Match } from '../../flow/match.js';
import { checkTable, NO_BUFFER, TABLE_ALL } from '../messages/flow-mod.js';
import type { Aggregate, FlowStats, FlowStatsRequest } from '../messages/flow-stats.js';
import { bitNames, duration, type Formatters, hex, portText, type TextContext, tableText } from './context.js';
import { rawMatchText } from './raw-match.js';

export const FLOW_FLAGS: readonly (readonly [number, string])[] = [
  [1, 'send_flow_rem'],
  [2, 'check_overlap'],
  [4, 'reset_counts'],
  [8, 'no_packet_counts'],
  [16, 'no_byte_counts'],
];
const COMMANDS = ['ADD', 'MOD', 'MOD_STRICT', 'DEL', 'DEL_STRICT'] as const;
const GROUP_ANY = 0xffffffff;
const DEFAULT_PRIORITY = 32768;
/** Verbosity from which on a match of OpenFlow 1.0 is shown as it stands. */
const WITH_RAW_MATCH = 3;
const MAX_U64 = 0xffffffffffffffffn;

export function matchText(m: Match, priority: number | undefined, ctx: TextContext): string {
  return formatMatch(m, { priority, portNames: ctx.ports });
}

export function actionsText(actions: readonly Action[], ctx: TextContext): string {
  return `actions=${formatActions(actions, ctx.ports)}`;
}

const flagText = (flags: number) => (flags ? `${bitNames(flags, FLOW_FLAGS, '')} ` : '');
const count = (v: bigint) => (v < 0n ? '?' : String(v));

/** One flow without its newline. `stats`: with counters and ages. */
export function formatFlow(f: FlowStats, ctx: TextContext, stats = true): string {
  let s = ' ';
  if (stats || f.cookie !== 0n) s += `cookie=0x${hex(f.cookie)}, `;
  if (stats) s += `duration=${duration(f.durationSec, f.durationNsec)}, `;
  if (stats || f.table !== 0 || ctx.tables?.has(0)) s += `table=${tableText(f.table, ctx)}, `;
  if (stats) s += `n_packets=${count(f.packets)}, n_bytes=${count(f.bytes)}, `;
  if (f.idleTimeout) s += `idle_timeout=${f.idleTimeout}, `;
  if (f.hardTimeout) s += `hard_timeout=${f.hardTimeout}, `;
  s += flagText(f.flags);
  if (f.importance) s += `importance=${f.importance}, `;
  if (stats && f.idleAge >= 0) s += `idle_age=${f.idleAge}, `;
  if (stats && f.hardAge >= 0 && f.hardAge !== f.durationSec) s += `hard_age=${f.hardAge}, `;
  const match = matchText(f.match, f.priority, ctx);
  return `${s}${match}${match ? ' ' : ''}${actionsText(f.actions, ctx)}`;
}

/** What stands behind the title of a list of flows. */
export function flowListText(flows: Iterable<FlowStats>, ctx: TextContext): string {
  let s = '\n';
  for (const f of flows) s += `${formatFlow(f, ctx)}\n`;
  return s;
}

function request(v: FlowStatsRequest, ctx: TextContext): string {
  let s = '';
  if (v.table !== TABLE_ALL) s += ` table=${tableText(v.table, ctx)}`;
  if (v.outPort !== OFPP.none) s += ` out_port=${portText(v.outPort, ctx)}`;
  if (v.outGroup !== GROUP_ANY) s += ` out_group=${v.outGroup}`;
  const match = matchText(v.match, undefined, ctx);
  return s + (match ? ` ${match}` : '');
}

const aggregate = (v: Aggregate) =>
  ` packet_count=${count(v.packets)} byte_count=${count(v.bytes)} flow_count=${v.flows}`;

export const REASONS = ['idle', 'hard', 'delete', 'group_delete', 'meter_delete', 'eviction'] as const;

export const flowFormatters: Formatters = {
  flow_mod: ({ value: v, version }, ctx) => {
    // As a switch would refuse it, it is no message worth showing.
    checkTable(v, version);
    checkActions(v.actions, v.match, { version, table: version === 1 ? v.command >> 8 : v.table });
    const command = COMMANDS[v.command & 0xff];
    let s = ` ${command ?? `cmd:${v.command}`} `;
    const table = version === 1 ? v.command >> 8 : v.table;
    if (table !== 0) s += `table:${tableText(table, ctx)} `;
    const shown = v.priority === DEFAULT_PRIORITY ? undefined : v.priority;
    const raw = ctx.verbosity >= WITH_RAW_MATCH && ctx.bytes ? rawMatchText(ctx.bytes, ctx) : undefined;
    const match = raw ?? matchText(v.match, shown, ctx);
    if (match) s += `${match} `;
    if (v.cookie !== 0n && v.cookie !== MAX_U64) s += `cookie:0x${hex(v.cookie)} `;
    if (v.cookieMask !== 0n) s += `cookie:0x${hex(v.cookieFilter)}/0x${hex(v.cookieMask)} `;
    if (v.idleTimeout) s += `idle:${v.idleTimeout} `;
    if (v.hardTimeout) s += `hard:${v.hardTimeout} `;
    if (v.importance) s += `importance:${v.importance} `;
    if (raw !== undefined && v.priority !== DEFAULT_PRIORITY) s += `pri:${v.priority} `;
    if (v.bufferId !== NO_BUFFER) s += `buf:0x${hex(v.bufferId)} `;
    if (v.outPort !== OFPP.none && (v.command & 0xff) >= 3) s += `out_port:${portText(v.outPort, ctx)} `;
    return `${s}${flagText(version < 3 ? v.flags & ~4 : v.flags)}${actionsText(v.actions, ctx)}`;
  },
  flow_removed: ({ value: v }, ctx) => {
    const match = matchText(v.match, v.priority, ctx);
    let s = ` ${match}${match ? ' ' : ''}reason=${REASONS[v.reason] ?? v.reason}`;
    if (v.table !== TABLE_ALL) s += ` table_id=${tableText(v.table, ctx)}`;
    if (v.cookie !== 0n) s += ` cookie:0x${hex(v.cookie)}`;
    s += ` duration${duration(v.durationSec, v.durationNsec)} idle${v.idleTimeout}`;
    if (v.hardTimeout) s += ` hard${v.hardTimeout}`;
    return `${s} pkts${v.packets} bytes${v.bytes}`;
  },
  flow_stats_request: ({ value }, ctx) => request(value, ctx),
  flow_stats_reply: ({ value }, ctx) => flowListText(value, ctx),
  aggregate_request: ({ value }, ctx) => request(value, ctx),
  aggregate_reply: ({ value }) => aggregate(value),
};
