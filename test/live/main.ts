/** node dist/test/live/main.js [--frames N] [--seed S] [--rate R]: the full form of the suite of malformed frames. --rate 0: as fast as they go. */
import '../support/isolate.js';

import { numberOption } from '../support/options.js';
import { malformed } from './malformed.js';

const seed = numberOption('seed', 1);
const rate = numberOption('rate', 10_000);
const r = await malformed(numberOption('frames', 1_000_000), seed, rate);
console.log(JSON.stringify({ seed, rate, ...r }, undefined, 2));
const works = r.unbalanced.length === 0 && r.exit === 0 && Object.values(r.pings).every(Boolean);
// At full speed most are dropped by design, and counted.
const ok = works && (rate === 0 || r.unseen < 0.05);
console.log(ok ? 'the switch still forwards, and every frame is accounted for' : 'FAIL');
process.exitCode = ok ? 0 : 1;
