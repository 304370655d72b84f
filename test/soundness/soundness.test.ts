import t from 'tap';
import { checkSoundness } from './check.js';
import { checkPrecedents } from './precedents.js';
import { checkStaleness } from './stale.js';
import { checkTunnels } from './tunnels.js';

// Machines are slow at times; nothing here waits for anything.
t.setTimeout(600_000);

for (const seed of [1, 2]) {
  t.test(`masks are sound (seed ${seed})`, (t) => {
    const s = checkSoundness(40, seed);
    t.same(s.violations, []);
    t.ok(s.witnesses > 1000, 'packets that the masks let through');
    t.ok(s.forwarded > 200 && s.met > 100, 'pipelines that do something');
    t.end();
  });
}

t.test('what is decided by precedent is decided as by a walk', (t) => {
  const p = checkPrecedents(60, 1);
  t.same(p.violations, []);
  t.ok(p.repeated > 2000 && p.forwarded > 300 && p.deep > 300, 'precedents for packets of all sorts');
  t.end();
});

t.test('masks of packets into tunnels and out of them are sound', (t) => {
  const s = checkTunnels(20, 1);
  t.same(s.violations, []);
  t.ok(s.witnesses > 1000 && s.forwarded > 100, 'packets that go somewhere');
  t.end();
});

t.test('no change leaves a flow behind that is out of date', (t) => {
  const s = checkStaleness(6, 1);
  t.same(s.faults, []);
  t.ok(s.touched > 300, 'changes that mattered');
  t.end();
});
