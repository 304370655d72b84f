# dpctl/dump-flows filter= on flows of a Geneve tunnel: options by their value, masked, and those that no bridge maps.
underlay
overlay
tunnel t5 5 geneve options:remote_ip=flow options:key=flow
ovs-ofctl add-tlv-map int-br "{class=0xffff,type=0,len=4}->tun_metadata0"
ovs-ofctl add-tlv-map int-br "{class=0xffff,type=1,len=8}->tun_metadata1"
inner=50540000000650540000000508004500001c0001000040112600c0a80001c0a800020007000900080000
ovs-ofctl add-flow int-br "in_port=1,actions=set_field:1.1.2.92->tun_dst,set_field:5->tun_id,set_field:0xdeadbeef->tun_metadata0,output:5"
$A netdev-dummy/receive v1 $inner; $A revalidator/wait
frame=$(reflect p0-tx.pcap)
ovs-ofctl add-flow int-br "in_port=5,tun_metadata0=0xdeadbeef,actions=output:1"
$A netdev-dummy/receive p0 "$frame"; $A revalidator/wait
seen() { $A dpctl/dump-flows "filter=$1" | grep -c "^tunnel("; }
for f in tun_metadata0=0xdeadbeef tun_metadata1=5 tun_metadata9=5 tun_id=5 tun_id=6 tun_id=5,tun_metadata0=0xdeadbeef tun_src=1.1.2.92 tun_src=1.1.2.93 eth_type=0x0800 eth_type=0x0806; do echo "$f: $(seen $f)"; done
