# Into tunnels: what a trace says.
underlay
overlay
tunnel t1 3 gre options:remote_ip=1.1.2.92 options:key=456 options:csum=true options:seq=true
tunnel t2 2 vxlan options:remote_ip=1.1.2.92 options:key=123
tunnel t4 5 geneve options:remote_ip=flow options:key=123
tunnel t6 6 vxlan options:remote_ip=2001:cafe::92 options:key=flow options:tos=inherit options:ttl=inherit
tunnel t9 9 ip6gre options:remote_ip=2001:cafe::92 options:key=5
tunnel t10 10 vxlan options:remote_ip=1.1.2.99 options:key=5
tunnel t11 11 gre options:remote_ip=9.9.9.9 options:key=5
ovs-ofctl add-tlv-map int-br "{class=0xffff,type=0,len=4}->tun_metadata0"
for actions in output:3 output:2 "set_field:1.1.2.92->tun_dst,set_field:0xa->tun_metadata0,output:5" \
  "load:7->NXM_NX_TUN_ID[],output:6,output:2" output:9 "output:2,output:3,output:6,output:1" "mod_nw_tos:252,output:6,mod_dl_src:00:00:00:00:00:09,output:2"; do
  ovs-ofctl add-flow int-br "actions=$actions"
  trace int-br "$packet"
done
# Out of them.
ovs-ofctl add-flow int-br actions=output:1
trace br0 in_port=1,ip,dl_src=f8:bc:12:44:34:b6,dl_dst=aa:55:aa:55:00:00,nw_src=1.1.2.92,nw_dst=1.1.2.88,nw_proto=47,nw_ttl=64
carried=in_port=1,dl_src=f8:bc:12:44:34:b6,dl_dst=aa:55:aa:55:00:00
four=nw_src=1.1.2.92,nw_dst=1.1.2.88,nw_ttl=64
trace br0 "$carried,udp,$four,udp_dst=4789"
trace br0 "$carried,udp,$four,udp_dst=4799"
trace br0 "$carried,udp6,ipv6_src=2001:cafe::92,ipv6_dst=2001:cafe::88,udp_dst=4789"
trace int-br in_port=2,tun_id=123,tun_src=1.1.2.92,tun_dst=1.1.2.88,tun_ttl=64,ip,dl_src=50:54:00:00:00:06,dl_dst=50:54:00:00:00:05
trace int-br in_port=2,tun_id=123,tun_src=1.1.2.92,tun_dst=1.1.2.88,tun_ttl=64,tun_tos=3,ip,nw_tos=0,dl_src=50:54:00:00:00:06,dl_dst=50:54:00:00:00:05
# No way, and nobody there: last, since Open vSwitch learns from what it asks.
for actions in output:11 output:10; do
  ovs-ofctl add-flow int-br "actions=$actions"
  trace int-br "$packet"
done
