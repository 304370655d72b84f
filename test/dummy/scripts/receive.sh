# Packets in hex and as flows; what is refused.
bridge br0 1 2
ovs-ofctl add-flow br0 in_port=1,actions=2
eth='in_port(1),eth(src=50:54:00:00:00:05,dst=50:54:00:00:00:07)'
v4='ipv4(src=192.168.0.1,dst=192.168.0.2,proto'
v6='ipv6(src=fe80::1,dst=fe80::2,label=0x12345,proto'
r() { ovs-appctl netdev-dummy/receive p1 "$@"; }
while read -r flow words; do r "$flow" $words; done <<FLOWS
$eth,eth_type(0x0800),$v4=6,tos=0x12,ttl=64,frag=no),tcp(src=8,dst=9),tcp_flags(ack)
$eth,eth_type(0x0800),$v4=6,tos=0,ttl=64,frag=no),tcp(src=8,dst=9),tcp_flags(syn)
$eth,eth_type(0x0800),$v4=17,tos=0,ttl=64,frag=no),udp(src=8,dst=9)
$eth,eth_type(0x0800),$v4=132,tos=0,ttl=64,frag=no),sctp(src=8,dst=9)
$eth,eth_type(0x0800),$v4=1,tos=0,ttl=64,frag=no),icmp(type=8,code=0)
$eth,eth_type(0x0800),$v4=1,tos=0,ttl=64,frag=no),icmp(type=0,code=0)
$eth,eth_type(0x0800),$v4=1,tos=0,ttl=64,frag=no),icmp(type=3,code=1)
$eth,eth_type(0x0800),$v4=2,tos=0,ttl=1,frag=no)
$eth,eth_type(0x0800),$v4=47,tos=0,ttl=64,frag=no)
$eth,eth_type(0x0800),$v4=6,tos=0,ttl=64,frag=first),tcp(src=8,dst=9)
$eth,eth_type(0x0800),$v4=17,tos=0,ttl=64,frag=later)
$eth,eth_type(0x86dd),$v6=6,tclass=0x70,hlimit=128,frag=no),tcp(src=8,dst=9),tcp_flags(syn|ack)
$eth,eth_type(0x86dd),$v6=17,tclass=0,hlimit=128,frag=no),udp(src=8,dst=9)
$eth,eth_type(0x86dd),$v6=17,tclass=0,hlimit=128,frag=first),udp(src=8,dst=9)
$eth,eth_type(0x86dd),$v6=58,tclass=0,hlimit=128,frag=no),icmpv6(type=128,code=0)
$eth,eth_type(0x86dd),$v6=58,tclass=0,hlimit=128,frag=no),icmpv6(type=129,code=0)
$eth,eth_type(0x86dd),$v6=58,tclass=0,hlimit=128,frag=no),icmpv6(type=1,code=0)
$eth,eth_type(0x86dd),$v6=58,tclass=0,hlimit=255,frag=no),icmpv6(type=135,code=0),nd(target=fe80::3,sll=50:54:00:00:00:05,tll=00:00:00:00:00:00)
$eth,eth_type(0x86dd),$v6=58,tclass=0,hlimit=255,frag=no),icmpv6(type=136,code=0),nd(target=fe80::3,sll=00:00:00:00:00:00,tll=50:54:00:00:00:05)
$eth,eth_type(0x86dd),$v6=59,tclass=0,hlimit=128,frag=no)
$eth,eth_type(0x0806),arp(sip=192.168.0.1,tip=192.168.0.2,op=1,sha=50:54:00:00:00:05,tha=00:00:00:00:00:00)
$eth,eth_type(0x8035),arp(sip=192.168.0.1,tip=192.168.0.2,op=3,sha=50:54:00:00:00:05,tha=00:00:00:00:00:00)
$eth,eth_type(0x1234)
$eth
$eth,eth_type(0x8100),vlan(vid=10,pcp=3),encap(eth_type(0x0800),$v4=17,tos=0,ttl=64,frag=no),udp(src=8,dst=9))
$eth,eth_type(0x8100),vlan(vid=10,pcp=3),encap(eth_type(0x1234))
$eth,eth_type(0x8100),vlan(vid=10,pcp=0)
$eth,eth_type(0x88a8),vlan(vid=10,pcp=0),encap(eth_type(0x8100),vlan(vid=11,pcp=1),encap(eth_type(0x1234)))
$eth,eth_type(0x8847),mpls(label=100,tc=3,ttl=64,bos=1)
$eth,eth_type(0x894f)
$eth,eth_type(0x894f),nsh(flags=0,ttl=63,mdtype=1,np=1,spi=0x1234,si=255,c1=0x1,c2=0x2,c3=0x3,c4=0x4)
$eth,eth_type(0x894f),nsh(flags=0,ttl=63,mdtype=2,np=1,spi=0x1234,si=255)
$eth,eth_type(0x894f),nsh()
$eth,nsh(spi=1),eth_type(0x894f)
$eth,eth_type(0x8848),mpls(label=100,tc=3,ttl=64,bos=0)
$eth,eth_type(0x0800),$v4=6,tos=0,ttl=64,frag=no),tcp(src=8,dst=9) --len 60
$eth,eth_type(0x0800),$v4=6,tos=0,ttl=64,frag=no),tcp(src=8,dst=9) --len 55
$eth,eth_type(0x0800),$v4=6,tos=0,ttl=64,frag=no),tcp(src=8,dst=9) --len 54
$eth,eth_type(0x0800),$v4=6,tos=0,ttl=64,frag=no),tcp(src=8,dst=9) --len x
$eth,eth_type(0x0800),$v4=17,tos=0,ttl=64,frag=no),udp(src=8,dst=9) --len 1000
$eth,eth_type(0x86dd),$v6=17,tclass=0,hlimit=128,frag=no),udp(src=8,dst=9) --len 200
$eth,eth_type(0x86dd),$v6=6,tclass=0,hlimit=128,frag=no),tcp(src=8,dst=9) --len 200
$eth,eth_type(0x0806),arp(sip=192.168.0.1,tip=192.168.0.2,op=1,sha=50:54:00:00:00:05,tha=00:00:00:00:00:00) --len 60
$eth,eth_type(0x1234) --len 60
$eth --len 60
$eth,eth_type(0x8847),mpls(label=100,tc=3,ttl=64,bos=1) --len 60
$eth,eth_type(0x0800),$v4=1,tos=0,ttl=64,frag=no),icmp(type=8,code=0) --len 300
$eth,eth_type(0x0800),$v4=132,tos=0,ttl=64,frag=no),sctp(src=8,dst=9) --len 300
eth(),eth_type(0x0800),ipv4(),udp()
FLOWS
hex p2-tx.pcap
rm p2-tx.pcap; ovs-vsctl set interface p2 options:tx_pcap=$PWD/again.pcap
r 5054000000075054000000058100000a88cc000102030405060708090a0b
r '505400000007 505400000005 88cc 0001 0203'
r 50540000000750540000000588cc01 50540000000750540000000588cc0203 "$eth,eth_type(0x1234)" --len 20 50540000000750540000000588cc04
r --qid 0 50540000000750540000000588cc05
hex again.pcap
for words in '' aa zz 5054.0000 5054000000075054000000058100000 'eth_type(0x800),foo(1)' 'foo(1),eth_type(0x800)' 'in_port=1,ip' 'eth(src=1:2:3:4:5:6/ff:ff:ff:ff:ff:00),eth_type(0x800)' \
  '--len 60 eth_type(0x800)' '--qid 1 eth_type(0x1234)' '--qid 1'; do r $words; done
ovs-appctl netdev-dummy/receive nope eth_type\(0x1234\)
ovs-appctl netdev-dummy/receive
ovs-ofctl dump-ports br0 1 | grep -o 'rx pkts=[0-9]*, bytes=[0-9]*'
