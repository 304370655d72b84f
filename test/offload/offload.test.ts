import t from 'tap';
import { loadAddon } from '../../src/datapath/driver/load.js';
import { compareOffload } from './compare.js';

t.test('C++ and TypeScript finish checksums and cut segments alike: 50,000 random frames', (t) => {
  const result = compareOffload(loadAddon(), 50_000, 4711);
  t.same(result.differences, []);
  t.ok(result.cut > 2_000, `${result.cut} were cut`);
  t.end();
});
