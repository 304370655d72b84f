/**
 * Flow monitors: a peer names flows, hears of those that are there, then of every change to them. Changes that one message made are told in one
 * reply, after the message was handled; a peer's own changes are only mentioned, unless it asked for them in full.
 */

import { OFPP } from '../../flow/field.js';
import { type MiniMatch, minify } from '../../flow/match.js';
import type { TunTable } from '../../flow/tun-table.js';
import { outputsTo, usesGroup } from '../../flowtable/actions.js';
import type { FlowFilter, RuleListener } from '../../flowtable/flow-mod.js';
import { miniCovers } from '../../flowtable/mini.js';
import type { Rule } from '../../flowtable/rule.js';
import { UserError } from '../../lib/errors.js';
import { ofError } from '../errors.js';
import { encodeParts } from '../message.js';
import { REMOVED_REASONS, TABLE_ALL } from '../messages/flow-mod.js';
import { type FlowUpdate, MONITOR, type MonitorRequest, type UpdateEvent } from '../messages/monitor.js';
import { expand } from './flow.js';
import type { Handlers } from './handler.js';
import type { Session } from './session.js';

export interface Monitor {
  readonly request: MonitorRequest;
  readonly match: MiniMatch;
}

const GROUP_ANY = 0xffffffff;
const MAX_MONITORS = 1024;

function takes(m: Monitor, rule: Rule): boolean {
  const { table, outPort, outGroup } = m.request;
  if (table !== TABLE_ALL && table !== rule.table) return false;
  if (outPort !== OFPP.none && !outputsTo(rule.actions, outPort)) return false;
  if (outGroup !== GROUP_ANY && !usesGroup(rule.actions, outGroup)) return false;
  return miniCovers(m.match, rule.match);
}

interface Told {
  readonly event: UpdateEvent;
  readonly reason?: number;
  readonly withActions?: boolean;
}

function describe(tun: TunTable, rule: Rule, what: Told): FlowUpdate {
  const { event, reason = 0, withActions = false } = what;
  return {
    event,
    xid: 0,
    reason,
    table: rule.table,
    priority: rule.priority,
    idleTimeout: rule.idleTimeout,
    hardTimeout: rule.hardTimeout,
    cookie: rule.cookie,
    match: expand(rule.match, tun),
    actions: withActions ? rule.actions : [],
  };
}

function filterOf(r: MonitorRequest): FlowFilter {
  const { table, match, outPort, outGroup } = r;
  return { table, match, outPort, outGroup, cookieFilter: 0n, cookieMask: 0n };
}

export const monitorHandlers: Handlers = {
  monitor_request: (s, requests) => {
    // All or none: nothing is watched when one of them cannot be.
    const ids = new Set(requests.map((r) => r.id));
    if (ids.size !== requests.length || requests.some((r) => s.monitors.has(r.id))) {
      throw ofError('OFPMOFC_MONITOR_EXISTS');
    }
    if (s.monitors.size + requests.length > MAX_MONITORS) throw ofError('OFPMOFC_UNKNOWN');
    const initial: FlowUpdate[] = [];
    for (const request of requests) {
      s.monitors.set(request.id, { request, match: minify(request.match) });
      if (!(request.flags & MONITOR.initial)) continue;
      for (const rule of s.bridge.flows(filterOf(request))) {
        initial.push(
          describe(s.bridge.tun, rule, { event: 'initial', withActions: (request.flags & MONITOR.actions) !== 0 }),
        );
      }
    }
    s.replyParts('monitor_reply', initial);
  },
  monitor_cancel: (s, v) => {
    if (!s.monitors.delete(v.id)) throw ofError('OFPMOFC_UNKNOWN_MONITOR');
  },
};

const WANTED = { added: MONITOR.add, modified: MONITOR.modify, removed: MONITOR.delete } as const;
const EVENTS = { added: 'added', modified: 'modified', removed: 'deleted' } as const;

/** Notes a change for one peer. `own`: the peer made it. */
export function noteChange(s: Session, e: Parameters<RuleListener>[0], own: boolean): void {
  let flags = 0;
  for (const m of s.monitors.values()) {
    if (m.request.flags & WANTED[e.kind] && takes(m, e.rule)) flags |= m.request.flags;
  }
  if (flags === 0) return;
  if (own && !(flags & MONITOR.own)) {
    const last = s.updates[s.updates.length - 1];
    if (last?.event === 'abbrev' && last.xid === s.xid) return;
    s.updates.push({ ...describe(s.bridge.tun, e.rule, { event: 'abbrev' }), xid: s.xid });
    return;
  }
  const reason = e.kind === 'removed' ? REMOVED_REASONS.indexOf(e.reason) : 0;
  const withActions = (flags & MONITOR.actions) !== 0;
  s.updates.push(describe(s.bridge.tun, e.rule, { event: EVENTS[e.kind], reason, withActions }));
}

/** Sends what was noted. A peer that cannot be told all of it, too far behind or for want of room, is hung up on: it would believe in flows that are gone. */
export function tellChanges(s: Session): void {
  if (s.updates.length === 0) return;
  const updates = s.updates.splice(0);
  try {
    for (const bytes of encodeParts('monitor_reply', updates, { version: s.version, xid: 0 })) {
      if (s.connection.sendUnasked(bytes)) continue;
      s.connection.end('too slow for its flow monitors');
      return;
    }
  } catch (e) {
    if (!(e instanceof UserError)) throw e;
    s.connection.end(`its flow monitors cannot be told: ${e.message}`);
  }
}
