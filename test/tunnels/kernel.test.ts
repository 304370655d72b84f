// VXLAN with the kernel's own device, by both underlays: a bridge around the NIC, and the host's stack. By IPv4 the extensions, too: group policy, and packets
// without an Ethernet header.
import t, { type Test } from 'tap';
import { labRefusal, NetLab, until } from '../../src/cli/lab/netlab.js';
import { LiveSwitch } from '../support/live.js';
import '../support/isolate.js';
import { INNER_MTU, Traffic } from './traffic.js';

t.setTimeout(120_000);
const TIMEOUT_MS = 60_000;
const SOON = 15_000;
const FAMILIES = [
  { name: 'IPv4', ours: '172.30.0.1/24', theirs: '172.30.0.2/24' },
  { name: 'IPv6', ours: 'fd00:30::1/64', theirs: 'fd00:30::2/64' },
] as const;
const bare = (cidr: string): string => cidr.replace(/\/.*/, '');

/** A policy, as flows and as a socket's mark have it: the bit of "applied" is byte 2's there. */
const POLICY = { id: 0x123, flags: 8, mark: 0x80123 } as const;
const STRANGER = '02:00:00:00:00:77';

interface World {
  readonly t: Test;
  readonly lab: NetLab;
  readonly sw: LiveSwitch;
  readonly ns: string;
  readonly ours: string;
  readonly theirs: string;
}

function ok({ t, sw }: World, program: string, ...words: string[]): string {
  const r = sw.run(program, ...words);
  if (r.status !== 0) t.fail(`${words.join(' ')}: ${r.stderr}`);
  return r.stdout;
}

/** A port NUMBER of the inner bridge, whose network is 10.9.NUMBER.0/24; the other end has the device. */
function addTunnel(w: World, number: number, device: string, options: readonly string[]): void {
  const { lab, ns } = w;
  const all = [`remote_ip=${w.theirs}`, ...options].map((o) => `options:${o}`);
  const words = ['set', 'interface', `vx${number}`, 'type=vxlan', `ofport_request=${number}`, ...all];
  ok(w, 'ovs-vsctl', '--timeout=10', 'add-port', 'tunpint', `vx${number}`, '--', ...words);
  lab.ip(`-n ${ns} link add vx${number} type vxlan ${device}`);
  lab.ip(`-n ${ns} addr add 10.9.${number}.2/24 dev vx${number}`);
  lab.ip(`-n ${ns} link set vx${number} up mtu ${INNER_MTU}`);
  lab.ip(`addr add 10.9.${number}.1/24 dev tunpint`);
}

async function whole(w: World, number: number): Promise<void> {
  const { t, sw } = w;
  const traffic = await Traffic.between(w.lab, w.ns);
  const there = `10.9.${number}.2`;
  const way = await traffic.hasWay(there);
  t.ok(way, `a way to ${there}${way ? '' : `\n${sw.run('ovs-appctl', 'dpctl/dump-flows').stdout}${sw.output}`}`);
  if (way) t.same(await traffic.faults(`10.9.${number}.1`, there), [], there);
  traffic.close();
}

async function policy(w: World): Promise<void> {
  const { t, lab, ns } = w;
  addTunnel(w, 11, `id 11 dstport 4791 remote ${w.ours} local ${w.theirs} gbp`, [
    'key=11',
    'dst_port=4791',
    'exts=gbp',
  ]);
  lab.inside(ns, 'sysctl', '-q', 'net.ipv4.fwmark_reflect=1');
  const out = `set_field:${POLICY.id}->tun_gbp_id,set_field:${POLICY.flags}->tun_gbp_flags,output:11`;
  const flows = [
    `priority=9,in_port=LOCAL,ip,nw_dst=10.9.11.0/24,actions=${out}`,
    'priority=9,in_port=LOCAL,arp,arp_tpa=10.9.11.0/24,actions=output:11',
    `priority=9,in_port=11,ip,tun_gbp_id=${POLICY.id},tun_gbp_flags=${POLICY.flags},actions=LOCAL`,
    'priority=9,in_port=11,arp,actions=LOCAL',
    'priority=8,in_port=11,actions=drop',
  ];
  for (const f of flows) ok(w, 'ovs-ofctl', 'add-flow', 'tunpint', f);
  const ping = (...words: string[]): boolean => lab.run('ping', ['-c1', '-W1', ...words], true).status === 0;
  t.ok(await until(() => ping('10.9.11.2'), SOON), 'the kernel answers with the policy it was sent');
  const back = (...words: string[]): boolean =>
    lab.inside(ns, 'ping', '-c1', '-W1', ...words, '10.9.11.1').status === 0;
  t.ok(back('-m', `${POLICY.mark}`), 'its own is seen');
  t.notOk(back('-m', '5'), 'and another is another');
}

async function layer3(w: World): Promise<void> {
  const { lab, ns } = w;
  addTunnel(w, 12, 'external gpe dstport 4790', ['key=12', 'dst_port=4790', 'exts=gpe', 'packet_type=legacy_l3']);
  lab.ip(`-n ${ns} route add 10.9.12.1/32 encap ip id 12 dst ${w.ours} dev vx12`);
  lab.ip(`neigh add 10.9.12.2 lladdr ${STRANGER} dev tunpint`);
  const mac = ok(w, 'ovs-vsctl', 'get', 'interface', 'tunpint', 'mac_in_use').trim().replace(/"/g, '');
  ok(w, 'ovs-ofctl', 'add-flow', 'tunpint', 'priority=9,in_port=LOCAL,ip,nw_dst=10.9.12.0/24,actions=output:12');
  ok(w, 'ovs-ofctl', 'add-flow', 'tunpint', `priority=9,in_port=12,ip,actions=set_field:${mac}->eth_dst,LOCAL`);
  await whole(w, 12);
}

for (const underlay of ['bridge', 'host'] as const) {
  for (const { name, ours, theirs } of FAMILIES) {
    t.test(`${name}, ${underlay}`, { skip: labRefusal() ?? false, timeout: TIMEOUT_MS }, async (t) => {
      const lab = new NetLab('tunp');
      const sw = new LiveSwitch([]);
      t.teardown(async () => {
        await sw.closeWithPorts();
        lab.close();
      });
      t.ok(await sw.ready(), sw.output);
      const ns = lab.namespace('k');
      const w: World = { t, lab, sw, ns, ours: bare(ours), theirs: bare(theirs) };
      lab.veth('tunpw', 'e0', ns);
      lab.ip(`-n ${ns} addr add ${theirs} dev e0 ${theirs.includes(':') ? 'nodad' : ''}`.trim());
      lab.ip(`-n ${ns} link set e0 up`);
      const device = underlay === 'bridge' ? 'tunpphy' : 'tunpw';
      if (underlay === 'bridge') ok(w, 'ovs-vsctl', 'add-br', device, '--', 'add-port', device, 'tunpw');
      lab.ip(`addr add ${ours} dev ${device} ${ours.includes(':') ? 'nodad' : ''}`.trim());
      lab.ip(`link set ${device} up`);
      ok(w, 'ovs-vsctl', 'add-br', 'tunpint');
      addTunnel(w, 10, `id 10 dstport 4789 remote ${w.ours} local ${w.theirs}`, ['key=10']);
      lab.ip(`link set tunpint up mtu ${INNER_MTU}`);
      const status = (): string => ok(w, 'ovs-vsctl', 'get', 'interface', 'vx10', 'status');
      t.ok(await until(() => status().includes(`tunnel_egress_iface=${device}`), SOON), status());
      t.equal(status().includes('tunnel_underlay=host'), underlay === 'host');
      await whole(w, 10);
      if (name !== 'IPv4') return;
      await policy(w);
      await layer3(w);
    });
  }
}
