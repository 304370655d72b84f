/**
 * The scripts of Open vSwitch's packages, unchanged: ovs-ctl, ovs-save, ovs-tcpdump, ovs-dpctl-top, ifupdown, ovs-bugtool. Each step runs with the real programs
 * and with weft under their names first in PATH; what it prints is the same.
 */
import '../support/isolate.js';

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { labRefusal } from '../../src/cli/lab/netlab.js';
import { needPrograms, OUTSIDE } from '../../src/cli/lab/packages.js';
import { WEFT } from '../support/live.js';

const SCRIPTS = '/usr/share/openvswitch/scripts';
const refusal =
  labRefusal() ??
  needPrograms({
    [`${SCRIPTS}/ovs-ctl`]: 'openvswitch-switch',
    [`${SCRIPTS}/ovs-bugtool-fdb-show`]: 'openvswitch-common',
    'ovs-testcontroller': 'openvswitch-testcontroller',
    tcpdump: 'tcpdump',
    ip: 'iproute2',
    ping: 'iputils-ping',
    uuidgen: 'uuid-runtime',
  }) ??
  (process.env[OUTSIDE] ? undefined : 'needs network and mount namespaces of its own');

/** A step: its name, its commands, its status. `same: false`: what it prints depends on the machine; only its status counts. */
interface Step {
  readonly name: string;
  readonly sh: string;
  readonly same?: false;
  readonly status?: number;
}

const ctl = (words: string) => `${SCRIPTS}/ovs-ctl --system-id=random --no-mlockall ${words}`;
const netdev = (bridge: string) => `set bridge ${bridge} datapath_type=netdev`;
const STEPS: readonly Step[] = [
  // The limit of descriptors is not ours to raise everywhere.
  { name: 'ovs-ctl start', sh: `${ctl('start')} 2>&1 | grep -v ulimit` },
  { name: 'ovs-ctl start again', sh: ctl('start') },
  { name: 'ovs-ctl status', sh: `${SCRIPTS}/ovs-ctl status` },
  { name: 'ovs-ctl version', sh: `${SCRIPTS}/ovs-ctl version | grep -v weft` },
  {
    name: 'by name',
    sh: 'for n in ovs-vswitchd ovsdb-server; do cat /proc/$(cat $OVS_RUNDIR/$n.pid)/comm; pidof $n | grep -ow $(cat $OVS_RUNDIR/$n.pid); done | sed "s/^[0-9]*$/PID/"',
  },
  {
    name: 'a bridge',
    sh: `ip link add v0 type veth peer name v1 && ip netns add far && ip link set v1 netns far && ip link set v0 up &&
      ovs-vsctl add-br br0 -- ${netdev('br0')} -- add-port br0 v0 -- add-port br0 i1 -- set interface i1 type=internal &&
      ovs-ofctl add-flow br0 table=3,priority=77,ip,actions=drop &&
      ovs-ofctl add-group br0 group_id=5,type=select,bucket=output:1 && ovs-vsctl list-ports br0`,
  },
  { name: 'ovs-save save-flows', sh: `${SCRIPTS}/ovs-save save-flows br0` },
  { name: 'ovs-save save-interfaces', sh: `${SCRIPTS}/ovs-save save-interfaces br0 | grep -v iptables` },
  { name: 'addresses', sh: 'ip addr add 10.9.0.1/24 dev i1; ip link set i1 up' },
  { name: 'ovs-ctl restart keeps flows', sh: `${ctl('restart')} 2>&1 | grep -v ulimit` },
  {
    name: 'flows after it',
    sh: 'ovs-ofctl dump-flows br0 | grep -o "table=.*n_packets\\|priority=.*"; ovs-ofctl -O OpenFlow13 dump-groups br0',
  },
  {
    name: 'traffic',
    sh: `ip -4 -o addr show dev i1 | grep -o 10.9.0.1; ip -n far addr add 10.9.0.2/24 dev v1; ip -n far link set v1 up;
      for i in 1 2 3; do ping -c 1 -W 5 10.9.0.2 | grep -o "[0-9]* received"; done`,
  },
  {
    name: 'ovs-tcpdump',
    sh: `{ set -m; ovs-tcpdump -i v0 -nn -l icmp >"$DIR/seen" 2>/dev/null & dump=$!
      i=0; until grep -q reply "$DIR/seen"; do ping -c 1 -W 1 10.9.0.2 >/dev/null; i=$((i+1)); [ $i = 100 ] && break; done
      # Now and then it does not hear the first time, or never ends: it, too, is theirs.
      i=0; while kill -INT $dump 2>/dev/null; do sleep 0.1; i=$((i+1)); [ $i = 50 ] && kill -KILL -$dump; done
      ovs-vsctl clear bridge br0 mirrors -- --if-exists del-port miv0; } 2>/dev/null
      grep -o "IP .*: ICMP echo re[a-z]*" "$DIR/seen" | sort -u; ovs-vsctl list mirror; ovs-vsctl list-ports br0`,
  },
  { name: 'ovs-dpctl-top', sh: 'ovs-dpctl-top -s | grep -v Duration' },
  {
    name: 'ifup',
    sh: `export IFACE=brx MODE=start PHASE=pre-up VERBOSITY=0 IF_OVS_TYPE=OVSBridge IF_OVS_PORTS= METHOD=manual ADDRFAM=inet
      IF_OVS_EXTRA="${netdev('brx')}" /etc/network/if-pre-up.d/openvswitch; ovs-vsctl list-br`,
  },
  {
    name: 'ifdown',
    sh: `export IFACE=brx MODE=stop PHASE=post-down VERBOSITY=0 IF_OVS_TYPE=OVSBridge METHOD=manual ADDRFAM=inet
      /etc/network/if-post-down.d/openvswitch; ovs-vsctl list-br`,
  },
  { name: 'ovs-check-dead-ifs', sh: `${SCRIPTS}/ovs-check-dead-ifs`, same: false },
  ...['fdb-show', 'ovs-bridge-datapath-type', 'ovs-ofctl-loop-over-bridges show', 'ovs-appctl-dpif'].map((name) => ({
    name: `ovs-bugtool ${name}`,
    sh: `${SCRIPTS}/ovs-bugtool-${name}`,
    same: false as const,
  })),
  { name: 'statistics', sh: 'ovs-vsctl get interface v0 statistics | grep -o "[a-z_]*="' },
  { name: 'ovs-ctl stop', sh: `${SCRIPTS}/ovs-ctl stop` },
  { name: 'ovs-ctl status after it', sh: `${SCRIPTS}/ovs-ctl status`, status: 1 },
];

/** Without what differs each time. */
function plain(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'UUID')
    .replace(/(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/g, 'MAC')
    .replace(/ovs-save\.\w+/g, 'ovs-save.TMP')
    .replace(/\/\S*weft-system-\w+/g, 'DIR')
    .replace(/(pid |\()\d+/g, '$1PID');
}

function run(ours: boolean): Map<string, { status: number | null; said: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'weft-system-'));
  for (const d of ['bin', 'run', 'log', 'db', 'etc/openvswitch']) mkdirSync(join(dir, d), { recursive: true });
  if (ours) spawnSync(process.execPath, [WEFT, 'compat', join(dir, 'bin')]);
  const at = (name: string) => join(dir, name);
  const env = {
    ...process.env,
    DIR: dir,
    PATH: `${at('bin')}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    ...{ OVS_RUNDIR: at('run'), OVS_LOGDIR: at('log'), OVS_DBDIR: at('db'), OVS_SYSCONFDIR: at('etc') },
  };
  if (ours) spawnSync('ln', ['-s', process.execPath, join(dir, 'bin/node')]);
  const sh = (text: string) => {
    const r = spawnSync('bash', ['-c', text], { env, encoding: 'utf8', timeout: 120_000 });
    return { status: r.status, said: plain(r.stdout + r.stderr) };
  };
  try {
    return new Map(STEPS.map((s) => [s.name, sh(s.sh)]));
  } finally {
    sh(`${SCRIPTS}/ovs-ctl stop; ip netns del far; for d in v0 i1 br0 brx ovs-netdev; do ip link del $d; done`);
    rmSync(dir, { recursive: true });
  }
}

t.setTimeout(400_000);
t.test('scripts of the packages', { skip: refusal ?? false }, async (t) => {
  const [theirs, ours] = [run(false), run(true)];
  for (const { name, same, status = 0 } of STEPS) {
    const [a, b] = [theirs.get(name), ours.get(name)];
    t.equal(a?.status, status, `${name}: ${a?.said}`);
    if (same === false) t.equal(b?.status, a?.status, `${name}: ${b?.said}`);
    else t.same(b, a, name);
  }
});
