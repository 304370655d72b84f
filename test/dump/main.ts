/**
 * Dumps after random pipelines, on ovs-vswitchd and on weft: node dist/test/dump/main.js [--pipelines N] [--seed S] [--pipeline P]. Exit status 1 when they differ.
 * Without Open vSwitch it says so and ends with 0.
 */
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { numberOption } from '../support/options.js';
import { compareDumps, pipelineOf } from './compare.js';

const missing = needPrograms(OVS_PROGRAMS);
if (missing) console.log(`skipped: ${missing}`);
else {
  const seed = numberOption('seed', 1);
  const only = numberOption('pipeline', -1);
  if (only >= 0) console.error(pipelineOf(seed, only).pipeline.flows.join('\n'));
  const r = await compareDumps({
    pipelines: numberOption('pipelines', 200),
    seed,
    only: only < 0 ? undefined : only,
    say: (text) => console.error(text),
  });
  console.log(
    `${r.pipelines} pipelines (${r.lost} crashed OVS; seed ${seed}), ${r.dumps} dumps, ${r.flows} datapath flows, ${r.ours} in weft, ${r.equal} with the same masks: ${r.differences.length} differences`,
  );
  process.exitCode = r.differences.length ? 1 : 0;
}
