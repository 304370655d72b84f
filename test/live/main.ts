/** node dist/test/live/main.js [--frames N] [--seed S]: the full form of the suite of malformed frames. */
import '../support/isolate.js';

import { numberOption } from '../support/options.js';
import { malformed } from './malformed.js';

const seed = numberOption('seed', 1);
const r = await malformed(numberOption('frames', 1_000_000), seed);
console.log(JSON.stringify({ seed, ...r }, undefined, 2));
const ok = r.unbalanced.length === 0 && r.exit === 0 && Object.values(r.pings).every(Boolean);
console.log(ok ? 'the switch still forwards, and every frame is accounted for' : 'FAIL');
process.exitCode = ok ? 0 : 1;
