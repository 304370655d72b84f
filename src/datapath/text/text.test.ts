import t from 'tap';
import { bytesEqual } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import { Random } from '../../lib/random.js';
import { DP_KEY_BYTES, K, SLOTS } from '../../packet/key.js';
import type { DpAction } from '../action.js';
import { SET_KIND_NAMES, SET_KINDS } from '../action.js';
import { encodeActions, WordWriter } from '../encode.js';
import { formatDpActions, parseDpActions } from './actions.js';
import { formatDpFlow, formatDpKey, parseDpKey } from './flow.js';

/** Flows as ovs-vswitchd 3.1 dumps them. */
const FLOWS = [
  'recirc_id(0),in_port(1),packet_type(ns=0,id=0),eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02),eth_type(0x0800),ipv4(src=1.2.3.4,dst=1.2.3.0/255.255.255.0,proto=6,tos=0x10,ttl=64,frag=no),tcp(src=80,dst=16/0xf0),tcp_flags(+syn-ack)',
  'recirc_id(0),in_port(1),eth(dst=01:00:00:00:00:00/01:00:00:00:00:00),eth_type(0x0800),ipv4(frag=first)',
  'recirc_id(0),in_port(1),eth_type(0x0800),ipv4(proto=17,frag=later)',
  'recirc_id(0),in_port(1),eth_type(0x0800),ipv4(proto=17,tos=0/0x3,frag=no),udp(src=5,dst=7)',
  'recirc_id(0),in_port(1),eth_type(0x0800),ipv4(proto=1,frag=no),icmp(type=8,code=0)',
  'recirc_id(0),in_port(1),eth_type(0x0800),ipv4(proto=132,frag=no),sctp(src=8,dst=0)',
  'recirc_id(0),in_port(1),eth_type(0x86dd),ipv6(src=::1,dst=fe80::/ffff::,label=0x12,proto=58,tclass=0x10,hlimit=64,frag=no),icmpv6(type=135,code=0),nd(target=::1,sll=01:02:03:04:05:06,tll=00:00:00:00:00:00)',
  'recirc_id(0),in_port(1),eth_type(0x0806),arp(sip=1.2.3.4,tip=1.2.3.5,op=1,sha=01:02:03:04:05:06,tha=01:02:03:04:05:07)',
  'tunnel(tun_id=0x5/0xff,ipv6_src=::1,ipv6_dst=::2,ttl=64,flags(-df+csum+key)),recirc_id(0),in_port(1),eth_type(0x0904)',
  'tunnel(tun_id=0x5,src=1.2.3.4,dst=5.6.7.8,ttl=64,vxlan(gbp(id=5,flags=0x8)),flags(key)),recirc_id(0),in_port(1),eth_type(0x0906)',
  'ct_state(+est+trk),ct_zone(0x5),ct_mark(0x3/0xf),ct_label(0x12),ct_tuple4(src=1.2.3.4,dst=1.2.3.4,proto=6,tp_src=1,tp_dst=2),recirc_id(0),in_port(1),eth_type(0x0800),ipv4(frag=no)',
  'recirc_id(0),in_port(1),eth_type(0x0600/0xff00)',
  'recirc_id(0),in_port(1),packet_type(ns=0,id=0),eth_type(0x8100),vlan(vid=5,pcp=3),encap(eth_type(0x0800),ipv4(src=1.2.3.4,dst=10.0.0.1,proto=17,tos=0/0xfc,ttl=64,frag=no))',
  'skb_mark(0/0xf),recirc_id(0),in_port(1),packet_type(ns=0,id=0),eth_type(0x8100),vlan(vid=8,pcp=0),encap(eth_type(0x8100))',
  'recirc_id(0x1),in_port(1),packet_type(ns=0,id=0),eth_type(0x0800),ipv4(src=0.0.0.0,proto=0,frag=no)',
  'recirc_id(0),in_port(1),packet_type(ns=0,id=0),eth_type(0x8847),mpls(label=100/0xfffff,tc=0/0,ttl=0/0x0,bos=1/1)',
  'recirc_id(0),in_port(1),packet_type(ns=0,id=0),eth_type(0x8847),mpls(label=101,tc=0,ttl=64,bos=1)',
  'recirc_id(0),in_port(1),packet_type(ns=0,id=0),eth_type(0x8847),mpls(label=102/0xfffff,tc=0/0,ttl=0/0x0,bos=0/1,label=5/0xfffff,tc=0/7,ttl=0/0x0,bos=1/1)',
  'skb_priority(0),skb_mark(0),recirc_id(0),in_port(1),packet_type(ns=0,id=0),eth_type(0x0800),ipv4(proto=17,frag=no),udp(dst=55)',
  'ct_state(+new+trk),recirc_id(0x3),in_port(1),packet_type(ns=0,id=0),eth_type(0x0800),ipv4(frag=no)',
  'recirc_id(0x4),dp_hash(0x7/0xf),in_port(1),packet_type(ns=0,id=0),eth_type(0x0800),ipv4(frag=no)',
  'recirc_id(0),in_port(2),packet_type(ns=0,id=0),eth_type(0x1234)',
  'recirc_id(0),in_port(2),packet_type(ns=0,id=0),eth_type(0/0xffff)',
  'recirc_id(0),in_port(1),eth_type(0x0800),ipv4(proto=6,frag=no),tcp_flags(syn|ack)',
  'recirc_id(0),in_port(1),eth_type(0x894f),nsh(flags=0,ttl=63,mdtype=1,np=1,spi=0x1,si=255,c1=0x1,c2=0,c3=0,c4=0)',
  'recirc_id(0),in_port(1),eth_type(0x88a8),vlan(vid=5,pcp=1),encap(eth_type(0x8100),vlan(vid=6,pcp=2),encap(eth_type(0x0800),ipv4(frag=no)))',
];

const ACTIONS = [
  'drop',
  '1,2',
  'set(ipv4(src=1.2.3.4,dst=4.5.6.7,tos=0x10/0xfc,ttl=5)),set(eth(src=01:02:03:04:05:06)),2',
  'set(udp(src=3)),2',
  'set(sctp(src=3,dst=5)),2',
  'set(ipv6(src=::1,dst=::2,label=0x5,tclass=0x3,hlimit=4)),set(nd(target=::1,sll=01:02:03:04:05:06)),2',
  'set(arp(sip=1.2.3.4,op=2)),2',
  'set(ipv4(dst=1.1.1.1,tos=0x20/0xfc,ttl=63)),pop_vlan,2',
  'pop_vlan,push_vlan(vid=9,pcp=3),2',
  'push_vlan(tpid=0x88a8,vid=300,pcp=0),2',
  'pop_mpls(eth_type=0x800),recirc(0x1)',
  'set(mpls(label=7,tc=3,ttl=5,bos=1)),2',
  'push_nsh(flags=0,ttl=63,mdtype=1,np=3,spi=0x1234,si=7,c1=0x11223344,c2=0x0,c3=0x0,c4=0x0),push_eth(src=00:00:00:00:00:00,dst=11:22:33:44:55:66),2',
  'push_nsh(flags=0,ttl=63,mdtype=2,np=3,spi=0x1234,si=255,md2=0x10000a0412345678),pop_nsh(),pop_eth,2',
  'push_mpls(label=5,tc=0,ttl=64,bos=1,eth_type=0x8847),push_mpls(label=6,tc=0,ttl=64,bos=0,eth_type=0x8847),2',
  'userspace(pid=0,controller(reason=1,dont_send=0,continuation=0,recirc_id=2,rule_cookie=0,controller_id=0,max_len=65535)),2',
  'set(skb_priority(0x3)),set(skb_mark(0x5)),2,trunc(100),set(udp(dst=55)),2',
  'check_pkt_len(size=100,gt(drop),le(1))',
  'set(ipv4(ttl=63)),hash(sym_l4(0)),recirc(0x4)',
  'set(udp(src=5/0xf)),set(skb_mark(0x3/0xf)),2',
  'userspace(pid=0,slow_path(action))',
  'userspace(pid=0,slow_path(stp,action))',
  'clone(set(eth(src=02:02:02:02:02:02)),1),2',
  'sample(sample=50.0%,actions(2)),sample(sample=100.0%,actions(drop)),meter(3)',
  'set(vlan(vid=3,pcp=2)),set(icmp(type=3,code=1)),set(icmpv6(type=4)),1',
  'set(tunnel(tun_id=0x1,dst=1.1.1.1,ttl=64,flags(df|csum|key))),2',
  'userspace(pid=0,sflow(0102ff))',
  'tnl_push(tnl_port(4),header(size=50,type=3,eth(dst=f8:bc:12:44:34:b6,src=aa:55:aa:55:00:00,dl_type=0x0800),ipv4(src=1.1.2.88,dst=1.1.2.92,proto=47,tos=0,ttl=64,frag=0x4000),gre((flags=0xb000,proto=0x6558),csum=0x0,key=0x1c8,seq=0x0)),out_port(100)),1',
  'tnl_push(tnl_port(4789),header(size=50,type=4,eth(dst=f8:bc:12:44:34:b6,src=aa:55:aa:55:00:00,dl_type=0x0800),ipv4(src=1.1.2.88,dst=1.1.2.92,proto=17,tos=0,ttl=64,frag=0x4000),udp(src=0,dst=4789,csum=0x0),vxlan(flags=0x8000000,vni=0x7b)),out_port(100)),1',
  'tnl_push(tnl_port(4789),header(size=50,type=4,eth(dst=f8:bc:12:44:34:b6,src=aa:55:aa:55:00:00,dl_type=0x0800),ipv4(src=1.1.2.88,dst=1.1.2.92,proto=17,tos=0,ttl=64,frag=0x4000),udp(src=0,dst=4789,csum=0x0),vxlan(flags=0x8000000,vni=0x7b)),out_port(100),mtu(1500)),1',
  'tnl_push(tnl_port(4789),header(size=50,type=4,eth(dst=f8:bc:12:44:34:b6,src=aa:55:aa:55:00:00,dl_type=0x0800),ipv4(src=1.1.2.88,dst=1.1.2.92,proto=17,tos=0,ttl=64,frag=0x4000),udp(src=0,dst=4789,csum=0x0),vxlan(flags=0x8000000,vni=0x7b)),out_port(100),mtu(1400,cut)),1',
  'tnl_push(tnl_port(4789),header(size=50,type=4,eth(dst=f8:bc:12:44:34:b6,src=aa:55:aa:55:00:00,dl_type=0x0800),ipv4(src=1.1.2.88,dst=1.1.2.92,proto=17,tos=0,ttl=64,frag=0x4000),udp(src=0,dst=4789,csum=0x0),vxlan(flags=0x8000000,vni=0x7b)),out_port(100),mtu(1400,in_key=4294967295)),1',
  'tnl_push(tnl_port(4789),header(size=50,type=4,eth(dst=f8:bc:12:44:34:b6,src=aa:55:aa:55:00:00,dl_type=0x0800),ipv4(src=1.1.2.88,dst=1.1.2.92,proto=17,tos=0,ttl=64,frag=0x4000),udp(src=0,dst=4789,csum=0x0),vxlan(flags=0x8000000,vni=0x7b)),out_port(100),mtu(1400,cut,in_key=none)),1',
  'tnl_push(tnl_port(6081),header(size=58,type=5,eth(dst=f8:bc:12:44:34:b6,src=aa:55:aa:55:00:00,dl_type=0x0800),ipv4(src=1.1.2.88,dst=1.1.2.92,proto=17,tos=0,ttl=64,frag=0x4000),udp(src=0,dst=6081,csum=0x0),geneve(vni=0x7b,options({class=0xffff,type=0,len=4,0xa}))),out_port(100)),1',
  'clone(tnl_push(tnl_port(4789),header(size=70,type=4,eth(dst=f8:bc:12:44:34:b6,src=aa:55:aa:55:00:00,dl_type=0x86dd),ipv6(src=2001:cafe::88,dst=2001:cafe::92,label=0,proto=17,tclass=0x0,hlimit=64),udp(src=0,dst=4789,csum=0xffff),vxlan(flags=0x8000000,vni=0x7c)),out_port(100)),1),2',
  'tnl_push(tnl_port(6),header(size=62,type=109,eth(dst=f8:bc:12:44:34:b6,src=aa:55:aa:55:00:00,dl_type=0x86dd),ipv6(src=2001:cafe::88,dst=2001:cafe::92,label=0,proto=47,tclass=0x0,hlimit=64),gre((flags=0x2000,proto=0x6558),key=0x5)),out_port(100)),1',
];

t.test('flows', (t) => {
  for (const text of FLOWS) {
    const k = parseDpKey(text);
    t.equal(formatDpKey(k.value, k.mask), text);
  }
  const named = parseDpKey('in_port(p1)', { portNumber: (n) => (n === 'p1' ? 7 : undefined) });
  t.equal(formatDpKey(named.value, named.mask, { portName: (n) => (n === 7 ? 'p1' : undefined) }), 'in_port(p1)');
  t.equal(formatDpKey(...both(parseDpKey('in_port(1),eth(),eth_type(0x0806),arp()'))), 'in_port(1),eth_type(0x0806)');
  const prefix = parseDpKey('eth_type(0x0800),ipv4(src=10.1.2.3/8)');
  t.equal(formatDpKey(prefix.value, prefix.mask), 'eth_type(0x0800),ipv4(src=10.0.0.0/255.0.0.0)');
  for (const bad of [
    'foo',
    'foo(1)',
    'in_port(p1)',
    'ipv4(x=1)',
    'ipv4(src=1.2)',
    'eth(src=1',
    'tcp(src=70000)',
    'encap)',
    'vlan(x=1)',
  ]) {
    t.throws(() => parseDpKey(bad), UserError, bad);
  }
  t.end();
});

t.test('what is not matched is said when asked for', (t) => {
  const texts = [
    'skb_priority(0/0),skb_mark(0/0),ct_state(0/0),ct_zone(0/0),ct_mark(0/0),ct_label(0/0),recirc_id(0),dp_hash(0/0),in_port(1),packet_type(ns=0,id=0),eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:00/00:00:00:00:00:00),eth_type(0x0800),ipv4(src=0.0.0.0/0.0.0.0,dst=0.0.0.0/0.0.0.0,proto=6,tos=0/0,ttl=0/0,frag=no),tcp(src=0/0,dst=80/0xfff0),tcp_flags(+syn)',
    'skb_priority(0/0),skb_mark(0/0),ct_state(0/0),ct_zone(0/0),ct_mark(0/0),ct_label(0/0),recirc_id(0),dp_hash(0/0),in_port(1),packet_type(ns=0/0,id=0/0),eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:00/00:00:00:00:00:00),eth_type(0x0806),arp(sip=0.0.0.0/0.0.0.0,tip=0.0.0.0/0.0.0.0,op=1,sha=00:00:00:00:00:00/00:00:00:00:00:00,tha=00:00:00:00:00:00/00:00:00:00:00:00)',
  ];
  for (const text of texts) {
    const k = parseDpKey(text);
    t.equal(formatDpKey(k.value, k.mask, { verbose: true }), text);
  }
  t.end();
});

function both(k: { value: Uint8Array; mask: Uint8Array }): [Uint8Array, Uint8Array] {
  return [k.value, k.mask];
}

t.test('a line of a dump', (t) => {
  const { value: key, mask } = parseDpKey('recirc_id(0),in_port(1),eth_type(0x1234)');
  const line = { key, mask, packets: 0, bytes: 0, age: undefined, tcpFlags: 0, actions: [] };
  t.equal(formatDpFlow(line), 'recirc_id(0),in_port(1),eth_type(0x1234), packets:0, bytes:0, used:never, actions:drop');
  const used = { ...line, packets: 3, bytes: 180, age: 1.2344, tcpFlags: 0x1a, actions: parseDpActions('2') };
  t.equal(
    formatDpFlow(used, { portName: (n) => `p${n}` }),
    'recirc_id(0),in_port(p1),eth_type(0x1234), packets:3, bytes:180, used:1.234s, flags:SP., actions:p2',
  );
  t.end();
});

function encoded(actions: readonly DpAction[]): Uint8Array {
  const w = new WordWriter();
  encodeActions(w, actions);
  return w.view();
}

t.test('actions', (t) => {
  for (const text of ACTIONS) t.equal(formatDpActions(parseDpActions(text)), text);
  t.same(parseDpActions('p2,1', { portNumber: (n) => (n === 'p2' ? 2 : undefined) }), [
    { type: 'output', port: 2 },
    { type: 'output', port: 1 },
  ]);
  const tunnel = { kind: 'vxlan', gbp: false, gpe: false, bare: false, options: [] } as const;
  t.same(parseDpActions('tnl_pop(4)', { tunnelOf: (n) => (n === 4 ? tunnel : undefined) }), [
    { type: 'tnl_pop', port: 4, tunnel },
  ]);
  for (const bad of [
    'foo',
    'tnl_pop(4)',
    'tnl_push(tnl_port(4))',
    'tnl_push(tnl_port(4),header(size=20,type=4),out_port(1))',
    'tnl_push(tnl_port(4),header(size=50,type=9),out_port(1))',
    'set(foo(1))',
    'set(eth(src=1))',
    'push_vlan',
    'recirc(x)',
    'hash(l5(0))',
    'sample(sample=101%,actions(1))',
    'clone(1',
    'check_pkt_len(gt(1),le(2))',
    'userspace(pid=0)',
    'push_mpls(label=1)',
  ]) {
    t.throws(() => parseDpActions(bad), UserError, bad);
  }
  t.end();
});

t.test('sets of every kind survive their text', (t) => {
  const r = new Random(3);
  const faults: string[] = [];
  for (const kind of SET_KIND_NAMES) {
    if (kind === 'tunnel') continue;
    for (let i = 0; i < 50; i++) {
      const mask = new Uint8Array(SET_KINDS[kind]).fill(0xff);
      const value = r.bytes(SET_KINDS[kind]);
      // What the text cannot say: fragment bits, label bits that do not exist, the tag's presence.
      if (kind === 'ipv4') [value[11], mask[11]] = [0, 0];
      if (kind === 'ipv6')
        [value[39], mask[39], value[32], mask[32], value[33], mask[33]] = [0, 0, 0, 0, value[33] & 15, 15];
      if (kind === 'vlan') [value[0], mask[0]] = [value[0] & 0xef, 0xef];
      const a: DpAction = { type: 'set', kind, value, mask };
      const text = formatDpActions([a]);
      if (!bytesEqual(encoded(parseDpActions(text)), encoded([a]))) faults.push(text);
    }
  }
  t.same(faults, []);
  t.end();
});

t.test('no key makes the printer fail', (t) => {
  const r = new Random(9);
  for (let i = 0; i < 2000; i++) {
    const value = r.bytes(DP_KEY_BYTES);
    const mask = r.bytes(DP_KEY_BYTES);
    const type = r.pick([0x0800, 0x86dd, 0x0806, 0x8847, 0x894f, 0x1234]);
    value[K.ethType.offset] = type >> 8;
    value[K.ethType.offset + 1] = type;
    for (const s of SLOTS) if (r.chance(0.5)) mask.fill(0, s.offset, s.offset + s.bytes);
    formatDpKey(value, mask);
  }
  t.pass();
  t.end();
});

t.test('a set of eth has the destination first, as on the wire', (t) => {
  const [a] = parseDpActions('set(eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02))');
  t.ok(a.type === 'set' && a.value[5] === 2 && a.value[11] === 1);
  t.end();
});
