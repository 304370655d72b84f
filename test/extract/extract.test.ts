import t from 'tap';
import { loadAddon } from '../../src/datapath/driver/load.js';
import { compare } from './compare.js';

t.test('C++ and TypeScript extract and hash alike: 50,000 random frames', (t) => {
  const result = compare(loadAddon(), 50_000, 20240607);
  t.same(result.differences, []);
  t.ok(result.accepted > 45_000, `${result.accepted} were long enough`);
  t.end();
});
