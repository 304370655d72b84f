# Copies to a mirror's port.
bridge br0 1 2 3
ovs-appctl time/stop
ovs-ofctl add-flow br0 actions=NORMAL
send p1 1 2; send p2 2 1
rm -f p?-tx.pcap; for n in 1 2 3; do ovs-vsctl set interface p$n options:tx_pcap=$PWD/q$n-tx.pcap; done
see() { for n in 1 2 3; do echo "$1 p$n"; ovs-ofctl parse-pcap $PWD/q$n-tx.pcap | sed 's/^/  /'; rm $PWD/q$n-tx.pcap; ovs-vsctl clear interface p$n options; ovs-vsctl set interface p$n options:tx_pcap=$PWD/q$n-tx.pcap; done; }
mirror() { ovs-vsctl --id=@p1 get port p1 -- --id=@p2 get port p2 -- --id=@p3 get port p3 -- --id=@m create mirror name=m output_port=@p3 "$@" -- set bridge br0 mirrors=@m > /dev/null; ovs-appctl revalidator/purge; }
mirror select_all=true
send p1 1 2; send p2 2 1; see all
ovs-vsctl clear bridge br0 mirrors; ovs-appctl revalidator/purge
mirror select_src_port=@p1
send p1 1 2; send p2 2 1; see from
ovs-vsctl clear bridge br0 mirrors; ovs-appctl revalidator/purge
mirror select_dst_port=@p1
send p1 1 2; send p2 2 1; see to
ovs-appctl time/warp 6000; ovs-appctl time/warp 6000
ovs-vsctl get mirror m statistics
ovs-vsctl clear bridge br0 mirrors; ovs-appctl revalidator/purge
ovs-appctl revalidator/wait
send p1 1 2; see none
