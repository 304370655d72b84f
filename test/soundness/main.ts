/** Megaflow masks of random pipelines under attack: node dist/test/soundness/main.js [--pipelines N] [--seed S]. Exit status 1 on a violation. */
import { numberOption } from '../support/options.js';
import { checkSoundness } from './check.js';

const pipelines = numberOption('pipelines', 1000);
const seed = numberOption('seed', 1);
const s = checkSoundness(pipelines, seed);
for (const v of s.violations) console.error(v);
console.log(
  `${s.pipelines} pipelines (seed ${seed}), ${s.flows} flows, ${s.forwarded} that forward, ${s.met} rules met, ${s.witnesses} witnesses: ${s.violations.length} violations`,
);
process.exitCode = s.violations.length ? 1 : 0;
