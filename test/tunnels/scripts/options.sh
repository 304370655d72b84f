# Tunnel options that flows ask for, in flows of the datapath: whole, masked, several. Open vSwitch names those of the packet that nobody asked for, too;
# and it takes a flow back at once which asks for part of an option that is not the only one asked for, on a crowded machine also of the only one: so each packet comes until its flow is seen.
underlay
overlay
tunnel t5 5 geneve options:remote_ip=flow options:key=flow
ovs-ofctl add-tlv-map int-br "{class=0xffff,type=0,len=4}->tun_metadata0,{class=0x102,type=0x80,len=8}->tun_metadata1"
inner=50540000000650540000000508004500001c0001000040112600c0a80001c0a800020007000900080000
flows() { $A dpctl/dump-flows | by_name | sed -E 's/tos=0\/0x3,//;s/flags\([^)]*\)/flags/;s/src=0.0.0.0,dst=0.0.0.0,//;s/recirc_id.*(packets,)/\1/;s/\{class=[^,]*,type=[^,]*,len=[0-9]*\}//g' | grep 'tunnel(' | sort; }
set="set_field:1.1.2.92->tun_dst,set_field:5->tun_id,set_field:0x00adbeef->tun_metadata0,set_field:0x1122000000000001->tun_metadata1,output:5"
ovs-ofctl add-flow int-br "in_port=1,actions=$set"
$A netdev-dummy/receive v1 $inner; $A revalidator/wait
both=$(reflect p0-tx.pcap)
ovs-ofctl mod-flows int-br "in_port=1,actions=set_field:1.1.2.92->tun_dst,set_field:5->tun_id,set_field:7->tun_metadata0,output:5"
$A netdev-dummy/receive v1 $inner; $A revalidator/wait
one=$(reflect p0-tx.pcap)
try() {
  ovs-ofctl del-flows int-br in_port=5
  ovs-ofctl add-flow int-br "in_port=5,$1,actions=output:1"
  echo "== $1"
  for frame in "${@:2}"; do
    for n in {1..20}; do
      $A dpctl/del-flows
      $A netdev-dummy/receive p0 "$frame"; $A revalidator/wait
      said=$(flows)
      [ -n "$said" ] && break
    done
    echo "$said"
  done
}
try tun_metadata0=0xadbeef "$both" "$one"
try tun_metadata1=0x1122000000000001/0xffff000000000001 "$both"
try tun_metadata0=0x00adbeef,tun_metadata1=0x1122000000000001 "$both"
