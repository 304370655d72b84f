/** Random lines of flows, groups and meters against the real programs: node dist/test/openflow/lines/main.js [--flows N] [--version 10..15] [--seed S]. Exit status 1 when they differ. */
import { numberOption } from '../../support/options.js';
import { TwoSwitches } from '../two-switches.js';
import { compareTexts } from './compare.js';
import { compareInstalls } from './install.js';

const flows = numberOption('flows', 5000);
const seed = numberOption('seed', 1);
const only = numberOption('version', 0);
const show = numberOption('show', 10);
const parsed = process.argv.includes('--no-parse') ? 0 : flows;
const installed = process.argv.includes('--no-install') ? 0 : flows;
let total = 0;
const two = await TwoSwitches.start((e) => {
  console.error(e);
  total++;
});
for (const version of [10, 11, 12, 13, 14, 15].filter((v) => only === 0 || v === only)) {
  for (const [what, count, compare] of [
    ['read', parsed, () => compareTexts(version - 10, parsed, seed)],
    ['installed', installed, () => compareInstalls(two, version - 10, installed, seed)],
  ] as const) {
    if (count === 0) continue;
    const started = process.hrtime.bigint();
    const { accepted, differences } = await compare();
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    for (const d of differences.slice(0, show)) console.error(`${d}\n`);
    console.log(
      `OpenFlow 1.${version - 10}, ${count} lines ${what} (seed ${seed}), ${accepted} accepted: ${differences.length} differences in ${seconds.toFixed(1)} s`,
    );
    total += differences.length;
  }
}
await two.close();
process.exitCode = total ? 1 : 0;
