/** Flows: changing them, listing them, counting them, and telling that they are gone. */

import type { Action } from '../../action/action.js';
import { checkActions } from '../../action/check.js';
import type { OfBridge } from '../../bridge/of-bridge.js';
import { Match, type MiniMatch, expand as widen } from '../../flow/match.js';
import type { TunTable } from '../../flow/tun-table.js';
import { namesOthers } from '../../flowtable/actions.js';
import type { FlowFilter, FlowMod, RemovedReason } from '../../flowtable/flow-mod.js';
import type { Shape } from '../../flowtable/mini.js';
import { FLOW_FLAG, type Rule } from '../../flowtable/rule.js';
import { isZero } from '../../lib/bytes.js';
import { K } from '../../packet/key.js';
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
import { changing, type Handlers } from './handler.js';
import type { Session } from './session.js';

function wholeSeconds(ms: number): number {
  return Math.max(0, Math.floor(ms / 1000));
}

/** Nanoseconds past the whole seconds, in whole milliseconds as OVS counts them. */
function restNanoseconds(ms: number): number {
  return Math.max(0, Math.floor(ms - wholeSeconds(ms) * 1000) * 1_000_000);
}

/** Seconds and nanoseconds of a time in milliseconds. */
export function splitDuration(ms: number): { durationSec: number; durationNsec: number } {
  return { durationSec: wholeSeconds(ms), durationNsec: restNanoseconds(ms) };
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

/** What is told of a rule, made for one rule after the other: a list of a million is never a million descriptions. */
class RuleStats implements FlowStats {
  readonly match = new Match();
  table = 0;
  priority = 0;
  actions: readonly Action[] = [];
  cookie = 0n;
  durationSec = 0;
  durationNsec = 0;
  idleTimeout = 0;
  hardTimeout = 0;
  idleAge = 0;
  hardAge = 0;
  flags = 0;
  importance = 0;
  packets = 0n;
  bytes = 0n;
  private shape: Shape | undefined;

  constructor(
    private readonly now: number,
    private readonly tun: TunTable,
  ) {}

  of(rule: Rule): this {
    const { now } = this;
    this.setMatch(rule.match);
    this.table = rule.table;
    this.priority = rule.priority;
    this.actions = rule.actions;
    this.cookie = rule.cookie;
    const age = now - rule.created;
    this.durationSec = wholeSeconds(age);
    this.durationNsec = restNanoseconds(age);
    this.idleTimeout = rule.idleTimeout;
    this.hardTimeout = rule.hardTimeout;
    this.idleAge = wholeSeconds(now - rule.used);
    this.hardAge = wholeSeconds(now - rule.modified);
    this.flags = rule.flags & ~FLOW_FLAG.hiddenRule;
    this.importance = rule.importance;
    this.packets = counted(rule.packets);
    this.bytes = counted(rule.bytes);
    return this;
  }

  /** Neighbours in a table mostly share their shape: then the values are all that is new. */
  private setMatch(mini: MiniMatch): void {
    if (this.shape?.index !== mini.index || this.shape.mask !== mini.mask) {
      this.shape = mini;
      expand(mini, this.tun, this.match);
      return;
    }
    const value = this.match.valueWords;
    for (let i = 0; i < mini.index.length; i++) value[mini.index[i]] = mini.value[i];
  }
}

/** Flows that ask not to be counted are counted too, as in OVS: it costs nothing. Most have none. */
function counted(n: number): bigint {
  return n === 0 ? 0n : BigInt(n);
}

/** One at a time, as the peer takes them. Each is good until the next is made. */
function* describeAll(rules: readonly Rule[], bridge: OfBridge): Generator<FlowStats> {
  const stats = new RuleStats(bridge.now(), bridge.tun);
  for (const rule of rules) yield stats.of(rule);
}

/** Actions as the bridge may take them: ports, tables, groups, meters and what the match must say are checked. Throws with the OpenFlow error. */
export function checked(s: Session, actions: readonly Action[], match: Match, table?: number): readonly Action[] {
  return checkActions(actions, match, s.actionChecks(table));
}

/**
 * A flow_mod of the message, as far as it can be told before it is its turn: nothing else that is asked of it depends on what is there, but groups and
 * meters. Throws with the OpenFlow error.
 */
export function soundFlowMod(s: Session, v: FlowModMessage): FlowMod {
  const mod = toFlowMod(v, s.version, s.tableIds);
  const actions = checkActions(mod.actions, mod.match, s.soundness(tableOf(mod)));
  // The actions of a deletion mean nothing, but they must be sound.
  if (mod.command === 'delete' || mod.command === 'delete_strict') return { ...mod, actions: [] };
  if (isInternal(mod.match)) throw ofError('OFPBRC_EPERM');
  return actions === mod.actions ? mod : { ...mod, actions };
}

/** A flow_mod of the message, ready for the bridge. Throws with the OpenFlow error. */
export function flowModOf(s: Session, v: FlowModMessage): FlowMod {
  const mod = soundFlowMod(s, v);
  // That a group or meter is missing is told only of actions that are sound otherwise.
  if (!namesOthers(mod.actions)) return mod;
  const check = () => void checked(s, mod.actions, mod.match, tableOf(mod));
  if (mod.command !== 'add') return { ...mod, check };
  check();
  return mod;
}

const tableOf = (mod: FlowMod): number => (mod.table === TABLE_ALL ? 0 : mod.table);

/** Later passes and hashes of the datapath are the switch's own business. */
function isInternal(m: Match): boolean {
  const { recircId, dpHash } = K;
  return (
    !isZero(m.value, recircId.offset, recircId.offset + recircId.bytes) ||
    !isZero(m.mask, dpHash.offset, dpHash.offset + dpHash.bytes)
  );
}

function applyFlowMod(s: Session, v: FlowModMessage): void {
  s.bridge.flowMod(flowModOf(s, v));
  checkBuffer(v);
}

/** Packets are never kept back for a controller, so no buffer it could name exists. */
export function checkBuffer(v: FlowModMessage): void {
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
