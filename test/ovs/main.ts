/**
 * Random pipelines and packets through weft and a real ovs-vswitchd: npm run test:ovs -- [--packets N] [--seed S] [--pipeline P] [--from P] [--wide] [--groups N] [--reference]. Wide: every
 * action, six groups unless --groups says otherwise, meters, both limits of tags.
 * Exit status 1 when frames differ. Without Open vSwitch it says so and ends with 0.
 */

import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { numberOption } from '../support/options.js';
import { compareWithOvs } from './compare.js';

const missing = needPrograms(OVS_PROGRAMS);
if (missing) console.log(`skipped: ${missing}`);
else {
  const seed = numberOption('seed', 1);
  const only = numberOption('pipeline', -1);
  const datapath = process.argv.includes('--reference') ? 'reference' : 'native';
  const wide = process.argv.includes('--wide');
  const c = await compareWithOvs({
    packets: numberOption('packets', 10_000),
    seed,
    datapath,
    groups: numberOption('groups', wide ? 6 : 0),
    wide,
    from: numberOption('from', 0),
    only: only < 0 ? undefined : only,
    say: (text) => console.error(text),
  });
  console.log(
    `${c.packets} packets (${c.skipped} left out) through ${c.pipelines} pipelines (${c.lost} crashed OVS; seed ${seed}), ${c.sent} frames out: ${c.differences.length} differences`,
  );
  process.exitCode = c.differences.length ? 1 : 0;
}
