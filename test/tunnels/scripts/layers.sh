# Tunnels of packets without an Ethernet header: which ports can be, and what they send.
underlay
overlay
ovs-vsctl set bridge int-br protocols=OpenFlow10,OpenFlow13,OpenFlow15
# One more bridge, behind a patch port.
ovs-vsctl add-br far -- set bridge far datapath_type=dummy fail_mode=secure -- add-port far pb -- set interface pb type=patch options:peer=pa
ovs-ofctl add-flow far actions=LOCAL
tunnel pa 20 patch options:peer=pb
remote=options:remote_ip=1.1.2.92
gpe="options:exts=gpe options:dst_port=4790"
for type in vxlan geneve ip6gre gre; do
  for layer in legacy_l2 legacy_l3 ptap x; do
    tunnel f 50 $type $remote options:packet_type=$layer 2>&1 | sed 's/  See .*//;/log directory/d'
    echo "$type $layer $(ovs-vsctl get interface f error ofport | paste -s)"
    $A dpif/show | grep -o ' f 50.*' | sed 's,/[0-9]*,,'
    ovs-vsctl del-port f
  done
done
tunnel l3 3 gre $remote options:key=3 options:packet_type=legacy_l3
tunnel pt 4 gre $remote options:key=4 options:packet_type=ptap
tunnel l2 5 gre $remote options:key=5 options:packet_type=legacy_l2
tunnel xp 6 vxlan $remote options:key=6 $gpe options:packet_type=ptap
tunnel xl 7 vxlan $remote options:key=7 $gpe
tunnel x3 8 vxlan $remote options:key=8 $gpe options:packet_type=legacy_l3
tunnel i6 9 ip6gre options:remote_ip=2001:cafe::92 options:packet_type=ptap
# The same tunnel for other packets.
tunnel l3b 13 gre $remote options:key=3
tunnel l3c 14 gre $remote options:key=3 options:packet_type=ptap
$A ofproto/list-tunnels | sed 's/^port [0-9]*: //' | by_name | sort
say() { trace int-br "$@" | grep '>>\|-> tunneling to\|^Final\|^Datapath'; }
six=in_port=1,icmp6,ipv6_src=fe80::1,ipv6_dst=fe80::2,dl_src=50:54:00:00:00:05,dl_dst=50:54:00:00:00:06,nw_ttl=64
arp=in_port=1,arp,dl_src=50:54:00:00:00:05,dl_dst=50:54:00:00:00:06,arp_spa=10.0.0.1,arp_tpa=10.0.0.2
for n in 3 4 5 6 7 8 9; do
  echo "== to $n"
  ovs-ofctl del-flows int-br
  ovs-ofctl -OOpenFlow15 add-flow int-br "actions=output:$n"
  say "$packet"
  say "$six"
  # What cannot be said is not sent: Open vSwitch takes the header off, all the same.
  [ $n != 8 ] && say "$arp"
done
for actions in 'decap()' 'decap(),encap(ethernet)' 'encap(nsh)'; do
  for n in 3 4 5 6 7 8 1 20; do
    [ "$actions" = "encap(nsh)" ] && [ $n != 3 ] && [ $n != 4 ] && [ $n != 6 ] && continue
    # Here Open vSwitch ends by an assertion.
    [ "$n $actions" = "3 decap(),encap(ethernet)" -o "$n $actions" = "8 decap(),encap(ethernet)" ] && continue
    echo "== $actions, to $n"
    ovs-ofctl del-flows int-br
    ovs-ofctl -OOpenFlow15 add-flow int-br "in_port=1,ip,actions=$actions,output:$n"
    say "$packet"
  done
done
