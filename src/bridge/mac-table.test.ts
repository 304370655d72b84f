import t from 'tap';
import { fdbText, MacTable, macText } from './mac-table.js';

const A = 0x020000000001;
const B = 0x020000000002;

function table(options = {}): { macs: MacTable; events: string[] } {
  const events: string[] = [];
  const macs = new MacTable((kind, e) => events.push(`${kind} ${e.vlan}/${macText(e.mac)}@${e.port}`), options);
  return { macs, events };
}

t.test('addresses are learned, move and age out', (t) => {
  const { macs, events } = table({ agingTime: 10 });
  macs.learn(0, A, 1, 0);
  const first = macs.lookup(0, A);
  t.match(first, { port: 1, live: true });
  t.equal(macs.lookup(5, A), undefined, 'another VLAN is another entry');
  macs.learn(0, A, 1, 5000);
  t.equal(macs.lookup(0, A), first, 'seen again: the same entry');
  macs.learn(0, A, 2, 6000);
  t.equal(first?.live, false, 'who used the old one can see that it is over');
  t.equal(macs.lookup(0, A)?.port, 2);
  macs.expire(15_999);
  t.equal(macs.size, 1);
  macs.expire(16_000);
  t.equal(macs.size, 0);
  t.same(events, [
    'learned 0/02:00:00:00:00:01@1',
    'gone 0/02:00:00:00:00:01@1',
    'learned 0/02:00:00:00:00:01@2',
    'gone 0/02:00:00:00:00:01@2',
  ]);
  t.same([macs.learned, macs.moved, macs.expired], [1, 1, 1]);
  t.end();
});

t.test('a use keeps an entry, and never makes it older', (t) => {
  const { macs } = table({ agingTime: 10 });
  macs.learn(0, A, 1, 0);
  const e = macs.lookup(0, A);
  if (e) macs.refresh(e, 9000);
  if (e) macs.refresh(e, 3000);
  macs.expire(18_000);
  t.equal(macs.size, 1);
  macs.expire(19_000);
  t.equal(macs.size, 0);
  t.end();
});

t.test('what is not learned', (t) => {
  const { macs } = table();
  macs.learn(0, 0x010000000001, 1, 0);
  macs.learn(0, 0xffffffffffff, 1, 0);
  t.equal(macs.size, 0, 'groups are no source');
  macs.addStatic(0, A, 3, 0);
  macs.learn(0, A, 1, 1);
  t.equal(macs.lookup(0, A)?.port, 3, 'a static entry does not move');
  t.equal(macs.wouldLearn(0, A, 1), false);
  t.equal(macs.wouldLearn(0, B, 1), true);
  macs.expire(1e9);
  t.equal(macs.size, 1, 'nor age');
  macs.flush();
  t.equal(macs.size, 1, 'nor is it flushed');
  macs.flush(3);
  t.equal(macs.size, 0, 'until its port goes');
  t.end();
});

t.test('gratuitous ARP holds an address against its echo through a bond', (t) => {
  const { macs } = table();
  macs.learn(0, A, 1, 0, true);
  macs.learn(0, A, 2, 1000, true, true);
  t.equal(macs.lookup(0, A)?.port, 1);
  macs.learn(0, A, 2, 5000, true, true);
  t.equal(macs.lookup(0, A)?.port, 2, 'not for ever');
  t.end();
});

t.test('a full table forgets what was not used for longest', (t) => {
  const { macs } = table({ maxEntries: 2 });
  macs.learn(0, A, 1, 0);
  macs.learn(0, B, 1, 1);
  macs.learn(0, A, 1, 2);
  macs.learn(0, 0x020000000003, 1, 3);
  t.equal(macs.lookup(0, B), undefined);
  t.ok(macs.lookup(0, A));
  t.equal(macs.evicted, 1);
  macs.addStatic(0, A, 1, 4);
  macs.addStatic(0, 0x020000000003, 1, 4);
  macs.learn(0, B, 1, 5);
  t.equal(macs.size, 2, 'static entries stay');
  t.end();
});

t.test('the text of fdb/show', (t) => {
  const { macs } = table();
  macs.learn(0, 0x505400000009, 2, 0);
  macs.learn(3, A, 1, 58_000);
  macs.addStatic(10, B, 0xfffffffe, 0);
  t.equal(
    fdbText(macs, 60_500, (n) => (n === 0xfffffffe ? 'LOCAL' : String(n))),
    ' port  VLAN  MAC                Age\n' +
      '    2     0  50:54:00:00:00:09   60\n' +
      '    1     3  02:00:00:00:00:01    2\n' +
      'LOCAL    10  02:00:00:00:00:02  static\n',
  );
  t.end();
});
