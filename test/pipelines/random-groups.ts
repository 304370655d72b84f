/** Random groups and meters as ovs-ofctl(8) writes them, all legal. */

import type { Action } from '../../src/action/action.js';
import { formatActions } from '../../src/action/list.js';
import { randomOfActions } from '../../src/action/random.js';
import type { FieldRow } from '../../src/flow/field.js';
import { FIELDS } from '../../src/flow/fields.js';
import { formatFieldValue } from '../../src/flow/value-text.js';
import type { Random } from '../../src/lib/random.js';

/** Fields that ovs-ofctl takes in fields(...) and sends: of those that share a place, one. */
function selectable(row: FieldRow): boolean {
  if (row.ids.length === 0 || row.tunMetadata !== undefined) return false;
  return !/^(ct_|packet_type|actset|in_port_oxm|vlan_tci|dl_vlan|xreg|xxreg|tun_flags|tun_gbp|nw_tos)/.test(row.name);
}
const SELECTABLE = FIELDS.filter(selectable);

/** Formats in which any mask can be written as a value. */
const NUMBERS: ReadonlySet<string> = new Set(['decimal', 'hexadecimal', 'ethernet', 'ipv4', 'ipv6']);

function fieldText(r: Random, row: FieldRow): string {
  if (row.maskable === 'no' || !NUMBERS.has(row.format) || r.chance(0.5)) return row.name;
  const ones = (1n << BigInt(row.bits)) - 1n;
  const mask = ((BigInt(r.u32()) << 32n) | BigInt(r.u32())) & ones;
  return mask === 0n ? row.name : `${row.name}=${formatFieldValue(row, mask)}`;
}

function selection(r: Random): string {
  const method = r.pick(['', '', 'dp_hash', 'hash', 'hash']);
  if (method === '') return '';
  let s = `,selection_method=${method}`;
  if (r.chance(0.4)) s += `,selection_method_param=${r.below(2) ? r.u32() : BigInt(r.u32()) << 31n}`;
  if (method === 'dp_hash' || r.chance(0.2)) return s;
  const rows = new Set(Array.from({ length: r.between(1, 5) }, () => r.pick(SELECTABLE)));
  return `${s},fields(${[...rows].map((f) => fieldText(r, f)).join(',')})`;
}

export interface RandomGroupOptions {
  /** Minor number of the version. 1.0 and 1.5 have numbers of buckets and ways to select. */
  readonly version: number;
  readonly types?: readonly Action['type'][];
  /** How many buckets at most. */
  readonly buckets?: number;
}

/** A check_pkt_larger in a bucket is one that ovs-ofctl itself cannot read; NAT and connection tracking are their own suites'. */
const NOT_IN_BUCKETS: ReadonlySet<string> = new Set(['check_pkt_larger', 'group']);

/** And what a version cannot say, by its minor number. */
const UNSAYABLE: Readonly<Record<number, RegExp>> = {
  0: /check_pkt_larger|->(metadata|OXM_OF_METADATA)|push_vlan/,
  1: /check_pkt_larger|set_field|->(metadata|OXM_OF_METADATA)/,
};
const ALWAYS = /check_pkt_larger/;

function actionsText(r: Random, { types, version }: RandomGroupOptions): string {
  for (;;) {
    const actions = randomOfActions(r, { instructions: false, length: 4, ...(types ? { types } : {}) });
    const text = formatActions(actions);
    if (!actions.some((a) => NOT_IN_BUCKETS.has(a.type)) && !(UNSAYABLE[version] ?? ALWAYS).test(text)) return text;
  }
}

/** "group_id=5,type=all,bucket=...". Groups in buckets have higher numbers, so no packet goes round. */
export function randomGroup(r: Random, id: number, options: RandomGroupOptions): string {
  const type = r.pick(['all', 'select', 'select', 'indirect', 'ff']);
  const rich = options.version === 0 || options.version === 5;
  const select = type === 'select' && rich ? selection(r) : '';
  // Without a bucket ovs-ofctl asks which version has each field, as it does nowhere else.
  const n = type === 'indirect' ? 1 : r.between(select === '' ? 0 : 1, options.buckets ?? 5);
  let s = `group_id=${id},type=${type}${select}`;
  const numbered = rich && r.chance(0.5);
  for (let i = 0; i < n; i++) {
    s += ',bucket=';
    if (numbered) s += `bucket_id:${i * 7 + r.below(7)},`;
    if (type === 'select' && r.chance(0.6)) s += `weight:${r.pick([0, 1, 2, 100, 65535])},`;
    const watch = type === 'ff' || (type === 'select' && r.chance(0.3)) ? r.between(1, 3) : 0;
    if (watch & 1) s += `watch_port:${r.between(1, 9)},`;
    if (watch & 2) s += `watch_group:${id + r.between(1, 5)},`;
    s += r.chance(0.1) ? `actions=group:${id + r.between(1, 5)}` : `actions=${actionsText(r, options)}`;
  }
  return s;
}

/** Actions of a bucket that a frame shows: sets of what every frame has, and ways out. */
function visible(
  r: Random,
  id: number,
  o: { readonly groups: number; readonly ports: number; readonly tables: number },
): string {
  const out: string[] = [];
  for (let n = r.below(3); n > 0; n--) {
    out.push(
      r.pick([
        () => `mod_dl_src:02:00:00:00:00:0${r.below(8)}`,
        () => `mod_dl_dst:02:00:00:00:00:0${r.below(8)}`,
        () => `load:${r.below(3)}->NXM_NX_REG${r.below(4)}[]`,
        () => 'move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]',
        () => 'dec_ttl',
        () => `load:${r.below(4)}->OXM_OF_METADATA[0..1]`,
      ])(),
    );
  }
  const ways = [
    () => `output:${r.between(1, o.ports)}`,
    () => `output:${r.between(1, o.ports)},output:${r.between(1, o.ports)}`,
    () => `resubmit(,${o.tables - 1})`,
    () => `output:${r.between(1, o.ports)},resubmit(,${o.tables - 1})`,
  ];
  if (id < o.groups) ways.push(() => `group:${r.between(id + 1, o.groups)}`);
  if (r.chance(0.95)) out.push(r.pick(ways)());
  return out.length > 0 ? out.join(',') : 'drop';
}

const BASES = [
  'eth_src',
  'eth_dst',
  'ip_src',
  'nw_dst',
  'ipv6_src',
  'tcp_dst',
  'udp_src',
  'eth_type',
  'vlan_vid',
  'metadata',
];

function method(r: Random): string {
  const fields = BASES.filter(() => r.chance(0.4));
  const list = fields.map((f) =>
    r.chance(0.8) || !f.startsWith('eth_') || f === 'eth_type' ? f : `${f}=00:00:00:00:00:ff`,
  );
  const param = r.chance(0.4) ? `,selection_method_param=${r.pick([0, 1, 77, 0xffffffff])}` : '';
  return `,selection_method=hash${param},fields(${(list.length > 0 ? list : ['eth_src']).join(',')})`;
}

/**
 * Groups 1 to `groups` whose choices are everybody's: all, indirect and fast failover, and select by fields. Ports past `ports` are not there: what
 * watches them is dead.
 */
export function visibleGroups(
  r: Random,
  o: { readonly groups: number; readonly ports: number; readonly tables: number },
): string[] {
  return Array.from({ length: o.groups }, (_, i) => {
    const id = i + 1;
    const type = r.pick(['all', 'indirect', 'ff', 'ff', 'select', 'select', 'select']);
    // By dp_hash only where there is one to choose: it is each switch's own, and so are the members it chooses.
    const byHash = type === 'select' && r.chance(0.3);
    const n = type === 'indirect' || byHash ? 1 : r.between(1, 4);
    const dpHash = byHash && r.chance(0.5) ? ',selection_method=dp_hash' : '';
    let s = `group_id=${id},type=${type}${type === 'select' && !byHash ? method(r) : dpHash}`;
    for (let b = 0; b < n; b++) {
      s += ',bucket=';
      const number = `watch_port:${r.between(1, o.ports) + (r.chance(0.6) ? 0 : o.ports)},`;
      const watched = r.between(Math.min(id + 1, o.groups), o.groups + 1);
      // Twice itself, and OVS goes round in it for ever.
      const group = `watch_group:${s.includes(`watch_group:${id},`) ? o.groups + 1 : watched},`;
      if (type === 'ff') s += id < o.groups && r.chance(0.3) ? group : number;
      if (type === 'select' && r.chance(0.5)) s += r.chance(0.7) ? number : group;
      if (type === 'select') s += `weight:${r.pick([0, 1, 1, 2, 5, 100, 65535])},`;
      s += `actions=${visible(r, id, o)}`;
    }
    return s;
  });
}

/** "meter=5,kbps,burst,band=type=drop,rate=3,burst_size=1" */
export function randomMeter(r: Random, id: number): string {
  const burst = r.chance(0.5);
  let s = `meter=${id},${r.pick(['kbps', 'pktps'])}${burst ? ',burst' : ''}${r.chance(0.3) ? ',stats' : ''},band=`;
  const n = r.between(1, 8);
  for (let i = 0; i < n; i++) {
    const rate = r.chance(0.5) ? r.between(1, 1000) : Math.max(1, r.u32());
    s += `${i > 0 ? ',' : ''}type=drop,rate=${rate}${burst ? `,burst_size=${Math.max(1, r.u32() >>> r.below(30))}` : ''}`;
  }
  return s;
}
