# Dummy ports joined by sockets.
bridge br0 1 2
ovs-vsctl add-port br0 s1 -- set interface s1 type=dummy ofport_request=11 options:pstream=punix:$PWD/s.sock options:pcap=$PWD/s1.pcap
ovs-vsctl add-port br0 s2 -- set interface s2 type=dummy ofport_request=12 options:stream=unix:$PWD/s.sock options:pcap=$PWD/s2.pcap
ovs-ofctl add-flow br0 in_port=1,actions=11
ovs-ofctl add-flow br0 in_port=12,actions=2
ovs-ofctl add-flow br0 in_port=2,actions=12
ovs-ofctl add-flow br0 in_port=11,actions=1
connected() { test "$(ovs-appctl netdev-dummy/conn-state $1)" = "$1: $2"; }
until_so connected s2 connected
ovs-appctl netdev-dummy/conn-state | sort
ovs-appctl netdev-dummy/conn-state s1
ovs-appctl dpif/show | grep ' s[12]' | plain
got() { test "$(ovs-ofctl dump-ports br0 $1 | grep -o 'tx pkts=[0-9]*')" = "tx pkts=$2"; }
send p1 1 2; send p1 2 1 --len 500; send p2 3 4
until_so got 2 2
until_so got 1 1
for f in p1-tx p2-tx s1 s2; do echo $f; frames $f.pcap; done
ovs-vsctl del-port s1
until_so connected s2 disconnected
ovs-vsctl add-port br0 s1 -- set interface s1 type=dummy ofport_request=11 options:pstream=punix:$PWD/s.sock
ovs-appctl time/stop; ovs-appctl time/warp 9000 1000
until_so connected s2 connected
send p1 1 2
until_so got 2 3
ovs-vsctl add-port br0 s3 -- set interface s3 type=dummy options:stream=unix:$PWD/none.sock -- add-port br0 s4 -- set interface s4 type=dummy options:stream=foo options:pstream=bar
ovs-vsctl add-port br0 s5 -- set interface s5 type=dummy options:pstream=bar
for n in 3 4 5; do ovs-appctl netdev-dummy/conn-state s$n; ovs-vsctl get interface s$n error; done
ovs-appctl dpif/show | grep ' s[345]' | plain | sed 's,[0-9]*/[0-9]*,N,'
