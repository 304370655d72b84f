/** What tables can do, as text: sets of fields are shortened by what their names have in common. */
import { fieldByHeader } from '../../flow/fields.js';
import { MISS } from '../../flowtable/table-settings.js';
import { TABLE_CONFIG, type TableFeatures, type TableStats } from '../messages/table.js';
import { hex } from './context.js';
import { ACTION_NUMBERS } from './group.js';

/** "reg0", "reg1", "reg2" is "reg0...reg2"; "eth_src", "eth_dst" is "eth_{src,dst}"; so on inside. Order is kept: only neighbours join. */
export function groupNames(names: readonly string[], separator = ' '): string {
  const out: string[] = [];
  for (let i = 0; i < names.length; ) {
    const run = numbered(names, i);
    const stem = /^[^_]*_/.exec(names[i])?.[0];
    let end = i + 1;
    if (run > i + 2) {
      out.push(`${names[i]}...${names[run - 1]}`);
      end = run;
    } else if (stem) {
      while (end < names.length && names[end].startsWith(stem)) end++;
      const inner = names.slice(i, end).map((n) => n.slice(stem.length));
      out.push(inner.length > 1 ? `${stem}{${groupNames(inner, ',')}}` : names[i]);
    } else out.push(names[i]);
    i = end;
  }
  return out.join(separator);
}

/** One past the last of the names that count on from the one at `start`. */
function numbered(names: readonly string[], start: number): number {
  const m = /^(.*?)(\d+)$/.exec(names[start]);
  if (!m) return start + 1;
  let end = start + 1;
  while (names[end] === `${m[1]}${Number(m[2]) + end - start}`) end++;
  return end;
}

/** By instruction number; printed in this order. */
const INSTRUCTIONS: readonly (readonly [number, string])[] = [
  [6, 'meter'],
  [4, 'apply_actions'],
  [5, 'clear_actions'],
  [3, 'write_actions'],
  [2, 'write_metadata'],
  [1, 'goto_table'],
];

interface Decoded {
  readonly next: readonly number[];
  readonly instructions: string;
  readonly actions: string;
  readonly setFields: string;
  readonly masked: string;
  readonly exact: string;
}

function ids(data: Uint8Array | undefined): Set<number> {
  const out = new Set<number>();
  for (let at = 0; data && at + 4 <= data.length; at += 4) out.add(data[at] * 256 + data[at + 1]);
  return out;
}

/** Field names with whether a mask is taken, in the order of the message. */
function fields(data: Uint8Array | undefined): { name: string; masked: boolean }[] {
  const found: { name: string; masked: boolean }[] = [];
  for (let at = 0; data && at + 4 <= data.length; ) {
    const oxmClass = data[at] * 256 + data[at + 1];
    const experimenter = oxmClass === 0xffff;
    const id = experimenter && at + 8 <= data.length ? Buffer.from(data).readUInt32BE(at + 4) : 0;
    const row = fieldByHeader(oxmClass, data[at + 2] >> 1, id);
    if (row) found.push({ name: row.name, masked: (data[at + 2] & 1) === 1 });
    at += experimenter ? 8 : 4;
  }
  return found;
}

function decode(t: TableFeatures): Decoded {
  const data = (type: number) => t.properties.find((p) => p.type === type)?.data;
  const named = (set: Set<number>, names: readonly (readonly [number, string])[]) =>
    names.filter(([id]) => set.has(id)).map(([, name]) => name);
  const match = fields(data(8));
  return {
    next: [...(data(2) ?? [])],
    instructions: named(ids(data(0)), INSTRUCTIONS).join(' '),
    actions: named(ids(data(4)), ACTION_NUMBERS[3]).join(' '),
    setFields: groupNames(fields(data(12)).map((f) => f.name)),
    masked: groupNames(match.filter((f) => f.masked).map((f) => f.name)),
    exact: groupNames(match.filter((f) => !f.masked).map((f) => f.name)),
  };
}

/** Tables are shown by their numbers, runs of them as "FROM-TO". */
function ranges(list: readonly number[]): string {
  const out: string[] = [];
  for (let i = 0; i < list.length; ) {
    let end = i + 1;
    while (end < list.length && list[end] === list[end - 1] + 1) end++;
    out.push(end - i > 1 ? `${list[i]}-${list[end - 1]}` : String(list[i]));
    i = end;
  }
  return out.join(',');
}

function head(t: TableFeatures, version: number): string {
  const events = version >= 5 ? '    eviction: not supported\n    vacancy events: not supported\n' : '';
  return `    metadata: match=0x${hex(t.metadataMatch)} write=0x${hex(t.metadataWrite)}\n${events}    max_entries=${t.maxEntries}\n`;
}

export function featureText(t: TableFeatures, previous: TableFeatures | undefined, version: number): string {
  const d = decode(t);
  const p = previous && decode(previous);
  let s = `${head(t, version)}    instructions (table miss and others):\n`;
  if (d.next.length) s += `      next tables: ${ranges(d.next)}\n`;
  s += `      instructions: ${d.instructions}\n`;
  if (p && p.actions === d.actions && p.setFields === d.setFields) s += '      (same actions)\n';
  else {
    s += `      Write-Actions and Apply-Actions features:\n        actions: ${d.actions}\n`;
    s += `        supported on Set-Field: ${d.setFields}\n`;
  }
  if (p && p.masked === d.masked && p.exact === d.exact) return `${s}    (same matching)\n`;
  s += '    matching:\n';
  if (d.masked) s += `      arbitrary mask: ${d.masked}\n`;
  return `${s}      exact match or wildcard: ${d.exact}\n`;
}

/** The same but for the tables that may follow: what "ditto" stands for. */
export function sameFeatures(a: TableFeatures, b: TableFeatures): boolean {
  if (head(a, 5) !== head(b, 5) || a.properties.length !== b.properties.length) return false;
  return a.properties.every((p, i) => {
    const q = b.properties[i];
    return p.type === q.type && (p.type === 2 || p.type === 3 || Buffer.compare(p.data, q.data) === 0);
  });
}

/** Bits of a 1.0 match, in the order of the table of fields. Of the addresses' six bits, the lowest stands for all. */
const WILDCARDS_10: readonly (readonly [number, string])[] = [
  [0x1, 'in_port'],
  [0x4, 'eth_src'],
  [0x8, 'eth_dst'],
  [0x10, 'eth_type'],
  [0x2, 'vlan_vid'],
  [0x100000, 'vlan_pcp'],
  [0x100, 'ip_src'],
  [0x4000, 'ip_dst'],
  [0x20, 'nw_proto'],
  [0x200000, 'nw_tos'],
  [0x40, 'tcp_src'],
  [0x80, 'tcp_dst'],
];

/** What 1.1 and 1.2 tell of a table, which is the same for every table of a switch of this kind. */
const ABLE: Readonly<Record<number, readonly string[]>> = {
  2: [
    '    config=%',
    '    max_entries=#',
    '    instructions (table miss and others):',
    '      instructions: apply_actions clear_actions write_actions write_metadata goto_table',
    '      Write-Actions and Apply-Actions features:',
    '        actions: output group set_vlan_vid set_vlan_pcp strip_vlan push_vlan mod_dl_src mod_dl_dst mod_nw_src mod_nw_dst mod_nw_tos mod_nw_ecn mod_nw_ttl mod_tp_src mod_tp_dst dec_ttl set_mpls_label set_mpls_tc set_mpls_ttl dec_mpls_ttl push_mpls pop_mpls set_queue',
    '    matching:',
    '      exact match or wildcard: metadata in_port eth_{src,dst,type} vlan_{vid,pcp} mpls_{label,tc} ip_{src,dst} nw_{proto,tos} tcp_{src,dst}',
  ],
  3: [
    '    metadata: match=0xffffffffffffffff write=0xffffffffffffffff',
    '    config=%',
    '    max_entries=#',
    '    instructions (table miss and others):',
    '      instructions: apply_actions clear_actions write_actions write_metadata goto_table',
    '      Write-Actions and Apply-Actions features:',
    '        actions: output group set_field strip_vlan push_vlan mod_nw_ttl dec_ttl set_mpls_ttl dec_mpls_ttl push_mpls pop_mpls set_queue',
    '        supported on Set-Field: metadata in_port_oxm eth_{src,dst} vlan_{vid,pcp} mpls_{label,tc} ip_{src,dst} ipv6_{src,dst,label} ip_dscp nw_ecn arp_{op,spa,tpa,sha,tha} tcp_{src,dst} udp_{src,dst} sctp_{src,dst} icmp_{type,code} icmpv6_{type,code} nd_{target,sll,tll}',
    '    matching:',
    '      exact match or wildcard: metadata in_port_oxm eth_{src,dst,type} vlan_{vid,pcp} mpls_{label,tc} ip_{src,dst} ipv6_{src,dst,label} nw_proto ip_dscp nw_ecn arp_{op,spa,tpa,sha,tha} tcp_{src,dst} udp_{src,dst} sctp_{src,dst} icmp_{type,code} icmpv6_{type,code} nd_{target,sll,tll}',
  ],
};

const GOTO = 2;
const canGo = (t: TableStats) => ((t.instructions ?? GOTO) & GOTO) !== 0;

/** Do two tables tell the same of what they can do? */
export function sameAbilities(a: TableStats, b: TableStats): boolean {
  return a.maxEntries === b.maxEntries && canGo(a) === canGo(b) && a.config === b.config;
}

const INSTRUCTIONS_BLOCK = /^ {4}instructions \(.*\n( {6,}.*\n)+/m;

/** To 1.2, table statistics tell features too. */
export function statsFeatureText(t: TableStats, previous: TableStats | undefined, version: number): string {
  if (version > 3) return '';
  if (previous && sameAbilities(previous, t)) return '    (same features)\n';
  const lines = ABLE[version];
  if (!lines) {
    const names = WILDCARDS_10.filter(([bit]) => (t.wildcards ?? 0) & bit).map(([, name]) => name);
    return `    max_entries=${t.maxEntries}\n    matching:\n      exact match or wildcard: ${groupNames(names)}\n`;
  }
  const miss = MISS[(t.config ?? 0) & TABLE_CONFIG.missMask] ?? 'controller';
  const text = `${lines.join('\n').replace('#', String(t.maxEntries)).replace('%', miss)}\n`;
  const able = canGo(t) ? text : text.replace(' goto_table', '');
  if (!previous) return able;
  const shorter = able.replace(/^ {4}matching:\n.*\n/m, '    (same matching)\n');
  if (canGo(t) === canGo(previous)) return shorter.replace(INSTRUCTIONS_BLOCK, '    (same instructions)\n');
  // 1.1 has no Set-Field to compare, and lists its actions again.
  return version < 3 ? shorter : shorter.replace(/^ {6}Write-Actions(.*\n){3}/m, '      (same actions)\n');
}
