/**
 * Whose process the switch is, and what it may do. Started by root it gives up what it has no use for; with --user it becomes that user and keeps only
 * what ports need.
 */
import { loadAddon } from '../../datapath/driver/load.js';
import { UserError } from '../../lib/errors.js';

/** Numbers of linux/capability.h; `user`: kept with --user, too. What else a root has, it gives up. */
const CAPABILITIES: readonly { readonly number: number; readonly name: string; readonly user: boolean }[] = [
  // Files and directories of other users: run directory, database, log.
  { number: 1, name: 'dac_override', user: false },
  // Controllers' and managers' ports below 1024.
  { number: 10, name: 'net_bind_service', user: true },
  { number: 11, name: 'net_broadcast', user: true },
  // Devices: TAPs, addresses, MTU.
  { number: 12, name: 'net_admin', user: true },
  // Packet sockets.
  { number: 13, name: 'net_raw', user: true },
  // Memory that stays.
  { number: 14, name: 'ipc_lock', user: true },
  // Network namespaces of ports (options:netns).
  { number: 21, name: 'sys_admin', user: false },
  // Programs of ours in the kernel.
  { number: 38, name: 'perfmon', user: true },
  { number: 39, name: 'bpf', user: true },
];

const DONE = 'WEFT_SWITCHD_USER';

/**
 * "USER", "USER:GROUP" or ":GROUP" of --user. This process is started anew as that user, by itself: it returns only where that was done. Throws
 * UserError.
 */
export function becomeUser(text: string): void {
  if (process.env[DONE] === text) return;
  const [user, group = ''] = text.split(':');
  const keep = CAPABILITIES.filter((c) => c.user).map((c) => c.number);
  const argv = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const env = Object.entries({ ...process.env, [DONE]: text }).map(([k, v]) => `${k}=${v ?? ''}`);
  try {
    loadAddon().becomeUser(user, group, keep, argv, env);
  } catch (e) {
    throw new UserError(e instanceof Error ? e.message : String(e));
  }
}

/** Of a root that is nobody else. Where it cannot be, it is as it was. */
export function dropCapabilities(log: (text: string) => void): void {
  if (process.getuid?.() !== 0 || process.env[DONE] !== undefined) return;
  try {
    loadAddon().dropCapabilities(CAPABILITIES.map((c) => c.number));
  } catch (e) {
    log(e instanceof Error ? e.message : String(e));
  }
}
