/**
 * What a real ovs-vswitchd (3.1, dummy datapath, ofproto/trace) made of flows and packets: pipelines with the VLAN settings of ports, then for each packet the
 * megaflow and the datapath actions. Datapath ports have their OpenFlow numbers; 100 is LOCAL.
 */
export interface OvsTraces {
  readonly flows: readonly string[];
  readonly ports: readonly string[];
  readonly packets: readonly (readonly [packet: string, megaflow: string, actions: string])[];
}

export const OVS_TRACES: readonly OvsTraces[] = [
  {
    flows: [
      'table=0,in_port=1,ip,nw_dst=10.0.0.0/8,actions=dec_ttl,mod_dl_dst:02:00:00:00:00:02,resubmit(,5),output:3',
      'table=5,tcp,actions=mod_nw_src:1.2.3.4,output:2,mod_vlan_vid:4,output:4',
    ],
    ports: [],
    packets: [
      [
        'in_port=1,tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=5',
        'recirc_id=0,eth,tcp,in_port=1,dl_dst=00:00:00:00:00:00,nw_src=10.0.0.1,nw_dst=10.0.0.0/8,nw_ttl=5,nw_frag=no',
        'set(eth(dst=02:00:00:00:00:02)),set(ipv4(src=1.2.3.4,ttl=4)),2,push_vlan(vid=4,pcp=0),4,3',
      ],
      [
        'in_port=1,udp,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=5',
        'recirc_id=0,eth,udp,in_port=1,dl_dst=00:00:00:00:00:00,nw_dst=10.0.0.0/8,nw_ttl=5,nw_frag=no',
        'set(eth(dst=02:00:00:00:00:02)),set(ipv4(ttl=4)),3',
      ],
      [
        'in_port=1,tcp,nw_src=10.0.0.1,nw_dst=11.0.0.2,nw_ttl=5',
        'recirc_id=0,eth,ip,in_port=1,nw_dst=11.0.0.0/8,nw_frag=no',
        'drop',
      ],
      [
        'in_port=1,tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=1',
        'recirc_id=0,eth,tcp,in_port=1,nw_dst=10.0.0.0/8,nw_ttl=1,nw_frag=no',
        'userspace(pid=0,controller(reason=2,dont_send=1,continuation=0,recirc_id=1,rule_cookie=0,controller_id=0,max_len=65535))',
      ],
      ['in_port=1,arp', 'recirc_id=0,eth,arp,in_port=1', 'drop'],
    ],
  },
  {
    flows: ['in_port=1,actions=strip_vlan,output:2'],
    ports: [],
    packets: [
      ['in_port=1,tcp', 'recirc_id=0,eth,ip,in_port=1,nw_frag=no', '2'],
      ['in_port=1,dl_vlan=5,tcp', 'recirc_id=0,eth,ip,in_port=1,dl_vlan=5,dl_vlan_pcp=0,nw_frag=no', 'pop_vlan,2'],
    ],
  },
  {
    flows: ['in_port=1,actions=mod_vlan_vid:7,output:2'],
    ports: [],
    packets: [
      [
        'in_port=1,dl_vlan=5,dl_vlan_pcp=3,tcp',
        'recirc_id=0,eth,ip,in_port=1,dl_vlan=5,dl_vlan_pcp=3,nw_frag=no',
        'pop_vlan,push_vlan(vid=7,pcp=3),2',
      ],
      ['in_port=1,dl_vlan=7,dl_vlan_pcp=3,tcp', 'recirc_id=0,eth,ip,in_port=1,dl_vlan=7,nw_frag=no', '2'],
      ['in_port=1,tcp', 'recirc_id=0,eth,ip,in_port=1,nw_frag=no', 'push_vlan(vid=7,pcp=0),2'],
    ],
  },
  {
    flows: ['in_port=1,actions=mod_vlan_pcp:7,output:2'],
    ports: [],
    packets: [
      [
        'in_port=1,dl_vlan=5,dl_vlan_pcp=3,tcp',
        'recirc_id=0,eth,ip,in_port=1,dl_vlan=5,dl_vlan_pcp=3,nw_frag=no',
        'pop_vlan,push_vlan(vid=5,pcp=7),2',
      ],
      ['in_port=1,tcp', 'recirc_id=0,eth,ip,in_port=1,nw_frag=no', 'push_vlan(vid=0,pcp=7),2'],
    ],
  },
  {
    flows: ['in_port=1,dl_vlan=5,actions=output:2'],
    ports: [],
    packets: [
      ['in_port=1,dl_vlan=5,tcp', 'recirc_id=0,eth,ip,in_port=1,dl_vlan=5,nw_frag=no', '2'],
      ['in_port=1,dl_vlan=6,tcp', 'recirc_id=0,eth,ip,in_port=1,dl_vlan=6,nw_frag=no', 'drop'],
    ],
  },
  {
    flows: ['in_port=1,vlan_tci=0x1000/0x1000,actions=output:2'],
    ports: [],
    packets: [['in_port=1,dl_vlan=7,tcp', 'recirc_id=0,eth,ip,in_port=1,vlan_tci=0x1000/0x1000,nw_frag=no', '2']],
  },
  {
    flows: ['in_port=1,mpls,actions=pop_mpls:0x0800,output:2,mod_dl_src:01:01:01:01:01:01,output:3'],
    ports: [],
    packets: [
      [
        'in_port=1,mpls,mpls_bos=1,dl_src=02:00:00:00:00:01',
        'recirc_id=0,eth,mpls,in_port=1,dl_src=02:00:00:00:00:01,mpls_bos=1',
        'pop_mpls(eth_type=0x800),2,set(eth(src=01:01:01:01:01:01)),3',
      ],
    ],
  },
  {
    flows: ['in_port=1,actions=push_mpls:0x8847,output:2'],
    ports: [],
    packets: [
      [
        'in_port=1,tcp,nw_ttl=7,nw_tos=32',
        'recirc_id=0,eth,ip,in_port=1,nw_tos=32,nw_ttl=7,nw_frag=no',
        'push_mpls(label=0,tc=0,ttl=7,bos=1,eth_type=0x8847),2',
      ],
      [
        'in_port=1,mpls,mpls_label=9,mpls_bos=1,mpls_ttl=20',
        'recirc_id=0,eth,mpls,in_port=1,mpls_label=9,mpls_tc=0,mpls_ttl=20,mpls_bos=1',
        'push_mpls(label=9,tc=0,ttl=20,bos=0,eth_type=0x8847),2',
      ],
    ],
  },
  {
    // Labels of another type, on a copy, and off again.
    flows: ['in_port=1,mpls,actions=clone(push_mpls:0x8848,push_mpls:0x8848,output:2),output:3'],
    ports: [],
    packets: [
      [
        'in_port=1,mpls,mpls_label=2,mpls_ttl=69,mpls_bos=1',
        'recirc_id=0,eth,mpls,in_port=1,mpls_label=2,mpls_tc=0,mpls_ttl=69,mpls_bos=1,mpls_lse1=0',
        'push_mpls(label=2,tc=0,ttl=69,bos=0,eth_type=0x8848),push_mpls(label=2,tc=0,ttl=69,bos=0,eth_type=0x8848),2,pop_mpls(eth_type=0x8847),pop_mpls(eth_type=0x8847),3',
      ],
    ],
  },
  {
    // Labels that come off before anything saw them; afterwards nothing is known of what is inside.
    flows: [
      'in_port=1,ip,actions=push_mpls:0x8847,pop_mpls:0x8847,output:2',
      'in_port=2,ip,actions=push_mpls:0x8847,pop_mpls:0x8847,push_mpls:0x8847,output:1',
    ],
    ports: [],
    packets: [
      ['in_port=1,ip,nw_ttl=9', 'recirc_id=0,eth,ip,in_port=1,nw_tos=0,nw_ttl=9,nw_frag=no', '2'],
      [
        'in_port=2,ip,nw_ttl=9',
        'recirc_id=0,eth,ip,in_port=2,nw_tos=0,nw_ttl=9,nw_frag=no',
        'push_mpls(label=0,tc=0,ttl=64,bos=1,eth_type=0x8847),1',
      ],
    ],
  },
  {
    flows: ['in_port=1,ip,actions=load:10->NXM_OF_IP_DST[24..31],output:2'],
    ports: [],
    packets: [
      [
        'in_port=1,tcp,nw_dst=11.1.1.1',
        'recirc_id=0,eth,tcp,in_port=1,nw_dst=11.0.0.0/8,nw_frag=no',
        'set(ipv4(dst=10.0.0.0/255.0.0.0)),2',
      ],
    ],
  },
  {
    flows: ['in_port=1,tcp,actions=move:NXM_OF_TCP_SRC[]->NXM_OF_TCP_DST[],output:2'],
    ports: [],
    packets: [
      ['in_port=1,tcp,tp_src=5', 'recirc_id=0,eth,tcp,in_port=1,nw_frag=no,tp_src=5,tp_dst=0', 'set(tcp(dst=5)),2'],
      ['in_port=1,udp', 'recirc_id=0,eth,udp,in_port=1,nw_frag=no', 'drop'],
    ],
  },
  {
    flows: ['in_port=1,tcp,actions=output(port=2,max_len=100),output:3'],
    ports: [],
    packets: [['in_port=1,tcp', 'recirc_id=0,eth,tcp,in_port=1,nw_frag=no', 'trunc(100),2,3']],
  },
  {
    flows: [
      'in_port=1,actions=check_pkt_larger(100)->NXM_NX_REG0[0],resubmit(,1)',
      'table=1,reg0=1,actions=output:2',
      'table=1,reg0=0,ip,nw_src=1.0.0.0/8,actions=output:3',
    ],
    ports: [],
    packets: [
      [
        'in_port=1,tcp,tp_src=5',
        'recirc_id=0,eth,ip,in_port=1,nw_src=0.0.0.0/8,nw_frag=no',
        'check_pkt_len(size=100,gt(2),le(drop))',
      ],
      [
        'in_port=1,tcp,nw_src=1.2.3.4',
        'recirc_id=0,eth,ip,in_port=1,nw_src=1.0.0.0/8,nw_frag=no',
        'check_pkt_len(size=100,gt(2),le(3))',
      ],
    ],
  },
  {
    flows: ['in_port=1,actions=clone(mod_dl_src:01:01:01:01:01:01,output:2),output:3'],
    ports: [],
    packets: [
      [
        'in_port=1,tcp',
        'recirc_id=0,eth,ip,in_port=1,dl_src=00:00:00:00:00:00,nw_frag=no',
        'set(eth(src=01:01:01:01:01:01)),2,set(eth(src=00:00:00:00:00:00)),3',
      ],
    ],
  },
  {
    flows: ['in_port=1,actions=clone(mod_dl_src:01:01:01:01:01:01,output(port=2,max_len=64)),output:3'],
    ports: [],
    packets: [
      [
        'in_port=1,tcp',
        'recirc_id=0,eth,ip,in_port=1,dl_src=00:00:00:00:00:00,nw_frag=no',
        'clone(trunc(64),set(eth(src=01:01:01:01:01:01)),2),3',
      ],
    ],
  },
  {
    flows: ['in_port=1,actions=clone(mod_dl_dst:01:01:01:01:01:01),output:3'],
    ports: [],
    packets: [['in_port=1,tcp', 'recirc_id=0,eth,ip,in_port=1,dl_dst=00:00:00:00:00:00,nw_frag=no', '3']],
  },
  {
    flows: [
      'in_port=1,actions=learn(table=3,NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),output:2',
    ],
    ports: [],
    packets: [['in_port=1,tcp', 'recirc_id=0,eth,ip,in_port=1,dl_src=00:00:00:00:00:00,nw_frag=no', '2']],
  },
  {
    flows: ['in_port=1,actions=set_queue:5,output:2'],
    ports: [],
    packets: [['in_port=1,tcp', 'recirc_id=0,skb_priority=0,eth,ip,in_port=1,nw_frag=no', 'set(skb_priority(0x5)),2']],
  },
  {
    flows: ['in_port=1,actions=enqueue:2:7,output:3'],
    ports: [],
    packets: [
      [
        'in_port=1,tcp',
        'recirc_id=0,skb_priority=0,eth,ip,in_port=1,nw_frag=no',
        'set(skb_priority(0x7)),2,set(skb_priority(0)),3',
      ],
    ],
  },
  {
    flows: ['in_port=1,tcp,tp_dst=80/0xfff0,actions=output:3'],
    ports: [],
    packets: [
      ['in_port=1,tcp,tp_dst=5', 'recirc_id=0,eth,tcp,in_port=1,nw_frag=no,tp_dst=0x0/0xffc0', 'drop'],
      ['in_port=1,tcp,tp_dst=85', 'recirc_id=0,eth,tcp,in_port=1,nw_frag=no,tp_dst=0x50/0xfff0', '3'],
    ],
  },
  {
    flows: ['in_port=1,udp,tp_dst=0,actions=output:3'],
    ports: [],
    packets: [
      ['in_port=1,udp,nw_frag=later', 'recirc_id=0,eth,udp,in_port=1,nw_frag=later', '3'],
      ['in_port=1,udp,nw_frag=first', 'recirc_id=0,eth,udp,in_port=1,nw_frag=first,tp_dst=0', '3'],
      ['in_port=1,udp', 'recirc_id=0,eth,udp,in_port=1,nw_frag=no,tp_dst=0', '3'],
    ],
  },
  {
    flows: ['in_port=1,actions=exit,output:3'],
    ports: [],
    packets: [['in_port=1,udp', 'recirc_id=0,eth,ip,in_port=1,nw_frag=no', 'drop']],
  },
  {
    flows: ['in_port=1,ipv6,actions=set_field:5->ipv6_label,mod_nw_tos:32,output:3'],
    ports: [],
    packets: [
      [
        'in_port=1,udp6',
        'recirc_id=0,eth,udp6,in_port=1,ipv6_label=0x00000/0xfffff,nw_tos=0,nw_frag=no',
        'set(ipv6(label=0x5,tclass=0x20/0xfc)),3',
      ],
    ],
  },
  {
    flows: [
      'in_port=1,arp,actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],mod_dl_src:01:01:01:01:01:01,load:2->NXM_OF_ARP_OP[],move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],load:0x0a000001->NXM_OF_ARP_SPA[],in_port',
    ],
    ports: [],
    packets: [
      [
        'in_port=1,arp,arp_op=1,arp_sha=02:02:02:02:02:02,arp_spa=10.0.0.2,arp_tpa=10.0.0.1',
        'recirc_id=0,eth,arp,in_port=1,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,arp_spa=10.0.0.2,arp_tpa=10.0.0.1,arp_op=1,arp_sha=02:02:02:02:02:02,arp_tha=00:00:00:00:00:00',
        'set(eth(src=01:01:01:01:01:01)),set(arp(sip=10.0.0.1,tip=10.0.0.2,op=2,tha=02:02:02:02:02:02)),1',
      ],
    ],
  },
  {
    flows: ['in_port=1,actions=resubmit:2,output:3', 'in_port=2,actions=output:1,in_port,output:2'],
    ports: [],
    packets: [['in_port=1,udp', 'recirc_id=0,eth,ip,in_port=1,nw_frag=no', '1,2,3']],
  },
  {
    flows: ['in_port=1,actions=resubmit(,0),output:3'],
    ports: [],
    packets: [['in_port=1,udp', 'recirc_id=0,eth,ip,in_port=1,nw_frag=no', 'drop']],
  },
  {
    flows: ['in_port=1,actions=load:2->NXM_OF_IN_PORT[],output:1,output:2,in_port'],
    ports: [],
    packets: [['in_port=1,udp', 'recirc_id=0,eth,ip,in_port=1,nw_frag=no', '1,2']],
  },
  {
    flows: ['in_port=1,actions=output:9,output:3'],
    ports: [],
    packets: [['in_port=1,udp', 'recirc_id=0,eth,ip,in_port=1,nw_frag=no', '3']],
  },
  {
    flows: [
      'in_port=1,ip,actions=push:NXM_OF_IP_SRC[],push:NXM_OF_IP_DST[],pop:NXM_OF_IP_SRC[],pop:NXM_OF_IP_DST[],output:2',
    ],
    ports: [],
    packets: [
      [
        'in_port=1,tcp,nw_src=1.1.1.1,nw_dst=2.2.2.2',
        'recirc_id=0,eth,ip,in_port=1,nw_src=1.1.1.1,nw_dst=2.2.2.2,nw_frag=no',
        'set(ipv4(src=2.2.2.2,dst=1.1.1.1)),2',
      ],
    ],
  },
  {
    flows: ['in_port=1,actions=mod_dl_src:00:00:00:00:00:00,output:2'],
    ports: [],
    packets: [['in_port=1,ip', 'recirc_id=0,eth,ip,in_port=1,dl_src=00:00:00:00:00:00,nw_frag=no', '2']],
  },
  {
    flows: ['in_port=1,actions=output:LOCAL'],
    ports: [],
    packets: [['in_port=1,ip', 'recirc_id=0,eth,ip,in_port=1,nw_frag=no', '100']],
  },
  {
    flows: ['in_port=1,ip,actions=load:3->NXM_NX_PKT_MARK[],set_queue:1,mod_nw_src:1.1.1.1,output:2'],
    ports: [],
    packets: [
      [
        'in_port=1,tcp',
        'pkt_mark=0,recirc_id=0,skb_priority=0,eth,tcp,in_port=1,nw_src=0.0.0.0,nw_frag=no',
        'set(ipv4(src=1.1.1.1)),set(skb_priority(0x1)),set(skb_mark(0x3)),2',
      ],
    ],
  },
  {
    flows: [
      'priority=50,in_port=1,ip,nw_src=10.0.0.1,actions=conjunction(7,1/2)',
      'priority=50,in_port=1,ip,nw_src=10.0.0.2,actions=conjunction(7,1/2)',
      'priority=50,in_port=1,tcp,tp_dst=80,actions=conjunction(7,2/2)',
      'priority=50,in_port=1,tcp,tp_dst=443,actions=conjunction(7,2/2)',
      'priority=20,conj_id=7,actions=output:3',
      'priority=1,actions=output:2',
    ],
    ports: [],
    packets: [
      [
        'in_port=1,tcp,nw_src=10.0.0.2,tp_dst=443',
        'recirc_id=0,eth,tcp,in_port=1,nw_src=10.0.0.2,nw_frag=no,tp_dst=443',
        '3',
      ],
      [
        'in_port=1,tcp,nw_src=10.0.0.2,tp_dst=22',
        'recirc_id=0,eth,tcp,in_port=1,nw_src=10.0.0.2,nw_frag=no,tp_dst=0x0/0xffc0',
        '2',
      ],
      ['in_port=1,udp,nw_src=10.0.0.3', 'recirc_id=0,eth,udp,in_port=1,nw_src=10.0.0.3,nw_frag=no', '2'],
      ['in_port=2,udp,nw_src=10.0.0.3', 'recirc_id=0,eth,ip,in_port=2,nw_frag=no', 'drop'],
    ],
  },
  {
    flows: ['actions=NORMAL'],
    ports: [],
    packets: [
      [
        'in_port=1,tcp,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,ip,in_port=1,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,nw_frag=no',
        '100,2,3,4',
      ],
      [
        'in_port=1,tcp,dl_vlan=5,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,ip,in_port=1,dl_vlan=5,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,nw_frag=no',
        '100,2,3,4',
      ],
      [
        'in_port=1,arp,dl_src=50:54:00:00:00:01,dl_dst=ff:ff:ff:ff:ff:ff,arp_op=1',
        'recirc_id=0,eth,arp,in_port=1,dl_src=50:54:00:00:00:01,dl_dst=ff:ff:ff:ff:ff:ff,arp_spa=0.0.0.0,arp_tpa=0.0.0.0,arp_op=1',
        '100,2,3,4',
      ],
      [
        'in_port=1,arp,dl_src=50:54:00:00:00:01,dl_dst=ff:ff:ff:ff:ff:ff,arp_op=2',
        'recirc_id=0,eth,arp,in_port=1,dl_src=50:54:00:00:00:01,dl_dst=ff:ff:ff:ff:ff:ff,arp_op=2',
        '100,2,3,4',
      ],
      [
        'in_port=1,dl_src=50:54:00:00:00:01,dl_dst=01:80:c2:00:00:0e',
        'recirc_id=0,eth,in_port=1,dl_src=50:54:00:00:00:01,dl_dst=01:80:c2:00:00:0e,dl_type=0x0000',
        'drop',
      ],
      [
        'in_port=1,dl_src=50:54:00:00:00:01,dl_dst=01:00:0c:cc:cc:cc',
        'recirc_id=0,eth,in_port=1,dl_src=50:54:00:00:00:01,dl_dst=01:00:0c:cc:cc:cc,dl_type=0x0000',
        'drop',
      ],
      [
        'in_port=1,dl_src=50:54:00:00:00:01,dl_dst=01:00:0c:cc:cc:c3',
        'recirc_id=0,eth,in_port=1,dl_src=50:54:00:00:00:01,dl_dst=01:00:0c:cc:cc:c3,dl_type=0x0000',
        'drop',
      ],
      [
        'in_port=1,dl_src=50:54:00:00:00:01,dl_dst=00:e0:2b:00:00:01',
        'recirc_id=0,eth,in_port=1,dl_src=50:54:00:00:00:01,dl_dst=00:e0:2b:00:00:01,dl_type=0x0000',
        '100,2,3,4',
      ],
      [
        'in_port=LOCAL,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=LOCAL,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        '1,2,3,4',
      ],
    ],
  },
  {
    flows: ['actions=NORMAL'],
    ports: [
      'p1 tag=10',
      'p2 trunks=10,20',
      'p3 vlan_mode=native-tagged tag=10 trunks=20',
      'p4 vlan_mode=native-untagged tag=20',
    ],
    packets: [
      [
        'in_port=1,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=1,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        'push_vlan(vid=10,pcp=0),100,2,3,4',
      ],
      [
        'in_port=1,dl_vlan=10,dl_vlan_pcp=3,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=1,dl_vlan=10,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        'drop',
      ],
      [
        'in_port=1,dl_vlan=20,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=1,dl_vlan=20,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        'drop',
      ],
      [
        'in_port=1,dl_vlan=30,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=1,dl_vlan=30,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        'drop',
      ],
      [
        'in_port=1,vlan_tci=0x5000,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=1,dl_vlan=0,dl_vlan_pcp=2,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        'pop_vlan,push_vlan(vid=10,pcp=2),100,2,3,4',
      ],
      [
        'in_port=2,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=2,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        'drop',
      ],
      [
        'in_port=2,dl_vlan=10,dl_vlan_pcp=3,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=2,dl_vlan=10,dl_vlan_pcp=3,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        '100,pop_vlan,1,push_vlan(vid=10,pcp=3),3,4',
      ],
      [
        'in_port=2,dl_vlan=20,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=2,dl_vlan=20,dl_vlan_pcp=0,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        '100,3,pop_vlan,4',
      ],
      [
        'in_port=2,dl_vlan=30,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=2,dl_vlan=30,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        'drop',
      ],
      [
        'in_port=2,vlan_tci=0x5000,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=2,dl_vlan=0,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        'drop',
      ],
      [
        'in_port=3,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=3,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        'push_vlan(vid=10,pcp=0),100,pop_vlan,1,push_vlan(vid=10,pcp=0),2,4',
      ],
      [
        'in_port=3,dl_vlan=10,dl_vlan_pcp=3,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=3,dl_vlan=10,dl_vlan_pcp=3,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        '100,pop_vlan,1,push_vlan(vid=10,pcp=3),2,4',
      ],
      [
        'in_port=3,dl_vlan=20,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=3,dl_vlan=20,dl_vlan_pcp=0,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        '100,2,pop_vlan,4',
      ],
      [
        'in_port=3,dl_vlan=30,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=3,dl_vlan=30,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        'drop',
      ],
      [
        'in_port=3,vlan_tci=0x5000,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=3,dl_vlan=0,dl_vlan_pcp=2,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        'pop_vlan,push_vlan(vid=10,pcp=2),100,pop_vlan,1,push_vlan(vid=10,pcp=2),2,4',
      ],
      [
        'in_port=4,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=4,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        'push_vlan(vid=20,pcp=0),100,2,3',
      ],
      [
        'in_port=4,dl_vlan=10,dl_vlan_pcp=3,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=4,dl_vlan=10,dl_vlan_pcp=3,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        '100,pop_vlan,1,push_vlan(vid=10,pcp=3),2,3',
      ],
      [
        'in_port=4,dl_vlan=20,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=4,dl_vlan=20,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        '100,2,3',
      ],
      [
        'in_port=4,dl_vlan=30,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=4,dl_vlan=30,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        '100',
      ],
      [
        'in_port=4,vlan_tci=0x5000,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=4,dl_vlan=0,dl_vlan_pcp=2,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        'pop_vlan,push_vlan(vid=20,pcp=2),100,2,3',
      ],
      [
        'in_port=LOCAL,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=LOCAL,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        'drop',
      ],
      [
        'in_port=LOCAL,dl_vlan=10,dl_vlan_pcp=3,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=LOCAL,dl_vlan=10,dl_vlan_pcp=3,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        'pop_vlan,1,push_vlan(vid=10,pcp=3),2,3,4',
      ],
      [
        'in_port=LOCAL,dl_vlan=20,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=LOCAL,dl_vlan=20,dl_vlan_pcp=0,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        '2,3,pop_vlan,4',
      ],
      [
        'in_port=LOCAL,dl_vlan=30,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=LOCAL,dl_vlan=30,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        '4',
      ],
      [
        'in_port=LOCAL,vlan_tci=0x5000,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02',
        'recirc_id=0,eth,in_port=LOCAL,dl_vlan=0,dl_src=50:54:00:00:00:01,dl_dst=50:54:00:00:00:02,dl_type=0x0000',
        'drop',
      ],
    ],
  },
];
