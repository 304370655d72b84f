/** Groups as ovs-ofctl prints them. */
import { formatActions } from '../../action/list.js';
import { formatFieldValue } from '../../flow/value-text.js';
import { BUCKET, GROUP, WATCH_NONE } from '../../flowtable/groups.js';
import { GROUP_TYPES, hasBucketIds, SELECT } from '../messages/bucket.js';
import {
  GROUP_COMMAND,
  type GroupDesc,
  type GroupFeatures,
  type GroupModMessage,
  type GroupStats,
  UNKNOWN_DURATION,
  type WireSelection,
} from '../messages/group.js';
import { inOrder } from '../messages/selection.js';
import { UNKNOWN } from '../schema.js';
import { duration, type Formatters, hex, portText, type TextContext } from './context.js';

export function groupText(id: number): string {
  if (id === GROUP.all) return 'ALL';
  return id === GROUP.any ? 'ANY' : String(id);
}

function bucketId(id: number): string {
  if (id === BUCKET.first) return 'first';
  if (id === BUCKET.last) return 'last';
  return id === BUCKET.all ? 'all' : String(id);
}

/** All bits set, those that the field does not have included. */
const allOnes = (bytes: number) => (1n << BigInt(8 * bytes)) - 1n;

function selection(s: WireSelection): string {
  if (s.method === '') return '';
  const fields = inOrder(s.fields).map(({ field, mask }) =>
    mask === allOnes(field.bytes) ? field.name : `${field.name}=${formatFieldValue(field, mask)}`,
  );
  const list = fields.length > 1 ? `,fields(${fields.join(',')})` : fields.map((f) => `,fields=${f}`).join('');
  return `,selection_method=${s.method}${s.param ? `,selection_method_param=${s.param}` : ''}${list}`;
}

/** "group_id=1,type=all,bucket=actions=output:1". `typed`: with its type. */
export function formatGroup(g: GroupDesc, version: number, ctx: TextContext, typed = true): string {
  let s = `group_id=${g.id}`;
  if (typed) s += `,type=${GROUP_TYPES[g.type] ?? 'unknown'}`;
  s += selection(g.selection);
  for (const b of g.buckets) {
    s += ',bucket=';
    if (hasBucketIds(version)) s += `bucket_id:${bucketId(b.id)},`;
    if (b.weight !== (g.type === SELECT ? 1 : 0)) s += `weight:${b.weight},`;
    if (b.watchPort !== WATCH_NONE) s += `watch_port:${portText(b.watchPort, ctx)},`;
    if (b.watchGroup !== GROUP.any) s += `watch_group:${b.watchGroup},`;
    s += `actions=${formatActions(b.actions, ctx.ports)}`;
  }
  return s;
}

const COMMANDS: ReadonlyMap<number, string> = new Map([
  [GROUP_COMMAND.add, 'ADD'],
  [GROUP_COMMAND.modify, 'MOD'],
  [GROUP_COMMAND.delete, 'DEL'],
  [GROUP_COMMAND.insert_bucket, 'INSERT_BUCKET'],
  [GROUP_COMMAND.remove_bucket, 'REMOVE_BUCKET'],
  [GROUP_COMMAND.add_or_modify, 'ADD_OR_MOD'],
]);

function mod(v: GroupModMessage, version: number, ctx: TextContext): string {
  const ofBuckets = v.command === GROUP_COMMAND.insert_bucket || v.command === GROUP_COMMAND.remove_bucket;
  const which = ofBuckets && hasBucketIds(version) ? `command_bucket_id:${bucketId(v.commandBucket)},` : '';
  return `\n ${COMMANDS.get(v.command) ?? `cmd:${v.command}`} ${which}${formatGroup(v, version, ctx, !ofBuckets)}`;
}

function stats(g: GroupStats): string {
  let s = `\n group_id=${g.id},`;
  if (g.durationSec !== UNKNOWN_DURATION) s += `duration=${duration(g.durationSec, g.durationNsec)},`;
  s += `ref_count=${g.refCount},packet_count=${unsigned(g.packets)},byte_count=${unsigned(g.bytes)}`;
  g.buckets.forEach((b, i) => {
    if (b.packets !== UNKNOWN) s += `,bucket${i}:packet_count=${b.packets},byte_count=${unsigned(b.bytes)}`;
  });
  return s;
}

const unsigned = (n: number) => (n === UNKNOWN ? '18446744073709551615' : String(n));

/** Action numbers by version, in the order in which they are printed. */
export const ACTION_NUMBERS: Readonly<Record<1 | 2 | 3, readonly (readonly [number, string])[]>> = {
  1: [
    [0, 'output'],
    [11, 'enqueue'],
    [1, 'set_vlan_vid'],
    [2, 'set_vlan_pcp'],
    [3, 'strip_vlan'],
    [4, 'mod_dl_src'],
    [5, 'mod_dl_dst'],
    [6, 'mod_nw_src'],
    [7, 'mod_nw_dst'],
    [8, 'mod_nw_tos'],
    [9, 'mod_tp_src'],
    [10, 'mod_tp_dst'],
  ],
  2: [
    [0, 'output'],
    [22, 'group'],
    [1, 'set_vlan_vid'],
    [2, 'set_vlan_pcp'],
    [18, 'strip_vlan'],
    [17, 'push_vlan'],
    [3, 'mod_dl_src'],
    [4, 'mod_dl_dst'],
    [5, 'mod_nw_src'],
    [6, 'mod_nw_dst'],
    [7, 'mod_nw_tos'],
    [8, 'mod_nw_ecn'],
    [23, 'mod_nw_ttl'],
    [9, 'mod_tp_src'],
    [10, 'mod_tp_dst'],
    [24, 'dec_ttl'],
    [13, 'set_mpls_label'],
    [14, 'set_mpls_tc'],
    [15, 'set_mpls_ttl'],
    [16, 'dec_mpls_ttl'],
    [19, 'push_mpls'],
    [20, 'pop_mpls'],
    [21, 'set_queue'],
  ],
  3: [
    [0, 'output'],
    [22, 'group'],
    [25, 'set_field'],
    [18, 'strip_vlan'],
    [17, 'push_vlan'],
    [23, 'mod_nw_ttl'],
    [24, 'dec_ttl'],
    [15, 'set_mpls_ttl'],
    [16, 'dec_mpls_ttl'],
    [19, 'push_mpls'],
    [20, 'pop_mpls'],
    [21, 'set_queue'],
  ],
};

function actionNames(bits: number, version: number): string {
  const numbers = ACTION_NUMBERS[version === 1 ? 1 : version === 2 ? 2 : 3];
  const names = numbers.filter(([n]) => bits & (1 << n)).map(([, name]) => name);
  return names.length ? names.join(' ') : '(none)';
}

const TYPE_WORDS = ['all', 'select', 'indirect', 'fast failover'] as const;

function features(f: GroupFeatures, version: number): string {
  let s = `\n Group table:\n    Types:  0x${hex(f.types)}\n    Capabilities:  0x${hex(f.capabilities)}\n`;
  TYPE_WORDS.forEach((type, i) => {
    if (!(f.types & (1 << i))) return;
    // As printf's "%#x" has it: no 0x before a zero.
    const max = f.maxGroups[i] === 0 ? '0' : `0x${hex(f.maxGroups[i])}`;
    s += `    ${type} group:\n       max_groups=${max}\n       actions: ${actionNames(f.actions[i], version)}\n`;
  });
  return s;
}

export const groupFormatters: Formatters = {
  group_mod: ({ value, version }, ctx) => mod(value, version, ctx),
  group_stats_request: ({ value }) => ` group_id=${groupText(value.id)}`,
  group_stats_reply: ({ value }) => value.map(stats).join(''),
  group_desc_request: ({ value }) => ` group_id=${groupText(value.id)}`,
  group_desc_reply: ({ value, version }, ctx) => value.map((g) => `\n ${formatGroup(g, version, ctx)}`).join(''),
  group_features_reply: ({ value, version }) => features(value, version),
};
