# Files of what is sent, received, and both.
bridge br0
ovs-appctl time/stop
add() { ovs-vsctl add-port br0 $1 -- set interface $1 type=dummy ofport_request=$2 "${@:3}"; }
add p1 1 options:rxq_pcap=$PWD/p1-rx.pcap
add p2 2 options:tx_pcap=$PWD/p2-tx.pcap
add p3 3 options:pcap=$PWD/p3.pcap
add p4 4 options:tx_pcap=$PWD/p4.pcap options:rxq_pcap=$PWD/p4.pcap
add p5 5 options:tx_pcap=$PWD/p5-tx.pcap options:rxq_pcap=$PWD/p5-rx.pcap
ovs-ofctl add-flow br0 actions=mod_tp_dst:77,1,2,3,4,5
send p1 1 2; send p3 2 1 --len 77; send p4 3 1; send p5 4 1
for f in p1-rx p2-tx p3 p4 p5-tx p5-rx; do echo $f; hex $f.pcap; done
# A file that is there is continued, with another option as with the same.
ovs-vsctl set interface p2 options:tx_pcap=$PWD/p3.pcap
ovs-vsctl set interface p5 other_config:x=y
send p1 5 2; send p5 5 6
for f in p2-tx p3 p5-rx; do echo $f; hex $f.pcap; done
ovs-vsctl clear interface p5 options
send p5 5 6
hex p5-rx.pcap
ovs-vsctl get interface p5 ofport
