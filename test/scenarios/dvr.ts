/**
 * OpenStack Neutron with distributed routing, east-west. Routers are everywhere, with the same addresses: a packet is routed on the machine that it
 * starts from, travels with that machine's own MAC as source, and gets the router's back where it arrives.
 */
import { until } from '../../src/cli/lab/netlab.js';
import type { Machine, Scenario, Settings, Stage, Watch } from './stage.js';

/** The two networks: tunnel key, gateway and the MAC that it has everywhere. */
const NETS = {
  a: { key: 0x3e9, subnet: '10.0.1.0/24', gateway: '10.0.1.1', mac: 'fa:16:3e:66:13:af' },
  b: { key: 0x3eb, subnet: '10.0.2.0/24', gateway: '10.0.2.1', mac: 'fa:16:3e:69:b4:05' },
} as const;
type Net = keyof typeof NETS;
const EACH = ['a', 'b'] as const;

interface Place {
  readonly address: string;
  /** The machine's own MAC, for what its router sends to other machines. */
  readonly mac: string;
  /** Local VLAN of each network: they differ between machines. */
  readonly vlan: Readonly<Record<Net, number>>;
  /** Port numbers of br-tun that lead to the others. */
  readonly to: Readonly<Record<string, number>>;
}

const PLACES: Readonly<Record<string, Place>> = {
  compute1: {
    address: '10.224.159.11',
    mac: 'fa:16:3f:fe:49:e9',
    vlan: { a: 1, b: 2 },
    to: { network: 3, compute2: 4 },
  },
  compute2: {
    address: '10.224.159.12',
    mac: 'fa:16:3f:72:3f:a7',
    vlan: { a: 4, b: 3 },
    to: { network: 3, compute1: 4 },
  },
  network: {
    address: '10.224.159.10',
    mac: 'fa:16:3f:00:00:10',
    vlan: { a: 5, b: 6 },
    to: { compute1: 3, compute2: 4 },
  },
};

interface Vm {
  readonly name: string;
  readonly at: string;
  readonly net: Net;
  readonly ip: string;
  readonly mac: string;
  readonly port: number;
}

const VM1: Vm = { name: 'vm1', at: 'compute1', net: 'a', ip: '10.0.1.5', mac: 'fa:16:3e:5e:2c:01', port: 11 };
const VM2: Vm = { name: 'vm2', at: 'compute2', net: 'b', ip: '10.0.2.5', mac: 'fa:16:3e:51:99:b8', port: 12 };
const VM3: Vm = { name: 'vm3', at: 'compute2', net: 'a', ip: '10.0.1.6', mac: 'fa:16:3e:5e:2c:03', port: 13 };
const VMS = [VM1, VM2, VM3] as const;

const PATCH_INT = 1;
const PATCH_TUN = 6;

/** br-tun, as the agent fills it. */
export function tunnelFlows(name: string): string[] {
  const here = PLACES[name];
  const ports = Object.values(here.to);
  const learn =
    'learn(table=20,hard_timeout=300,priority=1,NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],' +
    'load:0->NXM_OF_VLAN_TCI[],load:NXM_NX_TUN_ID[]->NXM_NX_TUN_ID[],output:NXM_OF_IN_PORT[])';
  const far = VMS.filter((v) => v.at !== name && v !== VM3);
  const key = (n: Net): string => `0x${NETS[n].key.toString(16)}`;
  return [
    `table=0, priority=1,in_port=${PATCH_INT} actions=resubmit(,1)`,
    ...ports.map((p) => `table=0, priority=1,in_port=${p} actions=resubmit(,4)`),
    'table=0, priority=0 actions=drop',
    ...EACH.flatMap((n) => {
      const { mac, gateway } = NETS[n];
      const vlan = here.vlan[n];
      return [
        `table=1, priority=3,arp,dl_vlan=${vlan},arp_tpa=${gateway} actions=drop`,
        `table=1, priority=2,dl_vlan=${vlan},dl_dst=${mac} actions=drop`,
        `table=1, priority=1,dl_vlan=${vlan},dl_src=${mac} actions=mod_dl_src:${here.mac},resubmit(,2)`,
        `table=4, priority=1,tun_id=${key(n)} actions=mod_vlan_vid:${vlan},resubmit(,9)`,
        `table=22, dl_vlan=${vlan} actions=strip_vlan,set_tunnel:${key(n)},${ports.map((p) => `output:${p}`).join(',')}`,
      ];
    }),
    'table=1, priority=0 actions=resubmit(,2)',
    'table=2, priority=0,dl_dst=00:00:00:00:00:00/01:00:00:00:00:00 actions=resubmit(,20)',
    'table=2, priority=0,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00 actions=resubmit(,22)',
    'table=4, priority=0 actions=drop',
    ...others(name).map((o) => `table=9, priority=1,dl_src=${PLACES[o].mac} actions=output:${PATCH_INT}`),
    'table=9, priority=0 actions=resubmit(,10)',
    `table=10, priority=1 actions=${learn},output:${PATCH_INT}`,
    ...far.map(
      (v) =>
        `table=20, priority=2,dl_vlan=${here.vlan[v.net]},dl_dst=${v.mac} actions=strip_vlan,set_tunnel:${key(v.net)},output:${here.to[v.at]}`,
    ),
    'table=20, priority=0 actions=resubmit(,22)',
    'table=22, priority=0 actions=drop',
  ];
}

/** br-int: what other machines' routers sent gets the router's MAC back. */
function integrationFlows(name: string): string[] {
  const { vlan } = PLACES[name];
  return [
    ...others(name).map((o) => `table=0, priority=2,in_port=${PATCH_TUN},dl_src=${PLACES[o].mac} actions=resubmit(,1)`),
    'table=0, priority=1 actions=NORMAL',
    ...VMS.filter((v) => v.at === name).map(
      (v) =>
        `table=1, priority=4,dl_vlan=${vlan[v.net]},dl_dst=${v.mac} actions=strip_vlan,mod_dl_src:${NETS[v.net].mac},output:${v.port}`,
    ),
    ...VMS.filter((v) => v.at === name).map(
      (v) =>
        `table=1, priority=2,ip,dl_vlan=${vlan[v.net]},nw_dst=${NETS[v.net].subnet} actions=strip_vlan,mod_dl_src:${NETS[v.net].mac},output:${v.port}`,
    ),
  ];
}

const others = (name: string): string[] => Object.keys(PLACES).filter((o) => o !== name);

interface Built {
  readonly machine: Machine;
  readonly router: string;
  readonly vms: ReadonlyMap<string, string>;
}

async function build(stage: Stage, name: string, tunnel: string): Promise<Built> {
  const here = PLACES[name];
  const m = await stage.machine(name, `${here.address}/24`);
  m.vsctl('add-br br-int -- set-fail-mode br-int secure');
  m.vsctl('add-br br-tun -- set-fail-mode br-tun secure');
  m.vsctl(
    `add-port br-int patch-tun -- set interface patch-tun type=patch options:peer=patch-int ofport_request=${PATCH_TUN}`,
  );
  m.vsctl(
    `add-port br-tun patch-int -- set interface patch-int type=patch options:peer=patch-tun ofport_request=${PATCH_INT}`,
  );
  for (const [other, port] of Object.entries(here.to)) {
    const ends = `options:local_ip=${here.address} options:remote_ip=${PLACES[other].address}`;
    m.vsctl(
      `add-port br-tun ${tunnel}-${other} -- set interface ${tunnel}-${other} type=${tunnel} options:df_default=true options:in_key=flow options:out_key=flow ${ends} ofport_request=${port}`,
    );
  }
  m.addFlows('br-int', integrationFlows(name));
  m.addFlows('br-tun', tunnelFlows(name));

  const vms = new Map<string, string>();
  for (const v of VMS.filter((v) => v.at === name)) {
    const mac = v.mac;
    vms.set(v.name, stage.host(m, v.name, { mac, address: `${v.ip}/24`, gateway: NETS[v.net].gateway }));
    m.vsctl(`add-port br-int ${v.name} tag=${here.vlan[v.net]} -- set interface ${v.name} ofport_request=${v.port}`);
  }
  return { machine: m, router: router(stage, m, here), vms };
}

/** The router's legs are internal ports that move into a namespace, with neighbors that nobody has to ask for. */
function router(stage: Stage, m: Machine, here: Place): string {
  const ns = stage.namespace(`qrouter-${m.name}`);
  stage.sysctl(ns, 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.default.rp_filter=0');
  for (const n of EACH) {
    const { mac, gateway } = NETS[n];
    const leg = `qr-${n}`;
    m.vsctl(`add-port br-int ${leg} tag=${here.vlan[n]} -- set interface ${leg} type=internal`);
    m.ip(`link set ${leg} netns ${ns}`);
    stage.lab.ip(`-n ${ns} link set ${leg} address ${mac} mtu 1400`);
    stage.lab.ip(`-n ${ns} addr add ${gateway}/24 dev ${leg}`);
    stage.lab.ip(`-n ${ns} link set ${leg} up`);
    for (const v of VMS.filter((v) => v.net === n))
      stage.lab.ip(`-n ${ns} neigh replace ${v.ip} lladdr ${v.mac} dev ${leg} nud permanent`);
  }
  return ns;
}

/** A flow of br-int whose match begins so has seen packets. */
async function counted(stage: Stage, m: Machine, what: string, match: string): Promise<void> {
  const row = (): string =>
    m
      .ofctl('--names', 'dump-flows', 'br-int')
      .split('\n')
      .find((f) => f.includes(match)) ?? 'no such flow';
  await until(() => /n_packets=[1-9]/.test(row()), 5000);
  stage.check(/n_packets=[1-9]/.test(row()), what, row().trim());
}

/** The table of hops, for one packet there and its answer. */
async function hops(stage: Stage, m2: Machine, w: Record<string, Watch>, tunnel: string): Promise<void> {
  const echo = { what: 'echo', from: VM1.ip, to: VM2.ip };
  const back = { what: 'echo reply', from: VM2.ip, to: VM1.ip };
  const [c1, c2] = [PLACES.compute1, PLACES.compute2];
  const { a, b } = NETS;
  await w.vm1.hop('vm1 → its gateway', { ...echo, src: VM1.mac, dst: a.mac, vlan: 0, ttl: 64 });
  await w.int1.hop('the same in br-int of compute1', { ...echo, src: VM1.mac, dst: a.mac, vlan: c1.vlan.a });
  await w.legA.hop('the same at the leg of the router', { ...echo, src: VM1.mac, dst: a.mac, vlan: 0 });
  await w.int1.hop('router → br-int of compute1', { ...echo, src: b.mac, dst: VM2.mac, vlan: c1.vlan.b, ttl: 63 });
  const ends = { outerSrc: c1.address, outerDst: c2.address, outerDf: true };
  const carrier = { tunnel: tunnel === 'gre' ? 'gre' : 'vxlan', ...ends } as const;
  await w.wire.hop('br-tun of compute1 → wire', {
    ...echo,
    ...carrier,
    key: b.key,
    src: c1.mac,
    dst: VM2.mac,
    vlan: 0,
  });
  // No mirror of br-int sees what comes through a patch port; the flows that do say what they matched.
  const arrived = `dl_vlan=${c2.vlan.b},dl_dst=${VM2.mac}`;
  await counted(stage, m2, 'br-tun of compute2 → br-int: source', `in_port="patch-tun",dl_src=${c1.mac}`);
  await counted(stage, m2, 'br-tun of compute2 → br-int: VLAN and destination', arrived);
  await w.vm2.hop('br-int of compute2 → vm2', { ...echo, src: b.mac, dst: VM2.mac, vlan: 0, ttl: 63 });
  await w.vm2.hop('vm2 → its gateway, on compute2', { ...back, src: VM2.mac, dst: b.mac, ttl: 64 });
  const answer = { ...carrier, outerSrc: c2.address, outerDst: c1.address, key: a.key };
  await w.wire.hop('answer on the wire', { ...back, ...answer, src: c2.mac, dst: VM1.mac, vlan: 0 });
  await w.vm1.hop('answer at vm1', { ...back, src: a.mac, dst: VM1.mac, vlan: 0, ttl: 63 });
}

/** What was learnt from vm3's frames leads back to it, and nothing else was. */
async function learnt(stage: Stage, m: Machine, w: Record<string, Watch>): Promise<void> {
  const flows = m.ofctl('--no-stats', 'dump-flows', 'br-tun', 'table=20');
  const { vlan, to } = PLACES.compute1;
  const want = `hard_timeout=300, priority=1,vlan_tci=0x000${vlan.a}/0x0fff,dl_dst=${VM3.mac} actions=load:0->NXM_OF_VLAN_TCI[],load:0x3e9->NXM_NX_TUN_ID[],output:${to.compute2}`;
  const row = flows.split('\n').find((f) => f.includes(VM3.mac));
  stage.check(row?.includes(want) ?? false, 'learn() fills table 20 of br-tun', row?.trim() ?? flows);
  for (const p of Object.values(PLACES))
    stage.check(!flows.includes(`dl_dst=${p.mac}`), `nothing was learnt of the machine's MAC ${p.mac}`);
  const unicast = { what: 'echo reply', from: VM1.ip, to: VM3.ip, dst: VM3.mac } as const;
  await w.wire.hop('vm1 → vm3 by what was learnt', { ...unicast, outerDst: PLACES.compute2.address, key: NETS.a.key });
  w.wire.never('and not to the network machine', { ...unicast, outerDst: PLACES.network.address });
  await w.wire.hop('what nobody knows goes everywhere', {
    what: 'arp request',
    from: VM3.ip,
    to: VM1.ip,
    outerDst: PLACES.compute1.address,
  });
}

export const dvr: Scenario = {
  name: 'dvr',
  about: 'OpenStack Neutron with distributed routing, east-west',
  async play(stage: Stage, { tunnel, quick }: Settings) {
    const [c1, c2, net] = [
      await build(stage, 'compute1', tunnel),
      await build(stage, 'compute2', tunnel),
      await build(stage, 'network', tunnel),
    ];
    for (const { machine: m } of [c1, c2, net]) {
      const numbers = Object.values(PLACES[m.name].to).map((p) => `${p}(${tunnel}-`);
      const shown = m.ofctl('show', 'br-tun');
      stage.check(
        numbers.every((n) => shown.includes(n)),
        `${m.name}: the tunnels have their numbers`,
      );
    }
    c1.machine.mirror('br-int', 'mir1');
    const at = async (ns: string | undefined, device: string): Promise<Watch> => stage.watch(ns ?? '', device);
    const w = {
      vm1: await at(c1.vms.get('vm1'), 'e0'),
      int1: await at(c1.machine.ns, 'mir1'),
      legA: await at(c1.router, 'qr-a'),
      // compute2's cable has all that concerns either of the two.
      wire: await at(c2.machine.ns, 'u0'),
      vm2: await at(c2.vms.get('vm2'), 'e0'),
    };
    const vm1 = c1.vms.get('vm1') ?? '';
    await stage.talks('the router answers from its namespace', vm1, NETS.a.gateway);
    await stage.talks('10.0.1.5 reaches 10.0.2.5, through the router', vm1, VM2.ip);
    await hops(stage, c2.machine, w, tunnel);
    await stage.talks('10.0.1.6 reaches 10.0.1.5, in its own network', c2.vms.get('vm3') ?? '', VM1.ip);
    await learnt(stage, c1.machine, w);
    for (const n of EACH) {
      const { gateway, mac } = NETS[n];
      w.wire.never(`ARP for ${gateway} is never on the wire`, { what: 'arp request', to: gateway });
      w.wire.never(`nor from it`, { what: 'arp request', from: gateway });
      w.wire.never(`nor its answer`, { what: 'arp reply', from: gateway });
      w.wire.never(`nor its MAC`, { src: mac });
    }
    if (!quick) await stage.talks('still, for a hundred packets', vm1, VM2.ip, 100);
  },
};
