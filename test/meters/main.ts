/**
 * Meters, at length: node dist/test/meters/main.js [--meters N] [--bursts N] [--packets N] [--seed S] [--no-ovs]. Through both datapaths against what they
 * should count, and through a real ovs-vswitchd. Exit status 1 when something differs.
 */
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { numberOption } from '../support/options.js';
import { compareMeters } from './compare.js';

const size = {
  meters: numberOption('meters', 1000),
  bursts: numberOption('bursts', 40),
  packets: numberOption('packets', 500),
  seed: numberOption('seed', 1),
};
const ovs = !process.argv.includes('--no-ovs') && !needPrograms(OVS_PROGRAMS);
for (const datapath of ['native', 'reference'] as const) {
  const withOvs = ovs && datapath === 'native';
  const c = compareMeters({ ...size, datapath }, withOvs);
  for (const d of c.differences) console.error(d);
  console.log(
    `${datapath}${withOvs ? ' and ovs-vswitchd' : ''}: ${size.meters} meters (seed ${size.seed}), ${c.passed} packets passed, ${c.dropped} did not: ${c.differences.length} differences`,
  );
  if (c.differences.length > 0) process.exitCode = 1;
}
