/** Tunnels between two switches, and within one. */
import t from 'tap';
import { DROP } from '../datapath/drop-reasons.js';
import { field } from '../flow/fields.js';
import { VirtualClock } from '../lib/clock.js';
import { build, eth, ip4, payload, udpLayer } from '../packet/build.js';
import { Switch } from './switch.js';
import { ADDRESS, answer, carry, hex, ip, type Machine, machine, neighbors, PING } from './testing/machines.js';

/** A packet with a tag. */
const TAGGED = Uint8Array.from([...PING.subarray(0, 12), 0x81, 0, 0x20, 5, ...PING.subarray(12)]);

const TUNNELS: readonly (readonly [string, Record<string, string>, number])[] = [
  ['VXLAN', { key: '100' }, 50],
  ['VXLAN, any remote', { key: 'flow', remote_ip: 'flow', dst_port: '4790' }, 50],
  ['GRE with all there is', { type: 'gre', key: '5', csum: 'true', seq: 'true' }, 50],
  ['GRE without a key', { type: 'gre' }, 38],
  ['Geneve', { type: 'geneve', key: '7' }, 50],
];

for (const datapath of ['reference', 'native'] as const) {
  for (const [name, options, overhead] of TUNNELS) {
    t.test(`${name}, ${datapath}`, (t) => {
      const a = machine(datapath, ADDRESS.a, ADDRESS.b, options);
      const b = machine(datapath, ADDRESS.b, ADDRESS.a, options);
      t.teardown(() => [a, b].map((m) => m.sw.close()));
      if (options.remote_ip === 'flow') {
        const int = a.sw.bridge('br-int');
        int.deleteFlows('in_port=1');
        int.addFlow(`in_port=1,actions=set_field:${ADDRESS.b}->tun_dst,set_field:9->tun_id,output:2`);
      }
      a.host.send(PING);
      const [asked] = carry(a, b);
      t.match(hex(asked ?? PING), /^ffffffffffff.*0806000108000604000102/, 'who has the other end?');
      t.equal(b.host.received().length, 0, 'the packet waits');
      answer(a, b);
      const onWire = carry(a, b);
      t.same(b.host.received().map(hex), [hex(PING)], 'now it is there');
      t.equal(onWire.at(-1)?.length, PING.length + overhead);
      a.host.send(PING);
      carry(a, b);
      t.same(b.host.received().map(hex), [hex(PING)], 'and so is the next, by the cache');
      const flows = b.sw.dumpDatapathFlows();
      t.match(flows, /actions:tnl_pop\(/);
      t.match(flows, /tunnel\(tun_id=|tunnel\(src=/);
      b.sw.core.upcalls.pushStatistics();
      const stats = b.sw.bridge('br-int').bridge.port(2)?.stats();
      t.match(stats, { rxPackets: 2, rxBytes: 2 * PING.length });
      t.end();
    });
  }
}

for (const datapath of ['reference', 'native'] as const) {
  t.test(`what a first packet said is not said again by those after it, ${datapath}`, (t) => {
    const [a, b] = neighbors(datapath, { key: '1' });
    t.teardown(() => [a, b].map((m) => m.sw.close()));
    const mac = (): string =>
      hex(b.sw.core.underlay.neighbors.lookup(b.phy.bridge.name, ip(ADDRESS.a)) ?? new Uint8Array(0));
    a.host.send(PING);
    carry(a, b);
    t.equal(mac(), hex(a.local));
    a.host.send(PING);
    carry(a, b);
    b.sw.core.underlay.neighbors.learn(b.phy.bridge.name, ip(ADDRESS.a), Uint8Array.of(2, 0, 0, 0, 0, 99), 0);
    b.sw.core.upcalls.pushStatistics();
    t.equal(mac(), '020000000063', 'it moved, and stays there');
    b.sw.core.settle();
    a.host.send(PING);
    carry(a, b);
    b.sw.core.upcalls.pushStatistics();
    t.equal([...b.sw.core.underlay.neighbors.all()].length, 1, 'nothing of a flow that was translated again either');
    t.equal(b.host.received().length, 3);
    t.end();
  });

  t.test(`packets without an Ethernet header, ${datapath}`, (t) => {
    const layers: readonly Record<string, string>[] = [
      { type: 'gre', packet_type: 'legacy_l3' },
      { exts: 'gpe', packet_type: 'legacy_l3' },
      { type: 'ip6gre', packet_type: 'ptap' },
      { exts: 'gpe', packet_type: 'ptap' },
      { type: 'geneve', packet_type: 'ptap' },
    ];
    for (const options of layers) {
      const [a, b] = neighbors(datapath, options);
      const name = Object.values(options).join(' ');
      const sent = a.sw.bridge('br-int');
      sent.deleteFlows('in_port=1');
      const actions = options.packet_type === 'ptap' ? 'decap(),output:2,encap(ethernet)' : 'output:2';
      // What is sent before and after it is whole.
      sent.addFlow(`in_port=1,actions=IN_PORT,clone(strip_vlan,${actions}),IN_PORT`);
      const got = b.sw.bridge('br-int');
      const rule = options.packet_type === 'ptap' ? 'packet_type=(1,0x800),actions=encap(ethernet),' : 'ip,actions=';
      got.deleteFlows('in_port=2');
      got.addFlow(`${rule}set_field:02:00:00:00:00:0c->eth_dst,output:1`);
      for (const frame of [PING, TAGGED]) {
        a.host.send(frame);
        const [onWire] = carry(a, b);
        t.notMatch(hex(onWire ?? PING), '02000000000b02000000000a', `${name}: no addresses on the wire`);
        t.same(b.host.received().map(hex), [`02000000000c000000000000${hex(PING.subarray(12))}`], name);
        t.same(a.host.received().map(hex), [hex(frame), hex(frame)], `${name}: copies`);
      }
      for (const m of [a, b]) m.sw.close();
    }
    t.end();
  });

  t.test(`a group's policy, ${datapath}`, (t) => {
    const [a, b] = neighbors(datapath, { exts: 'gbp' });
    t.teardown(() => [a, b].map((m) => m.sw.close()));
    const int = a.sw.bridge('br-int');
    int.deleteFlows('in_port=1');
    int.addFlow('in_port=1,actions=set_field:0x1234->tun_gbp_id,set_field:8->tun_gbp_flags,output:2');
    const there = b.sw.bridge('br-int');
    there.deleteFlows('in_port=2');
    there.addFlow('in_port=2,tun_gbp_id=0x1234,tun_gbp_flags=8,actions=output:1');
    a.host.send(PING);
    const [onWire] = carry(a, b);
    t.match(hex(onWire ?? PING), '8808123400000000');
    t.equal(b.host.received().length, 1);
    t.end();
  });

  t.test(`a cut comes before the header, ${datapath}`, (t) => {
    const [a, b] = neighbors(datapath, { key: '1' });
    t.teardown(() => [a, b].map((m) => m.sw.close()));
    const int = a.sw.bridge('br-int');
    int.deleteFlows('in_port=1');
    int.addFlow('in_port=1,actions=output(port=2,max_len=50),output:2');
    a.host.send(PING);
    carry(a, b);
    t.same(b.host.received().map(hex), [hex(PING.subarray(0, 50)), hex(PING)], 'and for one output only');
    t.end();
  });
}

t.test('who is sent to stays known', (t) => {
  const [a, b] = neighbors('reference', { key: '1' });
  t.teardown(() => [a, b].map((m) => m.sw.close()));
  const { clock } = a;
  for (let k = 0; k < 20; k++) {
    clock.advance(60_000);
    a.host.send(PING);
    carry(a, b);
    a.sw.core.upkeep();
  }
  t.equal(b.host.received().length, 20);
  clock.advance(901_000);
  a.sw.core.upkeep();
  t.equal(a.sw.core.underlay.neighbors.lookup(a.phy.bridge.name, ip(ADDRESS.b)), undefined, 'others are forgotten');
  t.end();
});

t.test('a packet that waits for a neighbor is one miss', (t) => {
  const a = machine('reference', ADDRESS.a, ADDRESS.b, {});
  t.teardown(() => a.sw.close());
  const { counts } = a.sw.core.upcalls;
  const before = counts.misses;
  a.host.send(PING);
  a.sw.run();
  for (let k = 0; k < 5; k++) a.sw.core.upcalls.retry();
  // The packet's own, and that of the request as the bridge sends it.
  t.ok(counts.misses - before <= 2, `${counts.misses - before} misses`);
  t.end();
});

const LONG = build([
  eth({ dst: '02:00:00:00:00:0b', src: '02:00:00:00:00:0a' }),
  ip4({ src: '10.0.0.1', dst: '10.0.0.2', dontFragment: true }),
  udpLayer({ src: 7, dst: 7 }),
  payload(new Uint8Array(1472)),
]);

for (const datapath of ['reference', 'native'] as const) {
  t.test(`a packet that does not fit is answered, or cut where that is allowed, ${datapath}`, (t) => {
    for (const df of ['true', 'false']) {
      const [a, b] = neighbors(datapath, { key: '1', df_default: df });
      const at = (m: Machine, bridge: string, port: string) => m.sw.bridge(bridge).bridge.portByName(port)?.vport ?? 0;
      a.sw.core.setMtu(at(a, 'phy-172.31.1.1', 'p1'), 1500);
      a.sw.core.setMtu(at(a, 'br-int', 'h1'), 1500);
      a.host.send(LONG);
      const onWire = carry(a, b);
      if (df === 'true') {
        const [answer = new Uint8Array(0)] = a.host.received();
        t.equal(hex(answer.subarray(0, 14)), '02000000000a02000000000b0800');
        t.equal(hex(answer.subarray(34, 42)).replace(/^(....)..../, '$1'), '0304' + '0000' + '05aa', '1,450 bytes');
      } else
        t.same(
          onWire.map((f) => f.length),
          [1514, 34 + 50],
          'the other end has to put them together',
        );
      a.sw.close();
      b.sw.close();
    }
    t.end();
  });
}

/** Options of a tunnel that has one key this way and another that way, and what is told of it. */
const KEYS: readonly (readonly [Record<string, string>, string])[] = [
  [{ in_key: '7', out_key: '8' }, ',in_key=7'],
  [{ in_key: '7', out_key: 'flow' }, ',in_key=7'],
  [{ out_key: '8' }, ',in_key=0'],
  [{ in_key: '7' }, ',in_key=7'],
  [{ in_key: 'flow', out_key: '8' }, ''],
  [{ key: '8' }, ''],
  [{ type: 'gre', in_key: '7', out_key: '8', csum: 'true' }, ',in_key=7'],
  [{ type: 'gre', out_key: '8' }, ',in_key=none'],
  [{ type: 'gre', in_key: '7' }, ',in_key=7'],
  [{ type: 'gre', in_key: '0' }, ',in_key=0'],
  [{ type: 'gre' }, ''],
  [{ type: 'geneve', in_key: '7', out_key: '8' }, ',in_key=7'],
  [{ in_key: '7', out_key: '8', df_default: 'false' }, ''],
];

for (const datapath of ['reference', 'native'] as const) {
  t.test(`who sends too much hears of it by a tunnel whose keys differ, ${datapath}`, (t) => {
    // Which answer it is does not depend on the engine: three ways to say it are enough for the other.
    for (const [options, text] of datapath === 'native' ? [KEYS[0], KEYS[6], KEYS[7]] : KEYS) {
      const [a, b] = neighbors(datapath, options);
      const name = JSON.stringify(options);
      a.sw.core.setMtu(a.sw.bridge('phy-172.31.1.1').bridge.portByName('p1')?.vport ?? 0, 1500);
      a.host.send(LONG);
      carry(a, b);
      const vport = [...a.sw.core.underlay.backers.values()][0].vport;
      const { tnl_too_big, tnl_fragments, drops } = a.sw.core.dp.portCounters(vport);
      const tells = options.df_default !== 'false';
      t.same([tnl_too_big, tnl_fragments], tells ? [1, 0] : [0, 2], name);
      t.same(drops.filter(Boolean), [], `${name}: the answer is the tunnel's`);
      t.equal(a.host.received().length, tells ? 1 : 0, name);
      t.match(a.sw.dumpDatapathFlows(), tells ? `,mtu(1500${text})` : ',mtu(1500,cut)');
      for (const m of [a, b]) m.sw.close();
    }
    t.end();
  });
}

/** A switch with bridges br0 to br2, in which what comes in leaves by a tunnel whose other end is behind the next of them; br2 has a wire. */
function nest(datapath: 'native' | 'reference', circle: boolean) {
  const sw = new Switch({ datapath, clock: new VirtualClock() });
  const { underlay } = sw.core;
  const bridges = [0, 1, 2].map((i) => sw.bridge(`br${i}`));
  const [first, , last] = bridges;
  const host = first.addPort('h', { number: 1 });
  const wire = last.addPort('w', { number: 1 });
  for (const [i, b] of bridges.entries()) {
    underlay.addAddress(`br${i}`, ip(`10.0.${i}.1`));
    if (i === 2 && !circle) {
      b.addFlow('actions=1');
      break;
    }
    const next = (i + 1) % 3;
    b.addPort(`t${i}`, { type: 'vxlan', number: 2, options: { remote_ip: `10.0.${next}.2`, key: String(i) } });
    b.addFlow('actions=2');
    const own = { gateway: undefined, source: ip(`10.0.${next}.1`), mark: 0, user: true, local: false };
    underlay.routes.add({ prefix: ip(`10.0.${next}.2`), length: 32, device: `br${next}`, ...own });
    underlay.neighbors.learn(`br${next}`, ip(`10.0.${next}.2`), Uint8Array.of(2, 0, 0, 0, 1, next), 0);
  }
  return { sw, host, wire };
}

for (const datapath of ['reference', 'native'] as const) {
  t.test(`a tunnel in a tunnel, ${datapath}`, (t) => {
    const { sw, host, wire } = nest(datapath, false);
    t.teardown(() => sw.close());
    host.send(PING);
    sw.run();
    const [frame = new Uint8Array(0)] = wire.received();
    t.equal(frame.length, PING.length + 100);
    t.same(frame.subarray(100), PING);
    t.same([frame[48], frame[98]], [1, 0], 'the later outside');
    t.end();
  });

  t.test(`tunnels that lead into each other end, ${datapath}`, (t) => {
    const { sw, host } = nest(datapath, true);
    t.teardown(() => sw.close());
    for (let i = 0; i < 3; i++) {
      host.send(PING);
      sw.run();
    }
    const vport = sw.bridge('br0').bridge.portByName('h')?.vport ?? 0;
    const { drops, rx_packets } = sw.core.dp.portCounters(vport);
    t.equal(rx_packets, 3);
    t.equal(drops[DROP.translation_error], 3);
    t.match(sw.bridge('br0').trace('in_port=1'), /recursion too deep|over max/i);
    t.end();
  });
}

t.test('TLV maps of bridges that share a datapath port', (t) => {
  const option = (index: number, optionType: number, length: number) => ({
    index,
    optionClass: 0xffff,
    optionType,
    length,
  });
  const maps = { br0: [option(0, 1, 4), option(1, 2, 8)], br1: [option(0, 3, 12), option(5, 2, 8)] };
  for (const datapath of ['reference', 'native'] as const) {
    const sw = new Switch({ datapath, clock: new VirtualClock() });
    const outs = Object.entries(maps).map(([name, map], i) => {
      const b = sw.bridge(name);
      b.bridge.tun = b.bridge.tun.with(map, (n) => field(`tun_metadata${n}`));
      b.addPort(`g${i}`, { type: 'geneve', number: 2, options: { remote_ip: '10.0.0.9', key: String(i) } });
      b.addFlow(i === 0 ? 'tun_metadata0=7,tun_metadata1=8,actions=1' : 'tun_metadata0=9,tun_metadata5=8,actions=1');
      return b.addPort(`o${i}`, { number: 1 });
    });
    const phy = sw.bridge('phy');
    phy.addFlow('actions=LOCAL');
    const wire = phy.addPort('w', { number: 1 });
    sw.core.underlay.addAddress('phy', ip('10.0.0.1'));
    const mac = phy.bridge.portByName('phy')?.hwAddr ?? new Uint8Array(6);
    const tlv = (type: number, length: number, last: number) => [
      ...[0xff, 0xff, type, length / 4],
      ...Array.from({ length }, (_, i) => (i === length - 1 ? last : 0)),
    ];
    for (const [i, options] of [
      [...tlv(1, 4, 7), ...tlv(2, 8, 8)],
      [...tlv(2, 8, 8), ...tlv(3, 12, 9)],
    ].entries()) {
      const header = Uint8Array.of(options.length / 4, 0, 0x65, 0x58, 0, 0, i, 0, ...options, ...PING);
      const outer = ip4({ src: '10.0.0.9', dst: '10.0.0.1' });
      wire.send(build([eth({ dst: mac, src: '02:00:00:00:00:99' }), outer, udpLayer({ dst: 6081 }), payload(header)]));
      sw.run();
      t.same(
        outs.map((o) => o.received().length),
        i === 0 ? [1, 0] : [0, 1],
        `${datapath}, br${i}`,
      );
    }
    const { backers } = sw.core.underlay;
    t.equal(backers.areOther(), false);
    const { bridge } = sw.bridge('br0');
    bridge.tun = bridge.tun.without(new Set([0]));
    t.equal(backers.areOther(), true, 'what is taken off is another');
    sw.close();
  }
  t.end();
});
