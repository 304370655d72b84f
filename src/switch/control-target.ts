/** Finds the control socket of the running switch, as ovs-appctl does: by the pid file in the run directory, or by what the caller names. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../lib/errors.js';

/** `target`: undefined for the switch of the run directory; a path of a socket; or a program's name. */
export function controlSocket(directory: string, target = 'ovs-vswitchd'): string {
  if (target.includes('/')) return target;
  const pidFile = join(directory, `${target}.pid`);
  let pid: string;
  try {
    pid = readFileSync(pidFile, 'utf8').trim();
  } catch {
    throw new UserError(
      `no switch runs in ${directory}: there is no ${pidFile} (set WEFT_RUNDIR to its run directory)`,
    );
  }
  return join(directory, `${target}.${pid}.ctl`);
}
