/** Both extractors on many frames: node dist/test/extract/main.js [--frames N] [--seed S]. Exit status 1 when they differ. */
import { loadAddon } from '../../src/datapath/driver/load.js';
import { compare } from './compare.js';

function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
}

const frames = option('frames', 1_000_000);
const seed = option('seed', 1);
const started = process.hrtime.bigint();
const result = compare(loadAddon(), frames, seed);
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
for (const d of result.differences) console.error(d);
console.log(
  `${result.frames} frames (seed ${seed}), ${result.accepted} with an Ethernet header: ${result.differences.length} differences in ${seconds.toFixed(1)} s`,
);
process.exitCode = result.differences.length ? 1 : 0;
