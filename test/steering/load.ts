/**
 * What moving receive queues costs under load: the same traffic with and without moves, in turn. Not a test: it prints what was lost and what was overtaken. Its sender
 * stays on one processor: of one that moves to another the kernel still has frames waiting at the first.
 *
 *     node dist/test/steering/load.js [--rate PPS] [--seconds N] [--rounds N] [--flows N]
 */
import '../support/isolate.js';

import { parseArgs } from 'node:util';
import { NetLab } from '../../src/cli/lab/netlab.js';
import { loadAddon } from '../../src/datapath/driver/load.js';
import { LiveSwitch, WEFT } from '../support/live.js';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    flows: { type: 'string', default: '50' },
  },
});

/** How often a queue moves. */
const KINDS = { 'nothing moves': 0, 'the way in moves': 1, 'both ways move': 2 } as const;

async function main(): Promise<void> {
  const lab = new NetLab('wsl');
  const sw = new LiveSwitch([]);
  try {
    if (!(await sw.ready())) throw new Error(sw.output);
    const vsctl = (line: string) =>
      lab.startAsync('ovs-vsctl', [`--db=unix:${sw.dir}/db.sock`, ...line.split(' ')]).done;
    const a = lab.host('a', {});
    const b = lab.host('b', {});
    const [first, second] = loadAddon().processors();
    await vsctl(
      `set open_vswitch . other_config:pmd-cpu-mask=${((1n << BigInt(first)) | (1n << BigInt(second))).toString(16)}`,
    );
    await vsctl(`add-br wsl0 -- add-port wsl0 ${a.outer} -- add-port wsl0 ${b.outer}`);
    sw.run('env', `OVS_RUNDIR=${sw.dir}`, 'ovs-ofctl', 'add-flow', 'wsl0', `in_port=${a.outer},actions=${b.outer}`);
    const pktgen = ['pktgen', '--port', 'e0', '--netns', a.ns, '--receive', 'e0', '--receive-netns', b.ns];
    const load = ['--flows', values.flows, '--rate', values.rate, '--duration', values.seconds, '--json'];
    console.log(
      'what                  sent   received   lost: in the kernel, at the way out, elsewhere   overtaken   moves',
    );
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const [kind, ports] of Object.entries(KINDS)) {
        const before = sw.counters().wsl0[a.outer];
        let running = true;
        const done = lab
          .insideAsync(b.ns, 'taskset', '-c', String(first), process.execPath, WEFT, ...pktgen, ...load)
          .then((r) => {
            running = false;
            return r;
          });
        let moves = 0;
        while (running && ports > 0) {
          const to = moves % 2 ? second : first;
          const moved = [a.outer, b.outer].slice(0, ports);
          await vsctl(
            moved
              .map((p) => `-- set interface ${p} other_config:pmd-rxq-affinity=0:${to}`)
              .join(' ')
              .slice(3),
          );
          moves += ports;
        }
        const r = await done;
        if (r.status !== 0) throw new Error(r.stderr);
        const { sent, received, reordered } = JSON.parse(r.stdout);
        const after = sw.counters().wsl0[a.outer];
        const full = (after.drops.tx_full ?? 0) - (before.drops.tx_full ?? 0);
        const kernel = after.rx_errors - before.rx_errors;
        const cells = [sent, received, kernel, full, sent - received - kernel - full, reordered, moves];
        console.log(kind.padEnd(18), ...cells.map((n) => String(n).padStart(10)));
      }
    }
  } finally {
    sw.close();
    lab.close();
  }
}

await main();
