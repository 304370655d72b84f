/**
 * A reactive L3 controller in the way of DragonFlow, by OpenFlow 1.3: the first packet between two subnets comes up, the rest is the switch's business,
 * and what was idle is told. What comes by a tunnel crosses a patch port with its network in pkt_mark: the one thing beside the packet that survives.
 */
import { until } from '../../src/cli/lab/netlab.js';
import { OsKen } from '../controllers/os-ken.js';
import type { Scenario, Stage } from './stage.js';

const HERE = '10.224.159.11';
const THERE = '10.224.159.12';
/** The controller knows these networks, and their gateways' MACs. */
const SEGMENT = { near: 0x1f42, far: 0x1f43 } as const;
const GATEWAY = { near: '02:00:00:84:01:01', far: '02:00:00:84:02:01' } as const;
const CONTROLLER_PORT = 6653;
const [TUNNEL, PATCH] = [9, 6];

const VMS = [
  { port: 11, ip: '10.84.1.3', mac: '02:00:00:84:01:03', segment: SEGMENT.near },
  { port: 12, ip: '10.84.2.3', mac: '02:00:00:84:02:03', segment: SEGMENT.far },
  { port: 13, ip: '10.84.1.4', mac: '02:00:00:84:01:04', segment: SEGMENT.near },
];
/** On the other machine, and what it reaches outside. */
const REMOTE = { ip: '10.84.9.1', mac: '02:00:00:84:09:01' };
const OUTSIDE = { ip: '10.84.9.2', mac: '02:00:00:84:09:02' };

async function routed(stage: Stage, app: OsKen, vms: readonly string[]): Promise<void> {
  const [vm1, vm2, vm3] = VMS;
  const [w1, w2] = [await stage.watch(vms[0], 'e0'), await stage.watch(vms[1], 'e0')];
  await stage.talks('within a subnet', vms[0], vm3.ip);
  stage.check(app.all('packet_in').length === 0, 'and the controller sees nothing of it');
  await stage.talks('between subnets', vms[0], vm2.ip, 5);
  await w1.hop('the gateway answers ARP in the switch', { what: 'arp reply', from: '10.84.1.1', src: GATEWAY.near });
  await w1.hop('to the gateway', { what: 'echo', to: vm2.ip, src: vm1.mac, dst: GATEWAY.near, ttl: 64 });
  await w2.hop('routed', { what: 'echo', to: vm2.ip, src: GATEWAY.far, dst: vm2.mac, ttl: 63 });
  await w1.hop('the answer', { what: 'echo reply', from: vm2.ip, src: GATEWAY.near, dst: vm1.mac, ttl: 63 });
  const ups = app.all('packet_in');
  stage.check(ups.length === 1, `${ups.length} packet came up, the rest was cached`);
  const [up] = ups;
  const whole = up?.unbuffered === true && up.total_len === 98 && up.data_len === 98;
  stage.check(
    whole && up.metadata === SEGMENT.near && up.in_port === vm1.port,
    'whole, with metadata',
    JSON.stringify(up),
  );
  for (const [src, dst] of [
    [vm1.ip, vm2.ip],
    [vm2.ip, vm1.ip],
  ]) {
    const gone = await app.hears('flow_removed', { src, dst });
    stage.check(
      gone?.reason === 0 && Number(gone.packets) >= 5,
      `${src} → ${dst} was idle, and says so`,
      JSON.stringify(gone),
    );
  }
  await stage.talks('and again, by a new flow', vms[0], vm2.ip);
  // Its answer may come before the cache has heard of the new flows, and then comes up as well.
  const again = app.all('packet_in', { src: vm1.ip }).length;
  stage.check(again === 2, 'for which one packet of who began came up', JSON.stringify(app.all('packet_in')));
}

export const dragonflow: Scenario = {
  name: 'dragonflow',
  about: 'a reactive L3 controller: packet-in, flows that expire, pkt_mark across a patch port',
  needs: { 'osken-manager': 'python3-os-ken' },
  async play(stage: Stage, { tunnel }) {
    const here = await stage.machine('compute1', `${HERE}/24`);
    const there = await stage.machine('compute2', `${THERE}/24`);
    here.vsctl('add-br br-int -- set-fail-mode br-int secure -- set bridge br-int protocols=OpenFlow13');
    here.vsctl('add-br br-ex -- set-fail-mode br-ex secure -- set bridge br-ex protocols=OpenFlow13');
    const vms = VMS.map((v) => {
      const gateway = v.segment === SEGMENT.near ? '10.84.1.1' : '10.84.2.1';
      const ns = stage.host(here, `vm${v.port}`, { mac: v.mac, address: `${v.ip}/24`, gateway });
      here.vsctl(`add-port br-int vm${v.port} -- set interface vm${v.port} ofport_request=${v.port}`);
      return ns;
    });
    const app = new OsKen('dragonflow', CONTROLLER_PORT, { MACHINES: JSON.stringify(VMS) }, [
      ...['ip', 'netns', 'exec', here.ns],
    ]);
    try {
      here.vsctl(`set-controller br-int tcp:127.0.0.1:${CONTROLLER_PORT}`);
      const ready = await app.hears('ready');
      stage.check(ready !== undefined, 'the controller has filled br-int', ready ? undefined : app.log);
      await routed(stage, app, vms);
      const errors = JSON.stringify(app.all('error'));
      stage.check(app.all('error').length === 0, 'the switch took all that the controller said', errors);
    } finally {
      app.close();
    }

    // What comes by the tunnel: its network goes into pkt_mark, and over the patch port.
    const ends = (local: string, remote: string): string =>
      `type=${tunnel} options:key=flow options:local_ip=${local} options:remote_ip=${remote}`;
    here.vsctl(`add-port br-int tun0 -- set interface tun0 ${ends(HERE, THERE)} ofport_request=${TUNNEL}`);
    here.vsctl(
      `add-port br-int patch-ex -- set interface patch-ex type=patch options:peer=patch-int ofport_request=${PATCH}`,
    );
    here.vsctl('add-port br-ex patch-int -- set interface patch-int type=patch options:peer=patch-ex ofport_request=1');
    const outside = stage.host(here, 'out', { mac: OUTSIDE.mac, address: `${OUTSIDE.ip}/24` });
    here.vsctl('add-port br-ex out -- set interface out ofport_request=2');
    const o13 = (bridge: string, flow: string): string => here.ofctl('-O', 'OpenFlow13', 'add-flow', bridge, flow);
    o13(
      'br-int',
      `table=0,priority=900,in_port=${TUNNEL},actions=load:7->NXM_NX_REG7[],write_metadata:0x77,goto_table:60`,
    );
    o13('br-int', `table=60,priority=1,actions=move:NXM_NX_TUN_ID[0..31]->NXM_NX_PKT_MARK[],output:${PATCH}`);
    o13('br-int', `table=0,priority=900,in_port=${PATCH},actions=set_field:${SEGMENT.far}->tun_id,output:${TUNNEL}`);
    const kept = `in_port=1,pkt_mark=${SEGMENT.far},metadata=0,reg7=0`;
    o13('br-ex', `${kept},actions=output:2`);
    o13('br-ex', 'in_port=2,actions=output:1');

    there.vsctl('add-br br-int -- set-fail-mode br-int secure');
    const remote = stage.host(there, 'vm1', { mac: REMOTE.mac, address: `${REMOTE.ip}/24` });
    there.vsctl('add-port br-int vm1 -- set interface vm1 ofport_request=1');
    there.vsctl(`add-port br-int tun0 -- set interface tun0 ${ends(THERE, HERE)} ofport_request=${TUNNEL}`);
    there.addFlows('br-int', [
      `in_port=1 actions=set_field:${SEGMENT.far}->tun_id,output:${TUNNEL}`,
      `in_port=${TUNNEL},tun_id=${SEGMENT.far} actions=output:1`,
    ]);
    const wire = await stage.watch(here.ns, 'u0');
    const out = await stage.watch(outside, 'e0');
    await stage.talks('from the other machine to outside', remote, OUTSIDE.ip);
    const echo = { what: 'echo', src: REMOTE.mac, dst: OUTSIDE.mac };
    await wire.hop('on the wire', { ...echo, key: SEGMENT.far, outerSrc: THERE, outerDst: HERE });
    await out.hop('outside', { ...echo, vlan: 0 });
    const crossed = (): string =>
      here.ofctl('-O', 'OpenFlow13', 'dump-flows', 'br-ex', kept).split('\n').slice(1).join(' ');
    await until(() => /n_packets=[1-9]/.test(crossed()), 5000);
    const says = 'the patch port keeps pkt_mark, and clears metadata and registers';
    stage.check(/n_packets=[1-9]/.test(crossed()), says, crossed().trim());
  },
};
