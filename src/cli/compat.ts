import { lstatSync, mkdirSync, readlinkSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../lib/errors.js';
import { reason } from '../switch/of-sockets.js';

/** Names under which the launcher is another program. A test holds them against the launcher. */
export const COMPAT_NAMES: readonly string[] = [
  'ovs-vswitchd',
  'ovs-vsctl',
  'ovs-ofctl',
  'ovs-appctl',
  'ovs-dpctl',
  'ovsdb-client',
  'ovsdb-server',
];

const USAGE = `usage: weft compat DIR
Makes DIR with the names ${COMPAT_NAMES.join(', ')}: links to weft. With DIR first in PATH, scripts written
for Open vSwitch run weft.
`;

const LAUNCHER = fileURLToPath(new URL('../../../bin/weft', import.meta.url));

/** Throws UserError where something else has the name. */
function link(path: string): void {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there?.isSymbolicLink() && readlinkSync(path) === LAUNCHER) return;
  if (there) throw new UserError(`${path}: there is such a file already`);
  symlinkSync(LAUNCHER, path);
}

export async function main(args: readonly string[], program: string): Promise<number> {
  if (args.length !== 1 || args[0].startsWith('-')) {
    const help = args[0] === '--help' || args[0] === '-h';
    (help ? process.stdout : process.stderr).write(USAGE);
    return help ? 0 : 1;
  }
  const dir = resolve(args[0]);
  try {
    mkdirSync(dir, { recursive: true });
    for (const name of COMPAT_NAMES) link(join(dir, name));
  } catch (e) {
    process.stderr.write(`${program}: ${e instanceof UserError ? e.message : `${dir}: ${reason(e)}`}\n`);
    return 1;
  }
  process.stdout.write(`PATH=${dir}:$PATH\n`);
  return 0;
}
