/**
 * Putting packets into tunnels and taking them out, beside OVS-DPDK in the same run: node dist/bench/tunnels.js [--rounds N] [--seconds N] [--json].
 *
 * Both in one worker, memory to memory, with the same 1,000 flows of 60-byte frames; in each round weft and then OVS-DPDK. The figure is the median of
 * the rounds, by processor time of the worker: by the clock, whatever else runs on the machine counts.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FLOWS = 1000;

/** As the peer calls them, and the ratio that is wanted. */
const CASES = [
  { name: 'vxlan', args: ['--tunnel', 'vxlan', '--encap'], least: 1.5 },
  { name: 'gre', args: ['--tunnel', 'gre', '--encap'], least: 1.5 },
  { name: 'vxlan-decap', args: ['--tunnel', 'vxlan', '--decap'], least: 0.9 },
  { name: 'gre-decap', args: ['--tunnel', 'gre', '--decap'], least: 0.9 },
] as const;

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env: { ...process.env, ...env } });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr || `status ${status}`}`);
  return stdout;
}

function weft(frames: string, args: readonly string[], seconds: string): number {
  const all = [join(ROOT, 'bin/weft'), 'bench', 'forward', '--frames', frames, ...args, '--seconds', seconds, '--json'];
  const { mpps_processor: mpps }: { mpps_processor: number } = JSON.parse(run(process.execPath, all));
  return mpps;
}

/** All cases by name. Its bridges get an address, so it runs in a network of its own. */
function ovsDpdk(seconds: string): Map<string, number> {
  const script = `ip link set lo up; "$0" ${CASES.map((c) => c.name).join(' ')}`;
  const forward = join(ROOT, 'bench/peers/ovs-dpdk-forward');
  const text = run('unshare', ['--net', 'bash', '-c', script, forward], { SECONDS_EACH: seconds });
  const figures = new Map<string, number>();
  for (const line of text.trim().split('\n')) {
    const [name, , , mpps] = line.split(' ');
    figures.set(name, Number(mpps));
  }
  return figures;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function main(): void {
  const { values } = parseArgs({
    options: { rounds: { type: 'string' }, seconds: { type: 'string' }, json: { type: 'boolean' } },
  });
  const rounds = Number(values.rounds ?? 3);
  const seconds = values.seconds ?? '2';
  const dir = mkdtempSync(join(tmpdir(), 'weft-bench-'));
  try {
    const frames = join(dir, 'frames.pcap');
    run(join(ROOT, 'bench/peers/make-frames'), [String(FLOWS), frames]);
    const ours = CASES.map((): number[] => []);
    const theirs = CASES.map((): number[] => []);
    for (let round = 0; round < rounds; round++) {
      CASES.forEach((c, i) => {
        ours[i].push(weft(frames, c.args, seconds));
      });
      const peer = ovsDpdk(seconds);
      CASES.forEach((c, i) => {
        theirs[i].push(peer.get(c.name) ?? Number.NaN);
      });
    }
    const rows = CASES.map(({ name, least }, i) => {
      const [mpps, peer] = [median(ours[i]), median(theirs[i])];
      return { name, weft: mpps, ovs_dpdk: peer, ratio: mpps / peer, least };
    });
    process.stdout.write(values.json ? `${JSON.stringify(rows)}\n` : table(rows));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function table(
  rows: readonly { name: string; weft: number; ovs_dpdk: number; ratio: number; least: number }[],
): string {
  const line = (cells: readonly string[]) =>
    `${cells.map((c, i) => (i === 0 ? c.padEnd(14) : c.padStart(10))).join('')}\n`;
  const head = line(['Mpps', 'weft', 'OVS-DPDK', 'ratio', 'at least']);
  return (
    head +
    rows
      .map((r) => line([r.name, r.weft.toFixed(2), r.ovs_dpdk.toFixed(2), r.ratio.toFixed(2), r.least.toFixed(1)]))
      .join('')
  );
}

main();
