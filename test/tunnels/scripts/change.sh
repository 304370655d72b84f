# Options of a living port: they take effect and the number stays; so does the status.
underlay
overlay
tunnel t1 3 gre options:remote_ip=1.1.2.92 options:key=456
tunnel t2 4 vxlan options:remote_ip=1.1.2.92 options:key=456
ovs-ofctl add-flow int-br actions=output:3,output:4
show() { ovs-vsctl get interface t1 ofport; ovs-vsctl get interface t2 ofport; trace int-br "$packet" | grep Datapath; $A dpif/show | grep ' t[0-9]' | by_name; $A tnl/ports/show | sort | by_name | sed 's/([0-9]*)/(N)/'; }
show
ovs-vsctl set interface t1 options:key=5; show
ovs-vsctl set interface t1 options:remote_ip=2001:cafe::92; show
ovs-vsctl set interface t1 options:csum=true options:tos=8; show
ovs-vsctl set interface t2 options:dst_port=4790; show
ovs-vsctl set interface t2 options:remote_ip=1.1.2.92 options:key=5 options:ttl=7; show
ovs-vsctl set interface t2 options:ttl=9 options:remote_ip=5.5.5.5; show
ovs-vsctl remove interface t2 options remote_ip; ovs-vsctl --columns=ofport,error list interface t2
ovs-vsctl set interface t2 options:remote_ip=1.1.2.92; show
ovs-vsctl set interface t1 type=vxlan; show
