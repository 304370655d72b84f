/** Texts of matches: conditions on any field, most of them with what they stand on. */
import type { FieldRow, Prereq } from '../../../src/flow/field.js';
import { FIELDS } from '../../../src/flow/fields.js';
import type { Random } from '../../../src/lib/random.js';
import { fieldName, number, randomBits, valueText } from './values.js';

/** Words and conditions that make a field exist, of which one is taken. */
const GIVEN: Readonly<Record<Prereq, readonly string[]>> = {
  none: [''],
  ethernet: ['', 'eth', 'tcp', 'arp'],
  arp: ['arp', 'rarp', 'dl_type=0x806', 'eth_type=0x8035'],
  vlan: ['dl_vlan=5', 'vlan_tci=0x1000/0x1000', 'vlan_vid=0x1000/0x1000', 'vlan_vid=0x1005'],
  ipv4: ['ip', 'ipv4', 'tcp', 'udp', 'dl_type=0x0800', 'eth_type=2048', 'icmp', 'ip,nw_proto=99'],
  ipv6: ['ipv6', 'ip6', 'tcp6', 'dl_type=0x86dd', 'icmp6'],
  ip: ['ip', 'ipv6', 'tcp', 'udp6', 'sctp', 'ip,ip_proto=47', 'dl_type=0x86dd,nw_proto=6'],
  nsh: ['eth_type=0x894f', 'dl_type=0x894f', 'packet_type=(1,0x894f)'],
  mpls: ['mpls', 'mplsm', 'dl_type=0x8847', 'eth_type=0x8848'],
  tcp: ['tcp', 'tcp6', 'ip,nw_proto=6', 'ipv6,ip_proto=6'],
  udp: ['udp', 'udp6', 'ip,nw_proto=17'],
  sctp: ['sctp', 'sctp6', 'dl_type=0x0800,nw_proto=132'],
  icmpv4: ['icmp', 'ip,nw_proto=1'],
  icmpv6: ['icmp6', 'ipv6,nw_proto=58'],
  nd: ['icmp6,icmp_type=135,icmp_code=0', 'icmp6,icmpv6_type=136,icmpv6_code=0'],
  nd_solicit: ['icmp6,icmp_type=135,icmp_code=0', 'ipv6,nw_proto=58,icmpv6_type=135,icmpv6_code=0'],
  nd_advert: ['icmp6,icmp_type=136,icmp_code=0'],
  ct: ['ct_state=+trk+est,ip', 'ct_state=+new+trk,tcp', 'ip,ct_state=+trk-inv,udp'],
};

/** Of either family, whose addresses are matched. */
const CONNECTIONS = [
  ['ct_state=+trk+est,ip', 'ct_state=+new,tcp'],
  ['ct_state=+trk+est,ipv6', 'ct_state=+rel+trk,tcp6'],
];

/** tun_metadata is 64 of them; registers and the like 28. */
const rare = (row: FieldRow): boolean => row.tunMetadata !== undefined || /^x*reg\d/.test(row.name);
const COMMON = FIELDS.filter((f) => !rare(f));
const RARE = FIELDS.filter(rare);

function bitRange(r: Random, row: FieldRow): string {
  const lo = r.below(row.bits);
  const hi = r.between(lo, row.bits - 1);
  const range = lo === hi && r.chance(0.5) ? `[${lo}]` : `[${lo}..${hi}]`;
  return `${fieldName(r, row)}${range}=${number(r, randomBits(r, hi - lo + 1))}`;
}

function condition(r: Random, row: FieldRow): string {
  if (row.tunMetadata !== undefined && r.chance(0.1)) return row.name;
  if (row.tunMetadata === undefined && row.bits <= 128 && r.chance(row.maskable === 'no' ? 0.01 : 0.06))
    return bitRange(r, row);
  const alias = r.chance(0.1) && /^(udp|sctp|tcp|icmpv6)_(src|dst|type|code)$/.exec(row.name);
  const name = alias ? `${alias[1] === 'icmpv6' ? 'icmp' : 'tp'}_${alias[2]}` : fieldName(r, row);
  return `${name}${r.chance(0.03) ? ':' : '='}${valueText(r, row)}`;
}

const ODD = [
  'dl_vlan=0xffff',
  'dl_vlan=4096',
  'dl_vlan=65535',
  'dl_vlan_pcp=3',
  'vlan_tci=0',
  'vlan_tci=0x1fff/0x1fff',
  'vlan_vid=0',
  'vlan_vid=0/0x1000',
  'in_port=LOCAL',
  'in_port=65534',
  'dl_type=0x05ff',
  'dl_type=0x500',
  'nw_proto=0',
  'tp_src=5',
  'foo=1',
  'tcp=1',
  'ip',
  'tcp',
  'udp6',
  'tp_dst=80',
  'icmp_type=3',
  'nw_src=any',
  'dl_src=*',
  'in_port=*',
  'reg0=5',
  'reg0=6/7',
  'metadata=3',
  'nw_tos=3',
  'nw_tos=252',
  'ip_dscp=64',
  'nw_ecn=4',
  'nw_ttl=255',
  'dl_dst=01:00:00:00:00:00/01:00:00:00:00:00',
  'vlan_tci1=5',
  'arp_op=300',
  'skb_priority=3',
  'conj_id=7',
  'actset_output=UNSET',
  'recirc_id=0',
  'dp_hash=3',
  'ipv6_exthdr=0',
];

function givenFor(r: Random, row: FieldRow): string {
  if (row.name.startsWith('nsh_c')) return 'dl_type=0x894f,nsh_mdtype=1';
  if (/^ct_(nw_[sd]|ipv6)/.test(row.name)) return r.pick(CONNECTIONS[row.format === 'ipv6' ? 1 : 0]);
  return r.pick(GIVEN[row.prereqs]);
}

export function matchText(r: Random): string[] {
  const out: string[] = [];
  for (let n = r.below(5); n > 0; n--) {
    const row = r.chance(0.75) ? r.pick(COMMON) : r.pick(RARE);
    const given = r.chance(0.97) ? givenFor(r, row) : '';
    // Most often the first that says a protocol decides it.
    if (given !== '' && out.length > 0 && row.prereqs !== 'none' && r.chance(0.95)) continue;
    if (given !== '') out.push(given);
    out.push(condition(r, row));
  }
  if (r.chance(0.15)) out.push(r.pick(ODD));
  if (r.chance(0.05)) out.sort(() => (r.chance(0.5) ? 1 : -1));
  return out;
}
