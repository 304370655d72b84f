/**
 * Both datapaths on random flows, masks, actions and frames: npm run test:differential -- [--packets N] [--seed S] [--world W].
 * Exit status 1 when they differ; the report names the world, which --world W runs alone and prints
 * the flows too.
 */
import { numberOption } from '../support/options.js';
import { runWorld } from './world.js';

const WORLD_PACKETS = 2000;
const packets = numberOption('packets', 100_000);
const seed = numberOption('seed', 1);
const only = numberOption('world', -1);

const started = process.hrtime.bigint();
const total = { packets: 0, flows: 0, worlds: 0, differences: 0 };
const ends = new Map<string, number>();
for (let w = 0; total.packets < packets && total.differences === 0; w++) {
  const number = only >= 0 ? only : w;
  const result = runWorld(
    (Math.imul(seed, 1_000_003) + number) >>> 0,
    Math.min(WORLD_PACKETS, packets - total.packets),
  );
  total.packets += result.packets;
  total.flows += result.flows;
  total.worlds++;
  for (const [name, n] of result.ends) ends.set(name, (ends.get(name) ?? 0) + n);
  if (result.difference) {
    total.differences++;
    console.error(`world ${number}: ${result.difference}`);
    if (only >= 0) console.error(result.table);
  }
  if (only >= 0) break;
}
console.log([...ends].map(([name, n]) => `${name} ${n}`).join(', '));
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
console.log(
  `${total.packets} packets and ${total.flows} flows in ${total.worlds} worlds (seed ${seed}): ${total.differences} differences in ${seconds.toFixed(1)} s`,
);
process.exitCode = total.differences ? 1 : 0;
