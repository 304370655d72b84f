/** Two workers on two processors, by the clock: what they cost each other shows in no processor time. The peer is one worker. */
import { join } from 'node:path';
import { frames, PEERS } from '../lib/files.js';
import { group, OURS, type Session, type Side } from '../lib/row.js';
import { weftBench } from '../lib/weft-bench.js';

interface Workers extends Session {
  readonly count: number;
}

const side = (name: string, count: number): Side<Workers> => ({ name, open: async () => ({ count, close() {} }) });

export const workers = group<Workers>({
  name: 'workers',
  what: 'scaling over processors',
  sides: [side(OURS, 2), side('one worker', 1)],
  rows: [
    {
      name: 'two-workers',
      what: 'a pair of ports a worker, one flow each',
      unit: 'Mpps',
      better: 'higher',
      targets: { 'one worker': 1.9 },
      measure({ count }, { seconds }) {
        const args = ['--frames', frames(1), '--flows', join(PEERS, 'flows-two-workers.txt')];
        return weftBench<{ mpps: number }>('forward', ...args, '--workers', String(count), '--seconds', String(seconds))
          .mpps;
      },
    },
  ],
});
