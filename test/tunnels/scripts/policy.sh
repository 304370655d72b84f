# VXLAN with the group policy extension and without on one UDP port: who comes second is refused, whatever bridge it is on; other extensions do not matter.
# Two with it are not tried: the userspace datapath of Open vSwitch takes its own port behind the first for a tunnel without.
underlay
overlay
show() { ovs-vsctl --format=csv --no-headings --columns=name,ofport,error find interface type=vxlan | sort; $A dpif/show | by_name | grep vxlan; }
# BRIDGE NAME NUMBER OPTION...
vxlan() {
  echo "== $*"
  ovs-vsctl add-port "$1" "$2" -- set interface "$2" type=vxlan ofport_request="$3" $(printf 'options:%s ' "${@:4}") 2>&1 | grep -v 'log directory'
}
vxlan int-br a1 11 remote_ip=1.1.2.92 key=1
vxlan br0 a2 12 remote_ip=1.1.2.92 key=2 exts=gbp; show
vxlan int-br a3 13 remote_ip=1.1.2.92 key=3 exts=gpe
vxlan int-br a4 14 remote_ip=1.1.2.92 key=4 exts=gbp,gpe; show
vxlan int-br a5 15 remote_ip=1.1.2.92 key=5 dst_port=4791 exts=gbp
vxlan int-br a6 16 remote_ip=1.1.2.93 key=6 dst_port=4791
vxlan int-br a7 17 remote_ip=flow key=flow dst_port=4791 exts=gpe
show
echo == one of them changes; ovs-vsctl set interface a3 options:exts=gbp; show
echo == and back; ovs-vsctl set interface a3 options:exts=gpe; show
echo == to another UDP port; ovs-vsctl set interface a6 options:dst_port=4792; show
