import t from 'tap';
import { VirtualClock } from './clock.js';

t.test('timers run in order of due time, then of creation', (t) => {
  const clock = new VirtualClock();
  const ran: string[] = [];
  clock.after(20, () => ran.push('b'));
  clock.after(10, () => {
    ran.push('a');
    clock.after(10, () => ran.push('c'));
  });
  const cancel = clock.after(15, () => ran.push('never'));
  cancel();
  clock.advance(19);
  t.same(ran, ['a']);
  clock.advance(1);
  t.same(ran, ['a', 'b', 'c']);
  t.equal(clock.now(), 20);
  t.end();
});
