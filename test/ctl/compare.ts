/** What two switches say to the same command line, held side by side. */
import type { PortNumbers, Ran, Run } from './world.js';

/** Words of a line; quotes keep spaces together. */
export function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2]);
}

/** What differs from run to run. */
export function plain({ status, stdout, stderr }: Ran, files: string): Ran {
  const clean = (text: string): string =>
    text
      .replaceAll(files, 'DIR')
      .replace(/\bused:\d+\.\d+s/g, 'used:T')
      .replace(/\bduration=\d+s/g, 'duration=T')
      .replace(/ufid:[0-9a-f-]{36}/g, 'ufid:U');
  return { status, stdout: clean(stdout), stderr: clean(stderr) };
}

export interface Side {
  readonly run: Run;
  readonly ports: PortNumbers;
  /** What DIR stands for. */
  readonly files: string;
}

/** By numbers of ports: their names. */
function unnumbered(text: string, side: Side): string {
  return side.ports.unfill(text);
}

export function said(side: Side, program: string, line: string): Ran {
  const words = wordsOf(side.ports.fill(line)).map((w) => w.replace(/^DIR/, side.files));
  const r = plain(side.run(program, words), side.files);
  const stdout = unnumbered(r.stdout, side);
  // Flows come in the order of a hash.
  return { ...r, stdout: line.includes('dump-flows') ? stdout.split('\n').sort().join('\n') : stdout };
}
