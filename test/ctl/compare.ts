/** What two switches say to the same command line, held side by side. */
import type { Answer, Ask, PortNumbers } from './world.js';

/** Words of a line; quotes keep spaces together. */
export function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2]);
}

/** What differs from run to run. */
function plain(text: string, { files }: Side): string {
  return text
    .replaceAll(files, 'DIR')
    .replace(/\bused:\d+\.\d+s/g, 'used:T')
    .replace(/\bduration=\d+s/g, 'duration=T')
    .replace(/(member mac: )[0-9a-f:]{17}/g, '$1M')
    .replace(/\tb2, b1$/m, '\tb1, b2')
    .replace(/ufid:[0-9a-f-]{36}/g, 'ufid:U');
}

export interface Side {
  readonly ask: Ask;
  readonly ports: PortNumbers;
  /** What DIR stands for. */
  readonly files: string;
}

export async function said(side: Side, line: string): Promise<Answer> {
  const words = wordsOf(side.ports.fill(line)).map((w) => w.replace(/^DIR/, side.files));
  const { ok, text } = await side.ask(words);
  const out = side.ports.unfill(plain(text, side));
  // Flows come in the order of a hash.
  return { ok, text: line.includes('dump-flows') ? out.split('\n').sort().join('\n') : out };
}
