/** What native/bench/action_bench.cc reads. */
import { actionLines } from './lib/action-parts.js';

process.stdout.write(actionLines());
