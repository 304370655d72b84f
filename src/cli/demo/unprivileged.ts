import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Set in the environment of the run inside, so that it does not try again. */
const INSIDE = 'WEFT_DEMO_INSIDE';

/**
 * Without root: runs this program again as root of a user namespace of its own, with its own network and mounts. Returns its exit status, or the
 * reason why the kernel refused. Undefined: we are root (or inside already), go on.
 */
export function runInUserNamespace(): number | string | undefined {
  if (process.getuid?.() === 0 || process.env[INSIDE]) return undefined;
  if (!existsSync('/usr/bin/unshare')) return 'not root, and there is no unshare program (package util-linux)';
  const probe = spawnSync('unshare', ['--user', '--map-root-user', '--net', '--mount', 'true'], { encoding: 'utf8' });
  if (probe.status !== 0) return `not root, and the kernel allows no user namespace: ${probe.stderr.trim()}`;
  // ip netns keeps names in /run/netns, which a mount of our own makes writable.
  const script = 'mount -t tmpfs tmpfs /run && exec "$0" "$@"';
  const command = [
    '--user',
    '--map-root-user',
    '--net',
    '--mount',
    'sh',
    '-c',
    script,
    process.execPath,
    ...process.argv.slice(1),
  ];
  const r = spawnSync('unshare', command, { stdio: 'inherit', env: { ...process.env, [INSIDE]: '1' } });
  return r.status ?? 1;
}
