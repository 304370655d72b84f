/**
 * Random lines of flows, groups and meters against the real programs:
 * npm run test:lines -- [--flows N] [--version 10..15] [--things flows|groups|meters] [--seed S] [--show N]. N of each kind in each version, read by
 * the programs and sent to both switches. Exit status 1 when they differ.
 */
import { numberOption } from '../../support/options.js';
import { TwoSwitches } from '../two-switches.js';
import { PARTS } from './parts.js';

const count = numberOption('flows', 5000);
const seed = numberOption('seed', 1);
const only = numberOption('version', 0);
const show = numberOption('show', 10);
const at = process.argv.indexOf('--things');
const things = at < 0 ? undefined : process.argv[at + 1];
let total = 0;
const two = await TwoSwitches.start((e) => {
  console.error(e);
  total++;
});
for (const version of [0, 1, 2, 3, 4, 5].filter((v) => only === 0 || v === only - 10)) {
  for (const part of PARTS) {
    if (version < part.since || (things !== undefined && things !== part.things)) continue;
    const started = process.hrtime.bigint();
    const { accepted, differences } = await part.compare(two, version, count, seed);
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    for (const d of differences.slice(0, show)) console.error(`${d}\n`);
    console.log(
      `OpenFlow 1.${version}, ${count} ${part.things} ${part.how} (seed ${seed}), ${accepted} accepted: ${differences.length} differences in ${seconds.toFixed(1)} s`,
    );
    total += differences.length;
  }
}
await two.close();
process.exitCode = total ? 1 : 0;
