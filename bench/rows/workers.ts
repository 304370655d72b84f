/**
 * Two workers on two processors. By the clock, which is what counts; by processor time, which leaves out waiting for a processor and shows what two workers cost each
 * other (lines that change hands, memory, clocks); and against the bare loop, which shares nothing and so says what the machine gives two threads in the same minute.
 * Two and one take turns of a quarter of a second within one program, on both sides.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { frames, PEERS } from '../lib/files.js';
import { native } from '../lib/programs.js';
import { group, OURS, type Session, type Side, type Turn } from '../lib/row.js';
import { median } from '../lib/run.js';
import { Shared } from '../lib/shared.js';
import { weftBench } from '../lib/weft-bench.js';

/** Slices of so long, in which all and one take turns: what disturbs the machine lasts longer. */
const SLICE_SECONDS = 0.25;

interface Workers extends Session {
  /** Mpps, by the clock or for each second of processor time. */
  rate(by: 'clock' | 'processor', turn: Turn): number | Promise<number>;
  /** What two bring for each that one brings. */
  scaling(turn: Turn): number;
}

interface Rates {
  readonly mpps: number;
  readonly mpps_processor: number;
}
type Both = { readonly [who in 'all' | 'one']: Rates };

const turns = (seconds: number): string => String(Math.max(2, Math.round(seconds / SLICE_SECONDS)));

function takeTurns({ seconds }: Turn): Both[] {
  const args = ['--frames', frames(1), '--flows', join(PEERS, 'flows-two-workers.txt'), '--workers', '2'];
  return weftBench('forward', ...args, '--turns', turns(seconds), '--seconds', String(SLICE_SECONDS));
}

/** The turns of one program give the figures of both sides. */
const taken = new Shared<Both[]>(['all', 'one'].flatMap((who) => [`${who} clock`, `${who} processor`]));

const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b) / xs.length;

const ofSwitch = (name: string, who: keyof Both): Side<Workers> => ({
  name,
  open: async () => ({
    async rate(by, turn) {
      const rates = (await taken.take(`${who} ${by}`, async () => takeTurns(turn))).map((t) => t[who]);
      if (by === 'clock') return mean(rates.map((r) => r.mpps));
      return (who === 'all' ? 2 : 1) * mean(rates.map((r) => r.mpps_processor));
    },
    scaling: (turn) => median(takeTurns(turn).map(({ all, one }) => all.mpps / one.mpps)),
    close() {},
  }),
});

const bare: Side<Workers> = {
  name: 'bare loop',
  async open() {
    const program = native('scaling');
    return {
      rate() {
        throw new Error('the bare loop is measured by what it scales');
      },
      scaling({ seconds }) {
        const args = [turns(seconds), String(SLICE_SECONDS)];
        const r = spawnSync(program, args, { encoding: 'utf8' });
        const found = [...r.stdout.matchAll(/scales ([\d.]+)/g)].map((m) => Number(m[1]));
        if (found.length === 0) throw new Error(`scaling: ${r.stderr}`);
        return median(found);
      },
      close() {},
    };
  },
};

export const workers = group<Workers>({
  name: 'workers',
  what: 'scaling over processors',
  sides: [ofSwitch(OURS, 'all'), ofSwitch('one worker', 'one'), bare],
  rows: [
    {
      name: 'two-workers',
      what: 'a pair of ports a worker, one flow each',
      unit: 'Mpps',
      better: 'higher',
      targets: { 'one worker': 1.9 },
      measure: (s, turn) => s.rate('clock', turn),
    },
    {
      name: 'two-workers-processor',
      what: 'the same, packets a second of processor time, for each processor',
      unit: 'Mpps',
      better: 'higher',
      targets: { 'one worker': 1.9 },
      measure: (s, turn) => s.rate('processor', turn),
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
