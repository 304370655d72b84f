/**
 * Two workers on two processors. By the clock, which is what counts; by processor time, which leaves out waiting for a processor and shows what two workers cost each
 * other (lines that change hands, memory, clocks); and against the bare loop, which shares nothing and so says what the machine gives two threads in the same minute.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { frames, PEERS } from '../lib/files.js';
import { native } from '../lib/programs.js';
import { group, OURS, type Session, type Side, type Turn } from '../lib/row.js';
import { weftBench } from '../lib/weft-bench.js';

interface Workers extends Session {
  /** Mpps of so many workers. */
  rates(workers: number, turn: Turn): { mpps: number; mpps_processor: number };
  readonly count: number;
  /** What two bring for each that one brings. */
  scaling(turn: Turn): number;
}

function rates(workers: number, { seconds }: Turn): { mpps: number; mpps_processor: number } {
  const args = ['--frames', frames(1), '--flows', join(PEERS, 'flows-two-workers.txt'), '--seconds', String(seconds)];
  return weftBench('forward', ...args, '--workers', String(workers));
}

const ofSwitch = (name: string, count: number): Side<Workers> => ({
  name,
  open: async () => ({
    count,
    rates,
    scaling: (turn) => rates(2, turn).mpps / rates(1, turn).mpps,
    close() {},
  }),
});

const bare: Side<Workers> = {
  name: 'bare loop',
  async open() {
    const program = native('scaling');
    return {
      count: 2,
      rates,
      scaling({ seconds }) {
        const r = spawnSync(program, ['1', String(seconds)], { encoding: 'utf8' });
        const found = /scales ([\d.]+)/.exec(r.stdout);
        if (!found) throw new Error(`scaling: ${r.stderr}`);
        return Number(found[1]);
      },
      close() {},
    };
  },
};

export const workers = group<Workers>({
  name: 'workers',
  what: 'scaling over processors',
  sides: [ofSwitch(OURS, 2), ofSwitch('one worker', 1), bare],
  rows: [
    {
      name: 'two-workers',
      what: 'a pair of ports a worker, one flow each',
      unit: 'Mpps',
      better: 'higher',
      targets: { 'one worker': 1.9 },
      measure: (s, turn) => s.rates(s.count, turn).mpps,
    },
    {
      name: 'two-workers-processor',
      what: 'the same, packets a second of processor time, for each processor',
      unit: 'Mpps',
      better: 'higher',
      targets: { 'one worker': 1.9 },
      measure: (s, turn) => s.count * s.rates(s.count, turn).mpps_processor,
    },
    {
      name: 'two-workers-scaling',
      what: 'what two workers bring for each that one brings, beside two threads that share nothing',
      unit: 'times',
      better: 'higher',
      targets: { 'bare loop': 0.95 },
      measure: (s, turn) => s.scaling(turn),
    },
  ],
});
