"""Mininet's own networks on the switch that is there: python3 scenarios.py [NAME...]. Each check is a line of JSON on the descriptor of $REPORT.

Mininet is used as its users do, with its classes as they are: what a check asks is what Mininet's commands say.
"""
import json
import os
import subprocess
import sys
import time
from glob import glob

from mininet.cli import CLI
from mininet.link import OVSLink
from mininet.net import Mininet
from mininet.node import DefaultController, OVSBridge, OVSSwitch, RemoteController
from mininet.topolib import TreeTopo
from mininet.util import errRun, quietRun

PATIENCE_S = 15
REPORT = os.fdopen(int(os.environ.get('REPORT', '1')), 'w')


def check(what, ok, said=''):
    print(json.dumps({'what': what, 'ok': bool(ok), 'said': str(said)}), file=REPORT, flush=True)


def becomes(condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def losses():
    """What the switch says that it dropped, and why, and of its controllers: a frame that is not there was not lost in it."""
    # By its socket: its pid file speaks of processes that are not seen from here.
    appctl = f'ovs-appctl -t {glob("/var/run/openvswitch/ovs-vswitchd.*.ctl")[0]}'
    drops = [line for line in quietRun(f'{appctl} weft/drops').splitlines() if 'dropped 0, held 0' not in line]
    counters = [line for line in quietRun(f'{appctl} coverage/show').splitlines() if 'drop' in line]
    return '\n'.join([*drops, *counters, quietRun(f'{appctl} weft/controllers')])


def all_reach_all(net, what):
    dropped = net.pingAll(timeout=5)
    check(f'{what}: 0 % dropped', dropped == 0, f'{dropped} %\n{losses()}' if dropped else '')


def everything(net, _what):
    """What a user of the network may do to it."""
    switches, hosts = net.switches, net.hosts
    first = switches[0]

    flows = first.dpctl('dump-flows')
    check('dpctl dump-flows shows the flows', 'actions=' in flows and 'cookie=' in flows, flows)
    said = quietRun(f'ovs-ofctl dump-flows {first}')
    check('so does sh ovs-ofctl dump-flows', 'actions=' in said, said)
    shown = first.dpctl('show')
    dpid = f'dpid:{first.dpid}'
    check('dpctl show has the datapath id that was asked for', dpid in shown, shown)
    for intf, port in first.ports.items():
        if port:
            check(f'{intf} has number {port}', f' {port}({intf})' in shown, shown)
    desc = first.dpctl('dump-desc')
    check('dump-desc has the name of the switch', f'DP Description: {first}' in desc, desc)
    check('is_connected as Mininet asks', all(s.connected() for s in switches))

    name = switches[1].name
    intf = first.connectionsTo(switches[1])[0][0]
    is_down = lambda: 'state:      LINK_DOWN' in first.dpctl('show').split(f'({intf})')[1].split('(')[0]
    check('it has a link', not is_down())
    net.configLinkStatus(first.name, name, 'down')
    check('a link that is down is told to OpenFlow', becomes(is_down), first.dpctl('show'))
    far = [h for h in hosts if h.connectionsTo(switches[1])] or hosts[:3]
    other = [h for h in hosts if h not in far]
    lost = net.ping([far[0], other[0]], timeout=1)
    check('nobody gets across', lost == 100, f'{lost} %')
    lost = net.ping(far[:2], timeout=5)
    check('below it they still reach each other', lost == 0, f'{lost} %')
    net.configLinkStatus(first.name, name, 'up')
    check('up again, and told', becomes(lambda: not is_down()), first.dpctl('show'))
    # What the controller's flows led astray meanwhile ages out with them.
    came_back = becomes(lambda: net.pingAll(timeout=5) == 0)
    check('and all is as before', came_back, '' if came_back else losses())

    # Not net.iperf(): it waits for a line that iperf 2.1 does not write, with no switch between the hosts too.
    server = hosts[-1].popen(['iperf', '-s'])
    sent = 0
    for _ in range(20):
        report = hosts[0].cmd(f'iperf -c {hosts[-1].IP()} -t 0.5 -y C').strip().split(',')
        sent = int(report[-2]) if len(report) > 2 and report[-2].isdigit() else 0
        if sent > 0:
            break
        time.sleep(0.1)
    server.kill()
    # Not how quick it is, which the machine's load says: a stream that loses its segments gets a few packets through.
    check('iperf gets more than 1 MB through in half a second', sent > 1_000_000, f'{sent} bytes')


def command_line(net, _what):
    """A file of commands, as for `mn --pre`."""
    path = '/tmp/commands.mn'
    first = net.switches[0]
    with open(path, 'w') as f:
        f.write(f'nodes\nnet\ndpctl dump-ports {first}\nsh ovs-vsctl get bridge {first} datapath_id > /tmp/dpid\n'
                f'link {first} {net.switches[1]} down\nlink {first} {net.switches[1]} up\npy net.pingAll(timeout=5)\n')
    CLI(net, script=path)
    with open('/tmp/dpid') as f:
        said = f.read().strip().strip('"')
    check('a script of the command line', said == first.dpid, said)


def settings(net, _what):
    """What Mininet asked of the database is what the database has."""
    s = net.switches[0]
    get = lambda column: quietRun(f'ovs-vsctl get bridge {s} {column}').strip()
    check('fail_mode', get('fail_mode') == s.failMode, get('fail_mode'))
    check('datapath_type', get('datapath_type') == ('netdev' if s.datapath == 'user' else '""'), get('datapath_type'))
    check('protocols', s.protocols is None or s.protocols in get('protocols'), get('protocols'))
    for uuid in s.controllerUUIDs(update=True):
        backoff = quietRun(f'ovs-vsctl get controller {uuid} max_backoff').strip()
        check('max_backoff', backoff == str(s.reconnectms), backoff)
    if s.protocols:
        shown = quietRun(f'ovs-ofctl -O {s.protocols} show {s}')
        check('the version that was asked for', f'dpid:{s.dpid}' in shown, shown)
        old, err, status = errRun(f'ovs-ofctl -O OpenFlow10 show {s}')
        check('and no other', status != 0 and 'version negotiation failed' in err, old + err)


def moved(net, _what):
    """A device is taken from a switch and given back: attach and detach."""
    s = net.switches[-1]
    host = net.hosts[-1]
    intf = host.connectionsTo(s)[0][1]
    s.detach(intf)
    check('detached', intf.name not in quietRun(f'ovs-vsctl list-ports {s}'))
    check('nothing passes', net.ping([net.hosts[0], host], timeout=1) == 100)
    s.attach(intf)
    check('attached: it passes again', becomes(lambda: net.ping([net.hosts[0], host], timeout=2) == 0))


def switch(kind=OVSSwitch, **params):
    return lambda name, **more: kind(name, **{**params, **more})


def remote(name):
    return RemoteController(name, ip='127.0.0.1', port=int(os.environ['OSKEN_PORT']))


# Name: (depth, fanout), what makes a switch, what makes a controller, kind of link, what is done beside pingall. `killed` is a function of its own.
SCENARIOS = {
    'default': ((2, 3), OVSSwitch, DefaultController, None, [everything, settings, command_line]),
    'standalone': ((2, 3), switch(failMode='standalone'), None, None, [everything, settings, moved]),
    'bridge': ((3, 2), OVSBridge, None, None, [settings]),
    'user': ((2, 2), switch(datapath='user', failMode='standalone'), None, None, [settings]),
    'batch': ((3, 2), switch(batch=True, failMode='standalone'), None, None, []),
    'backoff': ((1, 3), switch(reconnectms=2000), DefaultController, None, [settings]),
    'patch': ((2, 2), switch(failMode='standalone'), None, OVSLink, []),
    'of13': ((2, 2), switch(protocols='OpenFlow13'), remote, None, [settings]),
    'deep': ((3, 3), OVSSwitch, DefaultController, None, [settings]),
    'deep-standalone': ((3, 3), switch(failMode='standalone'), None, None, []),
    'killed': None,
    'deep-of15': ((3, 2), switch(protocols='OpenFlow15'), remote, None, [settings]),
}


def clean(what):
    bridges = quietRun('ovs-vsctl list-br').split()
    check(f'{what}: no bridge is left', bridges == [], bridges)
    links = [l.split(':')[1].strip() for l in quietRun('ip -o link').splitlines()]
    left = [l for l in links if l != 'lo' and not l.startswith(('ovs-', 'sit', 'gre', 'tunl', 'ip6', 'ip_', 'erspan', 'dummy', 'teql'))]
    check(f'{what}: no device is left', left == [], left)


def killed():
    """`mn` dies, and `mn -c` takes away what it made."""
    mn = subprocess.Popen(['mn', '--topo', 'tree,2,2', '--switch', 'ovs,failMode=standalone', '--controller', 'none'],
                          stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    check('killed: it was there', becomes(lambda: len(quietRun('ovs-vsctl list-br').split()) == 3))
    mn.kill()
    mn.wait()
    said, err, status = errRun('mn -c')
    check('mn -c', status == 0 and 'Cleanup complete' in said + err, said + err)
    clean('killed')


def run(name):
    if name == 'killed':
        return killed()
    (depth, fanout), make, controller, link, todo = SCENARIOS[name]
    more = {'link': link} if link else {}
    net = Mininet(TreeTopo(depth=depth, fanout=fanout), switch=make, controller=controller, waitConnected=PATIENCE_S,
                  autoSetMacs=True, **more)
    try:
        net.start()
        all_reach_all(net, f'{name}: tree of depth {depth}, fanout {fanout}')
        for what in todo:
            what(net, name)
    finally:
        net.stop()
    clean(name)


if __name__ == '__main__':
    for each in sys.argv[1:] or SCENARIOS:
        OVSSwitch.setup()
        started = time.monotonic()
        try:
            run(each)
        except Exception as e:
            check(f'{each} runs to its end', False, repr(e))
        print(f'{each}: {time.monotonic() - started:.1f} s', file=sys.stderr)
