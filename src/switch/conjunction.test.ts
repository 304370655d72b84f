/** Conjunctive matches under change: the flow that repeats a decision must not outlive any clause the decision took. */
import t from 'tap';
import { parseHex } from '../lib/bytes.js';
import { VirtualClock } from '../lib/clock.js';
import { Switch } from './switch.js';

const frame = parseHex(
  '505400000002505400000001' +
    '0800' +
    '4500001c0000000040110000' +
    '0a0000010a000002' +
    '0001000200080000'.padEnd(64, '0'),
);

t.test('clauses that come, change and go', (t) => {
  const sw = new Switch({ datapath: 'reference', clock: new VirtualClock() });
  const br = sw.bridge('br0');
  const [p1, p2, p3] = ['p1', 'p2', 'p3'].map((n) => br.addPort(n));
  /** Frames out of port 2 (the conjunction matched) and port 3 (it did not). */
  const send = (): number[] => {
    p1.send(frame);
    sw.run();
    return [p2.received().length, p3.received().length];
  };
  br.addFlow('priority=1,actions=3');
  br.addFlow('priority=50,in_port=1,actions=conjunction(7,1/2)');
  br.addFlow('priority=10,conj_id=7,actions=2');
  t.same(send(), [0, 1], 'one clause');
  br.addFlow('priority=50,udp,actions=conjunction(7,2/2)');
  t.same(send(), [1, 0], 'both');
  br.deleteFlows('udp');
  t.same(send(), [0, 1], 'a clause went');
  br.addFlow('priority=50,ip,actions=conjunction(7,2/2)');
  t.same(send(), [1, 0], 'another way to match it');
  br.addFlow('priority=50,ip,actions=conjunction(8,2/2)');
  t.same(send(), [0, 1], 'a clause of another id now');
  br.addFlow('priority=50,ip,actions=conjunction(7,2/2)');
  t.same(send(), [1, 0], 'and back');
  br.addFlow('priority=50,in_port=1,actions=3');
  t.same(send(), [0, 1], 'a clause became an ordinary rule');
  br.addFlow('priority=50,in_port=1,actions=conjunction(7,1/2)');
  t.same(send(), [1, 0], 'an ordinary rule became a clause');
  br.addFlow('priority=50,ip,idle_timeout=2,actions=conjunction(7,2/2)');
  t.same(send(), [1, 0]);
  sw.advance(3000);
  t.same(send(), [0, 1], 'a clause timed out: traffic does not keep clauses alive');
  t.equal(sw.core.upcalls.sweep(), 0, 'nothing was stale');
  sw.close();
  t.end();
});
