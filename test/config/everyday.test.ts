/**
 * The commands of everyday use, by the real ovs-vsctl: on weft with a real ovsdb-server as its database, and on Open vSwitch. Both have dummy ports
 * only. What the commands print must be the same.
 */
import t from 'tap';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { RealDatabase } from '../support/database.js';
import { LiveSwitch } from '../support/live.js';
import { RealOvs } from '../support/ovs.js';

const COMMANDS: readonly string[] = [
  'add-br br0',
  'add-br br0',
  '--may-exist add-br br0',
  'br-exists br0',
  'br-exists br7',
  'list-br',
  'add-port br0 p1 tag=10',
  'add-port br0 p1',
  '--may-exist add-port br0 p1',
  'add-port br0 int0 -- set interface int0 type=internal ofport_request=7',
  'get interface p1 ofport',
  'get interface int0 ofport',
  'get interface br0 ofport',
  'list-ports br0',
  'list-ifaces br0',
  'port-to-br p1',
  'iface-to-br int0',
  'port-to-br nosuch',
  'get port p1 tag',
  'set port p1 tag=101',
  'get port p1 tag',
  'clear port p1 tag',
  'set port p1 trunks=1,2,3 vlan_mode=native-untagged tag=2',
  'set bridge br0 protocols=OpenFlow13',
  'get bridge br0 protocols',
  'clear bridge br0 protocols',
  'set-controller br0 tcp:127.0.0.1:1',
  'get-controller br0',
  'del-controller br0',
  'get-controller br0',
  'show',
  'ofctl show br0',
  'ofctl dump-ports br0 p1',
  'ofctl dump-ports-desc br0',
  'ofctl add-flow br0 priority=4,in_port=1,dl_vlan=101,actions=mod_vlan_vid:2,normal',
  'ofctl add-flow br0 priority=2,in_port=1,actions=drop',
  'ofctl dump-flows br0',
  'ofctl dump-flows br0 in_port=1,dl_vlan=101',
  'ofctl -O OpenFlow13 dump-flows br0',
  'ofctl del-flows br0 in_port=1',
  'ofctl dump-flows br0',
  'set bridge br0 protocols=OpenFlow10,OpenFlow13',
  'ofctl -O OpenFlow13 show br0',
  'clear bridge br0 protocols',
  'set-fail-mode br0 secure',
  'get-fail-mode br0',
  'del-fail-mode br0',
  'get-fail-mode br0',
  'add-port br0 bad -- set interface bad type=nosuch',
  'get interface bad ofport',
  'get interface bad error',
  'del-port br0 bad',
  'add-br br1',
  'add-port br0 pa -- set interface pa type=patch options:peer=pb -- add-port br1 pb -- set interface pb type=patch options:peer=pa',
  'get interface pa error ofport',
  'get interface pb error ofport',
  'del-port pb',
  'get interface pa error',
  'add-port br1 p2 -- add-port br1 p3 -- set interface p3 ofport_request=9',
  'get interface p3 ofport admin_state link_state error',
  'get interface p2 ofport',
  'del-port br1 p2',
  'add-port br1 p4',
  'get interface p4 ofport',
  'br-set-external-id br0 a b',
  'br-get-external-id br0 a',
  'set interface p3 ofport_request=12',
  'get interface p3 ofport',
  '--columns=name,ofport,type,error,admin_state,link_state list interface',
  'get open_vswitch . next_cfg cur_cfg',
  'del-br br1',
  'list-br',
  '--if-exists del-port br0 nosuch',
  'del-port br0 nosuch',
  'emer-reset',
  'del-br br0',
  'get open_vswitch . next_cfg cur_cfg',
];

const refusal = needPrograms({
  'ovs-vsctl': OVS_PROGRAMS['ovs-vsctl'],
  'ovsdb-server': OVS_PROGRAMS['ovsdb-server'],
  'ovs-vswitchd': OVS_PROGRAMS['ovs-vswitchd'],
});

/** Records come in any order; times, addresses and identities are nobody's concern. */
function same(text: string, dir: string): string {
  return (
    text
      .replaceAll(dir, 'DIR')
      .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
      .replace(/(addr|dpid):\S+/g, '$1')
      .replace(/(duration)=[\d.]+s/g, '$1')
      // Dummies of OVS do not count these.
      .replace(/\b(drop|errs)=[?\d]+/g, '$1')
      // ovs-vsctl shows ports in the order of their UUIDs, and a version where somebody wrote one.
      .replace(/^UUID\n.*/s, (shown) =>
        shown
          .split('\n')
          .filter((line) => !/ovs_version/.test(line))
          .sort()
          .join('\n'),
      )
      .split(/\n\n/)
      .map((s) => s.trim())
      .sort()
      .join('\n\n')
  );
}

/** A switch with a database, and how ovs-vsctl is run on it. */
interface Setup {
  readonly weft: LiveSwitch;
  readonly dir: string;
  vsctl(...args: string[]): { status: number; stdout: string; stderr: string };
  close(): Promise<void>;
}

function onRealDatabase(): Setup {
  const db = new RealDatabase();
  const weft = new LiveSwitch([db.remote, '--enable-dummy=override']);
  const close = async (): Promise<void> => {
    await weft.close();
    db.close();
  };
  return { weft, dir: db.dir, vsctl: (...args) => db.vsctl(...args), close };
}

function onItsOwn(): Setup {
  const weft = new LiveSwitch(['--enable-dummy=override']);
  const { dir } = weft;
  const env = ['env', `OVS_RUNDIR=${dir}`, `OVS_LOGDIR=${dir}`, 'ovs-vsctl'];
  return { weft, dir, vsctl: (...args) => weft.run(env[0], ...env.slice(1), ...args), close: () => weft.close() };
}

for (const [what, make] of [
  ['a real ovsdb-server', onRealDatabase],
  ['its own database', onItsOwn],
] as const) {
  t.test(`ovs-vsctl says the same on weft with ${what}`, { skip: refusal ?? false }, async (t) => {
    const ovs = new RealOvs();
    const { weft, dir, vsctl, close } = make();
    t.teardown(async () => {
      await close();
      ovs.close();
    });
    t.ok(await weft.ready(), weft.output);
    for (const line of COMMANDS) {
      const words = ['--timeout=20', ...line.split(' ')];
      const isOpenFlow = words[1] === 'ofctl';
      const real = isOpenFlow
        ? ovs.try('ovs-ofctl', words.slice(2))
        : ovs.try('ovs-vsctl', [`--db=unix:${ovs.dir}/db.sock`, ...words]);
      const ours = isOpenFlow ? weft.run('ovs-ofctl', ...words.slice(2)) : vsctl(...words);
      const want = { status: real.status, stdout: same(real.stdout, ovs.dir), stderr: same(real.stderr, ovs.dir) };
      t.same({ status: ours.status, stdout: same(ours.stdout, dir), stderr: same(ours.stderr, dir) }, want, line);
    }
  });
}
