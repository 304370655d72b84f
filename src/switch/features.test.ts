/** What tables can do beside forwarding, end to end on both datapaths: groups, meters, later passes, learning rules, packet-in and packet-out. */
import t from 'tap';
import { parseActions } from '../action/list.js';
import { actionContext, flowModFromText } from '../bridge/flow-text.js';
import type { PacketIn } from '../bridge/of-bridge.js';
import { NO_OFFLOAD } from '../datapath/datapath.js';
import { GROUP, type GroupMod, NO_SELECTION, WATCH_NONE } from '../flowtable/groups.js';
import { METER, METER_FLAG } from '../flowtable/meters.js';
import { VirtualClock } from '../lib/clock.js';
import { build, eth, ip4, label, payload, tcpLayer, udpLayer } from '../packet/build.js';
import { Switch, type SwitchBridge, type SwitchPort } from './switch.js';

const link = { dst: '02:00:00:00:00:02', src: '02:00:00:00:00:01' };
const udp = (port: number): Uint8Array =>
  build([eth(link), ip4({ src: '10.0.0.1', dst: '10.0.0.2', ttl: 9 }), udpLayer({ src: port, dst: 53 })], 60);
const tcp = (flags: number): Uint8Array =>
  build([eth(link), ip4({ src: '10.0.0.1', dst: '10.0.0.2' }), tcpLayer({ src: 7, dst: 80, flags })], 60);
const text = (frame: Uint8Array): string => Buffer.from(frame).toString('hex');

const actions = (s: string) =>
  parseActions(
    s,
    actionContext(() => undefined),
  );

function group(type: GroupMod['type'], buckets: readonly (readonly [actions: string, watch?: number])[]): GroupMod {
  return {
    command: 'add_or_modify',
    id: 5,
    type,
    selection: NO_SELECTION,
    commandBucket: 0xffffffff,
    buckets: buckets.map(([a, watch], id) => ({
      id,
      weight: type === 'select' ? 100 : 0,
      watchPort: watch ?? WATCH_NONE,
      watchGroup: GROUP.any,
      actions: actions(a),
    })),
  };
}

for (const datapath of ['reference', 'native'] as const) {
  const make = (): { sw: Switch; br: SwitchBridge; ports: SwitchPort[] } => {
    const sw = new Switch({ datapath, clock: new VirtualClock() });
    const br = sw.bridge('br0');
    return { sw, br, ports: ['p1', 'p2', 'p3', 'p4'].map((n) => br.addPort(n)) };
  };
  const counts = (ports: SwitchPort[]): number[] => ports.map((p) => p.received().length);

  t.test(`${datapath}: groups`, (t) => {
    const { sw, br, ports } = make();
    const send = (n = 1): number[] => {
      for (let i = 0; i < n; i++) ports[0].send(udp(1000 + i));
      sw.run();
      return counts(ports);
    };
    br.bridge.groups.mod(group('all', [['set_field:02:00:00:00:00:09->eth_dst,output:2'], ['output:3']]));
    br.addFlow('in_port=1,actions=group:5,4');
    t.same(send(), [0, 1, 1, 1], 'all');
    br.bridge.groups.mod(group('indirect', [['output:3']]));
    t.same(send(), [0, 0, 1, 1], 'a changed group makes its flows stale');
    br.bridge.groups.mod(
      group('ff', [
        ['output:2', 2],
        ['output:3', 3],
      ]),
    );
    t.same(send(), [0, 1, 0, 1], 'the first live bucket');
    br.bridge.portMod(2, 1, 1);
    t.same(send(), [0, 0, 1, 1], 'the next one when its port goes down');
    br.bridge.portMod(2, 0, 1);
    // Statistics of what went before belong to the group as it was.
    br.rules();
    br.bridge.groups.mod(group('select', [['output:2'], ['output:3']]));
    const [, a, b, rest] = send(200);
    t.equal(a + b, 200, 'one bucket each');
    t.ok(a > 50 && b > 50, `shared out: ${a} and ${b}`);
    t.equal(rest, 200, 'and the rest of the list after the group');
    const again = send(200);
    t.same(again, [0, a, b, 200], 'the same flows take the same ways');
    br.rules();
    t.equal(br.bridge.groups.get(5)?.packets, 400, 'packets of the group, counted once each');
    br.bridge.groups.mod({ ...group('all', []), command: 'delete' });
    t.same(send(), [0, 0, 0, 0], 'the flow goes with its group');
    sw.close();
    t.end();
  });

  t.test(`${datapath}: a meter drops what is too much`, (t) => {
    const { sw, br, ports } = make();
    br.bridge.meters.mod({
      command: 'add',
      id: 1,
      flags: METER_FLAG.pktps | METER_FLAG.burst,
      bands: [{ type: 'drop', rate: 10, burst: 5 }],
    });
    br.addFlow('in_port=1,actions=meter:1,output:2');
    for (let i = 0; i < 20; i++) ports[0].send(udp(1));
    sw.run();
    const passed = ports[1].received().length;
    t.ok(passed >= 4 && passed <= 6, `a burst of 5: ${passed} passed`);
    sw.advance(1000);
    for (let i = 0; i < 20; i++) ports[0].send(udp(1));
    sw.run();
    t.ok(ports[1].received().length >= 4, 'more later');
    br.bridge.meters.mod({ command: 'delete', id: 1, flags: 0, bands: [] });
    t.same(br.rules(), [], 'the flow goes with its meter');
    sw.close();
    t.end();
  });

  t.test(`${datapath}: packets to controllers pass their meter, or the flow's own`, (t) => {
    const { sw, br, ports } = make();
    let up = 0;
    br.bridge.listen({ packetIn: () => up++ });
    const meter = (command: 'add' | 'delete', id: number, rate: number): void =>
      br.bridge.meters.mod({ command, id, flags: METER_FLAG.pktps, bands: [{ type: 'drop', rate, burst: 0 }] });
    const send = (): number[] => {
      up = 0;
      for (let i = 0; i < 9; i++) ports[0].send(udp(1));
      sw.run();
      return [up, ports[1].received().length];
    };
    br.addFlow('in_port=1,actions=controller,output:2');
    t.same(send(), [9, 9]);
    meter('add', METER.controller, 3);
    t.same(send(), [3, 9], 'only the copy for controllers ends');
    t.match(
      sw.dumpDatapathFlows(),
      /sample\(sample=100.0%,actions\(meter\(1\),userspace\(.*controller\(.*\)\)\)\),/,
      'as OVS has it',
    );
    meter('add', 1, 5);
    br.addFlow('in_port=1,actions=controller(meter_id=1),output:2');
    t.same(send(), [5, 9], 'a meter of its own instead');
    const counted = [METER.controller, 1].map((id) => {
      const m = br.bridge.meters.get(id);
      return m && br.bridge.meterCounters(m);
    });
    t.match(counted, [
      { packets: 9, bytes: 540, bands: [{ packets: 6, bytes: 360 }] },
      { packets: 9, bands: [{ packets: 4 }] },
    ]);
    br.addFlow('in_port=1,actions=controller,output:2');
    meter('delete', METER.controller, 1);
    t.same(send(), [9, 9]);
    sw.close();
    t.end();
  });

  t.test(`${datapath}: what a label covered is looked at in a later pass`, (t) => {
    const { sw, br, ports } = make();
    br.addFlow('in_port=1,mpls,actions=load:7->NXM_NX_REG0[],pop_mpls:0x0800,resubmit(,1),4');
    br.addFlow('table=1,ip,nw_dst=10.0.0.2,reg0=7,actions=dec_ttl,2');
    const inner = [ip4({ src: '10.0.0.1', dst: '10.0.0.2', ttl: 9 }), udpLayer({ src: 5, dst: 6 })];
    ports[0].send(build([eth(link), label({ label: 100, ttl: 64 }), ...inner, payload(new Uint8Array(20))]));
    sw.run();
    const [out] = ports[1].received();
    t.equal(out && text(out).slice(24, 28), '0800');
    t.equal(out?.[22], 8, 'its TTL was decremented');
    t.equal(ports[3].received().length, 1, 'what followed in the first list');
    t.match(sw.dumpDatapathFlows(), /actions:pop_mpls\(eth_type=0x800\),recirc\(0x/);
    t.match(br.dumpFlows(), /table=1, n_packets=1,/);
    sw.close();
    t.end();
  });

  t.test(`${datapath}: a packet for the controller has its registers with it`, (t) => {
    const { sw, br, ports } = make();
    const got: PacketIn[] = [];
    br.bridge.listen({ packetIn: (p) => got.push(p) });
    br.addFlow('table=0,cookie=0x55,in_port=1,actions=load:9->NXM_NX_REG1[],mod_dl_src:02:00:00:00:00:07,resubmit(,3)');
    br.addFlow('table=3,cookie=0x66,actions=controller(max_len=80,id=4,userdata=01.02),2');
    ports[0].send(udp(1));
    sw.run();
    t.equal(got.length, 1);
    const [p] = got;
    t.match(
      { ...p, userdata: [...p.userdata], frame: text(p.frame).slice(12, 24) },
      { maxLen: 80, reason: 1, table: 3, cookie: 0x66n, controllerId: 4, userdata: [1, 2], frame: '020000000007' },
    );
    t.equal(new DataView(p.key.buffer, p.key.byteOffset).getUint32(576 + 4), 9, 'reg1');
    t.equal(ports[1].received().length, 1);
    sw.close();
    t.end();
  });

  t.test(`${datapath}: a bridge made again under its name gets its own packets`, (t) => {
    const { sw } = make();
    const got: string[] = [];
    for (const life of ['first', 'second']) {
      sw.core.removeBridges(['again']);
      const bridge = sw.core.addBridge('again', { name: 'again', type: 'memory' });
      const { vport } = sw.core.addPort(bridge, { name: 'q1', type: 'memory' }, { number: 1 });
      bridge.listen({ packetIn: () => got.push(life) });
      bridge.flowMod(flowModFromText('in_port=1,actions=controller', 'add', () => undefined));
      sw.core.dp.inject(vport, udp(1), NO_OFFLOAD);
      sw.run();
    }
    t.same(got, ['first', 'second']);
    sw.close();
    t.end();
  });

  t.test(`${datapath}: packets that miss go to a controller that asked for them`, (t) => {
    const { sw, br, ports } = make();
    const got: PacketIn[] = [];
    br.bridge.listen({ packetIn: (p) => got.push(p) });
    br.addFlow('in_port=2,actions=load:1->NXM_NX_REG0[],resubmit(,4)');
    const send = (port: number): string[] => {
      ports[port - 1].send(udp(1));
      sw.run();
      return got.splice(0).map((p) => `${p.reason} ${p.table} ${p.cookie.toString(16)}`);
    };
    t.same(send(1), [], 'nobody asked');
    br.bridge.setControllers(1, true);
    t.same(send(1), ['7 0 0'], 'no table-miss flow, no cookie');
    t.same(send(2), [], 'a resubmit that finds nothing is no miss');
    br.bridge.portMod(1, 0x40, 0x40);
    t.same(send(1), [], 'no packet-ins from this port');
    sw.close();
    t.end();
  });

  t.test(`${datapath}: a packet from the controller goes through actions and tables`, (t) => {
    const { sw, br, ports } = make();
    br.addFlow('in_port=3,actions=2');
    br.bridge.packetOut(udp(1), 3, actions('mod_dl_dst:02:00:00:00:00:08,TABLE,in_port,4'));
    sw.run();
    t.same(counts(ports), [0, 1, 1, 1]);
    br.bridge.packetOut(udp(1), 0xffffffff, actions('flood'));
    sw.run();
    t.same(counts(ports), [1, 1, 1, 1], 'no port of arrival: all get it');
    t.doesNotThrow(() => br.bridge.packetOut(udp(1), 77, []), 'as in OVS, from a port that is not there');
    sw.close();
    t.end();
  });

  t.test(`${datapath}: learned flows and their end`, (t) => {
    const { sw, br, ports } = make();
    const removed: string[] = [];
    br.bridge.listen({ flowRemoved: (r, why) => removed.push(`${r.table} ${why}`) });
    br.addFlow(
      'table=0,tcp,actions=learn(table=5,idle_timeout=10,fin_idle_timeout=2,cookie=0x77,delete_learned,limit=2,eth_type=0x800,nw_proto=6,tcp_src=NXM_OF_TCP_SRC[],output:NXM_OF_IN_PORT[]),resubmit(,5)',
    );
    ports[0].send(tcp(2));
    sw.run();
    t.same(counts(ports), [0, 0, 0, 0], 'learned for the next packet; output to the port of arrival');
    ports[1].send(tcp(0x10));
    sw.run();
    t.equal(br.rules().filter((r) => r.table === 5).length, 1);
    sw.advance(6000);
    ports[1].send(tcp(0x11));
    sw.run();
    sw.advance(4000);
    t.same(removed, ['5 idle_timeout'], 'FIN made the timeout 2 seconds');
    ports[1].send(tcp(0x10));
    sw.run();
    t.equal(br.rules().filter((r) => r.table === 5).length, 1);
    br.deleteFlows('table=0');
    t.same(removed, ['5 idle_timeout', '0 delete', '5 delete'], 'what a rule learned goes with it');
    sw.close();
    t.end();
  });
}

t.test('a learn action says whether there was room', (t) => {
  const sw = new Switch({ datapath: 'reference', clock: new VirtualClock() });
  const br = sw.bridge('br0');
  const [p1, p2, p3] = ['p1', 'p2', 'p3'].map((n) => br.addPort(n));
  br.addFlow(
    'in_port=1,udp,actions=learn(table=5,limit=1,result_dst=NXM_NX_REG0[0],eth_type=0x800,nw_proto=17,udp_src=NXM_OF_UDP_SRC[]),resubmit(,1)',
  );
  br.addFlow('table=1,reg0=1,actions=2');
  br.addFlow('table=1,reg0=0,actions=3');
  const send = (port: number): number[] => {
    p1.send(udp(port));
    sw.run();
    return [p2.received().length, p3.received().length];
  };
  t.same(send(1), [1, 0]);
  t.same(send(2), [0, 1], 'full');
  t.same(send(1), [1, 0], 'there already');
  sw.close();
  t.end();
});

for (const datapath of ['reference', 'native'] as const) {
  t.test(`${datapath}: ports come and go as often as one likes`, (t) => {
    const sw = new Switch({ datapath });
    const br = sw.bridge('br0');
    const out = br.addPort('out');
    br.addFlow('actions=1');
    for (let i = 0; i < 4400; i++) {
      const p = br.addPort('p');
      if (i % 400 === 0) p.send(udp(i));
      sw.run();
      br.removePort('p');
    }
    t.equal(out.received().length, 11);
    const many = (): void => {
      for (let i = 0; i < 4200; i++) br.addPort(`q${i}`);
    };
    t.throws(many, /no more fit/);
    sw.close();
    t.end();
  });
}

t.test('a trace of the library', (t) => {
  const sw = new Switch({ datapath: 'reference' });
  const br = sw.bridge('br0');
  br.addPort('p1');
  br.addPort('p2');
  br.addFlow('in_port=p1,tcp,actions=2');
  t.match(br.trace('in_port=p1,tcp'), /\n 0\. tcp,in_port=1, priority 32768\n {4}output:2\n\nFinal flow: unchanged\n/);
  t.match(br.trace('in_port=p2'), /\n 0\. No match\.\n {4}drop\n/);
  t.throws(() => br.addFlow('actions=set_field:80->tcp_dst'), /tcp_dst/);
  t.throws(() => br.addFlow('actions=group:1'), /no group 1/);
  sw.close();
  t.end();
});
