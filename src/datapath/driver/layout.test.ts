import t from 'tap';
import { SLOTS } from '../../packet/key.js';
import { loadAddon } from './load.js';

t.test('C++ and TypeScript agree on the place of every slot', (t) => {
  const layout = loadAddon().layout();
  t.equal(Object.keys(layout).length, SLOTS.length);
  for (const s of SLOTS) t.same(layout[s.name], [s.offset, s.bytes], s.name);
  t.end();
});
