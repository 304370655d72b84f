/**
 * Programs that do not outlive us. What ends a suite may be a signal that it cannot catch, and then nobody is left to clean up; a daemon left behind
 * may keep a processor busy for ever. So the kernel is asked: setpriv sets a signal for the death of its parent, and becomes the program.
 *
 * The kernel forgets the signal when a program changes its user: what does (`setpriv --reuid`) must stand outside, before this.
 */
import { spawnSync } from 'node:child_process';

let available: boolean | undefined;

/** The program and its arguments, such that it is killed when this process ends, however that comes. Without setpriv (util-linux): as they are. */
export function mortal(command: string, args: readonly string[]): [command: string, args: string[]] {
  available ??= spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0;
  return available ? ['setpriv', ['--pdeathsig', 'KILL', '--', command, ...args]] : [command, [...args]];
}
