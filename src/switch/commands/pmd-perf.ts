/** What dpif-netdev/pmd-perf-show says of a worker: word for word what ovs-vswitchd 3.1 does without histograms. A breath is an iteration. */
import type { WorkerCounters } from '../../datapath/driver/counters.js';

export interface Measured {
  /** Since counters were cleared. */
  readonly seconds: number;
  readonly cyclesPerSecond: number;
}

const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);
const thousands = (n: number, seconds: number): string => `${ratio(n, seconds * 1000).toFixed(0)} Kpps`;

/** A figure in twelve places, and what is to be said of it. */
const row = (what: string, n: number, more = ''): string =>
  `${`  ${what}:`.padEnd(22)}${String(Math.round(n)).padStart(12)}${more === '' ? '' : `  (${more})`}`;
const part = (n: number, of: number): string => `${(100 * ratio(n, of)).toFixed(1).padStart(5)} %`;

export function performance(c: WorkerCounters, { seconds, cyclesPerSecond }: Measured): string[] {
  const used = c.idle_cycles + c.busy_cycles;
  const breaths = c.idle_breaths + c.busy_breaths;
  const usBreath = ratio(1e6 * ratio(used, breaths), cyclesPerSecond).toFixed(2);
  const slept = c.slept_ns / 1000;
  const out = [
    row('Iterations', breaths, `${usBreath} us/it`),
    row('- Used TSC cycles', used, `${part(used, seconds * cyclesPerSecond)} of total cycles`),
    row('- idle iterations', c.idle_breaths, `${part(c.idle_cycles, used)} of used cycles`),
    row('- busy iterations', c.busy_breaths, `${part(c.busy_cycles, used)} of used cycles`),
    row('- sleep iterations', c.sleeps, `${part(c.sleeps, breaths)} of iterations`),
    row('Sleep time (us)', slept, `${ratio(slept, c.sleeps).toFixed(0).padStart(3)} us/iteration avg.`),
  ];
  if (c.packets === 0) out.push(row('Rx packets', 0));
  else out.push(...received(c, seconds));
  if (c.sent_packets === 0) return [...out, row('Tx packets', 0), ''];
  return [
    ...out,
    row('Tx packets', c.sent_packets, thousands(c.sent_packets, seconds)),
    row('Tx batches', c.sent_batches, `${ratio(c.sent_packets, c.sent_batches).toFixed(2)} pkts/batch`),
  ];
}

function received(c: WorkerCounters, seconds: number): string[] {
  const passes = c.packets + c.recirculations;
  const lookups = ratio(c.subtable_lookups, c.megaflow_hits).toFixed(2);
  const hits = (what: string, n: number, more = ''): string => row(`- ${what}`, n, `${part(n, passes)}${more}`);
  return [
    row(
      'Rx packets',
      c.packets,
      `${thousands(c.packets, seconds)}, ${ratio(c.busy_cycles, c.packets).toFixed(0)} cycles/pkt`,
    ),
    row('Datapath passes', passes, `${ratio(passes, c.packets).toFixed(2)} passes/pkt`),
    hits('PHWOL hits', 0),
    hits('MFEX Opt hits', 0),
    hits('Simple Match hits', 0),
    hits('EMC hits', c.microflow_hits),
    hits('SMC hits', 0),
    hits('Megaflow hits', c.megaflow_hits, `, ${lookups} subtbl lookups/hit`),
    // How long a decision took is not known by worker.
    hits('Upcalls', c.misses, ', 0.0 us/upcall'),
    hits('Lost upcalls', c.upcalls_lost),
  ];
}
