/** TCP between two hosts whose switches are joined by a tunnel, all on this machine; beside OVS netdev, and the kernel's VXLAN device in a Linux bridge. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { PEERS } from '../lib/files.js';
import { group, Missing, OURS, type Row, type Session, type Side, type Turn } from '../lib/row.js';

/** What tunnel-tcp calls each side's switch, by row. */
const CASES = {
  'tunnel-tcp': { what: 'VXLAN, a bridge around the NIC', [OURS]: 'weft', ovs: 'ovs', kernel: 'kernel' },
  'tunnel-tcp-host': { what: "VXLAN by the host's stack", [OURS]: 'weft-host', ovs: 'ovs', kernel: 'kernel' },
  'tunnel-tcp-gre': { what: 'GRE, a bridge around the NIC', [OURS]: 'weft-gre', ovs: 'ovs-gre', kernel: undefined },
} as const;
type Case = keyof typeof CASES;
type Place = typeof OURS | 'ovs' | 'kernel';

interface Switches extends Session {
  measure(row: Case, turn: Turn): number;
}

/** Gbit/s of one turn of the script, which starts and ends everything itself. */
function run(name: string, turn: Turn): number {
  const env = { ...process.env, SECONDS_EACH: String(Math.max(2, Math.round(turn.seconds * 2))) };
  const r = spawnSync(join(PEERS, 'tunnel-tcp'), [name], { encoding: 'utf8', env, timeout: 120_000 });
  const found = /tcp ([\d.]+)/.exec(r.stdout);
  if (!found) throw new Error(`tunnel-tcp ${name}: ${r.stderr.trim().split('\n').pop() ?? r.stdout}`);
  return Number(found[1]);
}

const side = (name: Place): Side<Switches> => ({
  name,
  async open() {
    const missing = needPrograms({ ...OVS_PROGRAMS, iperf3: 'iperf3', ethtool: 'ethtool', ip: 'iproute2' });
    if (missing) throw new Missing(missing);
    return {
      measure(row, turn) {
        const what = CASES[row][name];
        if (!what) throw new Missing('the kernel has no such device');
        return run(what, turn);
      },
      close() {},
    };
  },
});

const row = (name: Case): Row<Switches> => ({
  name,
  what: CASES[name].what,
  unit: 'Gbit/s',
  better: 'higher',
  targets: CASES[name].kernel ? { ovs: 2, kernel: 0.5 } : { ovs: 2 },
  measure: (s, turn) => s.measure(name, turn),
});

export const tunnelTcp = group({
  name: 'tunnel-tcp',
  what: 'TCP between two hosts, each behind a switch of its own, through a tunnel; inner MTU 1450',
  sides: [side(OURS), side('ovs'), side('kernel')],
  rows: [row('tunnel-tcp'), row('tunnel-tcp-host'), row('tunnel-tcp-gre')],
});
