/** Real devices by the database: veth ports in a VLAN, an internal port, a device that is missing, and the switch killed under traffic. */
import '../support/isolate.js';

import t from 'tap';
import { labRefusal, NetLab, until } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { LiveSwitch } from '../support/live.js';

const refusal =
  labRefusal() ?? needPrograms({ ip: 'iproute2', ping: 'iputils-ping', 'ovs-vsctl': OVS_PROGRAMS['ovs-vsctl'] });
const SOON = 10_000;
/** What is promised of a machine of its own is 2 s. */
const AGAIN = 8000;

const SETTING_UP = (name: string, why?: string): string =>
  `ovs-vsctl: Error detected while setting up '${name}'${why ? `: ${why}` : ''}.  See ovs-vswitchd log for details.`;

t.test('devices, and what is read back of them', { skip: refusal ?? false }, async (t) => {
  const lab = new NetLab('wfq');
  t.teardown(() => lab.close());
  let sw = new LiveSwitch([]);
  t.teardown(() => sw.close());
  t.ok(await sw.ready(), sw.output);
  const { dir } = sw;
  const a = lab.host('a', { address: '10.81.0.1/24' });
  const b = lab.host('b', { address: '10.81.0.2/24' });
  const vsctl = (line: string) => sw.run('env', `OVS_RUNDIR=${dir}`, 'ovs-vsctl', '--timeout=20', ...line.split(' '));
  const get = (what: string): string => vsctl(`get ${what}`).stdout.trim();
  const pings = (): Promise<boolean> =>
    until(() => lab.insideAsync(a.ns, 'ping', '-c', '1', '-W', '1', '10.81.0.2').then((r) => r.status === 0), AGAIN);

  t.same(vsctl(`add-br wfq0 -- add-port wfq0 ${a.outer} tag=10 -- add-port wfq0 ${b.outer} tag=10`).stderr, '');
  t.equal(vsctl('add-port wfq0 wfqi -- set interface wfqi type=internal mtu_request=1400').stderr, '');
  t.ok(await pings(), 'hosts of one VLAN reach each other');
  t.equal(get('interface wfqi mtu'), '1400');
  t.match(lab.ip('link show wfqi'), /mtu 1400/);
  vsctl('add-br wfqm -- set interface wfqm mtu_request=4500');
  t.match(lab.ip('link show wfqm'), /mtu 4500/, "of a bridge's own port in the transaction that makes it, too");
  vsctl('del-br wfqm');
  t.equal(get('open . datapath_types'), '[netdev, system]');
  t.notMatch(get('open . iface_types'), /dummy/);
  t.equal(vsctl('add-br wfqd -- set bridge wfqd datapath_type=dummy').stderr.split('\n')[0], SETTING_UP('wfqd'));
  t.equal(get('interface wfqd ofport'), '[]', 'a bridge of a type that there is not');
  const unknown = 'could not open network device wfqe (Address family not supported by protocol)';
  t.match(vsctl('add-port wfq0 wfqe -- set interface wfqe type=dummy').stderr, SETTING_UP('wfqe', unknown));
  vsctl('del-br wfqd -- del-port wfqe');
  t.equal(get('interface wfqi ifindex'), lab.ip('-o link show wfqi').split(':')[0]);
  t.equal(get('interface wfqi mac_in_use').replaceAll('"', ''), /ether (\S+)/.exec(lab.ip('link show wfqi'))?.[1]);
  t.equal(get('interface wfqi link_state'), 'down');
  lab.ip('link set wfqi up');
  t.ok(await until(() => get('interface wfqi link_state') === 'up', SOON), 'a link that comes up is told');
  t.equal(get('interface wfqi link_resets'), '1');
  const words = () =>
    ['link_speed', 'duplex', 'status:driver_name'].map((c) => get(`interface ${a.outer} ${c}`)).join();
  t.ok(await until(() => words() === '10000000000,full,veth', SOON), `what a driver says of itself: ${words()}`);
  const counters = sw.run('env', `OVS_RUNDIR=${dir}`, 'ovs-ofctl', 'dump-ports', 'wfq0', a.outer).stdout;
  t.match(counters, /frame=0, over=0, crc=0\n.*coll=0/, 'what the kernel counts of a device');
  t.ok(
    await until(() => Number(get(`interface ${a.outer} statistics:rx_packets`)) > 0, SOON),
    'packets are counted in the database',
  );
  vsctl(`set port ${b.outer} tag=11`);
  t.notOk(lab.inside(a.ns, 'ping', '-c', '1', '-W', '1', '10.81.0.2').status === 0, 'another VLAN');
  vsctl(`set port ${b.outer} tag=10`);
  t.ok(await pings());

  lab.ip(`link set ${a.outer} mtu 1300`);
  t.ok(await until(() => get('interface wfq0 mtu') === '1300', SOON), 'the bridge follows the smallest MTU');
  t.match(lab.ip('link show wfq0'), /mtu 1300/);
  t.equal(get('interface wfqi mtu'), '1400', 'who asked for one keeps it');
  const missing = vsctl('add-port wfq0 wfqm');
  t.match(
    missing.stderr,
    /Error detected while setting up 'wfqm': could not open network device wfqm \(No such device\)/,
  );
  t.equal(get('interface wfqm ofport'), '-1');
  lab.veth('wfqm', 'wfqn');
  t.ok(await until(() => get('interface wfqm ofport') === '4', SOON), 'a device that comes is taken');
  t.equal(get('interface wfqm error'), '[]');
  lab.ip('link del wfqm');
  t.ok(await until(() => /No such device/.test(get('interface wfqm error')), SOON), 'one that goes is told');

  await sw.stop('SIGKILL');
  const began = performance.now();
  sw = new LiveSwitch(['--rundir', dir]);
  t.ok(await pings(), sw.output);
  t.ok(performance.now() - began < AGAIN, `forwarding after ${Math.round(performance.now() - began)} ms`);
  const numbers = [a.outer, b.outer, 'wfqi'].map((name) => get(`interface ${name} ofport`));
  t.same(numbers, ['1', '2', '3'], 'under the same numbers');
  t.equal(vsctl('del-br wfq0').status, 0);
  t.throws(() => lab.ip('link show wfqi'), /does not exist/, 'its own devices go with it');
});
