/** Random lines of flows through ovs-ofctl and weft's: `node dist/test/openflow/lines/main.js` for more of them. */
import t from 'tap';
import { needPrograms } from '../../../src/cli/lab/packages.js';
import { ofctlMissing } from '../../support/ofctl.js';
import { TwoSwitches } from '../two-switches.js';
import { compareTexts } from './compare.js';
import { compareInstalls } from './install.js';

const LINES = 150;
const INSTALLED = 300;
const SEED = 20263;

t.setTimeout(600_000);
t.test(
  'lines of flows: what is taken, the words of a refusal, forms, bytes and text',
  { skip: ofctlMissing() ?? false },
  async (t) => {
    for (const version of [0, 1, 2, 3, 4, 5]) {
      const { accepted, differences } = await compareTexts(version, LINES, SEED);
      t.ok(accepted > 0, `1.${version}: some are taken`);
      t.same(differences, [], `1.${version}: ${LINES} lines, seed ${SEED}`);
    }
  },
);

const missing = needPrograms({ 'ovs-vswitchd': 'openvswitch-switch', 'ovs-ofctl': 'openvswitch-common' });
t.test(
  'the same flows in both switches: refusals, bytes and text of what is there',
  { skip: missing ?? false },
  async (t) => {
    const two = await TwoSwitches.start((e) => t.fail(e instanceof Error ? (e.stack ?? e.message) : String(e)));
    t.teardown(() => two.close());
    for (const version of [0, 1, 2, 3, 4, 5]) {
      const { accepted, differences } = await compareInstalls(two, version, INSTALLED, SEED);
      t.ok(accepted > 0, `1.${version}: some are taken`);
      t.same(differences, [], `1.${version}: ${INSTALLED} flow_mods, seed ${SEED}`);
    }
  },
);
