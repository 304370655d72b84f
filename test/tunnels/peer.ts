/** raw-socket, which has a native part: where `npm ci` could not build it (it looks for the headers of Node on the net), it is built against those of this Node. */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as RawSocket from 'raw-socket';
import { OUTSIDE } from '../../src/cli/lab/packages.js';

const PEER = fileURLToPath(new URL('../../../test/tunnels/peer/', import.meta.url));
const require = createRequire(join(PEER, 'package.json'));

/** Throws where there is none. */
export const rawSocket = (): typeof RawSocket => require('raw-socket');

function isThere(): boolean {
  try {
    rawSocket();
    return true;
  } catch {
    return false;
  }
}

/** Why there is none, or nothing. */
export function rawSocketMissing(): string | undefined {
  if (isThere()) return undefined;
  const env = { ...process.env, npm_config_nodedir: dirname(dirname(process.execPath)) };
  const outside = process.env[OUTSIDE];
  const [program, ...words] = [
    ...(outside ? ['nsenter', `--net=${outside}`] : []),
    ...['npm', 'install', '--no-save', '--no-package-lock', '--no-audit', '--no-fund'],
  ];
  const r = spawnSync(program, words, { cwd: PEER, env, encoding: 'utf8', timeout: 120_000 });
  return isThere() ? undefined : `raw-socket could not be built: ${r.stderr?.trim().split('\n').at(-1) ?? r.error}`;
}
