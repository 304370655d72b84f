/** Files that several rows read, made once a run in a folder that goes with the process. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PEERS = fileURLToPath(new URL('../../../bench/peers/', import.meta.url));

let dir: string | undefined;

export function scratch(): string {
  if (dir === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'weft-bench-'));
    process.on('exit', () => rmSync(made, { recursive: true, force: true }));
    dir = made;
  }
  return dir;
}

/** A pcap of 60-byte UDP frames of so many flows (bench/peers/make-frames). */
export function frames(flows: number, ...kind: readonly string[]): string {
  const file = join(scratch(), `f${flows}${kind.join('-')}.pcap`);
  if (!existsSync(file)) execFileSync(join(PEERS, 'make-frames'), [String(flows), file, ...kind]);
  return file;
}
