import t from 'tap';
import { naturalOrder } from './natural.js';

t.test('names in the order in which people count', (t) => {
  for (const names of [
    ['p1', 'p2', 'p10', 'p11'],
    ['', '0', '1', 'a', 'a0', 'a00', 'a1b2', 'a1b10', 'b'],
    ['9999999999999999998', '9999999999999999999', 'x'],
    ['1', '01', '2'],
    ['eth', 'eth-', 'eth0', 'eth0.5', 'eth0.10', 'eth_'],
  ]) {
    t.same([...names].reverse().sort(naturalOrder), names);
    for (const [i, a] of names.entries())
      for (const [j, b] of names.entries()) t.equal(Math.sign(naturalOrder(a, b)), Math.sign(i - j), `${a} and ${b}`);
  }
  t.end();
});
