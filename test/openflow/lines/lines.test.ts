/** Random lines of flows through ovs-ofctl and weft's: `node dist/test/openflow/lines/main.js` for more of them. */
import t from 'tap';
import { ofctlMissing } from '../../support/ofctl.js';
import { compareTexts } from './compare.js';

const LINES = 200;
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
