/** Text of pmd-perf-show, held against what ovs-vswitchd 3.1 said of a dummy-pmd port, whose clock has one cycle a second. */
import t from 'tap';
import type { WorkerCounters } from '../../datapath/driver/counters.js';
import { WORKER_COUNTERS } from '../../datapath/native.js';
import { performance } from './pmd-perf.js';

const counters = (some: Partial<WorkerCounters>): WorkerCounters => ({
  ...(Object.fromEntries(WORKER_COUNTERS.map((name) => [name, 0])) as WorkerCounters),
  ...some,
});

const BUSY = `  Iterations:                59591  (24549477840.61 us/it)
  - Used TSC cycles:    1462927934  (230020115408.8 % of total cycles)
  - idle iterations:         59588  (100.0 % of used cycles)
  - busy iterations:             3  (  0.0 % of used cycles)
  - sleep iterations:            0  (  0.0 % of iterations)
  Sleep time (us):               0  (  0 us/iteration avg.)
  Rx packets:                    3  (0 Kpps, 147394 cycles/pkt)
  Datapath passes:               3  (1.00 passes/pkt)
  - PHWOL hits:                  0  (  0.0 %)
  - MFEX Opt hits:               0  (  0.0 %)
  - Simple Match hits:           0  (  0.0 %)
  - EMC hits:                    0  (  0.0 %)
  - SMC hits:                    0  (  0.0 %)
  - Megaflow hits:               2  ( 66.7 %, 1.00 subtbl lookups/hit)
  - Upcalls:                     1  ( 33.3 %, 0.0 us/upcall)
  - Lost upcalls:                0  (  0.0 %)
  Tx packets:                    6  (0 Kpps)
  Tx batches:                    6  (1.00 pkts/batch)`;

const IDLE = `  Iterations:                12903  (17574768813.45 us/it)
  - Used TSC cycles:     226767242  (142620906918.2 % of total cycles)
  - idle iterations:         12903  (100.0 % of used cycles)
  - busy iterations:             0  (  0.0 % of used cycles)
  - sleep iterations:            0  (  0.0 % of iterations)
  Sleep time (us):               0  (  0 us/iteration avg.)
  Rx packets:                    0
  Tx packets:                    0
`;

t.test('as ovs-vswitchd says it', (t) => {
  const busy = counters({
    idle_cycles: 1462927934 - 442182,
    busy_cycles: 442182,
    idle_breaths: 59588,
    busy_breaths: 3,
    packets: 3,
    megaflow_hits: 2,
    subtable_lookups: 2,
    misses: 1,
    sent_packets: 6,
    sent_batches: 6,
  });
  t.equal(performance(busy, { seconds: 0.636, cyclesPerSecond: 1 }).join('\n'), BUSY);
  const idle = counters({ idle_cycles: 226767242, idle_breaths: 12903 });
  t.equal(performance(idle, { seconds: 0.159, cyclesPerSecond: 1 }).join('\n'), IDLE);
  t.end();
});

t.test('a worker that sleeps', (t) => {
  const all = performance(counters({ idle_breaths: 40, sleeps: 10, slept_ns: 2_500_000 }), {
    seconds: 1,
    cyclesPerSecond: 1e9,
  });
  t.equal(all[4], '  - sleep iterations:           10  ( 25.0 % of iterations)');
  t.equal(all[5], '  Sleep time (us):            2500  (250 us/iteration avg.)');
  t.match(performance(counters({}), { seconds: 0, cyclesPerSecond: 0 })[0], /^ {2}Iterations: +0 {2}\(0\.00 us\/it\)$/);
  t.end();
});
