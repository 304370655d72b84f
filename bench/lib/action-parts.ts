/**
 * Each datapath action by itself, for native/bench/action_bench.cc: what a packet is, in words of dpctl, and its list. A list ends with nothing: what it does to
 * the packet is measured, and that the packet ends.
 */
import type { TunnelFormat } from '../../src/datapath/action.js';
import { NO_OFFLOAD } from '../../src/datapath/datapath.js';
import { encodeActions, WordWriter } from '../../src/datapath/encode.js';
import { newPacket } from '../../src/datapath/reference/packet.js';
import { encapsulate } from '../../src/datapath/reference/tunnel.js';
import { parseDpActions } from '../../src/datapath/text/actions.js';
import { parseDpKey } from '../../src/datapath/text/flow.js';
import { formatHex } from '../../src/lib/bytes.js';
import { extract } from '../../src/packet/extract.js';
import { frameFromKey } from '../../src/packet/from-key.js';
import { DP_KEY_BYTES } from '../../src/packet/key.js';

const ETH = 'in_port(1),eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02)';
const IP4 = `${ETH},eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=`;
const IP6 = `${ETH},eth_type(0x86dd),ipv6(src=fd00::1,dst=fd00::2,proto=`;
const TTL = ',ttl=64,frag=no)';
const HOPS = ',hlimit=64,frag=no)';

/** Words of a key. */
const PACKETS = {
  udp: `${IP4}17${TTL},udp(src=1024,dst=2000)`,
  tcp: `${IP4}6${TTL},tcp(src=1024,dst=2000)`,
  sctp: `${IP4}132${TTL},sctp(src=1024,dst=2000)`,
  icmp: `${IP4}1${TTL},icmp(type=8,code=0)`,
  udp6: `${IP6}17${HOPS},udp(src=1024,dst=2000)`,
  icmp6: `${IP6}58${HOPS},icmpv6(type=128,code=0)`,
  nd: `${IP6}58,hlimit=255,frag=no),icmpv6(type=135,code=0),nd(target=fd00::3,sll=02:00:00:00:00:01)`,
  arp: `${ETH},eth_type(0x0806),arp(sip=10.0.0.1,tip=10.0.0.2,op=1,sha=02:00:00:00:00:01,tha=00:00:00:00:00:00)`,
  vlan: `${ETH},eth_type(0x8100),vlan(vid=5,pcp=0),encap(eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=17${TTL},udp(src=1024,dst=2000))`,
  mpls: `${ETH},eth_type(0x8847),mpls(label=7,tc=0,ttl=64,bos=1)`,
} as const;

const OUTER = 'eth(dst=02:11:11:11:11:12,src=02:11:11:11:11:11';
const OVER4 = (proto: number) =>
  `${OUTER},dl_type=0x0800),ipv4(src=172.31.1.1,dst=172.31.1.2,proto=${proto},tos=0,ttl=64,frag=0x4000)`;
const OVER6 = (proto: number) =>
  `${OUTER},dl_type=0x86dd),ipv6(src=fd01::1,dst=fd01::2,label=0,proto=${proto},tclass=0x0,hlimit=64)`;
const push = (size: number, type: number, header: string): string =>
  `tnl_push(tnl_port(5),header(size=${size},type=${type},${header}),out_port(2))`;
const UDP = (port: number, sum: string): string => `udp(src=0,dst=${port},csum=${sum})`;
const VXLAN = (sum = '0x0'): string => `${UDP(4789, sum)},vxlan(flags=0x8000000,vni=0x4d)`;
const GENEVE = (sum = '0x0'): string => `${UDP(6081, sum)},geneve(vni=0x4d)`;
const GRE = 'gre((flags=0x2000,proto=0x6558),key=0x4d)';

interface Push {
  readonly kind: TunnelFormat['kind'];
  readonly text: string;
}
/** Over IPv6 a UDP checksum is made, over IPv4 none, as OVS's defaults have it. */
const PUSHES: Readonly<Record<string, Push>> = {
  'vxlan-v4': { kind: 'vxlan', text: push(50, 4, `${OVER4(17)},${VXLAN()}`) },
  'vxlan-v4-csum': { kind: 'vxlan', text: push(50, 4, `${OVER4(17)},${VXLAN('0xffff')}`) },
  'vxlan-v6': { kind: 'vxlan', text: push(70, 4, `${OVER6(17)},${VXLAN('0xffff')}`) },
  'geneve-v4': { kind: 'geneve', text: push(50, 5, `${OVER4(17)},${GENEVE()}`) },
  'geneve-v6': { kind: 'geneve', text: push(70, 5, `${OVER6(17)},${GENEVE('0xffff')}`) },
  'gre-v4': { kind: 'gre', text: push(42, 3, `${OVER4(47)},${GRE}`) },
  'gre-v6': { kind: 'ip6gre', text: push(62, 109, `${OVER6(47)},${GRE}`) },
};

type Given = readonly [keyof typeof PACKETS, string];

/** By the name of the row. */
const LISTS: Readonly<Record<string, Given>> = {
  output: ['udp', '2'],
  drop: ['udp', 'drop'],
  'two-outputs': ['udp', '3,2'],
  'set-eth': ['udp', 'set(eth(src=02:00:00:00:00:08,dst=02:00:00:00:00:09)),2'],
  'set-ipv4-udp': ['udp', 'set(ipv4(src=10.9.9.9,dst=10.9.9.8)),2'],
  'set-ipv4-tcp': ['tcp', 'set(ipv4(src=10.9.9.9,dst=10.9.9.8)),2'],
  'set-tos': ['udp', 'set(ipv4(tos=0x20)),2'],
  'dec-ttl': ['udp', 'set(ipv4(ttl=63)),2'],
  'set-ipv6': ['udp6', 'set(ipv6(src=fd00::8,dst=fd00::9)),2'],
  'dec-hop-limit': ['udp6', 'set(ipv6(hlimit=63)),2'],
  'set-tcp': ['tcp', 'set(tcp(src=9,dst=99)),2'],
  'set-udp': ['udp', 'set(udp(src=9,dst=99)),2'],
  'set-sctp': ['sctp', 'set(sctp(src=9,dst=99)),2'],
  'set-icmp': ['icmp', 'set(icmp(type=3,code=1)),2'],
  'set-icmpv6': ['icmp6', 'set(icmpv6(type=3,code=1)),2'],
  'set-arp': ['arp', 'set(arp(sip=10.0.0.9,op=2)),2'],
  'set-nd': ['nd', 'set(nd(target=fd00::9,sll=02:00:00:00:00:09)),2'],
  'set-mpls': ['mpls', 'set(mpls(label=9,tc=0,ttl=63,bos=1)),2'],
  'set-vlan': ['vlan', 'set(vlan(vid=9,pcp=1)),2'],
  'set-priority': ['udp', 'set(skb_priority(0x9)),2'],
  'set-mark': ['udp', 'set(skb_mark(0x9)),2'],
  'set-tunnel': ['udp', 'set(tunnel(tun_id=0x1,dst=1.1.1.1,ttl=64,flags(df|csum|key))),2'],
  route: ['udp', 'set(eth(src=02:00:00:00:00:08,dst=02:00:00:00:00:09)),set(ipv4(ttl=63)),2'],
  nat: ['tcp', 'set(ipv4(src=10.9.9.9)),set(tcp(src=9)),2'],
  'push-vlan': ['udp', 'push_vlan(vid=5,pcp=0),2'],
  'pop-vlan': ['vlan', 'pop_vlan,2'],
  'push-mpls': ['udp', 'push_mpls(label=7,tc=0,ttl=64,bos=1,eth_type=0x8847),2'],
  'add-mpls': ['udp', 'add_mpls(label=7,tc=0,ttl=64,bos=1,eth_type=0x8847),2'],
  'pop-mpls': ['mpls', 'pop_mpls(eth_type=0x0800),2'],
  'push-nsh': ['udp', 'push_nsh(flags=0,ttl=63,mdtype=1,np=3,spi=0x1,si=255,c1=0x1,c2=0x2,c3=0x3,c4=0x4),2'],
  'push-pop-nsh': [
    'udp',
    'push_nsh(flags=0,ttl=63,mdtype=1,np=3,spi=0x1,si=255,c1=0x1,c2=0x2,c3=0x3,c4=0x4),pop_nsh(),2',
  ],
  'pop-push-eth': ['udp', 'pop_eth,push_eth(src=02:00:00:00:00:08,dst=02:00:00:00:00:09),2'],
  'hash-l4': ['udp', 'hash(l4(0)),2'],
  'hash-sym-l4': ['udp', 'hash(sym_l4(0)),2'],
  recirc: ['udp', 'recirc(0x7)'],
  'hash-recirc': ['udp', 'hash(l4(0)),recirc(0x7)'],
  trunc: ['udp', 'trunc(40),2'],
  clone: ['udp', 'clone(set(eth(dst=02:00:00:00:00:09)),3),2'],
  'clone-last': ['udp', 'clone(set(eth(dst=02:00:00:00:00:09)),3)'],
  'sample-always': ['udp', 'sample(sample=100.0%,actions(3)),2'],
  'sample-1-percent': ['udp', 'sample(sample=1.0%,actions(3)),2'],
  userspace: ['udp', 'userspace(pid=0,slow_path(action))'],
  'check-pkt-len': ['udp', 'check_pkt_len(size=1500,gt(drop),le(2))'],
  meter: ['udp', 'meter(1),2'],
};

const KEY_TAIL = 14;

function frameOf(kind: keyof typeof PACKETS): Uint8Array {
  const frame = frameFromKey(parseDpKey(PACKETS[kind]).value, kind === 'mpls' ? 40 : KEY_TAIL);
  if (frame.length >= 60) return frame;
  const padded = new Uint8Array(60);
  padded.set(frame);
  return padded;
}

/** A UDP frame as it comes out of a tunnel's other end. */
function wrapped(text: string): Uint8Array {
  const [a] = parseDpActions(text);
  if (a.type !== 'tnl_push') throw new Error(`no header: ${text}`);
  const frame = frameOf('udp');
  const p = newPacket(frame, NO_OFFLOAD, 0);
  const key = new Uint8Array(DP_KEY_BYTES);
  extract(frame, key, 1);
  encapsulate(p, key, a, () => 1);
  return p.frame;
}

interface Part {
  readonly frame: Uint8Array;
  readonly list: string;
  readonly format?: TunnelFormat;
}

function parts(): Map<string, Part> {
  const out = new Map<string, Part>();
  for (const [name, [kind, list]] of Object.entries(LISTS)) out.set(name, { frame: frameOf(kind), list });
  for (const [name, { kind, text }] of Object.entries(PUSHES)) {
    out.set(`encapsulate-${name}`, { frame: frameOf('udp'), list: `${text},2` });
    const format: TunnelFormat = { kind, gbp: false, gpe: false, bare: false, options: [] };
    out.set(`decapsulate-${name}`, { frame: wrapped(text), list: 'tnl_pop(5)', format });
  }
  return out;
}

export const ACTION_PARTS: readonly string[] = [
  ...Object.keys(LISTS),
  ...Object.keys(PUSHES).flatMap((name) => [`encapsulate-${name}`, `decapsulate-${name}`]),
];

/** Name, frame and words of each, in hex. */
export function actionLines(): string {
  let text = '';
  for (const [name, { frame, list, format }] of parts()) {
    const w = new WordWriter();
    encodeActions(w, parseDpActions(list, { tunnelOf: () => format }));
    text += `${name} ${formatHex(frame)} ${formatHex(w.view())}\n`;
  }
  return text;
}
