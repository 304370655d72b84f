# How many VLAN tags are fields, by other_config:vlan-limit; each change takes effect at once, and on flows that are there.
bridge br0 1 2
ovs-appctl time/stop
two=0000000000020000000000018100000a8100001408004500001c000000004011000001020304050607080001000200080000
# Only traced: with a limit above that at its start ovs-vswitchd 3.1 installs a flow for it that its revalidator does not know again.
three=0000000000020000000000018100000a810000148100001e08004500001c000000004011000001020304050607080001000200080000
limit() { if test -n "$1"; then ovs-vsctl set open_vswitch . other_config:vlan-limit=$1; else ovs-vsctl remove open_vswitch . other_config vlan-limit; fi; }
see() {
  ovs-appctl netdev-dummy/receive p1 $two
  for f in $two $three; do ovs-appctl ofproto/trace br0 in_port=1 $f; done
  ovs-appctl revalidator/wait
  ovs-appctl dpif/show-dp-features br0 | grep VLAN
  ovs-ofctl dump-flows br0 | grep -o 'n_packets=[1-9].*' | sort
}
for n in '' 2 1 0 3 -1 +2 01 x 1x ''; do
  echo "limit $n"
  limit $n
  ovs-ofctl del-flows br0
  ovs-ofctl add-flow br0 dl_vlan=10,dl_type=0x8100,actions=2
  ovs-ofctl add-flow br0 priority=9,dl_vlan=10,udp,tp_dst=2,actions=2
  ovs-ofctl -OOpenFlow13 add-flow br0 priority=10,dl_vlan=11,actions=pop_vlan,2
  see
done
# Flows that are there, of a limit that is no more; the datapath begins anew, with two.
frames p2-tx.pcap
ovs-vsctl del-br br0
limit 2
bridge br0 1 2
ovs-appctl dpif/show-dp-features br0 | grep VLAN
ovs-ofctl add-flow br0 priority=1,dl_vlan=10,actions=strip_vlan,resubmit\(,1\)
ovs-ofctl add-flow br0 table=1,dl_vlan=20,ip,actions=strip_vlan,2
ovs-ofctl add-flow br0 table=1,priority=1,actions=1
ovs-appctl netdev-dummy/receive p1 $two
ovs-appctl netdev-dummy/receive p1 $two
limit 1
ovs-appctl netdev-dummy/receive p1 $two
limit 2
ovs-appctl netdev-dummy/receive p1 $two
limit
frames p2-tx.pcap
