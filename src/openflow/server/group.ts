/** Groups and meters. */

import type { Action } from '../../action/action.js';
import { OFPP } from '../../flow/field.js';
import { Match } from '../../flow/match.js';
import { someAction } from '../../flowtable/actions.js';
import { TABLE_ALL } from '../../flowtable/flow-mod.js';
import { GROUP, type Group, type GroupMod } from '../../flowtable/groups.js';
import { MAX_BANDS, METER, METER_FLAG, type Meter } from '../../flowtable/meters.js';
import { ofError } from '../errors.js';
import type { GroupStats } from '../messages/group.js';
import type { MeterStats } from '../messages/meter.js';
import { splitDuration, withoutMatch } from './flow.js';
import { changing, type Handlers } from './handler.js';
import type { Session } from './session.js';

function* chosenGroups(s: Session, id: number): Generator<Group> {
  for (const g of s.bridge.groups.all()) if (id === GROUP.all || g.id === id) yield g;
}

/** Throws with the OpenFlow error. */
export function modifyGroup(s: Session, v: GroupMod): void {
  const buckets = v.buckets.map((b) => ({ ...b, actions: withoutMatch(s, b.actions) }));
  s.bridge.groups.mod({ ...v, buckets });
}

/** How many rules have an action of this sort. */
function countRules(s: Session, uses: (a: Action) => boolean): number {
  const everything = {
    table: TABLE_ALL,
    match: new Match(),
    cookieFilter: 0n,
    cookieMask: 0n,
    outPort: OFPP.none,
    outGroup: GROUP.any,
  };
  let n = 0;
  for (const rule of s.bridge.flows(everything)) if (someAction(rule.actions, uses)) n++;
  return n;
}

function groupStats(s: Session, g: Group): GroupStats {
  return {
    id: g.id,
    references: countRules(s, (a) => a.type === 'group' && a.id === g.id),
    packets: BigInt(g.packets),
    bytes: BigInt(g.bytes),
    ...splitDuration(s.bridge.now() - g.created),
    buckets: g.buckets.map((b) => ({ packets: BigInt(b.packets), bytes: BigInt(b.bytes) })),
  };
}

/** Action bits of group features: 1.0, 1.1, and later, whose numbers differ. */
const ACTIONS = [0xfff, 0x01ffe7ff, 0x03ff8001] as const;

function* chosenMeters(s: Session, id: number): Generator<Meter> {
  if (id !== METER.all && !s.bridge.meters.get(id)) throw ofError('OFPMMFC_UNKNOWN_METER');
  for (const m of s.bridge.meters.all()) if (id === METER.all || m.id === id) yield m;
}

function meterStats(s: Session, m: Meter): MeterStats {
  return {
    id: m.id,
    flows: countRules(s, (a) => a.type === 'meter' && a.id === m.id),
    packets: BigInt(m.packets),
    bytes: BigInt(m.bytes),
    ...splitDuration(s.bridge.now() - m.created),
    bands: m.bands.map((b) => ({ packets: BigInt(b.packets), bytes: BigInt(b.bytes) })),
  };
}

const replyName = (name: string) => name.replace('request', 'reply');

export const groupHandlers: Handlers = {
  group_mod: changing(modifyGroup),
  group_desc_request: (s, v, name) => {
    s.replyParts('group_desc_reply', [...chosenGroups(s, v.id ?? GROUP.all)], replyName(name));
  },
  group_stats_request: (s, v, name) => {
    const list = [...chosenGroups(s, v.id ?? GROUP.all)].map((g) => groupStats(s, g));
    s.replyParts('group_stats_reply', list, replyName(name));
  },
  group_features_request: (s, _v, name) => {
    const actions = ACTIONS[Math.min(s.version, 3) - 1];
    const each = (n: number) => [n, n, n, n];
    const value = { types: 0xf, capabilities: 7, maxGroups: each(GROUP.max), actions: each(actions) };
    s.reply('group_features_reply', value, replyName(name));
  },
  meter_mod: changing((s, v) => s.bridge.meters.mod(v)),
  meter_config_request: (s, v) => s.replyParts('meter_config_reply', [...chosenMeters(s, v.id)]),
  meter_stats_request: (s, v) =>
    s.replyParts(
      'meter_stats_reply',
      [...chosenMeters(s, v.id)].map((m) => meterStats(s, m)),
    ),
  meter_features_request: (s) => {
    const capabilities = METER_FLAG.kbps | METER_FLAG.pktps | METER_FLAG.burst | METER_FLAG.stats;
    s.reply('meter_features_reply', {
      maxMeters: METER.max,
      bandTypes: 1 << 1,
      capabilities,
      maxBands: MAX_BANDS,
      maxColor: 0,
    });
  },
};
