import t from 'tap';
import { extract } from './extract.js';
import { DP_KEY_BYTES, K, SLOTS } from './key.js';

const eth = '020000000002020000000001';
const ip = (total: number, proto = '11', first = '45', fragment = '0000'): string =>
  `${first}08${total.toString(16).padStart(4, '0')}0000${fragment}40${proto}00000a0000010a000002`;
const udp = '0001000200080000';
const ll1 = `fe80${'00'.repeat(13)}01`;
const ll2 = `fe80${'00'.repeat(13)}02`;
const target = `fe80${'00'.repeat(13)}99`;
const ip6 = (payload: number, next = '3a'): string =>
  `6ab12345${payload.toString(16).padStart(4, '0')}${next}ff${ll1}${ll2}`;
const ns = '8700000012345678';
const sll = '0101020000000033';

const v4 = { nw_src: '0a000001', nw_dst: '0a000002', nw_tos: '08', nw_ttl: '40', eth_type: '0800' };
const udp4 = { ...v4, nw_proto: '11', tp_src: '0001', tp_dst: '0002' };
const v6 = { eth_type: '86dd', ipv6_src: ll1, ipv6_dst: ll2, lines: '01' };
const v6ok = { ...v6, ipv6_label: '00012345', nw_tos: 'ab', nw_ttl: 'ff', nw_proto: '3a' };
const solicit = { ...v6ok, tp_src: '0087', nd_reserved: '12345678' };

/** What it is, the frame after the addresses, VLAN limit, the slots that are not zero (the addresses and what is left out are implied). */
const rows: [string, string, number, Record<string, string>][] = [
  ['UDP', `0800${ip(28)}${udp}`, 1, udp4],
  ['version nibble is not looked at', `0800${ip(28, '11', '65')}${udp}`, 1, udp4],
  ['padding', `0800${ip(28)}${udp}${'00'.repeat(300)}`, 1, udp4],
  ['total length past the frame', `0800${ip(29)}${udp}`, 1, { eth_type: '0800' }],
  ['header length below 20', `0800${ip(28, '11', '44')}${udp}`, 1, { eth_type: '0800' }],
  ['header length past the total', `0800${ip(28, '11', '48')}${udp}`, 1, { eth_type: '0800' }],
  ['options', `0800${ip(32, '11', '46')}01010101${udp}`, 1, udp4],
  ['first fragment', `0800${ip(28, '11', '45', '2000')}${udp}`, 1, { ...udp4, nw_frag: '01' }],
  ['later fragment', `0800${ip(28, '11', '45', '2001')}${udp}`, 1, { ...v4, nw_proto: '11', nw_frag: '03' }],
  ['tag', `810020050800${ip(28)}${udp}`, 1, { ...udp4, vlan_tpid: '8100', vlan_tci: '3005' }],
  ['tag with a limit of none', `810020050800${ip(28)}${udp}`, 0, { eth_type: '8100' }],
  ['two tags, limit one', `88a8200581000007`, 1, { eth_type: '8100', vlan_tpid: '88a8', vlan_tci: '3005' }],
  [
    'two tags, limit two',
    `88a82005810000070800${ip(28)}${udp}`,
    2,
    { ...udp4, vlan_tpid: '88a8', vlan_tci: '3005', vlan2_tpid: '8100', vlan2_tci: '1007', lines: '02' },
  ],
  ['tag cut off', '81002005', 1, { eth_type: '8100' }],
  ['SNAP', `0040aaaa030000000800${ip(28)}${udp}`, 1, udp4],
  ['SNAP of another organisation', `0040aaaa030000010800${ip(28)}${udp}`, 1, { eth_type: '05ff' }],
  ['SNAP with a length for a type', `0040aaaa030000000500`, 1, { eth_type: '05ff' }],
  ['LLC', '0003424203', 1, { eth_type: '05ff' }],
  [
    'TCP flags are 12 bits',
    `0800${ip(40, '06')}0001000200000001000000025fff000000000000`,
    1,
    { ...udp4, nw_proto: '06', tcp_flags: '0fff' },
  ],
  ['TCP cut off', `0800${ip(39, '06')}0001000200000001000000025fff0000000000`, 1, { ...v4, nw_proto: '06' }],
  [
    'TCP options past the end',
    `0800${ip(40, '06')}0001000200000001000000026fff000000000000`,
    1,
    { ...v4, nw_proto: '06' },
  ],
  ['TCP header below 20', `0800${ip(40, '06')}0001000200000001000000024fff000000000000`, 1, { ...v4, nw_proto: '06' }],
  ['SCTP', `0800${ip(32, '84')}000100020000000300000004`, 1, { ...udp4, nw_proto: '84' }],
  ['ICMP', `0800${ip(28, '01')}0301000000000000`, 1, { ...v4, nw_proto: '01', tp_src: '0003', tp_dst: '0001' }],
  ['IGMP', `0800${ip(28, '02')}1100000001020304`, 1, { ...v4, nw_proto: '02', tp_src: '0011' }],
  ['ICMPv6 of 7 bytes', `86dd${ip6(7)}80000000000000`, 1, v6ok],
  ['ND without target', `86dd${ip6(8)}${ns}`, 1, solicit],
  ['ND', `86dd${ip6(24)}${ns}${target}`, 1, { ...solicit, nd_target: target }],
  [
    'ND with address',
    `86dd${ip6(32)}${ns}${target}${sll}`,
    1,
    { ...solicit, nd_target: target, arp_sha: '020000000033', nd_options_type: '01', lines: '03' },
  ],
  [
    'ND with the address twice',
    `86dd${ip6(40)}${ns}${target}${sll}${sll}`,
    1,
    { ...solicit, nd_options_type: '01', lines: '03' },
  ],
  ['ND with code', `86dd${ip6(24)}8701000012345678${target}`, 1, { ...v6ok, tp_src: '0087', tp_dst: '0001' }],
  ['extension header', `86dd${ip6(16, '00')}3a00000000000000${'80'.padEnd(16, '0')}`, 1, { ...v6ok, tp_src: '0080' }],
  ['extension header past the payload', `86dd${ip6(16, '00')}3a02000000000000${'80'.padEnd(16, '0')}`, 1, v6],
  [
    'IPv6 first fragment',
    `86dd${ip6(16, '2c')}1100000100000000${udp}`,
    1,
    { ...v6ok, nw_proto: '11', nw_frag: '01', tp_src: '0001', tp_dst: '0002' },
  ],
  ['IPv6 later fragment', `86dd${ip6(16, '2c')}1100000900000000${udp}`, 1, { ...v6ok, nw_proto: '2c', nw_frag: '03' }],
  [
    'ARP',
    '08060001080006040001020000000001' + '0a000001' + '020000000002' + '0a000002',
    1,
    {
      eth_type: '0806',
      nw_proto: '01',
      nw_src: '0a000001',
      nw_dst: '0a000002',
      arp_sha: '020000000001',
      arp_tha: '020000000002',
      lines: '02',
    },
  ],
  ['ARP of something else', `0806000608000604${'00'.repeat(20)}`, 1, { eth_type: '0806' }],
  [
    'MPLS, four labels',
    '884700001040000020400000304000004140',
    1,
    { eth_type: '8847', mpls_lse0: '00001040', mpls_lse1: '00002040', mpls_lse2: '00003040', lines: '02' },
  ],
  ['MPLS, bottom first', '88470000114000002040', 1, { eth_type: '8847', mpls_lse0: '00001140', lines: '02' }],
  [
    'NSH',
    '894f1fc601030000010200000001000000020000000300000004',
    1,
    {
      eth_type: '894f',
      nsh_flags: '01',
      nsh_ttl: '3f',
      nsh_mdtype: '01',
      nsh_np: '03',
      nsh_path: '00000102',
      nsh_c1: '00000001',
      nsh_c2: '00000002',
      nsh_c3: '00000003',
      nsh_c4: '00000004',
      lines: '02',
    },
  ],
];

const hex = (key: Uint8Array, offset: number, bytes: number): string =>
  Buffer.from(key.subarray(offset, offset + bytes)).toString('hex');

t.test('frames and their keys, on a key full of garbage', (t) => {
  for (const [name, rest, vlans, expected] of rows) {
    const key = new Uint8Array(DP_KEY_BYTES);
    key.fill(0xa5, 0, 192);
    key.fill(0, K.dpHash.offset, 64);
    t.ok(extract(Buffer.from(eth + rest, 'hex'), key, vlans), name);
    const found: Record<string, string> = {};
    for (const s of SLOTS) {
      const text = hex(key, s.offset, s.bytes);
      if (/[^0]/.test(text)) found[s.name] = text;
    }
    t.same(
      found,
      { eth_dst: eth.slice(0, 12), eth_src: eth.slice(12), in_port: 'a5a5a5a5', recirc_id: 'a5a5a5a5', ...expected },
      name,
    );
  }
  t.end();
});

t.test('a frame shorter than its header leaves nothing but metadata', (t) => {
  const key = new Uint8Array(DP_KEY_BYTES);
  key.set([0, 0, 0, 7, 0, 0, 0, 9], 0);
  key.set([1, 2, 3, 4], K.pktMark.offset);
  key.fill(0xa5, 8, 40);
  t.notOk(extract(new Uint8Array(13), key, 1));
  t.equal(hex(key, 0, 8), '0000000700000009');
  t.equal(hex(key, K.pktMark.offset, 4), '01020304');
  t.ok(key.subarray(8, K.dpHash.offset).every((b) => b === 0));
  t.end();
});

t.test('tunnel metadata at the end of line 2 stays when it was announced', (t) => {
  const key = new Uint8Array(DP_KEY_BYTES);
  key.fill(0xa5, 128, 192);
  key[K.lines.offset] = 0x02;
  extract(Buffer.from(`${eth}0800${ip(28)}${udp}`, 'hex'), key, 1);
  t.equal(hex(key, K.tunErspanIdx.offset, 4), 'a5a5a5a5');
  t.ok(key.subarray(K.arpSha.offset, K.tunErspanIdx.offset).every((b) => b === 0));
  t.end();
});
