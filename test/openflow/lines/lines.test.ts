/** Random lines of flows, groups and meters through ovs-ofctl and weft's, and into both switches: `npm run test:lines` for more of them. */
import t from 'tap';
import { needPrograms } from '../../../src/cli/lab/packages.js';
import { TwoSwitches } from '../two-switches.js';
import { PARTS } from './parts.js';

/** Reading is a start of ovs-ofctl each. */
const COUNT = { flows: { read: 130, sent: 300 }, groups: { read: 60, sent: 300 }, meters: { read: 40, sent: 200 } };
const SEED = 20263;

t.setTimeout(600_000);
const missing = needPrograms({ 'ovs-vswitchd': 'openvswitch-switch', 'ovs-ofctl': 'openvswitch-common' });
t.test('lines of flows, groups and meters', { skip: missing ?? false, timeout: 600_000 }, async (t) => {
  const two = await TwoSwitches.start((e) => t.fail(e instanceof Error ? (e.stack ?? e.message) : String(e)));
  t.teardown(() => two.close());
  for (const part of PARTS) {
    const count = COUNT[part.things][part.how];
    for (const version of [0, 1, 2, 3, 4, 5].filter((v) => v >= part.since)) {
      const { accepted, differences } = await part.compare(two, version, count, SEED);
      t.ok(accepted > 0, `1.${version}, ${part.things} ${part.how}: some are taken`);
      t.same(differences, [], `1.${version}: ${count} ${part.things} ${part.how}, seed ${SEED}`);
    }
  }
});
