/** Groups: changing them, listing them, counting them. */
import { GROUP, type Group } from '../../flowtable/groups.js';
import { GROUP_TYPES } from '../messages/bucket.js';
import { type GroupDesc, type GroupFeatures, type GroupStats, toGroupMod } from '../messages/group.js';
import { splitDuration } from './flow.js';
import { changing, type Handlers } from './handler.js';
import { references } from './references.js';
import type { Session } from './session.js';

/** Weights of select groups, liveness in them, and groups in buckets of groups. */
const CAPABILITIES = 7;
const ALL_TYPES = 0xf;

/** By version: the action types of a bucket, one bit each. */
function actionBits(version: number): number {
  if (version === 1) return 0xfff;
  return version === 2 ? 0x01ffe7ff : 0x03ff8001;
}

export function groupFeatures(version: number): GroupFeatures {
  const each = (n: number) => GROUP_TYPES.map(() => n);
  return {
    types: ALL_TYPES,
    capabilities: CAPABILITIES,
    maxGroups: each(GROUP.max),
    actions: each(actionBits(version)),
  };
}

function* chosen(s: Session, id: number): Generator<Group> {
  if (id === GROUP.all) yield* s.bridge.groups.all();
  else {
    const group = s.bridge.groups.get(id);
    if (group) yield group;
  }
}

function describe(g: Group): GroupDesc {
  return { id: g.id, type: GROUP_TYPES.indexOf(g.type), selection: g.selection, buckets: g.buckets };
}

function* statistics(s: Session, id: number): Generator<GroupStats> {
  const refs = references(s.bridge).groups;
  const now = s.bridge.now();
  for (const g of chosen(s, id)) {
    yield {
      id: g.id,
      refCount: refs.get(g.id) ?? 0,
      packets: g.packets,
      bytes: g.bytes,
      ...splitDuration(now - g.created),
      buckets: g.buckets,
    };
  }
}

const reply = (name: string) => name.replace('request', 'reply');

export const groupHandlers: Handlers = {
  group_mod: changing((s, v) => s.bridge.groups.mod(toGroupMod(v))),
  group_stats_request: (s, v, name) => s.replyParts('group_stats_reply', [...statistics(s, v.id)], reply(name)),
  group_desc_request: (s, v, name) => {
    s.replyParts('group_desc_reply', Array.from(chosen(s, v.id), describe), reply(name));
  },
  group_features_request: (s, _v, name) => s.reply('group_features_reply', groupFeatures(s.version), reply(name)),
};
