# Statistics come to the database when their time has come.
bridge br0 1 2
ovs-appctl time/stop
ovs-appctl time/warp 5000; ovs-appctl time/warp 5000
ovs-ofctl add-flow br0 in_port=1,actions=2
send p1 1 2; send p1 1 2 --len 300
stats() { for p in p1 p2; do ovs-vsctl get interface $p statistics; done; }
ovs-appctl time/warp 6000; ovs-appctl time/warp 1000; stats
send p1 1 2
ovs-appctl time/warp 5500; ovs-appctl time/warp 1000; stats
ovs-vsctl set open . other_config:stats-update-interval=60000
ovs-appctl time/warp 60000; ovs-appctl time/warp 1000
send p1 1 2
ovs-appctl time/warp 30000; stats
ovs-appctl time/warp 31000; ovs-appctl time/warp 1000; stats
ovs-vsctl clear open . other_config
ovs-ofctl dump-ports br0 p1 | plain; ovs-ofctl -O OpenFlow13 dump-ports br0 p2 | grep -v duration | plain
ovs-appctl dpctl/show -s | grep -A5 'port 1:'
ovs-ofctl dump-aggregate br0 | plain
ovs-ofctl dump-tables br0 | head -3 | plain
# Who is not there is tried again by the same clock.
ovs-vsctl set-controller br0 unix:$PWD/nobody
state() { ovs-vsctl --columns=is_connected,status list controller | grep -o 'is_connected.*\|state=[A-Z]*'; }
ovs-appctl time/warp 1000; ovs-appctl time/warp 1000; ovs-appctl time/warp 1000
ovs-appctl time/warp 6000; ovs-appctl time/warp 1000; state
