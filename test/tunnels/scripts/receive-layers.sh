# Packets without an Ethernet header, and frames, out of tunnels: for which ports they are, and what becomes of them.
underlay
overlay
ovs-vsctl set bridge int-br protocols=OpenFlow10,OpenFlow13,OpenFlow15
remote=options:remote_ip=1.1.2.92
gpe="options:exts=gpe options:dst_port=4790"
tunnel l3 3 gre $remote options:key=3 options:packet_type=legacy_l3
tunnel pt 4 gre $remote options:key=4 options:packet_type=ptap
tunnel l2 5 gre $remote options:key=5
tunnel xp 6 vxlan $remote options:key=6 $gpe options:packet_type=ptap
tunnel x3 8 vxlan $remote options:key=8 $gpe options:packet_type=legacy_l3
tunnel x2 9 vxlan $remote options:key=9 $gpe
# One tunnel with a port for each sort.
tunnel s2 12 gre $remote options:key=12
tunnel s3 13 gre $remote options:key=12 options:packet_type=legacy_l3
tunnel sp 14 gre $remote options:key=12 options:packet_type=ptap
ovs-ofctl -OOpenFlow15 add-flows int-br - <<'END'
priority=3,packet_type=(1,0x800),actions=encap(ethernet),set_field:00:00:00:00:00:55->eth_dst,output:1
priority=2,ip,nw_dst=192.168.0.2,actions=set_field:00:00:00:00:00:77->eth_src,set_field:00:00:00:00:00:78->eth_dst,output:1
priority=1,actions=output:1
END
inner=4500001c0001000040112600c0a80001c0a800020007000900080000
frame=5054000000065054000000050800$inner
# Of flows: without the mask of the inner packet, which is each switch's own.
flows() { $A dpctl/dump-flows | by_name | grep '^tunnel(' | sed -E 's/tos=0\/0x3,//;s/flags\([^)]*\)/flags/;s/src=0.0.0.0,dst=0.0.0.0,//;s/eth\([^)]*\),//;s/ipv4\([^)]*\)/ipv4()/' | sort; }
# PROTOCOL PAYLOAD, both as the IP header has them.
receive() {
  local h s=0
  h=$(printf '4500%04x0000000040%02x00000101025c01010258' $((20 + ${#2} / 2)) "$1")
  for ((i = 0; i < 40; i += 4)); do s=$((s + 0x${h:i:4})); done
  while [ $s -gt 65535 ]; do s=$(((s & 65535) + (s >> 16))); done
  $A netdev-dummy/receive p0 "aa55aa550000f8bc124434b60800${h:0:20}$(printf %04x $((65535 - s)))${h:24}$2"
  $A revalidator/wait
  flows
  $A dpctl/del-flows
}
udp() { printf '12b7%04x%04x0000%s' "$1" $((8 + ${#2} / 2)) "$2"; }
gre() { echo "== gre $1 $2"; receive 47 "2000$2$(printf %08x "$1")$3"; }
gpe() { echo "== gpe $1 $2"; receive 17 "$(udp 4790 "0c0000$2$(printf %06x "$1")00$3")"; }
for key in 3 4 5 12; do
  gre $key 0800 $inner
  gre $key 6558 $frame
done
for key in 6 8 9; do
  gpe $key 01 $inner
  gpe $key 03 $frame
done
gpe 6 09 $frame
echo "== gpe port, ordinary"
receive 17 "$(udp 4790 "0800000000000900$frame")" | grep -v "^tunnel("
$PCAP_HEX v1-tx.pcap | tail -n +2
ovs-ofctl -OOpenFlow15 dump-flows int-br | grep -o 'n_packets=[0-9]*\|priority.*' | paste - -
