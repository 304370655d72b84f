import t from 'tap';
import { formatKey } from './format-key.js';
import { parseMatch } from './parse-match.js';

const NOWHERE = 'dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00';
const IP = 'nw_src=0.0.0.0,nw_dst=0.0.0.0';

/** A flow as typed to `ofproto/trace`, and the line "Flow:" of ovs-vswitchd 3.1. */
const ROWS = [
  [
    'in_port=1,tcp,nw_dst=10.0.0.2,tcp_flags=syn',
    `tcp,in_port=1,vlan_tci=0x0000,${NOWHERE},nw_src=0.0.0.0,nw_dst=10.0.0.2,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no,tp_src=0,tp_dst=0,tcp_flags=syn`,
  ],
  [
    'in_port=1,udp6,ipv6_label=5',
    `udp6,in_port=1,vlan_tci=0x0000,${NOWHERE},ipv6_src=::,ipv6_dst=::,ipv6_label=0x00005,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no,tp_src=0,tp_dst=0`,
  ],
  [
    'in_port=1,arp,arp_op=1',
    `arp,in_port=1,vlan_tci=0x0000,${NOWHERE},arp_spa=0.0.0.0,arp_tpa=0.0.0.0,arp_op=1,arp_sha=00:00:00:00:00:00,arp_tha=00:00:00:00:00:00`,
  ],
  [
    'in_port=1,icmp6,icmpv6_type=135,nd_target=::1',
    `icmp6,in_port=1,vlan_tci=0x0000,${NOWHERE},ipv6_src=::,ipv6_dst=::,ipv6_label=0x00000,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no,icmp_type=135,icmp_code=0,nd_target=::1,nd_sll=00:00:00:00:00:00,nd_tll=00:00:00:00:00:00`,
  ],
  [
    'in_port=1,icmp6,icmpv6_type=128',
    `icmp6,in_port=1,vlan_tci=0x0000,${NOWHERE},ipv6_src=::,ipv6_dst=::,ipv6_label=0x00000,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no,icmp_type=128,icmp_code=0`,
  ],
  [
    'in_port=1,dl_vlan=5,dl_vlan_pcp=2,dl_type=0x1234',
    `in_port=1,dl_vlan=5,dl_vlan_pcp=2,vlan_tci1=0x0000,${NOWHERE},dl_type=0x1234`,
  ],
  [
    'in_port=1,mpls,mpls_label=5,mpls_bos=1',
    `mpls,in_port=1,vlan_tci=0x0000,${NOWHERE},mpls_label=5,mpls_tc=0,mpls_ttl=0,mpls_bos=1`,
  ],
  [
    'in_port=1,ip,nw_proto=2',
    `ip,in_port=1,vlan_tci=0x0000,${NOWHERE},${IP},nw_proto=2,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no,tp_src=0,tp_dst=0`,
  ],
  [
    'in_port=1,ip,nw_frag=later,nw_proto=6,pkt_mark=5,ct_state=trk,reg0=5,metadata=3,tun_id=4,skb_priority=3,dp_hash=5',
    `pkt_mark=0x5,dp_hash=0x5,skb_priority=0x3,ct_state=trk,tcp,reg0=0x5,tun_id=0x4,metadata=0x3,in_port=1,vlan_tci=0x0000,${NOWHERE},${IP},nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=later`,
  ],
  [
    'in_port=1,sctp,ct_state=trk|est,ct_zone=5,ct_nw_src=1.2.3.4,ct_nw_proto=6',
    `ct_state=est|trk,ct_zone=5,ct_nw_src=1.2.3.4,ct_nw_dst=0.0.0.0,ct_nw_proto=6,ct_tp_src=0,ct_tp_dst=0,sctp,in_port=1,vlan_tci=0x0000,${NOWHERE},${IP},nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no,tp_src=0,tp_dst=0`,
  ],
];

t.test('a packet as a trace prints it', (t) => {
  for (const [typed, flow] of ROWS) t.equal(formatKey(parseMatch(typed).value), flow, typed);
  t.end();
});
