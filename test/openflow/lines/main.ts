/** Random lines of flows, groups and meters against the real programs: node dist/test/openflow/lines/main.js [--flows N] [--version 10..15] [--seed S]. Exit status 1 when they differ. */
import { numberOption } from '../../support/options.js';
import { compareTexts } from './compare.js';

const flows = numberOption('flows', 5000);
const seed = numberOption('seed', 1);
const only = numberOption('version', 0);
const show = numberOption('show', 10);
let total = 0;
for (const version of [10, 11, 12, 13, 14, 15].filter((v) => only === 0 || v === only)) {
  const started = process.hrtime.bigint();
  const result = await compareTexts(version - 10, flows, seed);
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  for (const d of result.differences.slice(0, show)) console.error(`${d}\n`);
  console.log(
    `OpenFlow 1.${version - 10}, ${flows} lines (seed ${seed}), ${result.accepted} accepted: ${result.differences.length} differences in ${seconds.toFixed(1)} s`,
  );
  total += result.differences.length;
}
process.exitCode = total ? 1 : 0;
