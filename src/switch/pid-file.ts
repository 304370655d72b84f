import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { loadAddon } from '../datapath/driver/load.js';
import { UserError } from '../lib/errors.js';

/** Writes our number to a file and keeps a lock on it; its path. Throws UserError when another process has it. */
export function lockPidFile(path: string): string {
  try {
    loadAddon().lockPidFile(path);
  } catch (e) {
    throw new UserError(e instanceof Error ? e.message : String(e));
  }
  return path;
}

function told(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/**
 * Is the process on its way out? The kernel has taken its memory, so that it has no command line any more, and closes its files, of packet sockets one every
 * few milliseconds. A zombie that has no other thread has closed all.
 */
function isDying(pid: string, proc: string): boolean {
  const status = told(join(proc, pid, 'status'));
  if (status === '' || told(join(proc, pid, 'cmdline')) !== '') return false;
  if (!/^State:\s+Z/m.test(status)) return true;
  try {
    return readdirSync(join(proc, pid, 'task')).length > 1;
  } catch {
    return false;
  }
}

const LOOK_MS = 20;
const PATIENCE_MS = 60_000;

/**
 * Resolves when the process that a pid file names, killed with many ports open, has let go of its devices: until then they cannot be had again. At once
 * where it lives or is gone. `proc`: for tests.
 */
export async function formerHasGone(path: string, proc = '/proc'): Promise<void> {
  const pid = told(path).trim();
  if (!/^\d+$/.test(pid)) return;
  const end = performance.now() + PATIENCE_MS;
  while (isDying(pid, proc) && performance.now() < end) await pause(LOOK_MS);
}
