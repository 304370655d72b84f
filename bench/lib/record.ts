/** What was measured, kept: bench.json, and a plot a group. Rows of an earlier run stay until they are measured again. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { join } from 'node:path';
import type { Result } from './run.js';
import { plots } from './svg.js';

export interface Kept extends Result {
  /** UTC, to the minute. */
  readonly taken: string;
  /** Of the last minute, when it was taken. Our own measuring makes about 1 to 2 of it. */
  readonly load: number;
}

export interface Book {
  readonly machine: Readonly<Record<string, string>>;
  readonly rows: readonly Kept[];
}

function ovsVersion(): string {
  try {
    return execFileSync('ovs-vswitchd', ['--version'], { encoding: 'utf8' })
      .split('\n')[0]
      .replace(/^.*\) /, '');
  } catch {
    return 'not installed';
  }
}

const machine = (): Record<string, string> => ({
  processor: `${cpus().length} x ${cpus()[0].model}`,
  kernel: release(),
  node: process.version,
  'open vswitch': ovsVersion(),
});

export function read(dir: string): Book | undefined {
  const file = join(dir, 'bench.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Book) : undefined;
}

/** A book that is written after each row, so that a run that was ended has left what it had. `order` is the order of rows. */
export class Recorder {
  private readonly kept: Map<string, Kept>;
  private readonly machine = machine();

  constructor(
    private readonly dir: string,
    private readonly order: readonly string[],
  ) {
    mkdirSync(dir, { recursive: true });
    // Rows that no longer exist are not carried on.
    const before = read(dir)?.rows.filter((r) => order.includes(r.row)) ?? [];
    this.kept = new Map(before.map((r) => [r.row, r]));
  }

  add(r: Result): void {
    const taken = `${new Date().toISOString().slice(0, 16)}Z`;
    this.kept.set(r.row, { ...r, taken, load: Math.round(loadavg()[0] * 10) / 10 });
    const rows = [...this.kept.values()].sort((a, b) => this.order.indexOf(a.row) - this.order.indexOf(b.row));
    const book: Book = { machine: this.machine, rows };
    writeFileSync(join(this.dir, 'bench.json'), `${JSON.stringify(book, undefined, 1)}\n`);
    for (const [name, svg] of plots(rows)) writeFileSync(join(this.dir, `${name}.svg`), svg);
  }
}
