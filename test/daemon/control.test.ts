// Commands of the control socket by the real ovs-appctl: on weft with a real ovsdb-server, and on Open vSwitch. Both have dummy ports only.
import t from 'tap';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { RealDatabase } from '../support/database.js';
import { LiveSwitch } from '../support/live.js';
import { RealOvs } from '../support/ovs.js';

const SET_UP =
  'add-br br0 -- add-port br0 p1 -- set interface p1 ofport_request=1 -- add-port br0 p2 -- set interface p2 ofport_request=2 -- add-br br1';
const MAC = '50:54:00:00:00:11';

/** What is said is the same to the letter. */
const COMMANDS: readonly string[] = [
  'ofproto/list',
  'fdb/show br0',
  `fdb/add br0 p1 5 ${MAC}`,
  'fdb/show br0',
  'fdb/stats-show br0',
  `fdb/add br0 p1 5 50:54`,
  `fdb/add zz p1 5 ${MAC}`,
  'fdb/flush br0',
  'fdb/show br0',
  `fdb/del br0 5 ${MAC}`,
  `fdb/del br0 5 ${MAC}`,
  'fdb/show br0',
  'fdb/stats-clear br0',
  'fdb/stats-clear',
  'fdb/stats-show br0',
  'fdb/flush',
  'fdb/flush zz',
  'fdb/stats-show zz',
  'fdb/show zz',
  'fdb/show',
  'bridge/dump-flows zz',
  'qos/show p1',
  'qos/show-types p1',
  'qos/show zz',
  'stp/show br0',
  'stp/show',
  'rstp/show br0',
  'rstp/show',
  'lacp/show',
  'lacp/show zz',
  'cfm/show',
  'cfm/show zz',
  'bfd/show',
  'bfd/show zz',
  'mdb/show br0',
  'mdb/show zz',
  'autoattach/status br0',
  'dpif/dump-flows zz',
  'dpif/show-dp-features zz',
  'revalidator/wait',
  'revalidator/purge',
  'revalidator/purge x',
  'ofproto/list-tunnels',
  'dpctl/parse-actions drop',
  'dpctl/parse-actions 1,2,push_vlan(vid=5,pcp=0)',
  'dpctl/dump-conntrack',
  'dpctl/ct-stats-show',
  'dpctl/ct-get-nconns',
  'vlog/set foo',
  'vlog/enable-rate-limit zz',
  'vlog/list-pattern',
  'frob',
];

const refusal = needPrograms({
  'ovs-vsctl': OVS_PROGRAMS['ovs-vsctl'],
  'ovsdb-server': OVS_PROGRAMS['ovsdb-server'],
  'ovs-vswitchd': OVS_PROGRAMS['ovs-vswitchd'],
});

t.test('ovs-appctl says the same', { skip: refusal ?? false }, async (t) => {
  const ovs = new RealOvs();
  const db = new RealDatabase();
  const weft = new LiveSwitch([db.remote, '--enable-dummy=override']);
  t.teardown(async () => {
    await weft.close();
    db.close();
    ovs.close();
  });
  t.ok(await weft.ready(), weft.output);
  const words = SET_UP.split(' ');
  t.equal(ovs.try('ovs-vsctl', [`--db=unix:${ovs.dir}/db.sock`, '--timeout=20', ...words]).status, 0);
  t.equal(db.vsctl(...words).status, 0);
  for (const line of COMMANDS) {
    const real = ovs.try('ovs-appctl', line.split(' '));
    const ours = weft.run('ovs-appctl', ...line.split(' '));
    // Bridges come in the order of a hash.
    const order = (text: string): string => (line === 'ofproto/list' ? text.split('\n').sort().join('\n') : text);
    const said = ({ status, stdout, stderr }: typeof ours) => ({ status, stdout: order(stdout), stderr });
    t.same(said(ours), said(real), line);
  }

  // Names and numbers of the datapath are weft's own; the form is Open vSwitch's.
  for (const [command, form] of [
    ['version', /^ovs-vswitchd \(Open vSwitch\) \d+\.\d+\.\d+\n/],
    [
      'dpif/show',
      /^system@ovs-system: hit:\d+ missed:\d+\n {2}br0:\n {4}br0 65534\/\d+: \(.*\)\n {4}p1 1\/\d+: \(.*\)\n {4}p2 2\/\d+/,
    ],
    ['dpif/dump-dps', /^system@br0\nsystem@br1\n$/],
    ['dpif/show-dp-features br0', /^Masked set action: Yes\n(.*\n)*Max VLAN headers: 1\n/],
    [
      'dpif-netdev/pmd-stats-show',
      /^pmd thread numa_id 0 core_id 0:\n {2}packets received: \d+\n(.*\n)* {2}emc hits: \d+\n/,
    ],
    ['upcall/show', /^system@ovs-system:\n {2}flows {9}: \(current 0\) \(avg 0\) \(max 0\) \(limit \d+\)\n/],
    ['memory/show', /^handlers:1 ports:\d+ revalidators:1 rules:\d+\n$/],
    ['bridge/dump-flows br0', /^duration=\d+s, n_packets=0, n_bytes=0, priority=0,actions=NORMAL\n/],
    ['dpif/dump-flows br0', /^$/],
  ] as const) {
    const r = weft.run('ovs-appctl', ...command.split(' '));
    t.match(r, { status: 0, stdout: form }, command);
  }
});
