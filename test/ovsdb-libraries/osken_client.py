"""os-ken's OVSDB client library, each operation, on the server $1: python3 osken_client.py tcp:127.0.0.1:PORT"""
import logging
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

import ovs.db.idl
from os_ken.lib.ovs.bridge import OVSBridge, OVSBridgeNotFound
from os_ken.lib.ovs.vsctl import VSCtl, VSCtlCommand

from say import attempt, say

logging.disable(logging.CRITICAL)
if not hasattr(ovs.db.idl, '_uuid_to_row'):
    # os-ken calls a function that Debian's python3-openvswitch has no more; the server sees nothing of it.
    ovs.db.idl._uuid_to_row = lambda atom, base: base.ref_table.rows.get(atom) if base.ref_table else atom
REMOTE = sys.argv[1]
TIMEOUT_S = 20
DPID = 0x1234


class Settings:
    ovsdb_timeout = TIMEOUT_S


class Refused(Exception):
    pass


def command(name, *args, options=None):
    c = VSCtlCommand(name, list(args), options)
    VSCtl(REMOTE).run_command([c], TIMEOUT_S, Refused)
    return c.result


# Commands of VSCtl, in turn: name, arguments, options.
COMMANDS = [
    ('init',), ('list-br',), ('add-br', 'kb0'), ('add-br', 'kb0', '--may-exist'), ('add-br', 'kb0'),
    ('set', 'Bridge', 'kb0', 'other_config:datapath-id=%016x' % DPID),
    ('add-br', 'kv10', 'kb0', '10'), ('list-br',), ('br-exists', 'kb0'), ('br-exists', 'nobody'),
    ('br-to-vlan', 'kv10'), ('br-to-vlan', 'kb0'), ('br-to-parent', 'kv10'), ('br-to-parent', 'kb0'),
    ('br-set-external-id', 'kb0', 'key', 'value'), ('br-set-external-id', 'kb0', 'other', 'more'),
    ('br-get-external-id', 'kb0', 'key'), ('br-get-external-id', 'kb0'), ('br-set-external-id', 'kb0', 'other'),
    ('br-get-external-id', 'kb0'),
    ('add-port', 'kb0', 'kp1'), ('add-port', 'kb0', 'kp2', 'tag=5'), ('add-port', 'kb0', 'kp1'),
    ('add-port', 'kv10', 'kp3'), ('add-port', 'nobody', 'kp4'), ('list-ports', 'kb0'), ('list-ports', 'kv10'),
    ('port-to-br', 'kp1'), ('port-to-br', 'kp3'), ('port-to-br', 'nobody'), ('list-ifaces', 'kb0'),
    ('iface-to-br', 'kp2'), ('add-bond', 'kb0', 'kbond', ['ks1', 'ks2']), ('list-ifaces', 'kb0'),
    ('iface-to-br', 'ks1'), ('set-controller', 'kb0', 'tcp:127.0.0.1:1', 'ptcp:0:127.0.0.1'), ('get-controller', 'kb0'),
    ('del-controller', 'kb0'), ('get-controller', 'kb0'), ('get-fail-mode', 'kb0'), ('set-fail-mode', 'kb0', 'secure'),
    ('get-fail-mode', 'kb0'), ('set-fail-mode', 'kb0', 'nonsense'), ('del-fail-mode', 'kb0'), ('get-fail-mode', 'kb0'),
    ('set', 'Interface', 'kp1', 'external_ids:iface-id=vif1', 'external_ids:attached-mac=02:00:00:00:00:01'),
    ('get', 'Interface', 'kp1', 'external_ids'), ('get', 'Interface', 'kp1', 'type', 'error'),
    ('add', 'Port', 'kp1', 'trunks', '3,7'), ('add', 'Port', 'kp1', 'trunks', '9'), ('get', 'Port', 'kp1', 'trunks'),
    ('remove', 'Port', 'kp1', 'trunks', '3'), ('get', 'Port', 'kp1', 'trunks'), ('clear', 'Port', 'kp1', 'trunks'),
    ('get', 'Port', 'kp1', 'trunks'), ('set', 'Port', 'kp1', 'tag=5000'), ('get', 'Port', 'kp1', 'tag'),
    ('set', 'Port', 'kp1', 'tag=50', 'vlan_mode=access'), ('list', 'Port', 'kp1'), ('find', 'Port', 'tag=50'),
    ('find', 'Port', 'tag=51'), ('list', 'Interface'), ('list', 'nothing'), ('get', 'Bridge', 'kb0', 'nothing'),
    ('set-qos', 'kp1', 'linux-htb', '1000000'), ('set-queue', 'kp1', [{'max-rate': '5000'}, {'min-rate': '100'}]),
    ('list', 'QoS'), ('list', 'Queue'), ('del-qos', 'kp1'), ('list', 'QoS'),
    ('list-ifaces-verbose', '%016x' % DPID, 'kp1'), ('show',),
    ('del-port', 'kb0', 'kbond'), ('del-port', 'kb0', 'nobody'), ('del-port', 'kb0', 'nobody', '--if-exists'),
    ('del-port', 'kp2'), ('list-ports', 'kb0'),
]


def commands():
    for name, *args in COMMANDS:
        options = ''.join(a for a in args if isinstance(a, str) and a.startswith('--'))
        rest = [a for a in args if not (isinstance(a, str) and a.startswith('--'))]
        attempt(' '.join([name, *map(str, args)]), lambda: command(name, *rest, options=options or None))
    both = [VSCtlCommand('add-port', ('kb0', 'kp5')), VSCtlCommand('set', ('Interface', 'kp5', 'ofport_request=77'))]
    attempt('two commands in one transaction', lambda: VSCtl(REMOTE).run_command(both, TIMEOUT_S, Refused))
    attempt('both were done', lambda: command('get', 'Interface', 'kp5', 'ofport'))


def bridge():
    # Of addresses with a path the library says that they are none.
    named = {'br_name': 'kb0'} if REMOTE.startswith('unix') else {}
    if not named:
        try:
            OVSBridge(Settings, 0x999, REMOTE).init()
            say('a bridge that is not there', 'found')
        except OVSBridgeNotFound:
            say('a bridge that is not there', 'not found')
    b = OVSBridge(Settings, DPID, REMOTE, exception=Refused, **named)
    if not named:
        attempt('init', b.init)
    say('name', b.br_name)
    todo = {
        'get_datapath_id': lambda: b.get_datapath_id(),
        'set_controller': lambda: b.set_controller(['tcp:127.0.0.1:1']),
        'get_controller': lambda: b.get_controller(),
        'del_controller': lambda: b.del_controller(),
        'list_db_attributes': lambda: {r.name for r in b.list_db_attributes('Port')},
        'find_db_attributes': lambda: [r.name for r in b.find_db_attributes('Bridge', 'name=kb0')],
        'set_db_attribute': lambda: b.set_db_attribute('Bridge', 'kb0', 'other_config', 'on', 'forward-bpdu'),
        'get_db_attribute': lambda: b.get_db_attribute('Bridge', 'kb0', 'other_config', 'forward-bpdu'),
        'add_db_attribute': lambda: b.add_db_attribute('Port', 'kp1', 'external_ids', 'v', 'k'),
        'remove_db_attribute': lambda: b.remove_db_attribute('Port', 'kp1', 'external_ids', 'v', 'k'),
        'clear_db_attribute': lambda: b.clear_db_attribute('Bridge', 'kb0', 'other_config'),
        'db_get_val': lambda: b.db_get_val('Interface', 'kp1', 'type'),
        'db_get_map': lambda: b.db_get_map('Interface', 'kp1', 'external_ids'),
        'add_gre_port': lambda: b.add_gre_port('kgre', '192.0.2.1', local_ip='192.0.2.2', key=7),
        'add_vxlan_port': lambda: b.add_vxlan_port('kvx', '192.0.2.1', local_ip='192.0.2.2', key=8, ofport=55),
        'get_port_name_list': lambda: sorted(b.get_port_name_list()),
        'get_ofport': lambda: b.get_ofport('kp1') > 0,
        'get_vif_ports': lambda: [(p.port_name, p.vif_id, p.vif_mac, p.ofport > 0) for p in b.get_vif_ports()],
        'get_external_ports': lambda: {p.port_name for p in b.get_external_ports()},
        'get_tunnel_options': lambda: b.db_get_map('Interface', 'kvx', 'options'),
        'add_bond': lambda: b.add_bond('kbo', ['ks3', 'ks4'], bond_mode='active-backup'),
        'get_quantum_ports': lambda: b.get_quantum_ports('kp1'),
        'set_qos': lambda: b.set_qos('kp1', max_rate='1000', queues=[{'max-rate': '10'}]),
        'del_qos': lambda: b.del_qos('kp1'),
        'del_port': lambda: b.del_port('kbo'),
        'delete_port': lambda: b.delete_port('kgre'),
        'and again': lambda: b.delete_port('kgre'),
    }
    for what, call in todo.items():
        attempt(f'OVSBridge {what}', call)
    attempt('del-br', lambda: command('del-br', 'kb0'))
    attempt('list-br', lambda: command('list-br'))


commands()
bridge()
