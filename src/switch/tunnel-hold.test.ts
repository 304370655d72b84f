/** Packets with several ways out, one of them by a tunnel whose next hop's link address is not known yet. */
import t from 'tap';
import { build, eth, ip4, payload, udpLayer } from '../packet/build.js';
import { ADDRESS, answer, carry, hex, ip, type Machine, machine, PING } from './testing/machines.js';

/** What a rule does with a packet from the host; port 2 is the tunnel, 3 another host. Then the first byte of its destination as that host gets it, and as the tunnel's other end does. */
const ROWS: readonly (readonly [string, string, string])[] = [
  ['output:3,output:2', '02', '02'],
  ['output:2,output:3', '02', '02'],
  ['NORMAL', '02', '02'],
  ['FLOOD', '02', '02'],
  ['set_field:06:00:00:00:00:0b->eth_dst,output:3,set_field:0a:00:00:00:00:0b->eth_dst,output:2', '06', '0a'],
  ['set_field:06:00:00:00:00:0b->eth_dst,output:2,set_field:0a:00:00:00:00:0b->eth_dst,output:3', '0a', '06'],
  ['clone(set_field:06:00:00:00:00:0b->eth_dst,output:2),output:3', '02', '06'],
  ['clone(output:3),output:2', '02', '02'],
  ['group:1', '02', '02'],
  ['output:3,output(port=2,max_len=50)', '02', '02'],
  ['output:3,resubmit(,1)', '02', '02'],
  ['check_pkt_larger(20)->reg0[0],resubmit(,2)', '02', '02'],
];

function hosts(datapath: 'native' | 'reference', actions: string): readonly [Machine, Machine, () => Uint8Array[]] {
  const a = machine(datapath, ADDRESS.a, ADDRESS.b, { key: '100' });
  const b = machine(datapath, ADDRESS.b, ADDRESS.a, { key: '100' });
  const int = a.sw.bridge('br-int');
  const third = int.addPort('h3', { number: 3 });
  int.addGroup('group_id=1,type=all,bucket=output:3,bucket=output:2');
  int.deleteFlows('in_port=1');
  int.addFlow(`in_port=1,actions=${actions}`);
  int.addFlow('table=1,actions=output:2');
  int.addFlow('table=2,reg0=1,actions=output:2,output:3');
  return [a, b, () => third.received()];
}

const first = (frames: readonly Uint8Array[]): string[] => frames.map((f) => hex(f.subarray(0, 1)));

for (const datapath of ['reference', 'native'] as const) {
  for (const [actions, here, there] of datapath === 'native' ? ROWS.slice(0, 5) : ROWS) {
    t.test(`${actions}, ${datapath}`, (t) => {
      const [a, b, third] = hosts(datapath, actions);
      t.teardown(() => [a, b].map((m) => m.sw.close()));
      const long = actions.includes('max_len') ? 50 : PING.length;
      a.host.send(PING);
      t.match(carry(a, b).map(hex), [/^ffffffffffff.*0806000108000604000102/], 'who has the other end?');
      t.same(first(third()), [here], 'one need not wait');
      t.same(b.host.received(), []);
      a.host.send(PING);
      carry(a, b);
      t.same(first(third()), [here]);
      answer(a, b);
      carry(a, b);
      const got = b.host.received();
      t.same(first(got), [there, there], 'each once, when it can');
      t.same(
        got.map((f) => f.length),
        [long, long],
      );
      t.same(third(), [], 'and nowhere twice');
      a.host.send(PING);
      carry(a, b);
      t.same([first(third()), first(b.host.received())], [[here], [there]], 'then at once');
      a.sw.core.settle();
      const flows = a.sw.dumpDatapathFlows();
      t.notMatch(flows.split('\n').find((l) => /recirc_id\(0\).*in_port\(1\)/.test(l)) ?? flows, /recirc\(/);
      t.equal(a.sw.core.upcalls.counts.unresolved, 0);
      t.equal(a.sw.core.upcalls.check(1000), 0, 'flows are as they would be made now');
      t.end();
    });
  }

  t.test(`two tunnels, one known, ${datapath}`, (t) => {
    const [a, b, third] = hosts(datapath, 'output:4,output:2');
    t.teardown(() => [a, b].map((m) => m.sw.close()));
    a.sw.bridge('br-int').addPort('t2', { type: 'vxlan', number: 4, options: { remote_ip: '172.31.1.3', key: '9' } });
    const own = { gateway: undefined, source: ip(ADDRESS.a), mark: 0, user: true, local: false };
    const { underlay } = a.sw.core;
    underlay.routes.add({ prefix: ip('172.31.1.3'), length: 32, device: a.phy.bridge.name, ...own });
    underlay.neighbors.learn(a.phy.bridge.name, ip('172.31.1.3'), Uint8Array.of(6, 0, 0, 0, 0, 3), 0);
    a.host.send(PING);
    const to3 = (frames: readonly Uint8Array[]) => frames.filter((f) => f[0] === 6).length;
    t.equal(to3(carry(a, b)), 1);
    answer(a, b);
    t.equal(to3(carry(a, b)), 0);
    t.equal(b.host.received().length, 1);
    t.same(third(), []);
    t.end();
  });

  t.test(`nobody answers, ${datapath}`, (t) => {
    const [a, b, third] = hosts(datapath, 'output:3,output:2');
    t.teardown(() => [a, b].map((m) => m.sw.close()));
    a.host.send(PING);
    a.sw.run();
    t.match(
      a.sw.bridge('br-int').trace('in_port=1,udp'),
      /neighbor cache miss for 172.31.1.2(.|\n)*\nDatapath actions: \d+,recirc\(0x[0-9a-f]+\)\n/,
    );
    a.clock.advance(1600);
    a.sw.core.upkeep();
    a.sw.run();
    const { upcalls, dp } = a.sw.core;
    t.equal(upcalls.counts.unresolved, 1);
    answer(a, b);
    carry(a, b);
    t.same(b.host.received(), [], 'too late');
    t.equal(third().length, 1);
    const vport = a.sw.bridge('br-int').bridge.portByName('h1')?.vport ?? 0;
    t.match(dp.portCounters(vport), { rx_packets: 1, forwarded: 1, held: 0 });
    a.host.send(PING);
    carry(a, b);
    t.equal(b.host.received().length, 1, 'the next goes through');
    t.end();
  });

  t.test(`more than may wait, ${datapath}`, (t) => {
    const [a, b, third] = hosts(datapath, 'output:3,output:2');
    t.teardown(() => [a, b].map((m) => m.sw.close()));
    const sent = 300;
    for (let n = 0; n < sent; n++) {
      const ends = { src: 1000 + n, dst: 7 };
      const link = { dst: '02:00:00:00:00:0b', src: '02:00:00:00:00:0a' };
      a.host.send(
        build([eth(link), ip4({ src: '10.0.0.1', dst: '10.0.0.2' }), udpLayer(ends), payload(new Uint8Array(9))]),
      );
      a.sw.run();
    }
    t.equal(third().length, sent);
    t.ok(a.sw.core.upcalls.counts.unresolved > 0, 'some could not wait, and that is counted');
    answer(a, b);
    carry(a, b);
    const got = b.host.received().length;
    t.ok(got > 200 && got <= 256, `${got} waited`);
    t.end();
  });
}
