import t from 'tap';
import { Tidy } from './tidy.js';

t.test('memory is given back after the start, and once when many ports have gone and no more go', async (t) => {
  let times = 0;
  const tidy = new Tidy(() => times++);
  const rows: readonly (readonly [removed: number, times: number])[] = [
    [0, 0],
    [49, 0],
    [49, 0],
    [60, 1],
    [200, 1],
    [200, 2],
    [200, 2],
    [249, 2],
    [249, 2],
    [250, 2],
    [250, 3],
  ];
  for (const [removed, expected] of rows) {
    tidy.look(removed);
    t.equal(times, expected, `${removed} removed`);
  }
});

t.test('after a start, not while many packets ask for a decision', async (t) => {
  let times = 0;
  const tidy = new Tidy(() => times++);
  for (const misses of [0, 1000, 2000, 3000, 4000]) tidy.look(0, misses);
  t.equal(times, 0);
  tidy.look(0, 4010);
  tidy.look(0, 4010);
  t.equal(times, 1);
});

t.test('the engine and the C library can be asked for it', async (t) => {
  const tidy = new Tidy();
  tidy.look(1000);
  t.doesNotThrow(() => tidy.look(1000));
});
