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
