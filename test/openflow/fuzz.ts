/** npm run fuzz:openflow -- [--seconds N] [--seed S]: spoilt messages through the decoder, and what they found. Status 1 when that is anything. */
import { Random } from '../../src/lib/random.js';
import { corpus } from '../../src/openflow/testing/corpus.js';
import { hex, judge } from '../../src/openflow/testing/soundness.js';
import { spoilt } from '../../src/openflow/testing/spoil.js';
import { numberOption } from '../support/options.js';

/** The largest message takes some 50 ms to read, print, write, read and write again; more than this is a finding. */
const SLOW_MS = 1000;
const MAX_FINDINGS = 20;

const seconds = numberOption('seconds', 60);
const seed = numberOption('seed', 1);
const samples = corpus(seed, 60);
const r = new Random(seed);
const findings = new Map<string, { fault: string; bytes: Uint8Array }>();
const counts = { messages: 0, refused: 0, slowestMs: 0 };
const now = () => performance.now();
/** Milliseconds of this process's own time: the machine may be busy with others. */
const worked = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const end = now() + seconds * 1000;
const reasons = new Set<string>();
while (now() < end && findings.size < MAX_FINDINGS) {
  const bytes = spoilt(r.pick(samples).bytes, r.pick(samples).bytes, r);
  counts.messages++;
  const start = worked();
  const verdict = judge(bytes);
  let ms = worked() - start;
  // Not the machine's business of the moment.
  for (let n = 0; n < 3 && ms > SLOW_MS; n++) ms = Math.min(ms, measure(bytes));
  counts.slowestMs = Math.max(counts.slowestMs, ms);
  if (verdict.refused !== undefined) {
    counts.refused++;
    reasons.add(verdict.refused);
  }
  const fault = verdict.fault ?? (ms > SLOW_MS ? `takes ${Math.round(ms)} ms` : undefined);
  if (fault === undefined) continue;
  const kind = fault.replace(/[0-9a-f]{8,}|\d+/g, '').slice(0, 100);
  const shorter = (findings.get(kind)?.bytes.length ?? Number.POSITIVE_INFINITY) > bytes.length;
  if (shorter) findings.set(kind, { fault, bytes });
}

function measure(bytes: Uint8Array): number {
  const start = worked();
  judge(bytes);
  return worked() - start;
}

for (const { fault, bytes } of findings.values())
  console.log(`${fault.slice(0, 1000)}\n    ${hex(bytes).slice(0, 4000)}`);
console.log(
  JSON.stringify({ seconds, seed, samples: samples.length, ...counts, reasons: reasons.size, findings: findings.size }),
);
process.exitCode = findings.size > 0 ? 1 : 0;
