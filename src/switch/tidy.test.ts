import t from 'tap';
import { Tidy } from './tidy.js';

t.test('memory is given back once, when many ports have gone and no more go', async (t) => {
  let times = 0;
  const tidy = new Tidy(() => times++);
  const rows: readonly (readonly [removed: number, times: number])[] = [
    [0, 0],
    [49, 0],
    [49, 0],
    [60, 0],
    [200, 0],
    [200, 1],
    [200, 1],
    [249, 1],
    [249, 1],
    [250, 1],
    [250, 2],
  ];
  for (const [removed, expected] of rows) {
    tidy.look(removed);
    t.equal(times, expected, `${removed} removed`);
  }
});

t.test('the engine and the C library can be asked for it', async (t) => {
  const tidy = new Tidy();
  tidy.look(1000);
  t.doesNotThrow(() => tidy.look(1000));
});
