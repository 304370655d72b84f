import t from 'tap';
import { Tidy } from './tidy.js';

const look = (tidy: Tidy, removed: number, added = 0, misses = 0): void => tidy.look(added, removed, misses);

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
    look(tidy, removed);
    t.equal(times, expected, `${removed} removed`);
  }
});

t.test('once when many ports have come, no more come, and few packets ask', async (t) => {
  let times = 0;
  const tidy = new Tidy(() => times++);
  const rows: readonly (readonly [added: number, removed: number, misses: number, times: number])[] = [
    [10, 0, 0, 0],
    [10, 0, 0, 0],
    [10, 0, 0, 0],
    [10, 0, 0, 1],
    [1000, 0, 0, 1],
    [1000, 0, 500, 1],
    [1000, 0, 1000, 1],
    [1000, 0, 1001, 2],
    [1000, 0, 1001, 2],
    [1049, 0, 1001, 2],
    [1049, 0, 1001, 2],
    [1050, 0, 1001, 2],
    [1050, 1, 1001, 2],
    [1050, 1, 1001, 3],
    // What goes is worth a pause whatever waits.
    [1050, 51, 1001, 3],
    [1050, 51, 9001, 4],
  ];
  for (const [added, removed, misses, expected] of rows) {
    look(tidy, removed, added, misses);
    t.equal(times, expected, `${added} added, ${removed} removed, ${misses} packets`);
  }
});

t.test('after a start, not while many packets ask for a decision', async (t) => {
  let times = 0;
  const tidy = new Tidy(() => times++);
  for (const misses of [0, 1000, 2000, 3000, 4000]) look(tidy, 0, 0, misses);
  t.equal(times, 0);
  look(tidy, 0, 0, 4010);
  look(tidy, 0, 0, 4010);
  t.equal(times, 1);
});

t.test('the engine and the C library can be asked for it', async (t) => {
  const tidy = new Tidy();
  look(tidy, 1000);
  t.doesNotThrow(() => look(tidy, 1000));
});
