import { formatFieldValue } from '../../flow/value-text.js';
import {
  BUCKET,
  type BucketSpec,
  GROUP,
  type GroupMod,
  type GroupType,
  type Selection,
  WATCH_NONE,
} from '../../flowtable/groups.js';
import { duration, type Formatters, hex, portText, type TextContext } from './context.js';
import { actionsText } from './flow.js';

const COMMANDS: Readonly<Record<GroupMod['command'], string>> = {
  add: 'ADD',
  modify: 'MOD',
  add_or_modify: 'ADD_OR_MOD',
  delete: 'DEL',
  insert_bucket: 'INSERT_BUCKET',
  remove_bucket: 'REMOVE_BUCKET',
};

export function groupText(id: number): string {
  if (id === GROUP.all) return 'ALL';
  return id === GROUP.any ? 'ANY' : String(id);
}

function bucketIdText(id: number): string {
  const words = new Map<number, string>([
    [BUCKET.first, 'first'],
    [BUCKET.last, 'last'],
    [BUCKET.all, 'all'],
  ]);
  return words.get(id) ?? String(id);
}

function selection(s: Selection): string {
  if (s.method === '') return '';
  let out = `,selection_method=${s.method}`;
  if (s.param !== 0n) out += `,selection_method_param=${s.param}`;
  const fields = s.fields.map(({ field, mask }) =>
    mask === field.valid ? field.name : `${field.name}=${formatFieldValue(field, mask, field.valid)}`,
  );
  if (fields.length === 1) out += `,fields=${fields[0]}`;
  else if (fields.length > 1) out += `,fields(${fields.join(',')})`;
  return out;
}

/** `ids`: the form of 1.5, which has them. */
function bucket(b: BucketSpec, type: GroupType, ids: boolean, ctx: TextContext): string {
  let s = ',bucket=';
  if (ids) s += `bucket_id:${b.id},`;
  if (type === 'select' && b.weight !== 1) s += `weight:${b.weight},`;
  if (b.watchPort !== WATCH_NONE) s += `watch_port:${portText(b.watchPort, ctx)},`;
  if (b.watchGroup !== GROUP.any) s += `watch_group:${b.watchGroup},`;
  return s + actionsText(b.actions, ctx);
}

type Described = Pick<GroupMod, 'id' | 'type' | 'buckets' | 'selection'>;

function described(g: Described, ids: boolean, ctx: TextContext): string {
  const buckets = g.buckets.map((b) => bucket(b, g.type, ids, ctx)).join('');
  return `group_id=${groupText(g.id)},type=${g.type}${selection(g.selection)}${buckets}`;
}

const hasIds = (m: { name: string; version: number }) => m.version >= 6 || m.name.startsWith('NX');

function modText(m: { value: GroupMod; name: string; version: number }, ctx: TextContext): string {
  const { value: v } = m;
  const command = `\n ${COMMANDS[v.command]} `;
  if (v.command !== 'insert_bucket' && v.command !== 'remove_bucket') return command + described(v, hasIds(m), ctx);
  const buckets = v.buckets.map((b) => bucket(b, v.type, true, ctx)).join('');
  return `${command}command_bucket_id:${bucketIdText(v.commandBucket)},group_id=${groupText(v.id)}${buckets}`;
}

const TYPE_WORDS = ['all', 'select', 'indirect', 'fast failover'] as const;
/** Actions by their bit, in the order they are printed; 1.0, 1.1 and later number them differently. */
const ACTIONS: readonly (readonly (readonly [number, string])[])[] = [
  list(
    '0 output,11 enqueue,1 set_vlan_vid,2 set_vlan_pcp,3 strip_vlan,4 mod_dl_src,5 mod_dl_dst,6 mod_nw_src,7 mod_nw_dst,8 mod_nw_tos,9 mod_tp_src,10 mod_tp_dst',
  ),
  list(
    '0 output,22 group,1 set_vlan_vid,2 set_vlan_pcp,18 strip_vlan,17 push_vlan,3 mod_dl_src,4 mod_dl_dst,5 mod_nw_src,6 mod_nw_dst,7 mod_nw_tos,8 mod_nw_ecn,23 mod_nw_ttl,9 mod_tp_src,10 mod_tp_dst,24 dec_ttl,13 set_mpls_label,14 set_mpls_tc,15 set_mpls_ttl,16 dec_mpls_ttl,19 push_mpls,20 pop_mpls,21 set_queue',
  ),
  list(
    '0 output,22 group,25 set_field,18 strip_vlan,17 push_vlan,23 mod_nw_ttl,24 dec_ttl,15 set_mpls_ttl,16 dec_mpls_ttl,19 push_mpls,20 pop_mpls,21 set_queue',
  ),
];

function list(text: string): [number, string][] {
  return text.split(',').map((item) => {
    const [bit, name] = item.split(' ');
    return [Number(bit), name];
  });
}

export const groupFormatters: Formatters = {
  group_mod: (m, ctx) => modText(m, ctx),
  group_desc_request: ({ value }) => ` group_id=${groupText(value.id ?? GROUP.all)}`,
  group_desc_reply: (m, ctx) => `\n${m.value.map((g) => ` ${described(g, hasIds(m), ctx)}\n`).join('')}`,
  group_stats_request: ({ value }) => ` group_id=${groupText(value.id ?? GROUP.all)}`,
  group_stats_reply: ({ value }) =>
    `\n${value
      .map((g) => {
        const age = g.durationSec < 0 ? '' : `duration=${duration(g.durationSec, g.durationNsec)},`;
        const buckets = g.buckets.map((b, i) => `,bucket${i}:packet_count=${b.packets},byte_count=${b.bytes}`).join('');
        return ` group_id=${g.id},${age}ref_count=${g.references},packet_count=${g.packets},byte_count=${g.bytes}${buckets}\n`;
      })
      .join('')}`,
  group_features_reply: ({ value: v, version }) => {
    const names = ACTIONS[Math.min(version, 3) - 1];
    let s = `\n Group table:\n    Types:  0x${hex(v.types)}\n    Capabilities:  0x${hex(v.capabilities)}\n`;
    TYPE_WORDS.forEach((word, i) => {
      if (!(v.types & (1 << i))) return;
      const actions = names.filter(([bit]) => v.actions[i] & (1 << bit)).map(([, name]) => name);
      s += `    ${word} group:\n       max_groups=0x${hex(v.maxGroups[i])}\n       actions: ${actions.join(' ')}\n`;
    });
    return s;
  },
};
