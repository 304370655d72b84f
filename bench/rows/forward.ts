/** Memory to memory, one worker: frames of a capture held in memory go round and round through the switch and are freed behind it. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { WEFT } from '../../test/support/live.js';
import { Dpdk } from '../lib/dpdk.js';
import { frames, PEERS } from '../lib/files.js';
import { group, OURS, type Row, type Session, type Side, type Turn } from '../lib/row.js';

/** A case: what `weft bench forward` and ovs-dpdk-forward are told. */
interface Case {
  readonly what: string;
  /** Distinct flows of the frames. */
  readonly flows: number;
  readonly ours: readonly string[];
  readonly theirs: string;
  readonly target?: number;
}

const of = (file: string, ...more: string[]): readonly string[] => ['--flows', join(PEERS, file), ...more];
const CASES: Readonly<Record<string, Case>> = {
  simple: {
    what: 'one flow that matches the port',
    flows: 1,
    ours: of('flows-simple.txt'),
    theirs: 'simple',
    target: 2,
  },
  microflow: {
    what: '1,000 microflows, two masks',
    flows: 1000,
    ours: of('flows-few-masks.txt'),
    theirs: 'microflow',
    target: 2,
  },
  megaflow: {
    what: 'the same without microflow caches',
    flows: 1000,
    ours: of('flows-few-masks.txt', '--no-microflow'),
    theirs: 'megaflow',
    target: 2.5,
  },
  '10k': {
    what: '10,000 exact megaflows, no microflow caches',
    flows: 10_000,
    ours: of('flows-five-tuple.txt', '--no-microflow'),
    theirs: 'exact10k',
    target: 3,
  },
  '20-masks': {
    what: '10,000 megaflows under 20 masks, in turn',
    flows: 10_000,
    ours: of('flows-20-masks.txt'),
    theirs: 'masks20',
    target: 3,
  },
  '100k': {
    what: '100,000 megaflows',
    flows: 100_000,
    ours: of('flows-five-tuple.txt'),
    theirs: 'flows100k',
    target: 3,
  },
  vxlan: {
    what: 'into a VXLAN tunnel, 1,000 flows',
    flows: 1000,
    ours: ['--tunnel', 'vxlan', '--encap'],
    theirs: 'vxlan',
    target: 1.5,
  },
  gre: {
    what: 'into a GRE tunnel, 1,000 flows',
    flows: 1000,
    ours: ['--tunnel', 'gre', '--encap'],
    theirs: 'gre',
    target: 1.5,
  },
  'vxlan-decap': {
    what: 'out of a VXLAN tunnel',
    flows: 1000,
    ours: ['--tunnel', 'vxlan', '--decap'],
    theirs: 'vxlan-decap',
  },
  'gre-decap': { what: 'out of a GRE tunnel', flows: 1000, ours: ['--tunnel', 'gre', '--decap'], theirs: 'gre-decap' },
};

interface Forwarder extends Session {
  rate(c: Case, turn: Turn): Promise<number>;
}

/** A program of `weft bench`, to its end: what it says as JSON. */
export function weftBench<T>(...args: readonly string[]): T {
  const r = spawnSync(process.execPath, [WEFT, 'bench', ...args, '--json'], { encoding: 'utf8', timeout: 180_000 });
  if (r.error) throw r.error;
  if (r.status !== 0) throw new Error(`weft bench ${args[0]}: ${r.stderr.trim().split('\n').pop()}`);
  return JSON.parse(r.stdout) as T;
}

const weft: Side<Forwarder> = {
  name: OURS,
  async open() {
    return {
      async rate(c, turn) {
        const args = ['--frames', frames(c.flows), '--seconds', String(turn.seconds), ...c.ours];
        return weftBench<{ mpps_processor: number }>('forward', ...args).mpps_processor;
      },
      close() {},
    };
  },
};

const dpdk: Side<Forwarder> = {
  name: 'ovs-dpdk',
  async open(turn) {
    const peer = new Dpdk(turn);
    return { rate: (c) => peer.measure(c.theirs), close: () => peer.close() };
  },
};

const rows = Object.entries(CASES).map(
  ([name, c]): Row<Forwarder> => ({
    name: `forward-${name}`,
    what: c.what,
    unit: 'Mpps',
    better: 'higher',
    targets: { 'ovs-dpdk': c.target },
    measure: (s, turn) => s.rate(c, turn),
  }),
);

export const forward = group({
  name: 'forward',
  what: 'memory to memory, 60-byte frames (64 with check sequence), one worker; packets a second of its processor time',
  sides: [weft, dpdk],
  rows,
});
