# Bytes of packets without an Ethernet header, and of frames: what flows of the datapath, rules and ports count.
underlay
overlay
ovs-vsctl set bridge int-br protocols=OpenFlow10,OpenFlow13,OpenFlow15
remote=options:remote_ip=1.1.2.92
tunnel l3 3 gre $remote options:key=3 options:packet_type=legacy_l3
tunnel pt 4 gre $remote options:key=4 options:packet_type=ptap
tunnel l2 5 gre $remote options:key=5
ovs-ofctl -OOpenFlow15 add-flows int-br - <<'END'
priority=4,in_port=4,packet_type=(1,0x800),actions=encap(ethernet),set_field:00:00:00:00:00:55->eth_dst,output:1
priority=3,in_port=4,actions=output:1
priority=2,in_port=3,actions=output:1
priority=2,in_port=5,actions=output:1
priority=1,in_port=1,actions=output:3
END
inner=4500001c0001000040112600c0a80001c0a800020007000900080000
frame=5054000000065054000000050800$inner
receive() {
  local h s=0
  h=$(printf '4500%04x0000000040%02x00000101025c01010258' $((20 + ${#2} / 2)) "$1")
  for ((i = 0; i < 40; i += 4)); do s=$((s + 0x${h:i:4})); done
  while [ $s -gt 65535 ]; do s=$(((s & 65535) + (s >> 16))); done
  for _ in 1 2 3; do $A netdev-dummy/receive p0 "aa55aa550000f8bc124434b60800${h:0:20}$(printf %04x $((65535 - s)))${h:24}$2"; done
}
gre() { receive 47 "2000$2$(printf %08x "$1")$3"; }
gre 3 0800 $inner
gre 4 0800 $inner
gre 4 6558 $frame
gre 5 6558 $frame
for _ in 1 2 3; do $A netdev-dummy/receive v1 $frame; done
$A revalidator/wait
echo flows; $A dpctl/dump-flows | grep '^tunnel(' | sed -E 's/^tunnel\(tun_id=([^,]*),.*packet_type\(([^)]*)\).*(packets:.*), used.*/\1 \2 \3/' | sort
echo rules; ovs-ofctl -OOpenFlow15 dump-flows int-br | grep -o 'n_packets=[0-9]*, n_bytes=[0-9]*\|priority.*' | paste - -
echo ports; ovs-ofctl -OOpenFlow15 dump-ports int-br | grep -o 'port  *[1-9]: rx.*bytes=[0-9]*' | sort
