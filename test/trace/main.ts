/**
 * Random pipelines and packets through ofproto/trace of weft and of a real ovs-vswitchd: node dist/test/trace/main.js [--pipelines N] [--seed S] [--packets N] [--from N] [--pipeline P], or --forms: the forms of the commands and their faults.
 * Exit status 1 when texts differ. Without Open vSwitch it says so and ends with 0.
 */
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { numberOption } from '../support/options.js';
import { compareForms, compareTraces } from './compare.js';

const missing = needPrograms(OVS_PROGRAMS);
if (missing) console.log(`skipped: ${missing}`);
else if (process.argv.includes('--forms')) {
  const differences = await compareForms();
  for (const d of differences) console.error(`${d}\n`);
  console.log(`${differences.length} differences`);
  process.exitCode = differences.length ? 1 : 0;
} else {
  const seed = numberOption('seed', 1);
  const only = numberOption('pipeline', -1);
  const c = await compareTraces({
    pipelines: numberOption('pipelines', 200),
    packets: numberOption('packets', 4),
    seed,
    from: numberOption('from', 0),
    most: numberOption('most', 5),
    only: only < 0 ? undefined : only,
  });
  for (const d of c.differences) console.error(`${d}\n`);
  const skipped = [...c.skipped].map(([why, n]) => `, ${n} left out: ${why}`).join('');
  console.log(
    `${c.traces} traces and ${c.passes} of later passes through ${c.pipelines} pipelines (${c.lost} crashed OVS; seed ${seed}), ${c.otherMasks} with other masks${skipped}: ${c.differences.length} differences`,
  );
  process.exitCode = c.differences.length ? 1 : 0;
}
