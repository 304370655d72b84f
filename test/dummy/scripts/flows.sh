# Flows of the datapath as text, where both switches look at the same bits of a packet.
bridge br0 1 2 3
ovs-appctl time/stop
# What differs from run to run: numbers of flows and of passes; and what is of ovs-vswitchd's own making.
same() { grep -v '^flow-dump' | sed -e 's/ufid:[-0-9a-f]*/ufid:U/' -e 's/, dp-extra-info:.*),/,/;s/, dp-extra-info:.*//' -e 's/recirc(0x[0-9a-f]*)/recirc(N)/g' -e 's/recirc_id(0x[1-9a-f][0-9a-f]*)/recirc_id(N)/g' -e 's/recirc_id=[0-9]*/recirc_id=N/' | sort; }
dump() { ovs-appctl dpctl/dump-flows "$@" | same; }
# FLOW...: the bridge's flows from now on. Not replaced in one go: what goes then may be looked at once more.
# A revalidator of ovs-vswitchd that is at work at that moment leaves a flow behind.
load() {
  ovs-ofctl del-flows br0
  printf '%s\n' "$@" | ovs-ofctl -O OpenFlow13 add-flows br0 -
  for n in 1 2 3 4 5 6 7 8; do
    ovs-appctl revalidator/purge
    [ -n "$(ovs-appctl dpctl/dump-flows | grep -v ^flow-dump)" ] || break
  done
}
# PACKET...: each twice, so that it is counted.
give() { for p in "$@"; do ovs-appctl netdev-dummy/receive p1 "$p"; ovs-appctl netdev-dummy/receive p1 "$p"; done; }
see() { echo "-- $1"; dump; dump -m; }
eth='in_port(1),eth(src=50:54:00:00:00:01,dst=50:54:00:00:00:02)'
ip="$eth,eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=17,tos=0,ttl=64,frag=no),udp(src=1000,dst=2000)"
tcp="$eth,eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=6,tos=4,ttl=64,frag=no),tcp(src=1000,dst=80),tcp_flags(ack)"
icmp="$eth,eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=1,tos=0,ttl=64,frag=no),icmp(type=8,code=0)"
ip6="$eth,eth_type(0x86dd),ipv6(src=fe80::1,dst=fe80::2,label=0x12,proto=6,tclass=0,hlimit=64,frag=no),tcp(src=1000,dst=80)"
nd="$eth,eth_type(0x86dd),ipv6(src=fe80::1,dst=fe80::2,label=0,proto=58,tclass=0,hlimit=255,frag=no),icmpv6(type=135,code=0),nd(target=fe80::3)"
arp="$eth,eth_type(0x0806),arp(sip=10.0.0.1,tip=10.0.0.2,op=1,sha=50:54:00:00:00:01,tha=00:00:00:00:00:00)"
vlan="$eth,eth_type(0x8100),vlan(vid=10,pcp=3),encap(eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2))"
mpls="$eth,eth_type(0x8847),mpls(label=100,tc=3,ttl=64,bos=1)"

load actions=2; give "$ip" "$arp"; see 'all to one port'
load actions=drop; give "$ip"; see drop
load actions=2,3; give "$ip"; see 'two ports'
load in_port=1,actions=in_port; give "$ip"; see 'back'
load ip,nw_dst=10.0.0.2,actions=2; give "$ip"; see 'an address'
load dl_src=50:54:00:00:00:01,actions=2; give "$ip"; see 'a station'
load dl_dst=00:00:00:00:00:00/01:00:00:00:00:00,actions=2; give "$ip"; see 'a masked station'
load tcp,nw_src=10.0.0.0/8,tp_dst=80,actions=2; give "$tcp"; see 'a prefix and a port'
load tcp,tcp_flags=+ack,actions=2; give "$tcp"; see 'a flag'
load tcp,nw_tos=4,actions=2; give "$tcp"; see 'type of service'
load ip,nw_ecn=0,nw_ttl=64,actions=2; give "$tcp"; see 'ecn and ttl'
load icmp,icmp_type=8,icmp_code=0,actions=2; give "$icmp"; see icmp
load tcp6,ipv6_src=fe80::/64,ipv6_label=0x12,tp_src=1000,actions=2; give "$ip6"; see ipv6
load icmp6,icmp_type=135,icmp_code=0,nd_target=fe80::3,actions=2; give "$nd"; see neighbors
load arp,arp_op=1,arp_spa=10.0.0.1,arp_tpa=10.0.0.2,arp_sha=50:54:00:00:00:01,actions=2; give "$arp"; see arp
load dl_vlan=10,dl_vlan_pcp=3,actions=2; give "$vlan"; see 'a tag'
load dl_vlan=10,actions=strip_vlan,2; give "$vlan"; see 'a tag taken off'
load ip,actions=push_vlan:0x8100,set_field:4106-\>vlan_vid,2; give "$ip"; see 'a tag put on'
load mpls,mpls_label=100,mpls_tc=3,mpls_bos=1,actions=2; give "$mpls"; see mpls
load ip,actions=push_mpls:0x8847,set_field:7-\>mpls_label,2; give "$ip"; see 'a label put on'
load mpls,mpls_bos=1,actions=pop_mpls:0x0800,resubmit\(,1\) table=1,ip,actions=2; give "$mpls"; see 'a label taken off'
load ip,actions=mod_dl_src:00:00:00:00:00:09,mod_dl_dst:00:00:00:00:00:08,2; give "$ip"; see 'stations set'
load ip,actions=mod_nw_src:1.2.3.4,mod_nw_tos:8,dec_ttl,2; give "$ip"; see 'IPv4 set'
load udp,actions=mod_tp_src:7,mod_tp_dst:8,2; give "$ip"; see 'ports set'
load tcp6,actions=set_field:fe80::9-\>ipv6_dst,set_field:5-\>ipv6_label,dec_ttl,2; give "$ip6"; see 'IPv6 set'
load actions=set_field:5-\>pkt_mark,set_queue:3,2; give "$ip"; see 'mark and queue'
load actions=output\(port=2,max_len=100\); give "$ip"; see 'cut short'
load actions=sample\(probability=20000,collector_set_id=1,obs_domain_id=2,obs_point_id=3\),2; give "$ip"; see sampled
load 'ip,actions=clone(mod_nw_src:1.2.3.4,2),3'; give "$ip"; see clone
load actions=controller; give "$ip"; see controller
load actions=normal; give "$ip"; see 'normal'
load 'in_port=1,reg0=0,actions=load:1->NXM_NX_REG0[],resubmit(,1)' table=1,reg0=1,metadata=0,actions=2; give "$ip"; see registers
ovs-ofctl -O OpenFlow13 add-group br0 group_id=1,type=select,bucket=output:2,bucket=output:3
load actions=group:1; give "$ip"; echo '-- a group'; dump | sed 's/actions:[23]$/actions:one/;s/dp_hash([^)]*)/dp_hash(H)/'
load actions=multipath\(symmetric_l4,1,modulo_n,1,0,reg0\),2; give "$tcp"; see 'symmetric hash'
# Time, counters, what to show.
load ip,nw_dst=10.0.0.2,actions=2 arp,actions=3 ip6,actions=drop; give "$ip" "$arp" "$ip6"
ovs-appctl time/warp 2000
give "$arp"
dump; dump -m; dump --names; ovs-appctl dpif/dump-flows br0 | same; ovs-appctl dpif/dump-flows -m br0 | same; ovs-appctl dpif/dump-flows --names br0 | same
for f in arp ip ip,nw_dst=10.0.0.2 ip,nw_dst=10.0.0.0/8 in_port=1 in_port=2 in_port=p1 ipv6 tcp dl_src=50:54:00:00:00:01 tp_src=5 tcp,tcp_flags=+ack tcp,udp nonsense ip,nw_dst=x eth_type=0x0800 dl_type=0x806 eth_type=0x1234 eth_type=0x0800,nw_proto=17 eth_type=0x0800,udp tun_metadata0=1 tun_metadata0 tun_metadata0=1/1 tun_metadata64=1 tun_id=1 tun_src=1.2.3.4; do echo "filter=$f"; dump filter=$f; dump -m filter=$f; done
for t in ovs tc dpdk offloaded non-offloaded partially-offloaded all ovs,tc nonsense ''; do echo "type=$t"; dump type=$t; done
dump type=ovs filter=arp; dump filter=arp type=tc; dump dummy@ovs-dummy; dump filter=arp dummy@ovs-dummy; dump dummy@nothing; dump nothing more
ovs-appctl dpif/dump-flows; ovs-appctl dpif/dump-flows br9; ovs-appctl dpif/dump-flows -m; ovs-appctl dpif/dump-flows br0 more
ovs-appctl dpctl/dump-flows --names -m filter=arp | same
ovs-appctl dpctl/dump-flows -s | same
ovs-appctl dpctl/dump-flows --more | same
ovs-appctl dpif/show | sed 's/hit:.*//'; ovs-appctl dpctl/show -s | grep -v 'hit:\|masks:\|cache' | sed '/port 0:/,/RX bytes/d'
ovs-appctl ofproto/list; ovs-appctl fdb/show br0; ovs-appctl fdb/show br9
ovs-appctl time/warp 20000
dump
# Without a bridge there is no datapath, and that of the next one counts anew.
ovs-vsctl del-br br0
for c in dpif/show dpif/dump-dps dpctl/show dpctl/dump-dps "dpctl/show dummy@ovs-dummy" dpctl/cache-get-size; do echo "$c"; ovs-appctl $c; done
bridge br0 1 2 3
load actions=2; give "$ip"
ovs-appctl dpif/show | grep hit:; ovs-appctl dpctl/show | grep 'hit:[0-9]* missed'
