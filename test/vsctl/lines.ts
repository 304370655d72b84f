/** Command lines of ovs-vsctl(8), in an order in which they make sense; "A | B" are two words with a space in them kept whole by quotes. */
export const LINES: readonly string[] = `
init
show
add-br br0
add-br br0
add-br
add-br a b
add-br nope/1
add-port br9 p
add-port br0 p1 tag=5
add-port br0 p1
--may-exist add-port br0 p1
add-port br0 p3 tag=3 trunks=1,2 vlan_mode=native-tagged -- set interface p3 type=internal ofport_request=7
add-port br0 p4 nope=3
set port p1 tag=1,2
set port p1 tag=x
set port p1 tag=5000
set port p1 tagg=1
set port p1 t=1
set port p9 tag=1
set porx p1 tag=1
set p p1 tag=1
set port p1 vlan_mode=foo
set port p1 trunks=[1,2
set port p1 trunks=[1,2]x
set port p1 'trunks=1 2'
set port p1 trunks=1,,2
set port p1 trunks=1=2
set port p1 trunks={1}
set port p1 trunks=3-1
set port p1 trunks=0-5000
set port p1 trunks=1,1
set port p1 trunks=1-5
get port p1 trunks
set port p1 external_ids={a=b
set port p1 external_ids=a
set port p1 'external_ids=a b=c'
set port p1 other_config=a:b
set port p1 external_ids=a=b=c
set port p1 external_ids={a=b,a=c}
set port p1 'external_ids="a'
set port p1 external_ids:a=
set port p1 external_ids:a=""
set port p1 'external_ids:"x=y"="a b"'
get port p1 external_ids:a external_ids:b
--if-exists get port p1 external_ids:b
--if-exists get port p9 external_ids:b
get port p1 external_ids:
get port p1 external_ids tag name foo
get port p1 external_ids tag name
get port p1 tag:1
set port p1 tag
set port p1 tag:1=5
set port p1 tag!=1
set port p1 :a=1
set port p1 name=x
set port p1 protected=[]
set port p1 protected=
set port p1 protected=yes
set bridge br0 protocols=OpenFlow99
set bridge br0 protocols=OpenFlow10,OpenFlow13
set bridge br0 fail_mode=xx
set bridge br0 stp_enable=maybe
set interface p1 mtu_request=x
set interface p1 mtu_request=1400 type=system
frob
--frob add-br x
--may-exist list-br
--if-exists --if-exists del-br x
--if-exists=1 del-br x
-- --if-exists --if-exists del-br x
-- --id create bridge name=x
-- --may-exist=3 add-br x
list-br extra

--
--no-wa list-br
--timeout=x show
-t
--format=foo show
--data=foo list bridge
br-exists nope
br-exists br0
br-exists nope -- list-br
port-to-br p9
port-to-br p1
port-to-br br0
iface-to-br p9
iface-to-br p1
list-ports br9
list-ports br0
list-ifaces br0
del-port br0 p9
del-port p9
--if-exists del-port p9
del-port br0
del-port br0 br0
--if-exists del-port br0
add-br p1
add-port br0 br0
set-fail-mode br0 foo
get-fail-mode br0
set-fail-mode br0 secure
get-fail-mode br0
del-fail-mode br0
br-to-vlan br0
br-to-parent br0
add-br fb br0 10
list-br
--fake list-br
--real list-br
--fake --real list-br
add-br fb2 br0 5000
add-br fb2 nope 5
add-br fb2 fb 11
add-br fb2 br0 10
br-to-vlan fb
br-to-parent fb
add-port fb p2
list-ports fb
list-ports br0
port-to-br p2
del-port br0 p2
add-port br0 p2
--may-exist add-port br0 p2
--may-exist add-port fb p9
--may-exist add-port br0 p9
--may-exist add-br br0
--may-exist add-br fb
--may-exist add-br fb br0 11
--may-exist add-br fb br0 10
--may-exist add-br br0 br0 10
show
destroy bridge br0
get-controller br0
set-controller br0 tcp:1.2.3.4 foo:bar
--inactivity-probe=9000 set-controller br0 tcp:1.2.3.4
get controller br0 inactivity_probe target
get-controller br0
get-controller fb
del-controller br0
set-manager
set-manager ptcp:6640
get-manager
--format=table --columns=target,inactivity_probe,other_config list manager
-f csv -- --columns=target,inactivity_probe,other_config list manager
-f html -- --columns=target,inactivity_probe,other_config list manager
-f json -- --columns=target,inactivity_probe,other_config list manager
-f json --pretty -- --columns=target,inactivity_probe,other_config list manager
--format=table list mirror
--bare -- --columns=name,protocols list bridge
-d json -- --columns=name,external_ids list bridge
--no-headings --format=table -- --columns=name list bridge
--no-headings -- --columns=name list bridge
--columns=name,foo list bridge
--columns=name list bridge
--columns=name list bridge br7
--columns=name --if-exists list bridge br7 br0
--oneline list-br -- br-to-vlan br0 -- get-fail-mode br0
--oneline show
del-manager
get-ssl
set-ssl a b c
get-ssl
--bootstrap set-ssl a b c
get-ssl
list ssl
get ssl . ca_cert
del-ssl
wait-until bridge br0 name=br0
wait-until bridge br0 'name!=zz'
wait-until port
list bridge br7
find port tag=1
find port tag
find port tag:1=2
find port external_ids:a<
--columns=name find port 'tag>=1'
--columns=name find port 'trunks{>=}1,2'
--columns=name find port 'trunks{<}1-6'
--columns=name find port 'trunks{!=}[]'
--columns=name find port 'trunks{not-in}9'
--columns=name find port 'external_ids:a!=b'
--columns=name find port 'external_ids:a{!=}b'
--columns=name find interface 'type{in}internal'
--columns=name find interface type=internal
find bridge 'ports{>=}1'
get bridge 00 name
--id=@q create qos type=linux-htb
-- --id=@q create qos type=linux-htb -- set port p1 qos=@q
set port p1 qos=@zz
-- --id=zz create qos type=x
create qos
create mirror name=x
-- --id=@n get port p1 -- --id=@m create mirror name=m select-dst-port=@n -- add bridge br0 mirrors @m
-- --id=@m create mirror name=lost
get mirror m name select_vlan
add port p1 external_ids q=b c=d
add port p1 external_ids x
add port p1 trunks 7
remove port p1 trunks 7 8
remove port p1 external_ids c
remove port p1 external_ids a=zz
get port p1 external_ids trunks
add port p1 tag 3
add port p1 tag
remove port p1 tag x
remove port p1 tag 1
remove bridge br0 name br0
clear port p1 trunks tag
clear port p1 name
clear interface p1 type
list port p1
destroy qos zz
--if-exists destroy qos zz
-- --all destroy qos
-- --all destroy qos x
clear port p1 qos
-- --all destroy qos
list qos
comment hello
br-set-external-id br0 k v
br-get-external-id br0
br-get-external-id br0 k
br-get-external-id br0 zz
br-set-external-id fb k v
br-get-external-id fb
get port fb external_ids
br-set-external-id br0 k
br-get-external-id br0
add-bond br0 b0 e1
add-bond br0 b1 e1 x=y
add-bond br0 b0 e1 e2 lacp=active
--may-exist add-bond br0 b0 e1 e2
--may-exist add-bond br0 b0 e1 e3
add-bond br0 b2 e1 e8
--fake-iface add-bond br0 b3 e7 e8
get port b3 bond_fake_iface
add-bond-iface b0 e3
--may-exist add-bond-iface b0 e3
--may-exist add-bond-iface b3 e3
add-bond-iface b9 e3
list-ifaces br0
del-bond-iface b0 e3
del-bond-iface b3 e2
del-bond-iface e2
del-bond-iface e1
del-bond-iface zz
--if-exists del-bond-iface zz
iface-to-br e1
--with-iface del-port e1
-- --with-iface del-port zzq
--if-exists del-port zz
add-zone-tp netdev zone=1 icmp_first=3
list-zone-tp netdev
list-dp-cap netdev
-- --id=@d create datapath datapath_version=x -- set open . datapaths:netdev=@d
add-zone-tp netdev zone=1 icmp_first=3 icmp_reply=4
add-zone-tp netdev zone=1 icmp_first=3
--may-exist add-zone-tp netdev zone=1 icmp_first=3
add-zone-tp netdev zone=99999 icmp_first=3
add-zone-tp netdev zone=2
list-zone-tp netdev
del-zone-tp netdev zone=2
--if-exists del-zone-tp netdev zone=2
del-zone-tp netdev zone=1
list-dp-cap netdev
add-aa-mapping br0 100 5
get-aa-mapping br0
del-aa-mapping br0 100 5
get-aa-mapping br0
set bridge br0 other_config:hwaddr=02:00:00:00:00:01 other_config:x=y
emer-reset
get bridge br0 other_config fail_mode
--dry-run add-br dry
list-br
add-br t1 -- add-port t1 t1p -- set interface t1p type=patch options:peer=x -- list-ports t1 -- get interface t1p type options
add-br t2 -- add-port t2 t1p
list-br
del-br t1
del-br fb
del-br nope
--if-exists del-br nope
--timeout=0 list-br
--timeout=5 list-br
-t 5 list-br
--retry list-br
--no-syslog list-br
--syslog-method=null list-br
--verbose=vsctl:warn list-br
-vconsole:off list-br
--leader-only list-br
--no-leader-only list-br
--shuffle-remotes list-br
--no-shuffle-remotes list-br
--max-column-width=8 --format=table -- --columns=name,external_ids list bridge
-f csv -d bare -- --columns=name,external_ids,protocols list bridge
-f list -- --columns=name list bridge
-f json -d json -- --columns=name,external_ids list bridge br0
destroy port
-- --all destroy mirror
-- --all destroy
-- --if-exists clear bridge nope ports
-- --if-exists set bridge nope name=x
-- --if-exists remove bridge nope external_ids a
-- --if-exists list bridge nope
-- --id=@a get bridge br0 _uuid -- get bridge @a name
--id=@a get bridge br0 _uuid -- get bridge @a name
wait-until bridge br0 name=br0 -- get bridge br0 name
create bridge
create
clear
show extra
add bridge br0 external_ids
del-br br0
show
`
  .slice(1, -1)
  .split('\n');

/** Words of a line; single quotes keep what is in them. */
export function wordsOf(line: string): string[] {
  return (line.match(/(?:'[^']*'|[^\s'])+/g) ?? []).map((w) => w.replace(/'/g, ''));
}
