# What every script begins with. It runs in the switch's own folder; all that it prints is compared.
exec 2>&1

# NAME PORT...: a bridge with dummy ports pN under number N, and what leaves pN in pN-tx.pcap.
bridge() {
  name=$1; shift
  set -- "$name" "$@"
  ovs-vsctl add-br "$name" -- set bridge "$name" datapath_type=dummy fail_mode=secure \
    protocols=OpenFlow10,OpenFlow13,OpenFlow15 other_config:hwaddr=aa:55:aa:66:00:00 other_config:datapath-id=fedcba9876543210
  shift
  ports "$name" "$@"
}

ports() {
  at=$1; shift
  for n in "$@"; do
    ovs-vsctl add-port "$at" "p$n" -- set interface "p$n" type=dummy ofport_request="$n" options:tx_pcap="$PWD/p$n-tx.pcap"
  done
}

# PORT SOURCE DESTINATION [WORD...]: a UDP packet between two stations, which are numbers below 10.
send() {
  port=$1 from=$2 to=$3; shift 3
  ovs-appctl netdev-dummy/receive "$port" "in_port(1),eth(src=50:54:00:00:00:0$from,dst=50:54:00:00:00:0$to),eth_type(0x0800),ipv4(src=10.0.0.$from,dst=10.0.0.$to,proto=17,tos=0,ttl=64,frag=no),udp(src=$from,dst=$to)" "$@"
  ovs-appctl revalidator/wait
}

# Frames of a capture, a line each, without their times; the file is gone then.
frames() {
  ovs-ofctl parse-pcap "$1" | sed 's/^/  /'
  rm -f "$1"
}

# Bytes of a capture but for the times.
hex() { $PCAP_HEX "$1"; }

# COMMAND...: until it succeeds, for ten seconds.
until_so() {
  for i in $(seq 200); do
    if "$@" > /dev/null 2>&1; then echo "so it is: $*" | sed "s,$PWD,DIR,g"; return; fi
    sleep 0.05
  done
  echo "never: $*" | sed "s,$PWD,DIR,g"
}

# Lines without what differs from run to run: names of folders, numbers of messages.
plain() { sed -e "s,$PWD,DIR,g" -e 's/ (xid=0x[0-9a-f]*)//'; }

trap 'for b in $(ovs-vsctl list-br); do ovs-vsctl del-br $b; done; rm -f *.pcap' EXIT
