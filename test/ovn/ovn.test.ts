/**
 * OVN as it is (ovn-northd, ovn-controller, ovn-nbctl) on weft: its two databases served by weft ovsdb-server, two machines with a weft switchd each, joined by
 * Geneve with OVN's option. Logical switches and a router between them; nothing that needs a connection tracker.
 */
import '../support/isolate.js';

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { labRefusal } from '../../src/cli/lab/netlab.js';
import { needPrograms, OUTSIDE } from '../../src/cli/lab/packages.js';
import { WEFT } from '../support/live.js';

const SCHEMAS = '/usr/share/ovn';
const refusal =
  labRefusal() ??
  needPrograms({
    'ovn-northd': 'ovn-central',
    'ovn-controller': 'ovn-host',
    'ovn-nbctl': 'ovn-common',
    'ovsdb-tool': 'openvswitch-common',
    'ovs-vsctl': 'openvswitch-switch',
    ip: 'iproute2',
    ping: 'iputils-ping',
  }) ??
  (process.env[OUTSIDE] ? undefined : 'needs network and mount namespaces of its own');

const HOSTS = ['h1', 'h2'] as const;
/** Ports of logical switches: where they are, and what the network knows of them. */
const PORTS = [
  { name: 'a1', on: 'h1', sw: 'red', mac: '00:00:00:00:01:01', ip: '10.0.0.1', via: '10.0.0.254' },
  { name: 'a2', on: 'h1', sw: 'red', mac: '00:00:00:00:01:02', ip: '10.0.0.2', via: '10.0.0.254' },
  { name: 'a3', on: 'h2', sw: 'red', mac: '00:00:00:00:01:03', ip: '10.0.0.3', via: '10.0.0.254' },
  { name: 'b1', on: 'h1', sw: 'blue', mac: '00:00:00:00:02:01', ip: '10.0.1.1', via: '10.0.1.254' },
  { name: 'b2', on: 'h2', sw: 'blue', mac: '00:00:00:00:02:02', ip: '10.0.1.2', via: '10.0.1.254' },
] as const;

const WAYS = [
  ['a1', '10.0.0.2', 'one switch, one machine'],
  ['a1', '10.0.0.3', 'one switch, two machines'],
  ['a1', '10.0.0.254', "the router's own address"],
  ['a1', '10.0.1.1', 'through the router, one machine'],
  ['a1', '10.0.1.2', 'through the router, two machines'],
  ['b2', '10.0.0.2', 'and back'],
] as const;

class Ovn {
  readonly dir = mkdtempSync(join(tmpdir(), 'weft-ovn-'));
  private readonly nb = `unix:${join(this.dir, 'nb.sock')}`;
  private readonly sb = `unix:${join(this.dir, 'sb.sock')}`;

  sh(text: string, host = ''): { status: number | null; said: string } {
    const run = join(this.dir, host);
    const env = {
      ...process.env,
      ...{ OVS_RUNDIR: run, OVS_LOGDIR: run, OVS_DBDIR: run, WEFT_RUNDIR: run, OVN_RUNDIR: run, OVN_LOGDIR: run },
      ...{ OVN_NB_DB: this.nb, OVN_SB_DB: this.sb, WEFT: `${process.execPath} ${WEFT}`, DIR: run },
    };
    const r = spawnSync('bash', ['-ec', text], { env, encoding: 'utf8', timeout: 120_000 });
    return { status: r.status, said: r.stdout + r.stderr };
  }

  /** Throws with what was said. */
  must(text: string, host = ''): void {
    const { status, said } = this.sh(text, host);
    if (status !== 0) throw new Error(`${text}\n${said}`);
  }

  start(): void {
    for (const db of ['nb', 'sb']) {
      this.must(`ovsdb-tool create $DIR/${db}.db ${SCHEMAS}/ovn-${db}.ovsschema
        $WEFT ovsdb-server $DIR/${db}.db --detach --no-chdir --pidfile=$DIR/${db}.pid --log-file=$DIR/${db}.log --unixctl=$DIR/${db}.ctl --remote=punix:$DIR/${db}.sock`);
    }
    const quiet = '--detach --no-chdir -vconsole:off --log-file';
    this.must(`ovn-northd --ovnnb-db=${this.nb} --ovnsb-db=${this.sb} ${quiet} --pidfile=$DIR/northd.pid`);
    HOSTS.forEach((h, i) => {
      mkdirSync(join(this.dir, h));
      this.must(`ip netns add ${h}; ip -n ${h} link set lo up`);
      if (i === 1)
        this.must(
          'ip link add u1 netns h1 type veth peer name u2 netns h2; ip -n h1 link set u1 up; ip -n h2 link set u2 up',
        );
    });
    HOSTS.forEach((h, i) => {
      const own = `172.16.0.${i + 1}`;
      this.must(`ip -n ${h} addr add ${own}/24 dev u${i + 1}`);
      this.must(
        `ip netns exec ${h} $WEFT switchd --accept-ct --detach --log-file=$DIR/switch.log
        ovs-vsctl set open . external-ids:system-id=${h} external-ids:ovn-remote=${this.sb} \
          external-ids:ovn-encap-type=geneve external-ids:ovn-encap-ip=${own}
        ip netns exec ${h} ovn-controller unix:$DIR/db.sock ${quiet} --pidfile=$DIR/controller.pid`,
        h,
      );
    });
  }

  network(): void {
    const router = ['red', 'blue'].map(
      (sw, i) =>
        `-- lrp-add r r-${sw} 00:00:00:00:ff:0${i} 10.0.${i}.254/24 -- lsp-add ${sw} ${sw}-r -- lsp-set-type ${sw}-r router ` +
        `-- lsp-set-addresses ${sw}-r router -- lsp-set-options ${sw}-r router-port=r-${sw}`,
    );
    const ports = PORTS.map((p) => `-- lsp-add ${p.sw} ${p.name} -- lsp-set-addresses ${p.name} "${p.mac} ${p.ip}"`);
    this.must(`ovn-nbctl ls-add red -- ls-add blue -- lr-add r ${[...router, ...ports].join(' ')}`);
    for (const h of HOSTS)
      this.must('i=0; until ovs-vsctl br-exists br-int; do sleep 0.1; i=$((i+1)); [ $i -lt 300 ]; done', h);
    for (const { name, on, mac, ip, via } of PORTS) {
      this.must(
        `ip netns add ${name}; ip link add ${name} netns ${on} type veth peer name eth0 netns ${name}; ip -n ${on} link set ${name} up
        ip -n ${name} link set eth0 address ${mac} up; ip -n ${name} addr add ${ip}/24 dev eth0; ip -n ${name} route add default via ${via}
        ip -n ${name} link set eth0 mtu 1400
        ovs-vsctl --timeout=30 add-port br-int ${name} -- set interface ${name} external_ids:iface-id=${name}`,
        on,
      );
    }
    this.must('ovn-nbctl --timeout=60 --wait=hv sync');
    for (const { name } of PORTS) this.must(`ovn-nbctl --timeout=60 wait-until logical_switch_port ${name} up=true`);
  }

  logs(): string {
    const files = readdirSync(this.dir, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.log'));
    return files
      .map((f) => `${f}:\n${readFileSync(join(this.dir, f), 'utf8').split('\n').slice(-8).join('\n')}`)
      .join('\n');
  }

  close(): void {
    for (const h of HOSTS) this.sh('kill $(cat $DIR/controller.pid $DIR/ovs-vswitchd.pid)', h);
    this.sh('kill $(cat $DIR/northd.pid $DIR/nb.pid $DIR/sb.pid)');
    this.sh(`for n in ${[...HOSTS, ...PORTS.map((p) => p.name)].join(' ')}; do ip netns del $n || true; done`);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

t.setTimeout(300_000);
t.test('OVN', { skip: refusal ?? false }, async (t) => {
  const ovn = new Ovn();
  t.teardown(() => ovn.close());
  try {
    ovn.start();
    ovn.network();
  } catch (e) {
    t.fail(`${e instanceof Error ? e.message : e}\n${ovn.logs()}`);
    return;
  }
  for (const [from, to, what] of WAYS) {
    // The first packets may find that the tunnel's other end is not known yet.
    const r = ovn.sh(`ip netns exec ${from} ping -c 1 -W 1 ${to} || ip netns exec ${from} ping -c 3 -i 0.2 -W 2 ${to}`);
    t.equal(r.status, 0, `${what}\n${r.said}`);
  }
  t.match(
    ovn.sh('$WEFT appctl dpctl/dump-flows', 'h1').said,
    /tunnel\(tun_id=0x\d+,src=172\.16\.0\.2,dst=172\.16\.0\.1,.*geneve\(\{class=0x102,type=0x80,len=4,/,
    "what comes from the other machine has OVN's option",
  );
});
