/** Real peers come from Debian's packages: installed when the test runs as root and they are missing, named in a skip otherwise. */
import { spawnSync } from 'node:child_process';

/** Names, in the environment, the network namespace that packages come by, where a suite runs in one of its own. */
export const OUTSIDE = 'WEFT_OUTSIDE';

function has(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

let updated = false;

/**
 * Makes sure that programs exist. Rows are program → package. Returns undefined when all are there, else the reason why not: print it
 * as the reason of a skip.
 */
export function needPrograms(rows: Readonly<Record<string, string>>): string | undefined {
  const missing = () => Object.keys(rows).filter((p) => !has(p));
  if (missing().length === 0) return undefined;
  const packages = [...new Set(missing().map((p) => rows[p]))];
  const advice = `not installed: ${missing().join(', ')} (Debian packages: ${packages.join(' ')})`;
  const failed = installPackages(packages);
  if (missing().length === 0) return undefined;
  return failed === undefined ? advice : `${advice}; installing them failed: ${failed}`;
}

/** Installs them when this process may; what went wrong, "" when nothing did, undefined when nothing was tried. */
export function installPackages(packages: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0 || !has('apt-get')) return undefined;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const outside = process.env[OUTSIDE];
  const apt = (timeout: number, ...args: string[]) => {
    const words = [...(outside ? ['nsenter', `--net=${outside}`] : []), 'apt-get', '-q', ...args];
    return spawnSync(words[0], words.slice(1), { env, encoding: 'utf8', timeout });
  };
  if (!updated) apt(300_000, 'update');
  updated = true;
  const r = apt(600_000, 'install', '-y', '--no-install-recommends', ...packages);
  return (r.stderr || r.error?.message || '').trim().split('\n').pop() ?? '';
}

export const OVS_PROGRAMS = {
  'ovs-vswitchd': 'openvswitch-switch',
  'ovs-vsctl': 'openvswitch-switch',
  'ovsdb-server': 'openvswitch-switch',
  'ovs-ofctl': 'openvswitch-common',
  'ovs-appctl': 'openvswitch-common',
  'ovsdb-tool': 'openvswitch-common',
} as const;
