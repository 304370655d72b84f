import t from 'tap';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { compareWithOvs } from './compare.js';

// Machines are slow at times; nothing here waits for anything.
t.setTimeout(600_000);

const missing = needPrograms(OVS_PROGRAMS);

for (const datapath of ['native', 'reference'] as const) {
  t.test(`${datapath}: the same frames out of the same ports as a real ovs-vswitchd`, { skip: missing }, async (t) => {
    const c = await compareWithOvs({ packets: 150, seed: 1, datapath });
    t.same(c.differences, []);
    t.ok(c.sent > 75, 'frames went out');
  });

  t.test(`${datapath}: and with groups and all actions`, { skip: missing }, async (t) => {
    const c = await compareWithOvs({ packets: 150, seed: 2, datapath, groups: 6, wide: true });
    t.same(c.differences, []);
    t.ok(c.sent > 40, 'frames went out');
  });
}
