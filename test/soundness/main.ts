/** Megaflow masks of random pipelines under attack, then revalidation: node dist/test/soundness/main.js [--pipelines N] [--seed S]. Exit status 1 on a violation. */
import { numberOption } from '../support/options.js';
import { checkSoundness } from './check.js';
import { checkPrecedents } from './precedents.js';
import { checkStaleness } from './stale.js';
import { checkTunnels } from './tunnels.js';

const pipelines = numberOption('pipelines', 1000);
const seed = numberOption('seed', 1);
const s = checkSoundness(pipelines, seed);
for (const v of s.violations) console.error(v);
console.log(
  `${s.pipelines} pipelines (seed ${seed}), ${s.flows} flows, ${s.forwarded} that forward, ${s.met} rules met, ${s.witnesses} witnesses: ${s.violations.length} violations`,
);
const p = checkPrecedents(Math.ceil(pipelines / 2), seed);
for (const v of p.violations) console.error(v);
console.log(
  `${p.pipelines} pipelines, ${p.misses} misses, ${p.repeated} decided by precedent, ${p.forwarded} that forward, ${p.deep} by several rules: ${p.violations.length} violations`,
);
const tunnels = checkTunnels(Math.ceil(pipelines / 4), seed);
for (const v of tunnels.violations) console.error(v);
console.log(
  `${tunnels.pipelines} with tunnels, ${tunnels.flows} flows, ${tunnels.forwarded} that forward, ${tunnels.witnesses} witnesses: ${tunnels.violations.length} violations`,
);
const stale = checkStaleness(Math.ceil(pipelines / 20), seed);
for (const f of stale.faults) console.error(f);
console.log(
  `${stale.changes} changes that touched ${stale.touched} flows: ${stale.faults.length} left any out of date`,
);
process.exitCode = s.violations.length + p.violations.length + tunnels.violations.length + stale.faults.length ? 1 : 0;
