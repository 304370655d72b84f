/** Flows: changing them, listing them, counting them, and telling that they are gone. */

import type { Action } from '../../action/action.js';
import { checkActions } from '../../action/check.js';
import type { OfBridge } from '../../bridge/of-bridge.js';
import { Match, type MiniMatch, expand as widen } from '../../flow/match.js';
import type { TunTable } from '../../flow/tun-table.js';
import type { FlowFilter, FlowMod, RemovedReason } from '../../flowtable/flow-mod.js';
import { FLOW_FLAG, type Rule } from '../../flowtable/rule.js';
import { ofError } from '../errors.js';
import {
  type FlowModMessage,
  type FlowRemoved,
  NO_BUFFER,
  REMOVED_REASONS,
  TABLE_ALL,
  toFlowMod,
} from '../messages/flow-mod.js';
import type { FlowStats, FlowStatsRequest } from '../messages/flow-stats.js';
import { N_TABLES } from './basic.js';
import { changing, type Handlers } from './handler.js';
import type { Session } from './session.js';

/** Seconds and nanoseconds of a time in milliseconds, in whole milliseconds as OVS counts them. */
export function splitDuration(ms: number): { durationSec: number; durationNsec: number } {
  const durationSec = Math.max(0, Math.floor(ms / 1000));
  return { durationSec, durationNsec: Math.max(0, Math.floor(ms - durationSec * 1000) * 1_000_000) };
}

function filterOf(v: FlowStatsRequest): FlowFilter {
  const { table, match, cookieFilter, cookieMask, outPort, outGroup } = v;
  return { table, match, cookieFilter, cookieMask, outPort, outGroup };
}

/** A rule's match as messages hold it: with the places of its tunnel options. */
export function expand(mini: MiniMatch, tun: TunTable, into?: Match): Match {
  const m = widen(mini, into);
  if (tun.size > 0) m.tun = tun;
  return m;
}

function describe(rule: Rule, now: number, tun: TunTable, scratch: Match): FlowStats {
  const counted = (flag: number, n: number) => (rule.flags & flag ? -1n : BigInt(n));
  return {
    table: rule.table,
    priority: rule.priority,
    match: expand(rule.match, tun, scratch),
    actions: rule.actions,
    cookie: rule.cookie,
    ...splitDuration(now - rule.created),
    idleTimeout: rule.idleTimeout,
    hardTimeout: rule.hardTimeout,
    idleAge: Math.max(0, Math.floor((now - rule.used) / 1000)),
    hardAge: Math.max(0, Math.floor((now - rule.modified) / 1000)),
    flags: rule.flags & ~FLOW_FLAG.hiddenRule,
    importance: rule.importance,
    packets: counted(FLOW_FLAG.noPktCounts, rule.packets),
    bytes: counted(FLOW_FLAG.noBytCounts, rule.bytes),
  };
}

/** One at a time, as the peer takes them: a list of a million rules is never a list of a million descriptions. */
function* describeAll(rules: readonly Rule[], bridge: OfBridge): Generator<FlowStats> {
  // Each is written before the next is made: one match serves all.
  const scratch = new Match();
  const now = bridge.now();
  for (const rule of rules) yield describe(rule, now, bridge.tun, scratch);
}

/** Actions as the bridge may take them: ports, tables, groups, meters and what the match must say are checked. Throws with the OpenFlow error. */
export function checked(s: Session, actions: readonly Action[], match: Match, table?: number): readonly Action[] {
  const { bridge, version } = s;
  return checkActions(actions, match, {
    version,
    ...(table === undefined ? {} : { table }),
    nTables: N_TABLES,
    groupExists: (id) => bridge.groups.get(id) !== undefined,
    meterExists: (id) => bridge.meters.get(id) !== undefined,
  });
}

/** A flow_mod of the message, ready for the bridge. Throws with the OpenFlow error. */
export function flowModOf(s: Session, v: FlowModMessage): FlowMod {
  const mod = toFlowMod(v, s.version, s.tableIds);
  // The actions of a deletion mean nothing.
  if (mod.command.startsWith('delete')) return { ...mod, actions: [] };
  return { ...mod, actions: checked(s, mod.actions, mod.match, mod.table === TABLE_ALL ? 0 : mod.table) };
}

function applyFlowMod(s: Session, v: FlowModMessage): void {
  s.bridge.flowMod(flowModOf(s, v));
  // Packets are never kept back for a controller, so no buffer it could name exists.
  if (v.bufferId !== NO_BUFFER) throw ofError('OFPBRC_BUFFER_UNKNOWN');
}

export const flowHandlers: Handlers = {
  flow_mod: changing((s, v) => applyFlowMod(s, v)),
  flow_stats_request: (s, v, name) => {
    const rules = [...s.bridge.flows(filterOf(v))];
    s.replyParts('flow_stats_reply', describeAll(rules, s.bridge), name.replace('request', 'reply'));
  },
  aggregate_request: (s, v, name) => {
    let packets = 0;
    let bytes = 0;
    let flows = 0;
    for (const rule of s.bridge.flows(filterOf(v))) {
      packets += rule.packets;
      bytes += rule.bytes;
      flows++;
    }
    const sum = { packets: BigInt(packets), bytes: BigInt(bytes), flows };
    s.reply('aggregate_reply', sum, name.replace('request', 'reply'));
  },
};

export function describeRemoved(rule: Rule, reason: RemovedReason, bridge: OfBridge): FlowRemoved {
  return {
    match: expand(rule.match, bridge.tun),
    cookie: rule.cookie,
    priority: rule.priority,
    reason: REMOVED_REASONS.indexOf(reason),
    table: rule.table,
    ...splitDuration(bridge.now() - rule.created),
    idleTimeout: rule.idleTimeout,
    hardTimeout: rule.hardTimeout,
    packets: BigInt(rule.packets),
    bytes: BigInt(rule.bytes),
  };
}
