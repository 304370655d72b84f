/** The switch from one command line: veth and TAP ports, VLANs, large frames, two workers, and the programs of Open vSwitch on its sockets. */
import '../support/isolate.js';

import t, { type Test } from 'tap';
import { labRefusal, NetLab, type Ran, until } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { parseHex } from '../../src/lib/bytes.js';
import { LiveSwitch, unbalanced } from '../support/live.js';
import { generate } from '../support/traffic.js';

const refusal =
  labRefusal() ??
  needPrograms({
    ip: 'iproute2',
    ping: 'iputils-ping',
    iperf3: 'iperf3',
    tcpdump: 'tcpdump',
    'ovs-ofctl': OVS_PROGRAMS['ovs-ofctl'],
    'ovs-appctl': OVS_PROGRAMS['ovs-appctl'],
  });
t.setTimeout(120_000);

const SOON = 5000;
const JUMBO = 9000;
const mac = (n: number) => `02:00:00:00:08:0${n}`;

/** The first packet that tcpdump shows of a device, in a namespace if one is named. */
function watch(
  lab: NetLab,
  ns: string,
  device: string,
  filter: string,
): { listens: Promise<boolean>; line: Promise<string> } {
  const dump = ['tcpdump', '-n', '-e', '-l', '-c', '1', '-i', device, ...filter.split(' ')];
  const [program, ...args] = ns ? ['ip', 'netns', 'exec', ns, ...dump] : dump;
  const { child, done } = lab.startAsync(program, args);
  let told = '';
  child.stderr?.on('data', (d) => {
    told += d;
  });
  return {
    listens: until(() => told.includes('listening on'), SOON),
    line: Promise.race([done, lab.insideAsync(`${lab.prefix}c`, 'sleep', '5')]).then((r) => r.stdout),
  };
}

/**
 * Two bridges joined by a veth pair as a trunk, so that tagged frames pass through the kernel, which takes tags off. Hosts, each at a port:
 * a and d at wfv0 (VLANs 10 and 20), b and e at wfv1 (10 and 20), and c, a TAP of wfv0 in VLAN 10 that was moved into the host's namespace.
 */
class World {
  readonly lab = new NetLab('wfv');
  readonly sw: LiveSwitch;
  readonly c: string;

  constructor() {
    const { lab } = this;
    lab.host('a', { address: '10.80.10.1/24', mac: mac(1), mtu: JUMBO });
    lab.host('b', { address: '10.80.10.2/24', mac: mac(2), mtu: JUMBO });
    const d = lab.host('d', { address: '10.80.20.4/24', mac: mac(4) });
    lab.ip(`-n ${d.ns} addr add 10.80.10.4/24 dev e0`);
    lab.host('e', { address: '10.80.20.5/24', mac: mac(5) });
    lab.veth('wfvx', 'wfvy');
    for (const end of ['wfvx', 'wfvy']) lab.ip(`link set ${end} mtu ${JUMBO}`);
    this.c = lab.namespace('c');
    this.sw = new LiveSwitch([
      ...['--bridge', 'wfv0=wfva,wfvx,wfvd,wfvt', '--bridge', 'wfv1=wfvb,wfvy,wfve', '--workers', '2'],
      ...[
        '--port',
        'wfva:tag=10',
        '--port',
        'wfvx:trunks=10+20',
        '--port',
        'wfvd:tag=20',
        '--port',
        'wfvt:tag=10,type=tap',
      ],
      ...['--port', 'wfvb:tag=10', '--port', 'wfvy:trunks=10+20', '--port', 'wfve:tag=20'],
    ]);
  }

  moveTap(): void {
    const { lab, c } = this;
    lab.ip(`link set wfvt netns ${c}`);
    lab.ip(`-n ${c} link set wfvt address ${mac(3)} mtu ${JUMBO} up`);
    lab.ip(`-n ${c} addr add 10.80.10.3/24 dev wfvt`);
  }

  ping(from: string, to: string, ...more: string[]): Promise<Ran> {
    return this.lab.insideAsync(`wfv${from}`, 'ping', '-c', '1', '-W', '1', ...more, to);
  }

  async close(): Promise<void> {
    await this.sw.close();
    this.lab.close();
  }
}

t.test('a switch from one command line', { skip: refusal }, async (t) => {
  const w = new World();
  t.teardown(() => w.close());
  const { sw } = w;
  t.ok(await sw.ready(), sw.output);
  w.moveTap();
  const reaches = (from: string, to: string, ...more: string[]) =>
    until(() => w.ping(from, to, ...more).then((r) => r.status === 0), SOON);
  const said = (t: Test, program: string, ...args: string[]): string => {
    const r = sw.run(program, ...args);
    t.equal(r.status, 0, `${program} ${args.join(' ')}: ${r.stderr}`);
    return r.stdout;
  };

  t.test('VLANs', async (t) => {
    for (const [from, to, what] of [
      ['a', '10.80.10.2', 'by the trunk: the tag is added, the kernel takes it off, it is restored, and taken off'],
      ['d', '10.80.20.5', 'the other VLAN'],
      ['a', '10.80.10.3', 'veth to TAP'],
      ['b', '10.80.10.3', 'trunk to TAP'],
    ] as const) {
      t.ok(await reaches(from, to), what);
    }
    t.equal((await w.ping('a', '10.80.10.4')).status, 1, 'VLANs are apart');
    t.equal((await w.ping('b', '10.80.10.4')).status, 1, 'on both sides of the trunk');
  });

  t.test('tags on the wire', async (t) => {
    const seen = watch(w.lab, '', 'wfvx', `ether src ${mac(1)}`);
    t.ok(await seen.listens, 'tcpdump listens');
    await w.ping('a', '10.80.10.2');
    t.match(await seen.line, /ethertype 802\.1Q \(0x8100\), .*vlan 10,/, 'the trunk is tagged');

    said(t, 'ovs-ofctl', 'add-flow', 'wfv0', 'priority=9,in_port=wfvd,dl_type=0x1234,actions=wfva');
    for (const [tags, says] of [
      ['', /ethertype Unknown \(0x1234\)/],
      ['8100600a', /802\.1Q .*vlan 10, p 3/],
      ['88a8600a', /802\.1Q-QinQ .*vlan 10, p 3/],
      ['88a8600a81000014', /802\.1Q-QinQ .*vlan 10, p 3.*vlan 20/],
    ] as const) {
      said(
        t,
        'ovs-ofctl',
        'add-flow',
        'wfv0',
        `priority=8,in_port=wfvd,${tags ? 'vlan_tci=0x1000/0x1000,' : ''}actions=wfva`,
      );
      const at = watch(w.lab, 'wfva', 'e0', 'ether src 02:00:00:00:08:0f');
      t.ok(await at.listens, 'tcpdump listens');
      const frame = parseHex(`ffffffffffff02000000080f${tags}1234${'5a'.repeat(60)}`);
      const load = generate('wfvd', [frame], { count: 1 });
      t.match(await at.line, says, `frame with tags "${tags}" arrives as it was sent`);
      load.stop();
    }
    said(t, 'ovs-ofctl', 'del-flows', 'wfv0', 'in_port=wfvd');
  });

  t.test('large frames', async (t) => {
    const whole = ['-M', 'do', '-s', String(JUMBO - 28)];
    for (const [from, to] of [
      ['a', '10.80.10.2'],
      ['a', '10.80.10.3'],
      ['b', '10.80.10.3'],
    ]) {
      t.ok(await reaches(from, to, ...whole), `${from} to ${to}`);
    }
    w.lab.ip('link set wfva mtu 1500');
    t.ok(
      await until(() => w.ping('b', '10.80.10.1', ...whole).then((r) => r.status === 1), SOON),
      'a lower MTU is noticed',
    );
    w.lab.ip(`link set wfva mtu ${JUMBO}`);
    t.ok(await reaches('b', '10.80.10.1', ...whole), 'and a higher one');
    t.ok((sw.counters().wfv0.wfvx.drops.mtu ?? 0) > 0, 'what was too long was counted');
  });

  t.test('TCP in segments of 64 KB, tagged and not', async (t) => {
    for (const [from, to, at] of [
      ['a', 'b', '10.80.10.2'],
      ['b', 'a', '10.80.10.1'],
      ['b', 'c', '10.80.10.3'],
      ['c', 'b', '10.80.10.2'],
    ]) {
      const server = w.lab.startAsync('ip', ['netns', 'exec', `wfv${to}`, 'iperf3', '-s', '-1']);
      const listening = () => w.lab.insideAsync(`wfv${to}`, 'ss', '-ltn').then((r) => r.stdout.includes(':5201'));
      t.ok(await until(listening, SOON), 'iperf3 listens');
      const r = await w.lab.insideAsync(`wfv${from}`, 'iperf3', '-J', '-n', '30M', '-c', at);
      server.child.kill();
      await server.done;
      const bytes = JSON.parse(r.stdout || '{}').end?.sum_received?.bytes ?? 0;
      t.ok(bytes >= 25 << 20, `${from} to ${to}: ${bytes} bytes`);
    }
  });

  t.test('ovs-ofctl', async (t) => {
    const show = said(t, 'ovs-ofctl', 'show', 'wfv0');
    for (const line of [
      / 1\(wfva\): addr:/,
      / 2\(wfvx\): addr:/,
      / 3\(wfvd\): addr:/,
      / 4\(wfvt\): addr:\S+\s+config: +0\s+state: +0/,
      / LOCAL\(wfv0\): addr:/,
    ])
      t.match(show, line);
    t.match(said(t, 'ovs-ofctl', 'dump-flows', 'wfv0'), /n_packets=[1-9]\d*, .*priority=0 actions=NORMAL/);
    said(t, 'ovs-ofctl', 'add-flow', 'wfv0', 'priority=9,icmp,in_port=wfva,nw_dst=10.80.10.2,actions=drop');
    t.equal((await w.ping('a', '10.80.10.2')).status, 1, 'a flow that drops takes effect');
    t.ok(await reaches('a', '10.80.10.3'), 'on what it matches');
    const counted = () =>
      /n_packets=[1-9]\d*, .*priority=9,icmp,in_port=wfva,nw_dst=10\.80\.10\.2 actions=drop/.test(
        sw.run('ovs-ofctl', '--names', 'dump-flows', 'wfv0').stdout,
      );
    t.ok(await until(counted, SOON), 'and is counted');
    said(t, 'ovs-ofctl', 'del-flows', 'wfv0', 'icmp');
    t.ok(await reaches('a', '10.80.10.2'), 'until it is deleted');
    const ports = said(t, 'ovs-ofctl', 'dump-ports', 'wfv0', 'wfvx');
    t.match(ports, /rx pkts=[1-9]\d*, bytes=[1-9]\d*, drop=\d+, errs=0/);
    t.match(ports, /tx pkts=[1-9]\d*, bytes=[1-9]\d*/);
    t.match(sw.run('ovs-ofctl', 'add-flow', 'wfv0', 'in_port=1,actions=nonsense'), { status: 1, stderr: /nonsense/ });
  });

  t.test('ovs-appctl', async (t) => {
    t.ok(await reaches('a', '10.80.10.2'));
    const fdb = said(t, 'ovs-appctl', 'fdb/show', 'wfv0');
    t.match(fdb, / port +VLAN +MAC +Age/);
    for (const [port, vlan, n] of [
      [1, 10, 1],
      [2, 10, 2],
      [2, 20, 5],
      [3, 20, 4],
      [4, 10, 3],
    ])
      t.match(fdb, new RegExp(`^ +${port} +${vlan} +${mac(n)} +\\d+$`, 'm'));
    t.match(said(t, 'ovs-appctl', 'dpctl/show'), /port \d+: wfvt \(tap\)/);
    const flows = said(t, 'ovs-appctl', 'dpctl/dump-flows', '--names');
    t.match(flows, /^recirc_id\(0\),in_port\(wfva\),.*actions:push_vlan\(vid=10,pcp=0\),wfvx$/m, 'access to trunk');
    t.match(flows, /^recirc_id\(0\),in_port\(wfvx\),.*vlan\(vid=10,.*actions:pop_vlan,wfva$/m, 'trunk to access');
    t.match(sw.run('ovs-appctl', 'no/such'), { status: 2, stderr: /"no\/such" is not a valid command/ });
  });

  t.test('the end', async (t) => {
    let counters = sw.counters();
    for (let n = 0; n < 20 && unbalanced(counters).length > 0; n++) counters = sw.counters();
    t.same(unbalanced(counters), [], 'received = forwarded + dropped + held');
    said(t, 'ovs-appctl', 'exit');
    t.equal(await sw.ended, 0, 'exit status');
    t.match(
      sw.output,
      /^weft: ready\n\S+\|bridge\|INFO\|wfvt: its device has moved into another namespace[^\n]*\n$/,
      'and nothing to complain of',
    );
  });
});
