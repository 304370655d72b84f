/** Tuple space against linear: node dist/test/classifier/main.js [--lookups N] [--seed S]. Exit status 1 when they differ. */
import { numberOption } from '../support/options.js';
import { compare } from './compare.js';

const lookups = numberOption('lookups', 1_000_000);
const seed = numberOption('seed', 1);
const started = process.hrtime.bigint();
const c = compare(lookups, seed);
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
for (const d of c.differences) console.error(d);
console.log(
  `${c.lookups} look-ups (seed ${seed}), ${c.hits} hits, ${c.inserts} inserts, ${c.deletes} deletes, ${c.flips} mask attacks: ${c.failures} differences in ${seconds.toFixed(1)} s`,
);
process.exitCode = c.failures ? 1 : 0;
