import t from 'tap';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { compareMeters } from './compare.js';

t.setTimeout(600_000);

const missing = needPrograms(OVS_PROGRAMS);

for (const datapath of ['native', 'reference'] as const) {
  t.test(`${datapath}: 1,000 random meters count and drop what they should`, (t) => {
    const c = compareMeters({ meters: 1000, bursts: 30, packets: 400, seed: 1, datapath }, false);
    t.same(c.differences.slice(0, 5), []);
    t.ok(c.passed > 1000 && c.dropped > 1000 && c.furtherBands > 20, `${c.passed} passed, ${c.dropped} did not`);
    t.end();
  });
}

t.test('the same counters as a real ovs-vswitchd', { skip: missing }, (t) => {
  const c = compareMeters({ meters: 60, bursts: 20, packets: 120, seed: 2, datapath: 'native' }, true);
  t.same(c.differences.slice(0, 5), []);
  t.ok(c.passed > 200 && c.dropped > 200 && c.furtherBands > 3, `${c.passed} passed, ${c.dropped} did not`);
  t.end();
});
