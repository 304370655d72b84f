# Into tunnels and out of them again: bytes, frames, flows of the datapath and what a port counts.
underlay
overlay
tunnel t1 3 gre options:remote_ip=1.1.2.92 options:key=456 options:csum=true options:seq=true
tunnel t2 2 vxlan options:remote_ip=1.1.2.92 options:key=123
tunnel t5 5 geneve options:remote_ip=flow options:key=flow
# Of type gre: with both types Open vSwitch takes all GRE for one of them.
tunnel t6 6 gre options:remote_ip=2001:cafe::92 options:csum=true
tunnel t7 7 vxlan options:remote_ip=2001:cafe::92 options:key=9 options:csum=true options:tos=inherit
ovs-ofctl add-tlv-map int-br "{class=0xffff,type=0,len=4}->tun_metadata0"
$A tnl/neigh/show | sort
inner=50540000000650540000000508004500001c0001000040112600c0a80001c0a800020007000900080000
# Of flows: without the mask of the inner packet, which is each switch's own.
flows() { $A dpctl/dump-flows | by_name | sed -E 's/tos=0\/0x3,//;s/flags\([^)]*\)/flags/;s/src=0.0.0.0,dst=0.0.0.0,//;s/geneve\(\{\}\),//;s/recirc_id.*(packets,)/\1/' | grep 'tunnel(\|tnl_pop' | sort; }
for actions in output:3 output:2 "set_field:1.1.2.92->tun_dst,set_field:5->tun_id,set_field:0xdeadbeef->tun_metadata0,output:5" output:6 output:7; do
  ovs-ofctl add-flow int-br "in_port=1,actions=$actions"
  $A netdev-dummy/receive v1 $inner; $A revalidator/wait
  echo "== $actions"
  frame=$(reflect p0-tx.pcap)
  case $actions in output:3 | output:6) echo "$frame" ;; esac
  # Where a gre port is or was, Open vSwitch's ip6gre port gets nothing.
  [ "$actions" = output:6 ] && continue
  n=${actions##*:}
  ovs-ofctl add-flow int-br "in_port=$n,actions=output:1"
  $A netdev-dummy/receive p0 "$frame"; $A revalidator/wait
  flows
  $PCAP_HEX v1-tx.pcap | tail -1
  $A dpctl/del-flows
done
$A tnl/neigh/show | sort
$A netdev-dummy/receive p0 "${frame:0:12}00000000000a${frame:24}"; $A revalidator/wait
$A tnl/neigh/show | sort
# Not what went out: Open vSwitch counts that twice, with and without the header.
ovs-ofctl dump-ports int-br | grep -v 'xid\|duration\|OFPST' | paste - - | sed 's/\ttx.*//;s/	 *tx pkts.*//' | sort
