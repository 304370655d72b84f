import t from 'tap';
import { VirtualClock } from '../../lib/clock.js';
import { WarpClock } from './warp-clock.js';

t.test('runs with the machine until it is stopped, and then only when it is told to', async (t) => {
  const machine = new VirtualClock();
  machine.advance(5000);
  const clock = new WarpClock(machine);
  const heard: string[] = [];
  const note = (what: string) => () => heard.push(`${what} at ${clock.now()}`);
  clock.after(100, note('a'));
  clock.after(50, note('b'));
  clock.after(400, note('cancelled'))();
  machine.advance(60);
  t.same(heard, ['b at 5050']);
  clock.after(10, note('c'));
  machine.advance(100);
  t.same(heard, ['b at 5050', 'c at 5070', 'a at 5100']);
  heard.length = 0;
  clock.after(100, note('d'));
  clock.stop();
  clock.stop();
  machine.advance(1000);
  t.same([clock.now(), heard], [5160, []]);
  clock.warp(99);
  t.same(heard, []);
  clock.after(1000, note('f'));
  clock.after(500, note('e'));
  clock.warp(2000);
  t.same(heard, ['d at 7259', 'e at 7259', 'f at 7259'], 'in order of due time, all at the end of the leap');
});

t.test('a leap while time runs', async (t) => {
  const machine = new VirtualClock();
  const clock = new WarpClock(machine);
  const heard: number[] = [];
  clock.after(1000, () => heard.push(clock.now()));
  machine.advance(10);
  clock.warp(2000);
  t.same(heard, [2010]);
  clock.after(5, () => heard.push(clock.now()));
  machine.advance(5);
  t.same(heard, [2010, 2015]);
});

t.test('a timer that starts itself again runs once a leap', async (t) => {
  const clock = new WarpClock(new VirtualClock());
  clock.stop();
  let n = 0;
  const again = (): void => {
    n++;
    clock.after(500, again);
  };
  clock.after(500, again);
  clock.warp(10_000);
  t.equal(n, 1);
  clock.warp(499);
  t.equal(n, 1);
  clock.warp(1);
  t.equal(n, 2);
});

t.test('what is due at once runs while time stands', async (t) => {
  const machine = new VirtualClock();
  const clock = new WarpClock(machine);
  clock.stop();
  let n = 0;
  clock.after(0, () => n++);
  clock.after(1, () => n++);
  t.equal(n, 0, 'not before the caller is done');
  machine.advance(5);
  t.equal(n, 1);
});
