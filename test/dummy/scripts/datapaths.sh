# dpctl on datapaths and their ports: that of the switch, whose ports the database says, and others, which carry nothing.
bridge br0 1 2
say() { echo "\$ dpctl/$*"; ovs-appctl "dpctl/$@" | sed '/port 0: ovs-dummy/,/RX bytes/{/port [1-9]/!d}' | grep -v 'lookups:'; echo "-> ${PIPESTATUS[0]}"; }
list() { echo dump-dps; ovs-appctl dpctl/dump-dps | sort; }
while read -r words; do if test "$words" = list; then list; else say $words; fi; done <<WORDS
list
add-dp dummy@dp9
list
show dummy@dp9
show -s dummy@dp9
add-dp dummy@dp9
add-dp --may-create dummy@dp9
add-dp netdev@dp9
add-dp dp8
add-dp netdev@dp7
add-dp netdev@dp7 p7
add-dp nonsense@x
add-dp dummy@dp6 q6,type=dummy q7
list
show dummy@dp6
show netdev@dp7 dp8
show dummy@dp7
show system@dp9
show nothing dummy@dp9
del-dp netdev@dp7
del-dp netdev@dp7
del-dp nothing
del-dp
add-dp
add-if dummy@dp9 q6b,type=dummy
add-if dummy@dp9 qq,type=dummy
add-if dummy@dp9 q6,type=dummy
add-if dummy@dp9 p1,type=dummy
add-if dummy@dp9 p1
add-if dummy@dp9 br0,type=internal
add-if dummy@dp9 in1,type=internal
add-if dummy@dp9 sy1
add-if dummy@dp9 pa1,type=patch
add-if dummy@dp9 n3,type=dummy,port_no=3
add-if dummy@dp9 n5,type=dummy,port_no=x
add-if dummy@dp9 n6,type=dummy,port_no=70000
add-if dummy@dp9 n7,type=dummy,bad=70000
add-if dummy@dp9 q6,type=dummy
add-if dummy@dp9 ,type=dummy
add-if dummy@dp9 x5,type=nonsense x6,type=dummy x7
add-if nothing x9
add-if dummy@dp9
show dummy@dp9
set-if dummy@dp9 q6b,type=system
set-if dummy@dp9 q6b,port_no=7
set-if dummy@dp9 q6b,port_no=6,tx_pcap=x
set-if dummy@dp9 nope
set-if dummy@dp9
del-if dummy@dp9 q6b nope 3 77
del-if dummy@dp9 0
del-if dummy@dp9 dp9
del-if dummy@dp9
show dummy@dp9
dump-flows dummy@nothing
add-if dummy@ovs-dummy p1
add-if dummy@ovs-dummy p1,type=dummy
add-if dummy@ovs-dummy x5,type=nonsense
add-if dummy@ovs-dummy x6,type=dummy,nonsense=3
add-if dummy@ovs-dummy x7,type=dummy,port_no=1
add-if dummy@ovs-dummy x7,type=dummy x8,type=dummy
set-if dummy@ovs-dummy p1
set-if dummy@ovs-dummy p1,type=dummy
set-if dummy@ovs-dummy p1,type=internal
set-if dummy@ovs-dummy p1,port_no=1
set-if dummy@ovs-dummy p1,port_no=9
set-if dummy@ovs-dummy x7
del-if dummy@ovs-dummy x7
del-if dummy@ovs-dummy 33
del-if dummy@ovs-dummy ovs-dummy
del-if dummy@ovs-dummy 0
del-dp dummy@ovs-dummy
show dummy@ovs-dummy
del-dp dummy@dp9
del-dp dummy@dp6
del-dp dp8
list
show
WORDS
