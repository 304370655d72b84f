// VXLAN with the kernel's own device, by both underlays: a bridge around the NIC, and the host's stack.
import t from 'tap';
import { labRefusal, NetLab, until } from '../../src/cli/lab/netlab.js';
import { LiveSwitch } from '../support/live.js';
import '../support/isolate.js';
import { INNER_MTU, Traffic } from './traffic.js';

t.setTimeout(120_000);
const SOON = 15_000;
const FAMILIES = [
  { name: 'IPv4', ours: '172.30.0.1/24', theirs: '172.30.0.2/24' },
  { name: 'IPv6', ours: 'fd00:30::1/64', theirs: 'fd00:30::2/64' },
] as const;
const bare = (cidr: string): string => cidr.replace(/\/.*/, '');

for (const underlay of ['bridge', 'host'] as const) {
  for (const { name, ours, theirs } of FAMILIES) {
    t.test(`${name}, ${underlay}`, { skip: labRefusal() ?? false }, async (t) => {
      const lab = new NetLab('tunp');
      const sw = new LiveSwitch([]);
      t.teardown(async () => {
        await sw.close();
        lab.close();
      });
      t.ok(await sw.ready(), sw.output);
      const ns = lab.namespace('k');
      lab.veth('tunpw', 'e0', ns);
      lab.ip(`-n ${ns} addr add ${theirs} dev e0 ${theirs.includes(':') ? 'nodad' : ''}`.trim());
      lab.ip(`-n ${ns} link set e0 up`);
      lab.ip(`-n ${ns} link add vx0 type vxlan id 42 dstport 4789 remote ${bare(ours)} local ${bare(theirs)}`);
      lab.ip(`-n ${ns} addr add 10.9.0.2/24 dev vx0`);
      lab.ip(`-n ${ns} link set vx0 up mtu ${INNER_MTU}`);
      const vsctl = (...words: string[]): void => {
        const r = sw.run('ovs-vsctl', '--timeout=10', ...words);
        t.equal(r.status, 0, r.stderr);
      };
      let device = 'tunpw';
      if (underlay === 'bridge') {
        vsctl('add-br', 'tunpphy', '--', 'add-port', 'tunpphy', 'tunpw');
        device = 'tunpphy';
      }
      lab.ip(`addr add ${ours} dev ${device} ${ours.includes(':') ? 'nodad' : ''}`.trim());
      lab.ip(`link set ${device} up`);
      vsctl('add-br', 'tunpint');
      vsctl(
        'add-port',
        'tunpint',
        'vx',
        '--',
        'set',
        'interface',
        'vx',
        'type=vxlan',
        `options:remote_ip=${bare(theirs)}`,
        'options:key=42',
      );
      lab.ip('addr add 10.9.0.1/24 dev tunpint');
      lab.ip(`link set tunpint up mtu ${INNER_MTU}`);
      const status = (): string => sw.run('ovs-vsctl', 'get', 'interface', 'vx', 'status').stdout;
      t.ok(await until(() => status().includes(`tunnel_egress_iface=${device}`), SOON), status());
      t.equal(status().includes('tunnel_underlay=host'), underlay === 'host');
      const traffic = await Traffic.between(lab, ns);
      const way = await traffic.hasWay('10.9.0.2');
      t.ok(way, `a way${way ? '' : `\n${sw.run('ovs-appctl', 'dpctl/dump-flows').stdout}${sw.output}`}`);
      if (way) t.same(await traffic.faults('10.9.0.1', '10.9.0.2'), []);
      traffic.close();
    });
  }
}
