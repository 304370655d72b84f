# Two bridges and a wire between them.
bridge br0 1 2
ovs-vsctl add-br br1 -- set bridge br1 datapath_type=dummy fail_mode=secure other_config:hwaddr=aa:55:aa:66:00:01
ports br1 3 4
ovs-vsctl add-port br0 to1 -- set interface to1 type=patch options:peer=to0 ofport_request=10 -- add-port br1 to0 -- set interface to0 type=patch options:peer=to1 ofport_request=20
ovs-appctl time/stop
ovs-ofctl add-flow br0 in_port=1,actions=set_field:5-\>reg0,10
ovs-ofctl add-flow br0 in_port=10,actions=2
ovs-ofctl add-flow br1 in_port=20,reg0=5,actions=3
ovs-ofctl add-flow br1 in_port=20,priority=1,actions=mod_tp_dst:99,4
ovs-ofctl add-flow br1 in_port=3,actions=20
ovs-appctl dpif/show | sed 's/hit:.*//'
send p1 1 2; send p1 1 2; send p3 3 1
ovs-appctl dpctl/dump-flows | grep -v '^flow-dump' | sed 's/packets:.*used:[^,]*/C/' | sort
for b in br0 br1; do ovs-appctl revalidator/wait; ovs-ofctl dump-flows $b | sort | plain; done
ovs-ofctl dump-ports br0 to1 | grep -o '.x pkts=[0-9]*, bytes=[0-9]*'
ovs-ofctl dump-ports br1 to0 | grep -o '.x pkts=[0-9]*, bytes=[0-9]*'
ovs-vsctl del-port to0
ovs-appctl revalidator/wait
send p1 1 2
for n in 1 2 3 4; do echo p$n; frames p$n-tx.pcap; done
