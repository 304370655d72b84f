import t from 'tap';
import { compare } from './compare.js';

for (const seed of [1, 2, 3]) {
  t.test(`tuple space and linear agree, masks are sound (seed ${seed})`, (t) => {
    const c = compare(20_000, seed);
    t.same(c.differences, []);
    t.ok(c.hits > 2_000 && c.hits < 20_000, 'hits and misses');
    t.ok(c.inserts > 500 && c.deletes > 500, 'inserts and deletes');
    t.end();
  });
}
