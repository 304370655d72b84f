# Routes and neighbors by hand.
underlay
$A ovs/route/show | grep -v Cached | sort
for words in '1.1.3.0/24 br0 1.1.2.1' '1.1.4.0/24 br0 pkt_mark=5' '1.1.4.0/24 br0 1.1.2.2 pkt_mark=6' '2001:db8::/32 br0 2001:cafe::1' '0.0.0.0/0 br0 1.1.2.3' \
  'x br0' '1.2.3.4/33 br0' '1.2.3.0/24 nobody' '1.1.5.0/24 br0 fd00::1' '9.9.9.9 br0' '1.1.2.0/25 br0'; do
  echo "add $words: $($A ovs/route/add $words 2>&1)"
done
$A ovs/route/show | grep -v Cached | sort
for words in 1.1.2.7 1.1.3.7 1.1.4.9 '1.1.4.9 pkt_mark=5' '1.1.4.9 pkt_mark=6' 8.8.8.8 2001:db8::1 2001:cafe::5 fd00::1 x; do echo "$words: $($A ovs/route/lookup $words 2>&1)"; done
for words in 1.1.2.0/25 1.1.3.0/24 1.1.3.0/24 '1.1.4.0/24 pkt_mark=5' 1.1.4.0/24 x; do echo "del $words: $($A ovs/route/del $words 2>&1)"; done
$A ovs/route/show | grep -v Cached | sort
$A tnl/neigh/show | sort; $A tnl/arp/show | sort
for words in 'br0 1.1.2.93 00:00:00:00:00:01' 'nobody 1.1.2.94 00:00:00:00:00:02' 'br0 x 00:00:00:00:00:01' 'br0 1.1.2.95 x' 'br0 fd00::3 00:00:00:00:00:03'; do
  echo "set $words: $($A tnl/neigh/set $words 2>&1)"
done
$A tnl/neigh/show | sort
for words in '' 10 0 x 3600 3599; do echo "aging $words: $($A tnl/neigh/aging $words 2>&1)"; done
$A tnl/neigh/aging 900
for words in 'br0 1.1.2.93' nobody br0 ''; do echo "flush $words: $($A tnl/neigh/flush $words 2>&1)"; $A tnl/neigh/show | sort; done
for route in 1.1.2.0/24 '1.1.4.0/24 pkt_mark=6' 0.0.0.0/0 2001:cafe::/64 2001:db8::/32; do $A ovs/route/del $route; done
