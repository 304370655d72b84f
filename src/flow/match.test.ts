import t from 'tap';
import { bytesEqual } from '../lib/bytes.js';
import { Random } from '../lib/random.js';
import { field, readField } from './fields.js';
import { formatMatch } from './format-match.js';
import { expand, type Match, minify } from './match.js';
import { normalizeMatch, requirePrereqs } from './normalize.js';
import { impliesEthernet, saysEthernet } from './packet-type.js';
import { parseFlow, splitCommand } from './parse-flow.js';
import { parseMatch } from './parse-match.js';
import { ovsOfctlMissing, ovsParseFlows } from './testing/ovs-tool.js';
import { randomMatch } from './testing/random-match.js';

/** What is typed, and what is printed ('' for the same). */
const TEXTS: readonly (readonly [string, string])[] = [
  ['', ''],
  ['eth', ''],
  ['packet_type=(0,0)', ''],
  ['packet_type=(1,0x800),nw_src=1.2.3.4', 'packet_type=(1,0x800),nw_src=1.2.3.4'],
  ['packet_type=(2,5)', 'packet_type=(2,5)'],
  ['tcp in_port=1 nw_dst=10.1.2.3/8', 'tcp,in_port=1,nw_dst=10.0.0.0/8'],
  ['eth_type=0x0800,ip_proto=17,udp_dst=53', 'udp,tp_dst=53'],
  ['tcp6,tp_src=0x3e8/0xfff8', 'tcp6,tp_src=0x3e8/0xfff8'],
  [
    'ip,nw_proto=2,nw_tos=12,nw_ecn=3,nw_ttl=255,nw_frag=later',
    'ip,nw_proto=2,nw_tos=12,nw_ecn=3,nw_ttl=255,nw_frag=later',
  ],
  ['ip,ip_dscp=5,ip_frag=not_later', 'ip,nw_tos=20,nw_frag=not_later'],
  ['ip,nw_src=1.2.3.4/255.0.255.0', 'ip,nw_src=1.0.3.0/255.0.255.0'],
  ['icmp,icmp_type=3,icmp_code=1', 'icmp,icmp_type=3,icmp_code=1'],
  [
    'icmp6,icmp_type=135,icmp_code=0,nd_target=FE80::1,nd_sll=1:2:3:4:5:6',
    'icmp6,icmp_type=135,icmp_code=0,nd_target=fe80::1,nd_sll=01:02:03:04:05:06',
  ],
  [
    'arp,arp_op=1,arp_spa=1.2.3.4,arp_tpa=1.2.3.0/24,arp_sha=1:2:3:4:5:6',
    'arp,arp_spa=1.2.3.4,arp_tpa=1.2.3.0/24,arp_op=1,arp_sha=01:02:03:04:05:06',
  ],
  ['rarp,nw_src=1.1.1.1', 'rarp,arp_spa=1.1.1.1'],
  ['mpls,mpls_label=3,mpls_tc=2,mpls_bos=1,mpls_ttl=5', 'mpls,mpls_label=3,mpls_tc=2,mpls_ttl=5,mpls_bos=1'],
  ['ipv6,ipv6_src=::1,ipv6_dst=2001::/16,ipv6_label=0x12', 'ipv6,ipv6_src=::1,ipv6_dst=2001::/16,ipv6_label=0x00012'],
  [
    'dl_type=0x1234,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00',
    'dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,dl_type=0x1234',
  ],
  ['vlan_tci=0', 'vlan_tci=0x0000'],
  ['dl_vlan=0xffff', 'vlan_tci=0x0000'],
  ['vlan_tci=0x1000/0x1000', 'vlan_tci=0x1000/0x1000'],
  ['vlan_tci=0x3005', 'dl_vlan=5,dl_vlan_pcp=1'],
  ['vlan_vid=0x1005', 'dl_vlan=5'],
  ['vlan_vid=0', 'vlan_tci=0x0000/0x1fff'],
  ['dl_vlan=5,vlan_pcp=3', 'dl_vlan=5,dl_vlan_pcp=3'],
  ['vlan_vid=0x1000/0x1000,vlan_pcp=3', 'dl_vlan_pcp=3'],
  [
    'dl_type=0x894f,nsh_flags=1/3,nsh_spi=0x123,nsh_si=255,nsh_c2=2/3,nsh_c3=0',
    'dl_type=0x894f,nsh_flags=0x01/0x03,nsh_spi=0x123,nsh_si=255,nsh_c2=0x2/0x3,nsh_c3=0x0',
  ],
  ['reg1=0x10/0xff,xreg1=5,xxreg2=0x1234', 'reg1=0x10/0xff,reg2=0,reg3=0x5,reg8=0,reg9=0,reg10=0,reg11=0x1234'],
  ['reg0[0..3]=5,reg0[31]=1', 'reg0=0x80000005/0x8000000f'],
  ['metadata=5/0xff,in_port=LOCAL', 'metadata=0x5/0xff,in_port=LOCAL'],
  ['in_port=65534', 'in_port=LOCAL'],
  [
    'tun_id=5,tun_dst=1.0.0.0/8,tun_flags=+oam,tun_gbp_id=3',
    'tun_id=0x5,tun_dst=1.0.0.0/8,tun_gbp_id=3,tun_flags=+oam',
  ],
  [
    'tun_metadata3=0x12,tun_metadata1,tun_metadata0=0x123/0xfff',
    'tun_metadata0=0x123/0xfff,tun_metadata1,tun_metadata3=0x12',
  ],
  [
    'ct_state=+trk-new,ct_zone=5,ct_mark=0/0x3,ct_label=0x12345678901234567890',
    'ct_state=-new+trk,ct_zone=5,ct_mark=0/0x3,ct_label=0x12345678901234567890',
  ],
  [
    'ct_state=+trk+est,ip,ct_nw_src=1.2.0.0/16,ct_nw_proto=6,ct_tp_src=5',
    'ct_state=+est+trk,ct_nw_src=1.2.0.0/16,ct_nw_proto=6,ct_tp_src=5,ip',
  ],
  ['ct_state=trk|new', 'ct_state=new|trk'],
  ['tcp,tcp_flags=+syn-ack', 'tcp,tcp_flags=+syn-ack'],
  ['tcp,tcp_flags=0x2/0x13', 'tcp,tcp_flags=-fin+syn-ack'],
  ['tcp,tcp_flags=fin|syn', 'tcp,tcp_flags=fin|syn'],
  [
    'pkt_mark=0,dp_hash=0x3/0xf,recirc_id=0,conj_id=7,actset_output=1',
    'pkt_mark=0,recirc_id=0,dp_hash=0x3/0xf,conj_id=7,actset_output=1',
  ],
  ['reg0=5/0,nw_src=*', ''],
  ['tcp,udp', 'udp'],
];

/** Faults in the tool's words. */
const FAULTS: readonly (readonly [string, string])[] = [
  ['foo=1', 'unknown keyword foo'],
  ['foo', 'field foo missing value'],
  ['tcp,tp_src=65536', '65536: value too large for 2-byte field tcp_src'],
  ['tcp,tp_src=a', 'a: bad syntax for tcp_src value'],
  ['tcp,tp_src=1/65536', '1/65536: mask too large for 2-byte field tcp_src'],
  ['reg0=5/', '5/: bad syntax for reg0 mask'],
  ['tcp,tp_src=-1', '-1: value too large for 2-byte field tcp_src'],
  ['dl_src=1:2:3', '1:2:3: invalid Ethernet address'],
  ['nw_src=1.2.3', '1.2.3: invalid IP address'],
  ['ip,nw_src=1.2.3.4/33', '1.2.3.4/33: IPv4 network prefix bits not between 0 and 32, inclusive'],
  ['ipv6,ipv6_src=::1/129', '::1/129: IPv6 network prefix bits not between 0 and 128, inclusive'],
  ['dl_type=0x800/0xff', '0x800/0xff: invalid mask for field eth_type'],
  ['in_port=foo', 'foo: invalid or unknown port for in_port'],
  ['in_port_oxm=70000', '70000: port value out of range for in_port_oxm'],
  ['ct_state=+foo', 'foo: unknown ct_state flag(s)'],
  ['ct_state=+trk-trk', 'trk: Each ct_state flag can be specified only once'],
  ['tcp,tcp_flags=0x1000', '0x1000: unknown TCP flag(s)'],
  ['packet_type=(1)', "1): bad syntax for packet type missing ','"],
  ['reg0[0..40]=1', 'reg0[0..40]: ending bit 40 is not valid because field is only 32 bits wide'],
  ['reg0[0..3]=0x10', 'reg0[0..3]: value 0x10 does not fit into 4 bits'],
  ['tun_metadata0=5,tun_metadata0=3', 'field tun_metadata0 set multiple times'],
  ['tun_metadata64=1', 'unknown keyword tun_metadata64'],
];

function sameMatch(a: Match, b: Match): boolean {
  return bytesEqual(a.value, b.value) && bytesEqual(a.mask, b.mask);
}

t.test('text to match to text', (t) => {
  for (const [text, printed] of TEXTS) {
    const m = parseMatch(text);
    t.equal(formatMatch(m), printed, text);
    // Tunnel options stand where they were named, so another order is another place. That packets are Ethernet is not printed by itself.
    const printsAll = !saysEthernet(m) || impliesEthernet(m);
    if (!m.tun && printsAll) t.ok(sameMatch(parseMatch(printed), m), `${printed} means the same`);
    t.ok(sameMatch(expand(minify(m)), m));
  }
  for (const [text, message] of FAULTS) t.throws(() => parseMatch(text), { name: 'UserError', message }, text);
  t.end();
});

t.test('random matches survive their text', (t) => {
  const seed = 20;
  const r = new Random(seed);
  for (let i = 0; i < 5000; i++) {
    const m = randomMatch(r);
    const text = formatMatch(m);
    const back = parseMatch(text);
    if (sameMatch(back, m)) continue;
    t.fail(`seed ${seed}, match ${i}: ${text} became ${formatMatch(back)}`);
    break;
  }
  t.pass('5000 matches');
  t.end();
});

t.test('conditions without their prerequisites are dropped, and named', (t) => {
  const rows = [
    ['tp_src=80', '', 'tcp_src'],
    ['tcp,tp_src=80', 'tcp,tp_src=80', ''],
    ['nw_proto=6,tp_dst=3', '', 'nw_proto tcp_dst'],
    ['tcp,ipv6_src=::1,tp_src=80', 'tcp,tp_src=80', 'ipv6_src'],
    ['mpls,nw_src=1.2.3.4', 'mpls', 'ip_src'],
    ['icmp6,nd_sll=1:2:3:4:5:6', 'icmp6', 'nd_sll'],
    ['ip,nw_proto=2,tp_src=3', 'ip,nw_proto=2', 'tcp_src'],
    ['dl_vlan_pcp=3', 'dl_vlan_pcp=3', ''],
  ];
  for (const [text, kept, dropped] of rows) {
    const n = normalizeMatch(parseMatch(text));
    t.equal(formatMatch(n.match), kept, text);
    t.equal([...n.dropped].map((f) => f.name).join(' '), dropped, `dropped of ${text}`);
  }
  t.end();
});

t.test('or refused', (t) => {
  requirePrereqs(parseMatch('tcp,tp_dst=80'));
  t.throws(() => requirePrereqs(parseMatch('ip,tp_dst=80')), {
    message: 'field tcp_dst needs IP, nw_proto 6, not a later fragment in the same match',
  });
  t.end();
});

t.test('flows', (t) => {
  const f = parseFlow(
    'cookie=0x123, duration=3.5s, table=3, n_packets=1, n_bytes=2, idle_age=3, idle_timeout=5,hard_timeout=6,importance=3,send_flow_rem,check_overlap priority=7,tcp,tp_dst=80 actions=output:1,resubmit(,2)',
  );
  t.match(f, { cookie: 0x123n, table: 3, idleTimeout: 5, hardTimeout: 6, importance: 3, flags: 3, priority: 7 });
  t.equal(f.actionsText, 'output:1,resubmit(,2)');
  t.equal(formatMatch(f.match, { priority: f.priority }), 'priority=7,tcp,tp_dst=80');
  const d = parseFlow('cookie=5/0xff,table=1,out_port=LOCAL,out_group=any,priority=3,udp', 'delete_strict');
  t.match(d, { cookieFilter: 5n, cookieMask: 0xffn, table: 1, outPort: 0xfffffffe, outGroup: 0xffffffff, priority: 3 });
  t.same(splitCommand('delete_strict reg0=1'), { command: 'delete_strict', flow: 'reg0=1' });
  t.same(splitCommand('priority=3,tcp'), { command: 'add', flow: 'priority=3,tcp' });
  const names = parseFlow('in_port="the port",table=acl,actions=', 'add', {
    ports: (n) => (n === 'the port' ? 9 : undefined),
    tables: (n) => (n === 'acl' ? 4 : undefined),
  });
  t.equal(names.table, 4);
  t.equal(readField(names.match.value, field('in_port_oxm')), 9n);
  t.equal(formatMatch(names.match, { portNames: new Map([[9, 'the port']]) }), 'in_port="the port"');
  const faults: [string, Parameters<typeof parseFlow>[1], string][] = [
    ['tcp', 'add', 'must specify an action'],
    ['priority=65536,actions=drop', 'add', 'invalid priority "65536"'],
    ['idle_timeout=x,actions=drop', 'add', 'invalid idle_timeout "x"'],
    ['table=foo,actions=drop', 'add', 'unknown table "foo"'],
    ['table=300,actions=drop', 'add', 'unknown table "300"'],
    ['cookie=zzz,actions=drop', 'add', 'invalid numeric format zzz'],
    ['cookie=5/5,actions=drop', 'add', 'flow additions cannot use a cookie mask'],
    ['cookie=5', 'delete', 'cannot set cookie (to match on a cookie, specify a mask, e.g. cookie=5/-1)'],
    ['out_port=5,actions=drop', 'add', 'unknown keyword out_port'],
    ['priority=5', 'delete', 'unknown keyword priority'],
    ['priority', 'add', 'must specify an action'],
    ['send_flow_rem', 'delete', 'field send_flow_rem missing value'],
  ];
  for (const [text, command, message] of faults)
    t.throws(() => parseFlow(text, command), { name: 'UserError', message }, text);
  t.end();
});

const missing = ovsOfctlMissing();
t.test('the real ovs-ofctl prints the same', { skip: missing ?? false }, (t) => {
  const r = new Random(77);
  // OVS prints no masks of the ERSPAN, GTP-U and group policy flag fields, no ERSPAN fields without their version and no NSH context without its type.
  const without = (f: { readonly name: string }): boolean =>
    /erspan|gtpu|gbp_flags|nsh_c|nsh_mdtype|recirc/.test(f.name);
  const texts = [
    ...TEXTS.map(([text]) => text),
    ...Array.from({ length: 3000 }, () => formatMatch(randomMatch(r, { without }))),
  ];
  // ovs-ofctl takes an IPv6 mask that begins with a digit for a prefix length.
  const readable = texts.filter((text) => !/\/\d[\da-f]*:(?!([\da-f]{2}:){4}[\da-f]{2}(,|$))/.test(text));
  const theirs = ovsParseFlows(readable);
  let differences = 0;
  readable.forEach((text, i) => {
    const mine = formatMatch(normalizeMatch(parseMatch(text)).match);
    // A register's bits on the wire are full words; a mask of tun_metadata is not kept by the tool's own table.
    if (mine !== theirs[i] && !/tun_metadata|nsh_c/.test(text) && differences++ < 5) t.equal(mine, theirs[i], text);
  });
  t.equal(differences, 0, `${readable.length} matches`);
  t.end();
});
