/**
 * Imported first, runs the suite again in a network and a mount namespace of its own, and ends with its status. Devices and names of namespaces are then
 * the suite's alone, so that two runs do not meet, and the kernel takes all of them away with the last process, however that ended.
 *
 * Without root, or where the kernel refuses, the suite runs where it is: it says itself what it cannot do.
 */
import { spawnSync } from 'node:child_process';
import { mortal } from '../../src/cli/lab/mortal.js';
import { OUTSIDE } from '../../src/cli/lab/packages.js';

// ip netns keeps its names in /run/netns.
const PREPARE =
  'mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && ip link set lo up && mount -t sysfs sysfs /sys && exec "$0" "$@"';
const ENTER = ['--net', '--mount', '--propagation', 'private'];

function possible(): boolean {
  return spawnSync('unshare', [...ENTER, 'sh', '-c', PREPARE, 'true']).status === 0;
}

if (process.getuid?.() === 0 && !process.env[OUTSIDE] && possible()) {
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const [command, args] = mortal('unshare', [...ENTER, 'sh', '-c', PREPARE, ...again]);
  const env = { ...process.env, [OUTSIDE]: `/proc/${process.pid}/ns/net` };
  const r = spawnSync(command, args, { stdio: 'inherit', env });
  process.exit(r.status ?? 1);
}
