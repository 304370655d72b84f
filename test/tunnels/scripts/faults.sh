# Options that cannot be, and the same tunnel twice: words, numbers and reasons.
underlay
overlay
try() {
  echo "== $*"
  tunnel "$@" 2>&1 | grep -v "default log directory"
  ovs-vsctl --columns=ofport,error list interface "$1" -- del-port "$1"
}
tunnel t1 1 gre options:remote_ip=1.1.2.92 options:key=456
tunnel t2 2 gre options:remote_ip=1.1.2.92 options:key=456 2>&1 | grep -v 'default log directory'
ovs-vsctl --columns=ofport,error list interface t2
ovs-vsctl del-port t1
ovs-vsctl del-port t2
for type in vxlan; do
  try t3 3 $type
  try t3 3 $type options:remote_ip=nowhere
  try t3 3 $type options:remote_ip=224.0.0.1
  try t3 3 $type options:remote_ip=1.1.2.92 options:local_ip=fd00::1
  try t3 3 $type options:remote_ip=1.1.2.92 options:local_ip=here
  try t3 3 $type options:remote_ip=1.1.2.92 options:tos=inherited
  try t3 3 $type options:remote_ip=1.1.2.92 options:tos=300
  try t3 3 $type options:remote_ip=1.1.2.92 options:ttl=x
  try t3 3 $type options:remote_ip=1.1.2.92 options:key=x
  try t3 3 $type options:remote_ip=1.1.2.92 options:exts=what
  try t3 3 $type options:remote_ip=1.1.2.92 options:packet_type=what
  try t3 3 $type options:remote_ip=1.1.2.92 options:foo=bar
  try t3 3 $type options:remote_ip=1.1.2.92 options:dst_port=what
  try t3 3 $type options:remote_ip=1.1.2.92 options:egress_pkt_mark=what
  try t3 3 $type options:remote_ip=1.1.2.92 options:in_key=1
  try t3 3 $type options:remote_ip=0.0.0.0
  try t3 3 $type options:remote_ip=flow options:local_ip=1.1.2.88
  try t3 3 $type options:remote_ip=1.1.2.92 options:local_ip=flow
done
