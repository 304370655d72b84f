/** Texts of actions: every one of ovs-actions(7), in every form it has there. */

import type { FieldRow } from '../../../src/flow/field.js';
import { FIELDS, field } from '../../../src/flow/fields.js';
import type { Random } from '../../../src/lib/random.js';
import { learnText } from './learn.js';
import { fieldName, ipv4, ipv6, mac, number, port, randomBits, valueText } from './values.js';

type Maker = (r: Random, depth: number) => string;

const num = (r: Random, bits: number): string =>
  number(r, randomBits(r, bits !== 32 && r.chance(0.003) ? bits + 1 : bits));
const upTo = (r: Random, max: number): string => String(r.below(max + 1));
const some = (r: Random, ...items: readonly string[]): string[] => items.filter(() => r.chance(0.4));
const hexBytes = (r: Random, n: number): string => Buffer.from(r.bytes(n)).toString('hex');

/** Those that have a code point: OVS sends the others as something else, and weft refuses. */
const NUMBERED = FIELDS.filter((f) => f.ids.length > 0);
const SMALL = NUMBERED.filter((f) => f.bits <= 128);
const FREE = SMALL.filter((f) => f.prereqs === 'none' || f.prereqs === 'ethernet');
const SETTABLE = FREE.filter((f) => f.writable);
/** Most often a field that any packet has. */
export function anyField(r: Random, writable: boolean): FieldRow {
  if (r.chance(0.1)) return r.pick(NUMBERED);
  if (r.chance(0.35)) return field(`reg${r.below(16)}`);
  return r.pick(writable ? SETTABLE : FREE);
}

export function subfield(r: Random, row: FieldRow, bits?: number): string {
  const name = r.chance(0.4) && row.ids.length ? row.ids[0].name : fieldName(r, row);
  if (bits === undefined) {
    if (r.chance(0.4)) return `${name}[]`;
    if (r.chance(0.2)) return name;
  }
  const n = Math.min(bits ?? r.between(1, row.bits), row.bits);
  if (n === row.bits && r.chance(0.5)) return `${name}[]`;
  const lo = r.below(row.bits - n + 1);
  return n === 1 && r.chance(0.7) ? `${name}[${lo}]` : `${name}[${lo}..${lo + n - 1}]`;
}

/** Source and destination of equal width, most often. */
export function pair(r: Random): readonly [string, string] {
  const [src, dst] = [anyField(r, false), anyField(r, true)];
  const n = r.between(1, Math.min(src.bits, dst.bits, 128));
  return [subfield(r, src, n), subfield(r, dst, r.chance(0.98) ? n : n + 1)];
}

const range = (r: Random, address: string, second: string): string => `${address}${r.chance(0.5) ? `-${second}` : ''}`;

function natRange(r: Random): string {
  const ports = r.chance(0.5) ? `:${r.between(1, 30000)}${r.chance(0.5) ? `-${r.between(30000, 65535)}` : ''}` : '';
  if (r.chance(0.5)) {
    const low = randomBits(r, 31) + 1n;
    return `=${range(r, ipv4(low), ipv4(low + 5n))}${ports}`;
  }
  const low = randomBits(r, 127) | (1n << 120n);
  const text = (v: bigint) => (ports === '' && r.chance(0.7) ? ipv6(r, v) : `[${ipv6(r, v)}]`);
  return `=${range(r, text(low), text(low + 9n))}${ports}`;
}

function nat(r: Random): string {
  if (r.chance(0.2)) return 'nat';
  const kind = r.pick(['src', 'dst', 'src', 'dst', '']);
  return `nat(${[`${kind}${kind && r.chance(0.8) ? natRange(r) : ''}`, ...some(r, 'persistent', r.pick(['hash', 'random']))].join(',')})`;
}

function ct(r: Random, depth: number): string {
  const args = some(r, 'commit', 'force', `table=${upTo(r, 255)}`, `alg=${r.pick(['ftp', 'tftp', 'sip'])}`);
  if (r.chance(0.4)) args.push(`zone=${r.chance(0.7) ? num(r, 16) : subfield(r, anyField(r, false), 16)}`);
  if (r.chance(0.4)) args.push(nat(r));
  if (r.chance(0.3)) {
    const sets = [
      `set_field:${num(r, 32)}->ct_mark`,
      `load:${num(r, 4)}->NXM_NX_CT_MARK[0..3]`,
      `set_field:${num(r, 128)}/${num(r, 128)}->ct_label`,
      `move:NXM_NX_REG0[]->NXM_NX_CT_LABEL[0..31]`,
      'load:0x5->ct_label[32..63]',
      r.chance(0.1) ? actionText(r, depth + 1) : 'set_field:7->ct_mark',
    ];
    args.push(`exec(${some(r, ...sets).join(',')})`);
  }
  if (r.chance(0.05)) args.push(...some(r, 'foo', 'nat', 'force'));
  return `ct(${args.sort(() => (r.chance(0.5) ? 1 : -1)).join(',')})`;
}

function controller(r: Random): string {
  if (r.chance(0.25)) return r.chance(0.5) ? 'controller' : `controller:${upTo(r, 65535)}`;
  if (r.chance(0.1)) return `CONTROLLER:${upTo(r, 65535)}`;
  const reasons = ['no_match', 'action', 'invalid_ttl', 'action_set', 'group', 'packet_out', '7'];
  return `controller(${some(r, `reason=${r.pick(reasons)}`, `max_len=${upTo(r, 65535)}`, `id=${upTo(r, 65535)}`, `userdata=${hexBytes(r, r.between(1, 20)).replace(/..(?=.)/g, r.chance(0.5) ? '$&.' : '$&')}`, 'pause', `meter_id=${num(r, 16)}`).join(',')})`;
}

const HASHES = ['eth_src', 'symmetric_l4', 'symmetric_l3l4', 'symmetric_l3l4+udp', 'nw_src', 'nw_dst', 'symmetric_l3'];

function bundle(r: Random, load: boolean): string {
  const members = Array.from({ length: r.between(0, 5) }, () => (r.chance(0.9) ? upTo(r, 9) : port(r)));
  const dst = load ? `${subfield(r, field(`reg${r.below(16)}`), r.chance(0.95) ? r.between(16, 32) : 8)},` : '';
  const word = r.pick(['members', 'members', 'slaves']);
  const list = r.chance(0.8) ? `${word}:${members.join(',')}` : `${word}:[${members.join(',')}]`;
  return `bundle${load ? '_load' : ''}(${r.pick(HASHES)},${upTo(r, 65535)},${r.pick(['active_backup', 'hrw'])},${r.pick(['ofport', 'ofport', 'OFPORT'])},${dst}${list})`;
}

function sample(r: Random): string {
  const args = [
    `probability=${r.chance(0.97) ? String(r.between(1, 65535)) : '0'}`,
    ...some(
      r,
      `collector_set_id=${num(r, 32)}`,
      `obs_domain_id=${num(r, 32)}`,
      `obs_point_id=${r.chance(0.8) ? num(r, 32) : subfield(r, field('reg3'), 32)}`,
      `sampling_port=${port(r)}`,
      r.pick(['ingress', 'egress']),
    ),
  ];
  if (r.chance(0.02)) args.shift();
  return `sample(${args.join(',')})`;
}

function encap(r: Random): string {
  const tlv = () => `tlv(0x${r.below(65536).toString(16)},${r.below(256)},0x${hexBytes(r, r.between(1, 12))})`;
  const props = [
    ...some(r, `md_type=${r.chance(0.95) ? r.pick([1, 2]) : 3}`),
    ...(r.chance(0.4) ? Array.from({ length: r.below(4) }, tlv) : []),
  ];
  return r.pick([
    'encap(ethernet)',
    'encap(mpls)',
    'encap(mpls_mc)',
    'encap(nsh)',
    `encap(nsh(${props.join(',')}))`,
    `encap(nsh(${props.join(',')}))`,
    r.chance(0.05) ? 'encap(foo)' : 'encap(ethernet)',
  ]);
}

function nested(r: Random, depth: number): string {
  return Array.from({ length: depth > 2 ? 1 : r.between(r.chance(0.05) ? 0 : 1, 3) }, () =>
    actionText(r, depth + 1),
  ).join(',');
}

function setField(r: Random): string {
  const row = anyField(r, true);
  return `set_field:${valueText(r, row)}->${r.chance(0.9) ? fieldName(r, row) : subfield(r, row)}`;
}

function load(r: Random): string {
  const row = anyField(r, true);
  const bits = r.between(1, Math.min(row.bits, 64));
  return r.chance(0.7)
    ? `load:${num(r, bits)}->${subfield(r, row, bits)}`
    : `load:${num(r, Math.min(row.bits, 64))}->${fieldName(r, row)}[]`;
}

/** By what stands first in the text; the rest of a flow's line is chosen for some. */
export const ACTIONS: Readonly<Record<string, Maker>> = {
  port: (r) => port(r),
  output: (r) => `output:${port(r)}`,
  outputField: (r) => `output:${subfield(r, anyField(r, false), r.chance(0.9) ? r.between(1, 32) : undefined)}`,
  outputTrunc: (r) => `output(port=${port(r)},max_len=${r.chance(0.95) ? r.between(14, 70000) : upTo(r, 13)})`,
  controller,
  enqueue: (r) =>
    r.pick([
      `enqueue(${port(r)},${num(r, 32)})`,
      `enqueue:${port(r)}:${num(r, 16)}`,
      `enqueue:${upTo(r, 20)}q${upTo(r, 3)}`,
    ]),
  bundle: (r) => bundle(r, false),
  bundleLoad: (r) => bundle(r, true),
  group: (r) => `group:${num(r, 32)}`,
  strip: (r) => r.pick(['strip_vlan', 'pop_vlan']),
  pushVlan: (r) => `push_vlan:${r.chance(0.95) ? r.pick(['0x8100', '0x88a8', '33024']) : '0x9100'}`,
  pushMpls: (r) => `push_mpls:${r.chance(0.95) ? r.pick(['0x8847', '0x8848', '34887']) : '0x800'}`,
  popMpls: (r) => `pop_mpls:${r.pick(['0x0800', '0x86dd', '0x8847', '0x8848', '0x1234', '2048'])}`,
  encap,
  decap: (r) =>
    r.pick([
      'decap',
      'decap()',
      'decap(packet_type(ns=0,type=0))',
      'decap(packet_type(ns=1,type=0x894f))',
      'decap(packet_type(ns=1,type=0xfffe))',
      r.chance(0.1) ? 'decap(packet_type(ns=9,type=1))' : 'decap',
    ]),
  setField,
  load,
  move: (r) => `move:${pair(r).join('->')}`,
  modMac: (r) => `mod_dl_${r.pick(['src', 'dst'])}:${mac(randomBits(r, 48))}`,
  modIp: (r) => `mod_nw_${r.pick(['src', 'dst'])}:${ipv4(randomBits(r, 32))}`,
  modTos: (r) =>
    r.pick([
      `mod_nw_tos:${4 * r.below(64)}`,
      `mod_nw_ecn:${r.below(4)}`,
      `mod_nw_ttl:${num(r, 8)}`,
      `set_nw_ttl:${num(r, 8)}`,
    ]),
  modPort: (r) => `mod_tp_${r.pick(['src', 'dst'])}:${num(r, 16)}`,
  modVlan: (r) =>
    r.pick([
      `mod_vlan_vid:${num(r, 12)}`,
      `mod_vlan_pcp:${num(r, 3)}`,
      `set_vlan_vid:${num(r, 12)}`,
      `set_vlan_pcp:${num(r, 3)}`,
    ]),
  decTtl: (r) =>
    r.chance(0.6) ? 'dec_ttl' : `dec_ttl(${Array.from({ length: r.below(4) }, () => num(r, 16)).join(',')})`,
  setMpls: (r) =>
    r.pick([
      `set_mpls_label:${num(r, 20)}`,
      `set_mpls_label(${num(r, 20)})`,
      `set_mpls_tc:${num(r, 3)}`,
      `set_mpls_ttl:${num(r, 8)}`,
    ]),
  decMpls: (r) => r.pick(['dec_mpls_ttl', 'dec_nsh_ttl']),
  checkLarger: (r) => `check_pkt_larger(${num(r, 16)})->${subfield(r, anyField(r, true), r.chance(0.95) ? 1 : 2)}`,
  deleteField: (r) => `delete_field:${r.chance(0.95) ? `tun_metadata${r.below(64)}` : 'reg0'}`,
  setTunnel: (r) => r.pick([`set_tunnel:${num(r, 32)}`, `set_tunnel64:${num(r, 64)}`, `set_tunnel:${num(r, 64)}`]),
  setQueue: (r) => (r.chance(0.6) ? `set_queue:${num(r, 32)}` : 'pop_queue'),
  ct,
  ctClear: () => 'ct_clear',
  learn: (r) => learnText(r),
  finTimeout: (r) =>
    `fin_timeout(${some(r, `idle_timeout=${upTo(r, 65535)}`, `hard_timeout=${upTo(r, 65535)}`).join(',')})`,
  resubmit: (r) =>
    r.pick([
      `resubmit:${port(r)}`,
      `resubmit(${port(r)},${upTo(r, 254)})`,
      `resubmit(,${upTo(r, 254)})`,
      `resubmit(${port(r)},)`,
      `resubmit(,${upTo(r, 254)},ct)`,
      `resubmit(${port(r)},${upTo(r, 9)},ct)`,
      `resubmit(${r.pick(['', 'x', ',', '1,2,3', ',,ct'])})`,
    ]),
  clone: (r, depth) => `clone(${nested(r, depth)})`,
  push: (r) => `push:${subfield(r, anyField(r, false))}`,
  pop: (r) => `pop:${subfield(r, anyField(r, true))}`,
  exit: () => 'exit',
  multipath: (r) => {
    const bits = r.between(8, 32);
    const links = r.chance(0.95) ? r.between(1, Math.min(2 ** bits, 65536)) : r.pick([0, 65537, 300]);
    return `multipath(${r.pick(HASHES)},${upTo(r, 65535)},${r.pick(['modulo_n', 'hash_threshold', 'hrw', 'iter_hash'])},${links},${num(r, 32)},${subfield(r, field(`reg${r.below(16)}`), bits)})`;
  },
  note: (r) => {
    const n = r.below(20);
    return `note:${hexBytes(r, n).replace(/..(?=.)/g, r.chance(0.7) ? '$&.' : '$&')}`;
  },
  sample,
};

const MAKERS = Object.values(ACTIONS);

export function actionText(r: Random, depth = 0): string {
  if (r.chance(0.004))
    return r.pick([
      'drop',
      'foo',
      'output',
      'output:',
      'meter:1',
      'goto_table:9',
      'conjunction(1,1/2)',
      'write_metadata:1',
      'apply_actions(output:1)',
      'resubmit',
      'load:1',
      'group',

      'nat',
      'ct',
    ]);
  return r.pick(MAKERS)(r, depth);
}

export { hexBytes, num, some, upTo };

/** What stands behind "actions=". */
export function actionsText(r: Random): string {
  if (r.chance(0.03)) return r.pick(['drop', '', 'DROP']);
  if (r.chance(0.05)) {
    const n = r.between(2, 5);
    return Array.from({ length: r.between(1, 3) }, () => `conjunction(${num(r, 32)},${r.between(1, n)}/${n})`).join(
      ',',
    );
  }
  const out: string[] = [];
  const instruct = (p: number, text: () => string): void => {
    if (r.chance(p)) out.push(text());
  };
  instruct(0.06, () => `meter:${num(r, 16)}`);
  for (let n = r.below(4); n > 0; n--) out.push(actionText(r));
  instruct(0.05, () => 'clear_actions');
  instruct(0.1, () => `write_actions(${nested(r, 1)})`);
  instruct(0.08, () => `write_metadata:${num(r, 64)}${r.chance(0.5) ? `/${num(r, 64)}` : ''}`);
  instruct(0.12, () => `goto_table:${r.chance(0.98) ? r.between(1, 254) : upTo(r, 300)}`);
  if (r.chance(0.02)) out.sort(() => (r.chance(0.5) ? 1 : -1));
  return out.join(r.chance(0.95) ? ',' : ', ');
}
