# Addresses are learned, and forgotten when their time has come.
bridge br0 1 2 3
ovs-appctl time/stop
ovs-vsctl set bridge br0 other_config:mac-aging-time=20
ovs-vsctl set port p3 tag=7
ovs-ofctl add-flow br0 actions=NORMAL
fdb() { ovs-appctl fdb/show br0; }
send p1 1 2
fdb
send p2 2 1
ovs-appctl time/warp 3000
fdb
send p1 1 2
send p3 3 1
fdb
ovs-appctl time/warp 10000
send p2 1 4
fdb
ovs-appctl time/warp 9000
fdb
ovs-appctl time/warp 3000
fdb
ovs-appctl time/warp 12000 1000
fdb
send p1 1 2; send p2 2 1
ovs-appctl fdb/flush br0
fdb
ovs-appctl fdb/stats-show br0
ovs-vsctl set bridge br0 other_config:mac-table-size=10
for n in 1 2 3 4 5 6 7 8 9; do send p1 $n 9; done
fdb
for n in 1 2 3; do echo p$n; frames p$n-tx.pcap; done
