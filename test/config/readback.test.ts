/** What the switch writes into its database, and settings that are read back over OpenFlow or in the log. */
import { spawn } from 'node:child_process';
import t from 'tap';
import { until } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { LiveSwitch } from '../support/live.js';

const refusal = needPrograms({
  'ovs-vsctl': OVS_PROGRAMS['ovs-vsctl'],
  'ovs-ofctl': OVS_PROGRAMS['ovs-ofctl'],
  'ovs-appctl': OVS_PROGRAMS['ovs-appctl'],
});
const SOON = 10_000;

t.test('settings, and what is told of them', { skip: refusal ?? false }, async (t) => {
  const sw = new LiveSwitch(['--enable-dummy=override']);
  t.teardown(() => sw.close());
  t.ok(await sw.ready(), sw.output);
  const vsctl = (line: string): string => {
    const r = sw.run('ovs-vsctl', '--timeout=20', ...line.split(' '));
    return r.status === 0 ? r.stdout.trim() : `${r.status}: ${r.stderr}`;
  };
  const get = (what: string): Promise<string> => Promise.resolve(vsctl(`get ${what}`));
  const becomes = async (what: string, want: string | RegExp, why: string): Promise<void> => {
    let last = '';
    const is = (): boolean => {
      last = vsctl(`get ${what}`);
      return typeof want === 'string' ? last === want : want.test(last);
    };
    t.ok(await until(is, SOON), `${why}: ${what} is ${last}`);
  };
  const controller = sw.dir;

  await t.test('who we are', async (t) => {
    t.equal(await get('open . ovs_version'), '"3.1.0"');
    t.equal(await get('open . db_version'), '"8.3.1"');
    t.match(await get('open . system_type'), /\w/);
    t.match(await get('open . iface_types'), /dummy, .*internal, .*patch, .*system, tap/);
    t.equal(await get('open . datapath_types'), '[dummy, netdev, system]');
    vsctl('set open . ovs_version=9.9');
    vsctl('add-br brx');
    t.equal(await get('open . ovs_version'), '"9.9"', 'what somebody else wrote stays');
  });

  await t.test('a bridge', async (t) => {
    vsctl('add-br br0 -- add-port br0 p1 -- add-port br0 p2');
    t.match(await get('bridge br0 datapath_id'), /^"0000[0-9a-f]{12}"$/);
    vsctl('set bridge br0 other_config:hwaddr=00:11:22:33:44:55');
    t.equal(await get('bridge br0 datapath_id'), '"0000001122334455"');
    t.match(sw.run('ovs-ofctl', 'show', 'br0').stdout, /LOCAL\(br0\): addr:00:11:22:33:44:55/);
    vsctl('set bridge br0 other_config:datapath-id=0x1234');
    t.equal(await get('bridge br0 datapath_id'), '"0000000000001234"');
    t.match(sw.run('ovs-ofctl', 'show', 'br0').stdout, /dpid:0000000000001234/);
    vsctl('set bridge br0 protocols=OpenFlow13 other_config:dp-desc=here');
    t.equal(sw.run('ovs-ofctl', 'show', 'br0').status, 1, 'only 1.3 is spoken');
    t.match(sw.run('ovs-ofctl', '-O', 'OpenFlow13', 'dump-desc', 'br0').stdout, /DP Description: here/);
    vsctl('clear bridge br0 protocols other_config');
    t.equal(sw.run('ovs-ofctl', 'show', 'br0').status, 0);
  });

  await t.test('flows of a bridge without controllers', async (t) => {
    const flows = () => sw.run('ovs-ofctl', '--no-stats', 'dump-flows', 'br0').stdout.trim().split('\n').slice(-1)[0];
    t.match(flows(), /priority=0 actions=NORMAL/);
    vsctl('set-fail-mode br0 secure');
    t.notMatch(flows(), /NORMAL/);
    sw.run('ovs-ofctl', 'add-flow', 'br0', 'actions=2');
    vsctl('set bridge br0 other_config:mac-aging-time=20');
    t.match(flows(), /actions=output:2/, 'another setting leaves them alone');
    vsctl('del-fail-mode br0');
    t.match(flows(), /priority=0 actions=NORMAL/);
  });

  await t.test('controllers', async (t) => {
    vsctl(`set-controller br0 punix:${controller}/c.sock unix:${controller}/none.sock`);
    const [listens, fails] = ['punix', 'unix'].map(
      (kind) =>
        vsctl('--bare --columns=_uuid,target list controller')
          .split('\n\n')
          .find((r) => r.includes(`\n${kind}:`))
          ?.split('\n')[0],
    );
    await becomes(`controller ${fails} status:state`, 'BACKOFF', 'one that is not there');
    await becomes(`controller ${fails} is_connected`, 'false', 'it');
    const env = { ...process.env, OVS_RUNDIR: sw.dir };
    const client = spawn('ovs-ofctl', ['monitor', `unix:${controller}/c.sock`], { env });
    t.teardown(() => client.kill());
    await becomes(`controller ${listens} is_connected`, 'true', 'one that came');
    client.kill();
    await becomes(`controller ${listens} is_connected`, 'false', 'and went');
    vsctl('del-controller br0');
  });

  await t.test('counters, and a table of few flows', async (t) => {
    vsctl(
      'set bridge br0 flow_tables:0=@t -- --id=@t create flow_table name=small flow_limit=2 overflow_policy=refuse',
    );
    sw.run('ovs-ofctl', 'add-flow', 'br0', 'priority=1,actions=drop');
    t.match(sw.run('ovs-ofctl', 'add-flow', 'br0', 'priority=2,actions=drop').stderr, /OFPFMFC_TABLE_FULL/);
    vsctl('clear bridge br0 flow_tables');
    t.equal(sw.run('ovs-ofctl', 'add-flow', 'br0', 'priority=2,actions=drop').status, 0);
    await becomes('interface p1 statistics:rx_packets', '0', 'told from the beginning');
  });

  await t.test('what is not known, or has no effect', async (t) => {
    vsctl('set bridge br0 other_config:mac-tabel-size=7 stp_enable=true');
    vsctl('set interface p1 options:tx_pcpa=/dev/null');
    const said = (text: RegExp) => until(() => text.test(sw.output), SOON);
    t.ok(await said(/other_config:mac-tabel-size is unknown; did you mean mac-table-size\?/), sw.output);
    t.ok(await said(/bridge br0: stp_enable has no effect yet/));
    t.ok(await said(/options:tx_pcpa is unknown to type \w+; did you mean tx_pcap\?/));
    const times = sw.output.split('mac-tabel-size').length;
    vsctl('set bridge br0 other_config:mac-aging-time=30');
    t.equal(sw.output.split('mac-tabel-size').length, times, 'once');
  });

  await t.test('flow-restore-wait keeps controllers away', async (t) => {
    vsctl(`set open . other_config:flow-restore-wait=true -- set-controller br0 unix:${controller}/none.sock`);
    const status = (): string => sw.run('ovs-appctl', 'weft/controllers').stdout;
    t.notMatch(status(), /none\.sock/);
    vsctl('remove open . other_config flow-restore-wait');
    t.match(status(), /none\.sock/);
  });

  await t.test('a bond carries traffic by one of its members', async (t) => {
    vsctl('add-br br2 -- add-bond br2 bond0 m1 m2 -- add-port br2 p9');
    t.match(await get('port bond0 bond_active_slave'), /^"[0-9a-f:]{17}"$/);
    t.equal(await get('port bond0 bond_active_slave'), await get('interface m1 mac_in_use'));
    const trace = (port: number) =>
      sw.run('ovs-appctl', 'ofproto/trace', 'br2', `in_port=${port}`).stdout.match(/Datapath actions: (.*)/)?.[1] ?? '';
    t.equal(trace(3).split(',').length, 2, 'to LOCAL and one member');
    t.equal(trace(2), 'drop', 'what the other member receives');
  });
});
