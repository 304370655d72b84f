# What dummy ports look like to the tools, and their administrative state.
bridge br0 1 2
ovs-vsctl add-port br0 i7 -- set interface i7 type=internal ofport_request=7
ovs-vsctl add-port br0 eth9 -- set interface eth9 ofport_request=9
ovs-vsctl add-port br0 tap5 -- set interface tap5 type=tap ofport_request=5
ovs-vsctl add-port br0 q3 -- set interface q3 type=dummy-pmd ofport_request=3 options:n_rxq=4 options:numa_id=0
ovs-vsctl set interface p2 options:ifindex=77 mtu_request=100
ovs-appctl dpif/show | sed 's/hit:.*//'
ovs-appctl dpctl/show | grep -v 'lookups\|port 0:'
is() { test "$(ovs-vsctl get interface $1 admin_state)" = $2; }
look() { ovs-vsctl --columns=name,type,ofport,error,admin_state,link_state,link_resets,mtu,ifindex,status list interface | sort | uniq -c; }
look
ovs-vsctl get interface br0 mtu
ovs-ofctl show br0 | grep -v addr
ovs-appctl netdev-dummy/set-admin-state p1 down
until_so is p1 down
ovs-vsctl get interface p1 admin_state link_state
ovs-ofctl show br0 | grep -A3 'p1'  | grep -v addr
ovs-appctl netdev-dummy/set-admin-state p1 up
until_so is p1 up
ovs-vsctl get interface p1 admin_state link_state
ovs-appctl netdev-dummy/set-admin-state down
for p in br0 eth9 i7 p1 p2 q3 tap5; do until_so is $p down; done
look
ovs-appctl netdev-dummy/set-admin-state up
for p in br0 eth9 i7 p1 p2 q3 tap5; do until_so is $p up; done
look
ovs-ofctl mod-port br0 p1 down
until_so is p1 down
ovs-vsctl get interface p1 admin_state link_state
ovs-ofctl mod-port br0 p1 up
until_so is p1 up
ovs-vsctl get interface p1 admin_state link_state
for words in '' p1 'p1 sideways' 'nope up' 'p1 up up'; do ovs-appctl netdev-dummy/set-admin-state $words; done
ovs-appctl netdev-dummy/conn-state
ovs-appctl netdev-dummy/conn-state p1
ovs-appctl netdev-dummy/conn-state nope
for words in '' br0 'br0 10.0.0.1/24' 'br0 10.0.0.1' 'br0 10.0.0.2/33' 'br0 x' 'nope 10.0.0.1/8'; do ovs-appctl netdev-dummy/ip4addr $words; done
for words in 'br0 fe80::1/64' 'br0 fe80::1' 'br0 x' 'nope fe80::1'; do ovs-appctl netdev-dummy/ip6addr $words; done
for words in '' 0 x '-5' '10 0' '1 2 3'; do ovs-appctl time/warp $words; done
# Longer frames than the port takes do not leave it; the header of Ethernet does not count.
ovs-ofctl add-flow br0 in_port=1,actions=2
for n in 113 114 115; do send p1 1 2 --len $n; done
ovs-ofctl dump-ports br0 2 | grep -o 'tx pkts=[0-9]*, bytes=[0-9]*'
frames p2-tx.pcap
