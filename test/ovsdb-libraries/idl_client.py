"""Debian's python3-openvswitch (ovs.db.idl) and ovsdbapp over it, as Neutron uses them, on the server $1."""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(__file__))

import ovs.db.idl
import ovs.poller
from ovsdbapp.backend.ovs_idl import connection, event, idlutils
from ovsdbapp.schema.open_vswitch import impl_idl

from say import attempt, say

REMOTE = sys.argv[1]
TIMEOUT_S = 20


def helper():
    return idlutils.get_schema_helper(REMOTE, 'Open_vSwitch')


def new_idl(tables=None):
    h = helper()
    if tables:
        for t in tables:
            h.register_table(t)
    else:
        h.register_all()
    return ovs.db.idl.Idl(REMOTE, h)


def run_until(idl, condition):
    end = time.monotonic() + TIMEOUT_S
    while not condition():
        if time.monotonic() > end:
            return False
        idl.run()
        if condition():
            return True
        p = ovs.poller.Poller()
        idl.wait(p)
        p.timer_wait(500)
        p.block()
    return True


class Heard(event.RowEvent):
    """Rows of Interface as they come, change and go."""

    def __init__(self):
        self.all = []
        self.came = threading.Condition()
        super().__init__((self.ROW_CREATE, self.ROW_UPDATE, self.ROW_DELETE), 'Interface', None)

    def run(self, what, row, old):
        with self.came:
            self.all.append((what, row.name))
            self.came.notify_all()

    def hears(self, what, name):
        with self.came:
            return self.came.wait_for(lambda: (what, name) in self.all, TIMEOUT_S)


class NotifyingIdl(connection.OvsdbIdl):
    def __init__(self, remote, schema):
        super().__init__(remote, schema)
        self.notify_handler = event.RowEventHandler()

    def notify(self, what, row, updates=None):
        self.notify_handler.notify(what, row, updates)


def neutron():
    h = helper()
    h.register_all()
    idl = NotifyingIdl(REMOTE, h)
    heard = Heard()
    idl.notify_handler.watch_event(heard)
    api = impl_idl.OvsdbIdl(connection.Connection(idl, TIMEOUT_S))
    do = lambda c: c.execute(check_error=True)
    set_of = lambda rows: sorted(rows, key=str)
    todo = {
        'add_br': lambda: do(api.add_br('nb0')).__class__.__name__,
        'add_br again': lambda: do(api.add_br('nb0', may_exist=True)).__class__.__name__,
        'br_exists': lambda: do(api.br_exists('nb0')),
        'list_br': lambda: do(api.list_br()),
        'add_port': lambda: do(api.add_port('nb0', 'np1')).__class__.__name__,
        'it is made when that returns': lambda: do(api.db_get('Interface', 'np1', 'ofport')),
        'notified of it': lambda: heard.hears('create', 'np1') and heard.hears('update', 'np1'),
        'list_ports': lambda: do(api.list_ports('nb0')),
        'list_ifaces': lambda: do(api.list_ifaces('nb0')),
        'port_to_br': lambda: do(api.port_to_br('np1')),
        'iface_to_br': lambda: do(api.iface_to_br('np1')),
        'db_set': lambda: do(api.db_set('Interface', 'np1', ('external_ids', {'iface-id': 'x', 'vm': 'y'}))),
        'db_get': lambda: do(api.db_get('Interface', 'np1', 'external_ids')),
        'db_find': lambda: [r['name'] for r in do(api.db_find('Interface', ('external_ids', '=', {'iface-id': 'x', 'vm': 'y'}), columns=['name']))],
        'db_find of many': lambda: set_of(r['name'] for r in do(api.db_find('Interface', ('name', '!=', 'nobody'), columns=['name']))),
        'db_list': lambda: set_of(r['name'] for r in do(api.db_list('Port', columns=['name', 'tag']))),
        'db_add': lambda: do(api.db_add('Port', 'np1', 'trunks', 4, 5)),
        'db_remove': lambda: do(api.db_remove('Port', 'np1', 'trunks', 4)),
        'db_get trunks': lambda: do(api.db_get('Port', 'np1', 'trunks')),
        'db_clear': lambda: do(api.db_clear('Port', 'np1', 'trunks')),
        'db_set that must not be': lambda: do(api.db_set('Port', 'np1', ('tag', 5000))),
        'set_controller': lambda: do(api.set_controller('nb0', ['tcp:127.0.0.1:1'])),
        'get_controller': lambda: do(api.get_controller('nb0')),
        'del_controller': lambda: do(api.del_controller('nb0')),
        'set_fail_mode': lambda: do(api.set_fail_mode('nb0', 'secure')),
        'br_set_external_id': lambda: do(api.br_set_external_id('nb0', 'a', 'b')),
        'br_get_external_id': lambda: do(api.br_get_external_id('nb0', 'a')),
        'iface_set_external_id': lambda: do(api.iface_set_external_id('np1', 'a', 'b')),
        'iface_get_external_id': lambda: do(api.iface_get_external_id('np1', 'a')),
        'add_manager': lambda: do(api.add_manager('ptcp:0:127.0.0.1')).__class__.__name__,
        'get_manager': lambda: [m for m in do(api.get_manager()) if m.startswith('ptcp:0')],
        'remove_manager': lambda: do(api.remove_manager('ptcp:0:127.0.0.1')),
        'db_create': lambda: do(api.db_create('QoS', type='linux-htb')).__class__.__name__,
        'db_list of it': lambda: len(do(api.db_list('QoS'))),
        'db_destroy': lambda: [do(api.db_destroy('QoS', r['_uuid'])) for r in do(api.db_list('QoS'))],
        'db_list of nothing': lambda: do(api.db_list('QoS')),
        'del_port': lambda: do(api.del_port('np1', 'nb0')),
        'notified of that': lambda: heard.hears('delete', 'np1'),
        'del_port of nobody': lambda: do(api.del_port('nobody', 'nb0', if_exists=False)),
    }
    for what, call in todo.items():
        attempt(f'ovsdbapp {what}', call)

    def many():
        with api.transaction(check_error=True) as txn:
            for i in range(20):
                txn.add(api.add_port('nb0', f'np{i}'))
                txn.add(api.db_set('Interface', f'np{i}', ('external_ids', {'n': str(i)})))
        return {do(api.db_get('Interface', f'np{i}', 'ofport')) for i in range(20)}

    attempt('ovsdbapp forty commands in a transaction', many)
    attempt('ovsdbapp del_br', lambda: do(api.del_br('nb0')))
    attempt('ovsdbapp list_br', lambda: do(api.list_br()))
    api.ovsdb_connection.stop(TIMEOUT_S)


def plain_idl():
    idl = new_idl()
    say('idl is filled', run_until(idl, idl.has_ever_connected) and run_until(idl, lambda: len(idl.tables['Open_vSwitch'].rows) == 1))
    root = lambda i=idl: next(iter(i.tables['Open_vSwitch'].rows.values()))
    name = lambda s: ovs.db.idl.Transaction.status_to_string(s)

    txn = ovs.db.idl.Transaction(idl)
    say('nothing to do', name(txn.commit_block()))

    txn = ovs.db.idl.Transaction(idl)
    txn.add_comment('a comment')
    bridge = txn.insert(idl.tables['Bridge'])
    bridge.name = 'ib0'
    local = txn.insert(idl.tables['Interface'])
    local.name, local.type = 'ib0', 'internal'
    port = txn.insert(idl.tables['Port'])
    port.name, port.interfaces = 'ib0', [local]
    bridge.ports = [port]
    root().addvalue('bridges', bridge)
    root().increment('next_cfg')
    say('a bridge is inserted', name(txn.commit_block()))
    real = txn.get_insert_uuid(bridge.uuid)
    cfg = root().next_cfg
    say('the switch has done it', run_until(idl, lambda: root().cur_cfg >= cfg))
    say('numbered', [int(i.ofport[0]) for i in idl.tables['Interface'].rows.values() if i.name == 'ib0' and i.ofport])
    row = idl.tables['Bridge'].rows[real]

    other = new_idl(['Open_vSwitch', 'Bridge'])
    run_until(other, lambda: real in other.tables['Bridge'].rows)
    mine, theirs = ovs.db.idl.Transaction(idl), ovs.db.idl.Transaction(other)
    theirs_row = other.tables['Bridge'].rows[real]
    row.verify('external_ids')
    ids = dict(row.external_ids, mine='1')
    theirs_row.external_ids = {'theirs': '1'}
    say('theirs goes in', name(theirs.commit_block()))
    row.external_ids = ids
    say('mine was made from what is old', name(mine.commit_block()))
    run_until(idl, lambda: dict(row.external_ids) == {'theirs': '1'})
    again = ovs.db.idl.Transaction(idl)
    row.setkey('external_ids', 'mine', '2')
    say('a key beside theirs', name(again.commit_block()))
    say('both are there', run_until(other, lambda: dict(theirs_row.external_ids) == {'theirs': '1', 'mine': '2'}))
    again = ovs.db.idl.Transaction(idl)
    row.delkey('external_ids', 'theirs')
    say('a key less', name(again.commit_block()))
    wrong = ovs.db.idl.Transaction(idl)
    row.fail_mode = 'secure'
    row.rstp_enable = True
    wrong.insert(idl.tables['Bridge']).name = 'ib0'
    say('a second of its name that nobody refers to', name(wrong.commit_block()))
    dry = ovs.db.idl.Transaction(idl)
    dry.dry_run = True
    row.stp_enable = True
    say('a rehearsal', name(dry.commit_block()))

    idl.set_lock('a_lock')
    say('has the lock', run_until(idl, lambda: idl.has_lock))
    other.set_lock('a_lock')
    say('the other waits', run_until(other, lambda: other.is_lock_contended))
    gone = ovs.db.idl.Transaction(other)
    theirs_row.setkey('external_ids', 'x', 'y')
    say('and may not write', name(gone.commit_block()))
    idl.set_lock(None)
    run_until(idl, lambda: True)
    say('until it is free', run_until(other, lambda: other.has_lock))

    narrow = new_idl(['Bridge'])
    narrow.cond_change('Bridge', [['name', '==', 'ib0']])
    say('a condition', run_until(narrow, lambda: len(narrow.tables['Bridge'].rows) == 1))
    narrow.cond_change('Bridge', [['name', '==', 'nobody']])
    say('another condition', run_until(narrow, lambda: len(narrow.tables['Bridge'].rows) == 0))

    last = ovs.db.idl.Transaction(idl)
    root().delvalue('bridges', row)
    root().increment('next_cfg')
    say('the bridge goes', name(last.commit_block()))
    cfg = root().next_cfg
    say('done', run_until(idl, lambda: root().cur_cfg >= cfg))
    say('with its port', run_until(idl, lambda: not [i for i in idl.tables['Interface'].rows.values() if i.name == 'ib0']))
    for i in (idl, other, narrow):
        i.close()


plain_idl()
neutron()
