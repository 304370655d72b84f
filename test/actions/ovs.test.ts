/**
 * Datapath actions of the reference executor against those of the real userspace datapath: a flow is put straight into it with dpctl, a frame goes in,
 * and what comes out must be the same.
 */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { needPrograms } from '../../src/cli/lab/packages.js';
import type { DpAction } from '../../src/datapath/action.js';
import { NO_OFFLOAD } from '../../src/datapath/datapath.js';
import { IP, IPV6, OUT, plainly, set, setBits } from '../../src/datapath/reference/test-support/both.js';
import * as f from '../../src/datapath/reference/test-support/frames.js';
import { formatHex } from '../../src/lib/bytes.js';
import { RealOvs } from '../support/ovs.js';

const missing = needPrograms({ 'ovs-vswitchd': 'openvswitch-switch', 'ovs-appctl': 'openvswitch-common' });

const v4 = (body: f.Bytes) => f.eth(IP, body);
const v6 = (body: f.Bytes) => f.eth(IPV6, body);
const nd = (type: number, option: string) =>
  v6(f.ip6(f.icmpv6(type, 0, f.hex(`00000000 20010db8000000001122334455667788 ${option}`))));
const T = f.tcp(1, 2);
const U = f.udp(1, 2);
const NO_CHECKSUM = f.udp(1, 2, 'none');
const routing = (left: number): [number, f.Bytes] => [43, [2, 2, left, 0, 0, 0, 0, ...f.hex(f.IP6_DST)]];
const fragment = (offset: number): [number, f.Bytes] => [44, [0, ...f.w16(offset | 1), 0, 0, 0, 9]];

/** Matches in dpctl text. */
const M4 = 'eth_type(0x0800),ipv4(frag=no)';
const M6 = 'eth_type(0x86dd),ipv6(frag=no)';
const m4 = (proto: number, more: string) => `eth_type(0x0800),ipv4(proto=${proto},frag=no),${more}`;
const m6 = (proto: number, more: string) => `eth_type(0x86dd),ipv6(proto=${proto},frag=no),${more}`;

const SET4 = 'set(ipv4(src=9.9.9.9,dst=1.2.3.4))';
const OUR_SET4 = [set('ipv4', { 0: '09090909', 4: '01020304' })];
const SET6 = 'set(ipv6(dst=2001:db8::7))';
const OUR_SET6 = [set('ipv6', { 16: '20010db8000000000000000000000007' })];
const PORTS = (kind: string) => `set(${kind}(src=4660,dst=22136))`;
const ourPorts = (kind: 'tcp' | 'udp' | 'sctp') => [set(kind, { 0: '12345678' })];
const VLAN: DpAction = { type: 'push_vlan', tpid: 0x8100, tci: 0x7005 };
const tagged: f.Link = { tags: [[0x8100, 7]] };

type Row = [name: string, match: string, frame: Uint8Array, theirs: string, ours: DpAction[]];
const ROWS: Row[] = [
  ['IPv4 addresses, UDP', M4, v4(f.ip4(U)), SET4, OUR_SET4],
  ['IPv4 addresses, TCP', M4, v4(f.ip4(T)), SET4, OUR_SET4],
  ['IPv4 addresses, ICMP', M4, v4(f.ip4(f.icmp(8, 0))), SET4, OUR_SET4],
  ['IPv4 addresses, SCTP', M4, v4(f.ip4(f.sctp(1, 2))), SET4, OUR_SET4],
  ['IPv4 addresses, UDP without checksum', M4, v4(f.ip4(NO_CHECKSUM)), SET4, OUR_SET4],
  ['IPv4 addresses, wrong checksum', M4, v4(f.ip4(f.udp(1, 2, 'wrong'))), SET4, OUR_SET4],
  ['IPv4 addresses, options', M4, v4(f.ip4(T, { options: f.hex('94040000') })), SET4, OUR_SET4],
  ['first fragment', 'eth_type(0x0800),ipv4(frag=first)', v4(f.ip4(U, { frag: 0x2000 })), SET4, OUR_SET4],
  ['TTL', M4, v4(f.ip4(U)), 'set(ipv4(ttl=3))', [set('ipv4', { 10: '03' })]],
  ['DSCP', M4, v4(f.ip4(U, { tos: 3 })), 'set(ipv4(tos=0xb8/0xfc))', [setBits('ipv4', 9, 'b8', 'fc')]],
  ['part of an address', M4, v4(f.ip4(T)), 'set(ipv4(dst=192.168.0.0/255.255.0.0))', [set('ipv4', { 4: 'c0a8' })]],
  ['IPv6 address, TCP', M6, v6(f.ip6(T)), SET6, OUR_SET6],
  ['IPv6 address, UDP', M6, v6(f.ip6(U)), SET6, OUR_SET6],
  ['IPv6 address, UDP without checksum', M6, v6(f.ip6(NO_CHECKSUM)), SET6, OUR_SET6],
  ['IPv6 address, ICMPv6', M6, v6(f.ip6(f.icmpv6(128, 0))), SET6, OUR_SET6],
  ['IPv6 address, SCTP', M6, v6(f.ip6(f.sctp(1, 2))), SET6, OUR_SET6],
  ['IPv6 address, segments left', M6, v6(f.ip6(T, { extensions: [routing(1)] })), SET6, OUR_SET6],
  ['IPv6 address, no segments left', M6, v6(f.ip6(T, { extensions: [routing(0)] })), SET6, OUR_SET6],
  [
    'IPv6 first fragment',
    'eth_type(0x86dd),ipv6(frag=first)',
    v6(f.ip6(T, { extensions: [fragment(0)] })),
    SET6,
    OUR_SET6,
  ],
  [
    'IPv6 later fragment',
    'eth_type(0x86dd),ipv6(frag=later)',
    v6(f.ip6(T, { extensions: [fragment(8)] })),
    SET6,
    OUR_SET6,
  ],
  [
    'IPv6 label, class, hop limit',
    M6,
    v6(f.ip6(T)),
    'set(ipv6(label=0xabcde,tclass=0xb9,hlimit=9))',
    [set('ipv6', { 33: '0abcde', 37: 'b9', 38: '09' })],
  ],
  ['TCP ports', m4(6, 'tcp()'), v4(f.ip4(T)), PORTS('tcp'), ourPorts('tcp')],
  ['TCP ports, IPv6', m6(6, 'tcp()'), v6(f.ip6(T)), PORTS('tcp'), ourPorts('tcp')],
  ['UDP ports', m4(17, 'udp()'), v4(f.ip4(U)), PORTS('udp'), ourPorts('udp')],
  ['UDP ports, no checksum', m4(17, 'udp()'), v4(f.ip4(NO_CHECKSUM)), PORTS('udp'), ourPorts('udp')],
  ['UDP ports, IPv6', m6(17, 'udp()'), v6(f.ip6(U)), PORTS('udp'), ourPorts('udp')],
  ['SCTP ports', m4(132, 'sctp()'), v4(f.ip4(f.sctp(1, 2))), PORTS('sctp'), ourPorts('sctp')],
  ['SCTP ports, IPv6', m6(132, 'sctp()'), v6(f.ip6(f.sctp(1, 2))), PORTS('sctp'), ourPorts('sctp')],
  ['ICMP', m4(1, 'icmp()'), v4(f.ip4(f.icmp(8, 0))), 'set(icmp(type=3,code=4))', [set('icmp', { 0: '0304' })]],
  [
    'ICMPv6',
    m6(58, 'icmpv6()'),
    v6(f.ip6(f.icmpv6(128, 0))),
    'set(icmpv6(type=129,code=0))',
    [set('icmpv6', { 0: '8100' })],
  ],
  [
    'ARP',
    'eth_type(0x0806),arp()',
    f.eth(0x0806, f.arp()),
    'set(arp(sip=1.2.3.4,tip=5.6.7.8,op=2,sha=aa:bb:cc:dd:ee:01,tha=aa:bb:cc:dd:ee:02))',
    [set('arp', { 0: '01020304', 4: '05060708', 8: '0002', 10: 'aabbccddee01', 16: 'aabbccddee02' })],
  ],
  [
    'neighbor solicitation',
    m6(58, 'icmpv6(type=135,code=0),nd()'),
    nd(135, '0101020000000001'),
    'set(nd(target=fe80::9,sll=aa:bb:cc:dd:ee:01))',
    [set('nd', { 0: 'fe800000000000000000000000000009', 16: 'aabbccddee01' })],
  ],
  [
    'neighbor advertisement',
    m6(58, 'icmpv6(type=136,code=0),nd()'),
    nd(136, '0201020000000001'),
    'set(nd(target=fe80::9,tll=aa:bb:cc:dd:ee:01))',
    [set('nd', { 0: 'fe800000000000000000000000000009', 22: 'aabbccddee01' })],
  ],
  ['link address', M4, v4(f.ip4(U)), 'set(eth(dst=aa:bb:cc:dd:ee:01))', [set('eth', { 0: 'aabbccddee01' })]],
  ['push a tag', M4, v4(f.ip4(U)), 'push_vlan(vid=5,pcp=3)', [VLAN]],
  [
    'push on a tag',
    'eth_type(0x8100),vlan(vid=7,pcp=0),encap(eth_type(0x0800),ipv4(frag=no))',
    f.eth(IP, f.ip4(U), tagged),
    'push_vlan(tpid=0x88a8,vid=5,pcp=3)',
    [{ ...VLAN, tpid: 0x88a8 }],
  ],
  [
    'pop a tag',
    'eth_type(0x8100),vlan(vid=7,pcp=0),encap(eth_type(0x0800),ipv4(frag=no))',
    f.eth(IP, f.ip4(U), tagged),
    'pop_vlan',
    [{ type: 'pop_vlan' }],
  ],
  ['push, then rewrite', M4, v4(f.ip4(U)), `push_vlan(vid=5,pcp=3),${SET4}`, [VLAN, ...OUR_SET4]],
  ['a cut', M4, v4(f.ip4(U)), 'trunc(20)', [{ type: 'trunc', maxLen: 20 }]],
  ['a cut, then a tag', M4, v4(f.ip4(U)), 'trunc(20),push_vlan(vid=5,pcp=3)', [{ type: 'trunc', maxLen: 20 }, VLAN]],
  [
    'a cut, then the tag goes',
    'eth_type(0x8100),vlan(vid=7,pcp=0),encap(eth_type(0x0800),ipv4(frag=no))',
    f.eth(IP, f.ip4(U), tagged),
    'trunc(20),pop_vlan',
    [{ type: 'trunc', maxLen: 20 }, { type: 'pop_vlan' }],
  ],
  [
    'a cut that cuts nothing, then a tag',
    M4,
    v4(f.ip4(U)),
    'trunc(2000),push_vlan(vid=5,pcp=3)',
    [{ type: 'trunc', maxLen: 2000 }, VLAN],
  ],
  [
    'a cut used up by a list',
    M4,
    v4(f.ip4(U)),
    'trunc(20),clone(3)',
    [
      { type: 'trunc', maxLen: 20 },
      { type: 'clone', actions: [OUT] },
    ],
  ],
  [
    'what check_pkt_len runs is not seen after it',
    M4,
    v4(f.ip4(U)),
    'check_pkt_len(size=20,gt(push_vlan(vid=5,pcp=3)),le(3))',
    [{ type: 'check_pkt_len', length: 20, greater: [VLAN], lessEqual: [] }],
  ],
];

/** Frames of a capture from a byte on, and where the next will begin. */
function records(file: string, from: number): { frames: string[]; end: number } {
  const d = readFileSync(file);
  const frames: string[] = [];
  let at = Math.max(24, from);
  while (at + 16 <= d.length && at + 16 + d.readUInt32LE(at + 8) <= d.length) {
    const next = at + 16 + d.readUInt32LE(at + 8);
    frames.push(formatHex(d.subarray(at + 16, next)));
    at = next;
  }
  return { frames, end: at };
}

t.test('actions of the real userspace datapath', { skip: missing ?? false }, (t) => {
  const ovs = new RealOvs();
  t.teardown(() => ovs.close());
  ovs.addBridge('br0', 3);
  let end = 0;
  for (const [name, match, frame, theirs, ours] of ROWS) {
    let got = { frames: [] as string[], end };
    // Its revalidator may remove a flow that no OpenFlow flow stands for before the frame comes: then again.
    for (let tries = 0; tries < 5 && got.frames.length === 0; tries++) {
      ovs.appctl('dpctl/del-flows');
      ovs.appctl('dpctl/add-flow', `in_port(1),${match}`, `${theirs},2`);
      ovs.receive('p1', formatHex(frame));
      for (let n = 0; n < 100 && got.frames.length === 0; n++) {
        ovs.appctl('dpctl/dump-flows'); // a round through its main loop
        got = records(ovs.capture(2), end);
      }
    }
    end = got.end;
    t.same(
      plainly(frame, [...ours, OUT], NO_OFFLOAD, 1)
        .map((r) => r.frame)
        .slice(-1),
      got.frames,
      name,
    );
  }
  t.end();
});
