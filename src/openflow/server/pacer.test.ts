import t from 'tap';
import { VirtualClock } from '../../lib/clock.js';
import { Pacer, rateLimit } from './pacer.js';

function setup(rate: number, burst?: number) {
  const clock = new VirtualClock();
  const sent: string[] = [];
  const pacer = new Pacer(clock, rateLimit(rate, burst), (make) => sent.push(Buffer.from(make()).toString()));
  let n = 0;
  const offer = (port: number) => {
    const text = `${port}.${n++}`;
    pacer.offer(port, () => Buffer.from(text));
  };
  return { clock, sent, pacer, offer };
}

t.test('the burst is a quarter of the rate when it is not said', async (t) => {
  t.same(rateLimit(1000), { rate: 1000, burst: 250 });
  t.same(rateLimit(1), { rate: 1, burst: 1 });
});

t.test('below the rate nothing waits; above it the rate is kept and the oldest are lost', async (t) => {
  const { clock, sent, pacer, offer } = setup(100, 25);
  for (let i = 0; i < 10; i++) offer(1);
  t.equal(sent.length, 10, 'a tenth of a second is there at first');
  for (let i = 0; i < 100; i++) offer(1);
  t.equal(sent.length, 10);
  t.equal(pacer.backlog, 25);
  t.same(pacer.counts, { bypassed: 10, queued: 100, dropped: 75 });
  clock.advance(100);
  t.equal(sent.length, 20);
  t.equal(sent[10], '1.85', 'the first of those that were kept');
  clock.advance(1000);
  t.equal(sent.length, 35);
  t.equal(pacer.backlog, 0);
  clock.advance(10_000);
  for (let i = 0; i < 100; i++) offer(1);
  t.equal(sent.length, 60, 'a pause gives a burst, no more');
  pacer.close();
});

t.test('ports take turns, and the longest queue pays', async (t) => {
  const { clock, sent, pacer, offer } = setup(100, 25);
  for (let i = 0; i < 10; i++) offer(9);
  for (let i = 0; i < 200; i++) offer(1);
  for (let i = 0; i < 5; i++) offer(2);
  t.equal(pacer.backlog, 25);
  sent.length = 0;
  clock.advance(100);
  t.same(
    sent.map((s) => s[0]),
    ['1', '2', '1', '2', '1', '2', '1', '2', '1', '2'],
    'all of the second port got through',
  );
  pacer.close();
  clock.advance(1000);
  t.equal(sent.length, 10, 'closed: nothing more');
});

t.test('a second of overload passes the rate', async (t) => {
  const { clock, sent, pacer, offer } = setup(1000);
  for (let ms = 0; ms < 1000; ms++) {
    for (let i = 0; i < 5; i++) offer(i);
    clock.advance(1);
  }
  t.ok(sent.length >= 1000 && sent.length <= 1110, `${sent.length}`);
  t.equal(pacer.counts.bypassed + pacer.counts.queued, 5000);
  t.equal(pacer.counts.queued - pacer.counts.dropped - pacer.backlog + pacer.counts.bypassed, sent.length);
  pacer.close();
});
