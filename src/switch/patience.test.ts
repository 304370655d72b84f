import t from 'tap';
import { LOOK_US, Patience } from './patience.js';

/** q: a quick request, s: a slow one, v: a look in vain; then how many quick ones more until it looks again. */
const ROWS = [
  { what: 'a new peer', past: '', until: 4 },
  { what: 'some quick ones', past: 'qqq', until: 1 },
  { what: 'enough quick ones', past: 'qqqq', until: 0 },
  { what: 'a slow one begins anew', past: 'qqqqs', until: 4 },
  { what: 'a look in vain doubles', past: 'qqqqv', until: 8 },
  { what: 'and again', past: 'vv', until: 16 },
  { what: 'but not for ever', past: 'v'.repeat(40), until: 1024 },
];

for (const { what, past, until } of ROWS) {
  t.test(what, async (t) => {
    const p = new Patience();
    for (const c of past) {
      if (c === 'v') p.inVain();
      else p.came(c === 'q' ? 20 : 5000, false);
    }
    let n = 0;
    for (; p.look === 0 && n < 5000; n++) p.came(20, false);
    t.equal(n, until);
    t.equal(p.look, LOOK_US);
  });
}

t.test('looks that pay bring trust back', async (t) => {
  const p = new Patience();
  for (let i = 0; i < 5; i++) p.inVain();
  for (let i = 0; i < 1000; i++) p.came(20, p.look > 0);
  p.came(5000, false);
  let n = 0;
  for (; p.look === 0; n++) p.came(20, false);
  t.equal(n, 4);
});
