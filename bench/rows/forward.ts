/** Memory to memory, one worker: frames of a capture held in memory go round and round through the switch and are freed behind it. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { WEFT } from '../../test/support/live.js';
import { Dpdk } from '../lib/dpdk.js';
import { frames, PEERS } from '../lib/files.js';
import { group, OURS, type Row, type Session, type Side, type Turn } from '../lib/row.js';

/** A case by both switches' names for it. */
interface Case {
  readonly row: string;
  readonly what: string;
  readonly flows: number;
  /** Flow file in bench/peers. */
  readonly file: string;
  readonly microflow: boolean;
  /** Of ovs-dpdk-forward. */
  readonly peer: string;
  readonly target: number;
}

const CASES: readonly Case[] = [
  {
    row: 'forward-simple',
    what: 'one flow that matches the port',
    flows: 1,
    file: 'flows-simple.txt',
    microflow: true,
    peer: 'simple',
    target: 2,
  },
  {
    row: 'forward-microflow',
    what: '1,000 microflows, two masks',
    flows: 1000,
    file: 'flows-few-masks.txt',
    microflow: true,
    peer: 'microflow',
    target: 2,
  },
  {
    row: 'forward-megaflow',
    what: 'the same without microflow caches',
    flows: 1000,
    file: 'flows-few-masks.txt',
    microflow: false,
    peer: 'megaflow',
    target: 2.5,
  },
  {
    row: 'forward-10k',
    what: '10,000 exact megaflows, no microflow caches',
    flows: 10_000,
    file: 'flows-five-tuple.txt',
    microflow: false,
    peer: 'exact10k',
    target: 3,
  },
  {
    row: 'forward-20-masks',
    what: '10,000 megaflows under 20 masks, all alike often',
    flows: 10_000,
    file: 'flows-20-masks.txt',
    microflow: true,
    peer: 'masks20',
    target: 3,
  },
  {
    row: 'forward-100k',
    what: '100,000 megaflows',
    flows: 100_000,
    file: 'flows-five-tuple.txt',
    microflow: true,
    peer: 'flows100k',
    target: 3,
  },
];

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
        const args = ['--frames', frames(c.flows), '--flows', join(PEERS, c.file), '--seconds', String(turn.seconds)];
        if (!c.microflow) args.push('--no-microflow');
        return weftBench<{ mpps: number }>('forward', ...args).mpps;
      },
      close() {},
    };
  },
};

const dpdk: Side<Forwarder> = {
  name: 'ovs-dpdk',
  async open(turn) {
    const peer = new Dpdk(turn);
    return { rate: async (c) => (await peer.measure(c.peer)).mpps, close: () => peer.close() };
  },
};

const rows = CASES.map(
  (c): Row<Forwarder> => ({
    name: c.row,
    what: c.what,
    unit: 'Mpps',
    better: 'higher',
    targets: { 'ovs-dpdk': c.target },
    measure: (s, turn) => s.rate(c, turn),
  }),
);

export const forward = group({
  name: 'forward',
  what: 'memory to memory, 60-byte frames (64 with check sequence), one worker',
  sides: [weft, dpdk],
  rows,
});
