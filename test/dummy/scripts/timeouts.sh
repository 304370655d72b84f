# Rules come to their end by the clock that we move, with the figures that they had.
bridge br0 1 2
ovs-appctl time/stop
ovs-ofctl add-flow br0 idle_timeout=10,cookie=1,in_port=1,udp,tp_src=1,actions=2
ovs-ofctl add-flow br0 hard_timeout=15,cookie=2,in_port=1,udp,tp_src=2,actions=2
ovs-ofctl add-flow br0 idle_timeout=5,hard_timeout=100,cookie=3,in_port=1,udp,tp_src=3,actions=2
ovs-ofctl add-flow br0 cookie=4,priority=1,actions=drop
ovs-ofctl -O OpenFlow10 monitor br0 --detach --no-chdir --pidfile="$PWD/monitor.pid" --unixctl="$PWD/monitor.ctl" 2> monitor.log
show() { ovs-ofctl dump-flows br0 | sort | plain; }
for n in 1 2 3 4; do send p1 $n 9; done
show
ovs-appctl time/warp 4000; show
send p1 3 9; send p1 3 9
ovs-appctl time/warp 4000; show
send p1 1 9
ovs-appctl time/warp 2000; show
ovs-appctl time/warp 5000 1000; show
ovs-appctl time/warp 4000; show
ovs-appctl time/warp 5000 250; show
ovs-ofctl add-flow br0 idle_timeout=30,hard_timeout=40,actions=2
ovs-appctl time/warp 29000; show
send p1 1 9
ovs-appctl time/warp 5000; show
ovs-appctl time/warp 6000; show
ovs-appctl -t "$PWD/monitor.ctl" exit
frames p2-tx.pcap
