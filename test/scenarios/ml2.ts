/**
 * Neutron's ML2 with VLANs: the agent's commands, networks kept apart by local VLANs on br-int, and br-eth, which gives each its VLAN on the wire. The
 * local ones differ between machines.
 */
import type { Machine, Scenario, Stage } from './stage.js';

type Net = 'red' | 'blue';
/** On the wire. */
const PHYSICAL: Readonly<Record<Net, number>> = { red: 101, blue: 102 };
const NETS = ['red', 'blue'] as const;
const LOCAL: Readonly<Record<string, Readonly<Record<Net, number>>>> = {
  compute1: { red: 1, blue: 2 },
  compute2: { red: 2, blue: 1 },
};

interface Vm {
  readonly name: string;
  readonly at: string;
  readonly net: Net;
  readonly ip: string;
  readonly mac: string;
}
const vm = (i: number, at: string, net: Net): Vm => ({
  name: `vm${i}`,
  at,
  net,
  ip: `10.0.1.${i}`,
  mac: `fa:16:3e:00:00:0${i}`,
});
/** One subnet for both: only VLANs keep them apart. */
const VMS = [
  vm(1, 'compute1', 'red'),
  vm(2, 'compute1', 'blue'),
  vm(3, 'compute2', 'red'),
  vm(4, 'compute2', 'blue'),
  vm(5, 'compute1', 'red'),
];

/** What is typed every day: the command, and what it must say (undefined: nothing); exit status 0 unless told. */
const EVERYDAY: readonly (readonly [command: string, says?: RegExp, status?: number])[] = [
  ['ovs-vsctl add-br br0'],
  ['ovs-vsctl add-br br0', /cannot create a bridge named br0 because a bridge named br0 already exists/, 1],
  ['ovs-vsctl list-br', /^br-eth\nbr-int\nbr0$/],
  ['ovs-vsctl br-exists br0'],
  ['ovs-vsctl br-exists br7', undefined, 2],
  ['ovs-vsctl add-port br0 tap0 tag=10 -- set interface tap0 type=internal'],
  ['ovs-vsctl add-port br0 tap1 -- set interface tap1 type=internal'],
  ['ovs-vsctl list-ports br0', /^tap0\ntap1$/],
  ['ovs-vsctl port-to-br tap1', /^br0$/],
  ['ovs-vsctl show', /Bridge br0\n(.*\n)* +Port tap0\n +tag: 10\n +Interface tap0\n +type: internal/],
  ['ovs-vsctl set port tap1 tag=101'],
  ['ovs-vsctl get port tap1 tag', /^101$/],
  ['ovs-vsctl set-controller br0 tcp:127.0.0.1:1'],
  ['ovs-vsctl get-controller br0', /^tcp:127\.0\.0\.1:1$/],
  ['ovs-vsctl set-fail-mode br0 secure'],
  ['ovs-vsctl get-fail-mode br0', /^secure$/],
  ['ovs-vsctl set bridge br0 protocols=OpenFlow13'],
  ['ovs-ofctl show br0', /version negotiation failed/, 1],
  ['ovs-ofctl -O OpenFlow13 show br0', /OFPT_FEATURES_REPLY \(OF1\.3\)/],
  ['ovs-vsctl clear bridge br0 protocols'],
  ['ovs-ofctl show br0', /\(tap0\): addr:(.*\n)*.*\(tap1\): addr:/],
  ['ovs-ofctl add-flow br0 priority=4,in_port=tap0,dl_vlan=101,actions=mod_vlan_vid:2,normal'],
  ['ovs-ofctl dump-flows br0', /priority=4,in_port=1,dl_vlan=101 actions=mod_vlan_vid:2,NORMAL$/],
  ['ovs-ofctl dump-ports br0', /OFPST_PORT reply \(xid=0x2\): 3 ports/],
  ['ovs-vsctl del-port br0 tap1'],
  ['ovs-vsctl list-ports br0', /^tap0$/],
  ['ovs-vsctl del-br br0'],
  ['ovs-vsctl list-br', /^br-eth\nbr-int$/],
];

function bridges(stage: Stage, m: Machine): ReadonlyMap<string, string> {
  const local = LOCAL[m.name];
  m.vsctl('add-br br-int -- set-fail-mode br-int secure');
  m.vsctl('add-br br-eth -- set-fail-mode br-eth secure');
  m.vsctl('add-port br-eth u0 -- set interface u0 ofport_request=1');
  m.vsctl('add-port br-int int-br-eth -- set interface int-br-eth type=patch options:peer=phy-br-eth ofport_request=1');
  m.vsctl('add-port br-eth phy-br-eth -- set interface phy-br-eth type=patch options:peer=int-br-eth ofport_request=2');
  m.addFlows('br-int', [
    'priority=1,actions=NORMAL',
    'priority=2,in_port=1,actions=drop',
    ...NETS.map((n) => `priority=3,in_port=1,dl_vlan=${PHYSICAL[n]},actions=mod_vlan_vid:${local[n]},NORMAL`),
  ]);
  m.addFlows('br-eth', [
    'priority=1,actions=NORMAL',
    'priority=2,in_port=2,actions=drop',
    ...NETS.map((n) => `priority=4,in_port=2,dl_vlan=${local[n]},actions=mod_vlan_vid:${PHYSICAL[n]},NORMAL`),
  ]);
  const out = new Map<string, string>();
  for (const v of VMS.filter((v) => v.at === m.name)) {
    out.set(v.name, stage.host(m, v.name, { mac: v.mac, address: `${v.ip}/24`, mtu: 1500 }));
    m.vsctl(`add-port br-int ${v.name} tag=${local[v.net]}`);
  }
  return out;
}

export const ml2: Scenario = {
  name: 'ml2',
  about: "Neutron's ML2: isolation by VLANs, br-eth, and the commands of every day",
  async play(stage: Stage, { quick }) {
    const machines = [await stage.machine('compute1'), await stage.machine('compute2')];
    const hosts = new Map(machines.flatMap((m) => [...bridges(stage, m)]));
    const ns = (v: Vm): string => hosts.get(v.name) ?? '';
    const wire = await stage.watch(machines[0].ns, 'u0');
    const [vm1, vm2, vm3, vm4, vm5] = VMS;
    const at3 = await stage.watch(ns(vm3), 'e0');
    const at4 = await stage.watch(ns(vm4), 'e0');
    await stage.talks('red talks with red, on one machine', ns(vm1), vm5.ip);
    for (const [from, to, seen] of [
      [vm1, vm3, at3],
      [vm2, vm4, at4],
    ] as const) {
      await stage.talks(`${from.net} talks with ${to.net}, over the wire`, ns(from), to.ip);
      const echo = { what: 'echo', src: from.mac, dst: to.mac };
      const reply = { what: 'echo reply', src: to.mac, dst: from.mac };
      await wire.hop(`${from.net} on the wire`, { ...echo, vlan: PHYSICAL[from.net] });
      await wire.hop('and its answer', { ...reply, vlan: PHYSICAL[from.net] });
      await seen.hop('at the host', { ...echo, vlan: 0 });
    }
    await stage.silent('red does not reach blue, on one machine', ns(vm1), vm2.ip);
    await stage.silent('nor over the wire', ns(vm1), vm4.ip);
    at4.never('nothing of red came to blue', { src: vm1.mac });
    at3.never('nothing of blue came to red', { src: vm2.mac });
    for (const vlan of [0, ...Object.values(LOCAL.compute1)])
      for (const v of VMS) wire.never(`${v.name} is not on the wire with VLAN ${vlan}`, { src: v.mac, vlan });
    if (!quick) await stage.talks('still, for a hundred packets', ns(vm1), vm3.ip, 100);
    for (const [command, says, wanted = 0] of EVERYDAY) {
      const { status, said } = machines[0].type(command);
      stage.check(status === wanted && (says ? says.test(said) : said === '' || wanted !== 0), command, said);
    }
    stage.check(
      stage.lab.inside(machines[0].ns, 'ip', 'link', 'show', 'tap0').status !== 0,
      'internal ports are gone with their bridge',
    );
  },
};
