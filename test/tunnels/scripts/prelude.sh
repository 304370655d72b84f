# What every script begins with. It runs in the switch's own folder; all that it prints is compared.
exec 2>&1
A=ovs-appctl

# A bridge that carries: br0 with p0 on the wire, addresses and a neighbor of both families.
underlay() {
  ovs-vsctl add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure other_config:hwaddr=aa:55:aa:55:00:00 \
    -- add-port br0 p0 -- set interface p0 type=dummy ofport_request=1 options:tx_pcap="$PWD/p0-tx.pcap"
  $A netdev-dummy/ip4addr br0 1.1.2.88/24 > /dev/null; $A netdev-dummy/ip6addr br0 2001:cafe::88/24 > /dev/null
  $A ovs/route/add 1.1.2.92/24 br0 > /dev/null; $A ovs/route/add 2001:cafe::92/64 br0 > /dev/null
  $A tnl/neigh/set br0 1.1.2.92 f8:bc:12:44:34:b6 > /dev/null; $A tnl/neigh/set br0 2001:cafe::92 f8:bc:12:44:34:b7 > /dev/null
  ovs-ofctl add-flow br0 actions=normal
}

# A bridge of tunnels: v1 is its host.
overlay() {
  ovs-vsctl add-br int-br -- set bridge int-br datapath_type=dummy fail_mode=secure other_config:hwaddr=aa:55:aa:66:00:00 \
    -- add-port int-br v1 -- set interface v1 type=dummy ofport_request=1 options:tx_pcap="$PWD/v1-tx.pcap"
}

# NAME NUMBER TYPE OPTION...
tunnel() {
  ovs-vsctl add-port int-br "$1" -- set interface "$1" type="$3" ofport_request="$2" "${@:4}"
}

# Datapath ports by their names: how they are numbered is each switch's own.
by_name() {
  ports=$($A dpctl/show | sed -n 's/^  port \([0-9]*\): \([^ ]*\).*/\1 \2/p')
  script='s/packets:[0-9]*, bytes:[0-9]*, used:[^,]*/packets, bytes, used/;/^flow-dump from/d;'
  while read -r n name; do
    [ "$n" = 0 ] && continue
    script="${script}s/\b(in_port|tnl_port|out_port|tnl_pop)\($n\)/\1($name)/g;s/^($name) \($n\)/\1 (N)/;s,/$n: \(,/$name: (,;s/port $n: /port $name: /;s/(dp port=)$n,/\1$name,/;"
    script="${script}:a$n;s/(actions:|Datapath actions: |,|\()$n(,|\)|$)/\1$name\2/;ta$n;"
  done <<< "$ports"
  sed -E -e "$script"
}

# The packet of a trace and what the datapath is to do.
trace() {
  $A ofproto/trace "$@" | grep -v '^Megaflow\|not ECN capable' | sed -E '/^(Final f|F)low: /s/(tun_[a-z0-9_]+|gtpu_[a-z]+)=[^,]*,//g' | by_name
}

# The last frame of a capture, as it comes back: addresses exchanged, which leaves every checksum as it is.
reflect() {
  f=$($PCAP_HEX "$1" | tail -1 | cut -c17-)
  if [ "${f:24:4}" = 0800 ]; then echo "${f:12:12}${f:0:12}${f:24:28}${f:60:8}${f:52:8}${f:68}"
  else echo "${f:12:12}${f:0:12}${f:24:20}${f:76:32}${f:44:32}${f:108}"; fi
}

packet=in_port=1,udp,nw_tos=4,nw_ttl=10,dl_src=50:54:00:00:00:05,dl_dst=50:54:00:00:00:06,nw_src=10.0.0.1,nw_dst=10.0.0.2

trap 'for b in $(ovs-vsctl list-br); do ovs-vsctl del-br $b; done; rm -f *.pcap' EXIT
