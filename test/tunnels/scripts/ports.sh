# What tools say of tunnel ports.
underlay
overlay
tunnel t1 3 gre options:remote_ip=1.1.2.92 options:key=456 options:csum=true options:seq=true
tunnel t2 2 vxlan options:remote_ip=1.1.2.92 options:key=123
tunnel t4 5 geneve options:remote_ip=flow options:key=123
tunnel t6 6 vxlan options:remote_ip=2001:cafe::92 options:key=124
tunnel t8 8 vxlan options:remote_ip=1.1.2.92 options:dst_port=4790 options:key=flow options:exts=gbp
tunnel t9 9 ip6gre options:remote_ip=2001:cafe::92 options:key=5
tunnel t11 11 gre options:remote_ip=1.1.2.93 options:local_ip=1.1.2.88 options:in_key=1 options:out_key=2 options:tos=inherit options:ttl=inherit options:df_default=false
tunnel t12 12 geneve options:remote_ip=1.1.2.93 options:dst_port=7000 options:tos=0x10 options:ttl=5 options:egress_pkt_mark=7 options:csum=true
tunnel t13 13 gre options:remote_ip=1.1.2.94 options:key=0x0
tunnel t14 14 gre options:remote_ip=1.1.2.95 options:in_key=flow options:out_key=3
tunnel t15 15 vxlan options:remote_ip=1.1.2.96 options:packet_type=ptap options:dst_port=4791 options:exts=gpe
ovs-vsctl --columns=name,ofport,error,status,link_state,admin_state find interface | grep -v '^$' | paste - - - - - - | sort | grep '"\?t[0-9]'
echo ports; $A tnl/ports/show | sort | by_name | sed 's/([0-9]*)/(N)/'
$A tnl/ports/show -v | sort | by_name | sed 's/([0-9]*)/(N)/'
echo dpctl; $A dpctl/show | by_name | grep -v 'port 0: ovs-dummy\|lookups:' | sort
echo dpif; $A dpif/show | by_name | sed 's/hit:.*//'
echo tunnels; $A ofproto/list-tunnels | by_name | sort
ovs-ofctl show int-br | sed 's/addr:[0-9a-f:]*/addr/;s/xid=0x[0-9a-f]*//;s/dpid:.*//' | grep -v capab
ovs-vsctl del-port t1 -- del-port t8 -- del-port t6
$A tnl/ports/show | sort | by_name | sed 's/([0-9]*)/(N)/'; $A dpctl/show | by_name | grep -v 'port 0: ovs-dummy\|lookups:' | sort
