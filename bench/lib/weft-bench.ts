import { spawnSync } from 'node:child_process';
import { WEFT } from '../../test/support/live.js';

/** A program of `weft bench`, to its end: what it says as JSON. */
export function weftBench<T>(...args: readonly string[]): T {
  const r = spawnSync(process.execPath, [WEFT, 'bench', ...args, '--json'], { encoding: 'utf8', timeout: 180_000 });
  if (r.error) throw r.error;
  if (r.status !== 0) throw new Error(`weft bench ${args[0]}: ${r.stderr.trim().split('\n').pop()}`);
  return JSON.parse(r.stdout) as T;
}
