import t from 'tap';
import { parseHex } from '../lib/bytes.js';
import { VirtualClock } from '../lib/clock.js';
import { Switch, type SwitchOptions } from './switch.js';

const mac = (n: number): string => `50540000${n.toString(16).padStart(4, '0')}`;
/** Ethernet with an IPv4/UDP packet inside. */
function udp(dst: number, src: number, nwDst = '0a000002', ttl = '40', tag = ''): Uint8Array {
  return parseHex(
    `${mac(dst)}${mac(src)}${tag}0800` +
      `4500001c00000000${ttl}1100000a000001${nwDst}` +
      '0001000200080000'.padEnd(64, '0'),
  );
}

for (const datapath of ['reference', 'native'] as const) {
  const make = (options: SwitchOptions = {}): Switch => new Switch({ datapath, clock: new VirtualClock(), ...options });

  t.test(`${datapath}: ports come and go without end, and a datapath that is full says so`, (t) => {
    const sw = make();
    const br = sw.bridge('br0');
    br.addFlow('actions=NORMAL');
    const p2 = br.addPort('p2');
    for (let n = 0; n < 5000; n++) {
      br.addPort('p1');
      if (n < 4999) br.removePort('p1');
    }
    p2.send(udp(1, 2));
    sw.run();
    t.equal(p2.counters().forwarded, 1, 'the last one is as good as the first');
    const fill = () => {
      for (let n = 0; n < 4096; n++) br.addPort(`q${n}`);
    };
    t.throws(fill, { message: 'there are 4095 ports already: no more fit the datapath' });
    sw.close();
    t.end();
  });

  t.test(`${datapath}: a flow as text, a frame in, a frame out`, (t) => {
    const sw = make();
    const br = sw.bridge('br0');
    const [p1, p2, p3] = ['p1', 'p2', 'p3'].map((n) => br.addPort(n));
    br.addFlow('in_port=1,ip,nw_dst=10.0.0.2,actions=dec_ttl,mod_dl_dst:02:00:00:00:00:02,output:2');
    p1.send(udp(2, 1));
    p1.send(udp(2, 1));
    p1.send(udp(2, 1, '0a000003'));
    sw.run();
    const got = p2.received();
    t.equal(got.length, 2);
    t.same([...got[0].subarray(0, 6)], [2, 0, 0, 0, 0, 2]);
    t.equal(got[0][22], 0x3f, 'TTL');
    t.same(p3.received(), []);
    t.match(
      br.dumpFlows(),
      / cookie=0x0, duration=0s, table=0, n_packets=2, n_bytes=\d+, ip,in_port=1,nw_dst=10\.0\.0\.2 actions=dec_ttl,mod_dl_dst:02:00:00:00:00:02,output:2\n/,
    );
    const c = p1.counters();
    t.equal(c.rx_packets, 3);
    t.equal(c.forwarded, 2);
    t.equal(c.rx_packets, c.forwarded + c.held + c.drops.reduce((a, b) => a + b, 0));
    sw.close();
    t.end();
  });

  t.test(`${datapath}: NORMAL learns, floods, moves and forgets`, (t) => {
    const sw = make();
    const br = sw.bridge('br0');
    const [p1, p2, p3] = ['p1', 'p2', 'p3'].map((n) => br.addPort(n));
    br.addFlow('actions=NORMAL');
    const counts = (): number[] => [p1, p2, p3].map((p) => p.received().length);
    const send = (p: typeof p1, dst: number, src: number): number[] => {
      p.send(udp(dst, src));
      sw.run();
      return counts();
    };
    t.same(send(p1, 2, 1), [0, 1, 1], 'unknown: flood');
    t.same(send(p2, 1, 2), [1, 0, 0], 'known');
    t.same(send(p1, 2, 1), [0, 1, 0], 'the flooding flow was translated again');
    t.equal(
      br.fdb(),
      ' port  VLAN  MAC                Age\n    1     0  50:54:00:00:00:01    0\n    2     0  50:54:00:00:00:02    0\n',
    );
    t.same(send(p3, 1, 2), [1, 0, 0], '2 moves');
    t.same(send(p1, 2, 1), [0, 0, 1]);
    sw.advance(301_000);
    t.equal(br.fdb(), ' port  VLAN  MAC                Age\n');
    t.same(send(p1, 2, 1), [0, 1, 1], 'forgotten: flood again');
    sw.close();
    t.end();
  });

  t.test(`${datapath}: changes take effect`, (t) => {
    const sw = make();
    const br = sw.bridge('br0');
    const [p1, p2, p3] = ['p1', 'p2', 'p3'].map((n) => br.addPort(n));
    const send = (): number[] => {
      p1.send(udp(2, 1));
      sw.run();
      return [p2.received().length, p3.received().length];
    };
    br.addFlow('priority=1,actions=resubmit(,1)');
    t.same(send(), [0, 0]);
    br.addFlow('table=1,priority=5,actions=2');
    t.same(send(), [1, 0], 'added where there was none');
    br.addFlow('table=1,priority=4,actions=3');
    t.same(send(), [1, 0], 'lower');
    br.addFlow('table=1,priority=6,udp,actions=3');
    t.same(send(), [0, 1], 'higher');
    br.deleteFlows('udp');
    t.same(send(), [1, 0], 'deleted');
    br.addFlow('table=1,priority=5,actions=3');
    t.same(send(), [0, 1], 'replaced');
    br.addFlow('table=1,priority=9,hard_timeout=5,actions=2');
    t.same(send(), [1, 0]);
    sw.advance(6000);
    t.same(send(), [0, 1], 'timed out');
    br.removePort('p3');
    t.same(send(), [0, 0], 'port gone');
    t.equal(sw.core.upcalls.sweep(), 0, 'nothing was stale');
    sw.close();
    t.end();
  });

  t.test(`${datapath}: connections are not tracked`, (t) => {
    const sw = make();
    const br = sw.bridge('br0');
    const p1 = br.addPort('p1');
    const p2 = br.addPort('p2');
    for (const flow of ['ip,actions=ct(table=1)', 'ip,actions=2,ct(commit)', 'ip,actions=clone(ct(commit),2)']) {
      const add = () => br.addFlow(flow);
      t.throws(add, { message: 'ct: connections are not tracked', ofError: 'NXBAC_CT_DATAPATH_SUPPORT' });
    }
    br.addFlow('ip,ct_state=-trk,actions=ct_clear,2');
    p1.send(udp(2, 1));
    sw.run();
    t.equal(p2.received().length, 1, 'nothing to forget');
    sw.close();
    t.end();
  });

  t.test(`${datapath}: patch ports, learn, recirculation`, (t) => {
    const sw = make();
    const a = sw.bridge('a');
    const b = sw.bridge('b');
    const p1 = a.addPort('p1');
    a.addPort('to-b', { type: 'patch', options: { peer: 'to-a' } });
    b.addPort('to-a', { type: 'patch', options: { peer: 'to-b' } });
    const q2 = b.addPort('q2');
    a.addFlow('in_port=1,actions=load:7->NXM_NX_REG0[],2');
    a.addFlow('in_port=2,actions=1');
    b.addFlow('in_port=1,reg0=0,actions=learn(table=9,eth_dst=NXM_OF_ETH_SRC[],output:in_port),2');
    b.addFlow('in_port=2,actions=resubmit(,9)');
    p1.send(udp(2, 1));
    q2.send(udp(1, 2));
    sw.run();
    t.equal(q2.received().length, 1);
    t.equal(p1.received().length, 1, 'by the learned flow, in the same run');
    t.match(b.dumpFlows(), /table=9,.*dl_dst=50:54:00:00:00:01 actions=output:1/);
    t.match(a.dumpFlows(), /n_packets=1, n_bytes=\d+, in_port=2 actions=output:1/);
    sw.close();
    t.end();
  });
}
