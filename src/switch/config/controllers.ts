/** Controller rows: what stands above a bridge, and what is told of it. */
import { isAbsolute, join } from 'node:path';
import { UserError } from '../../lib/errors.js';
import { RECONNECT_DEFAULTS } from '../../openflow/reconnect.js';
import { rateLimit } from '../../openflow/server/pacer.js';
import { ROLE } from '../../openflow/server/session.js';
import { parseTarget } from '../../openflow/target.js';
import { parseVersion } from '../../openflow/version.js';
import type { ControllerSpec } from '../controller-link.js';
import type { ControllerStatus } from '../controllers.js';
import type { ControllerRow } from './tables.js';

/** Throws UserError when the target makes no sense. Unix sockets that are not named in full are in the run directory. */
export function controllerSpec(row: ControllerRow, runDir: string): ControllerSpec {
  const parsed = parseTarget(row.target);
  const isRelative = parsed.kind === 'unix' && !isAbsolute(parsed.host);
  const target = isRelative ? { ...parsed, host: join(runDir, parsed.host) } : parsed;
  const peer = row.type === 'primary' || row.type === 'service' ? row.type : target.passive ? 'service' : 'primary';
  const { controller_rate_limit: rate, controller_burst_limit: burst } = row;
  return {
    text: row.target,
    target,
    peer,
    maxBackoffMs: Math.max(1000, row.max_backoff ?? RECONNECT_DEFAULTS.maxBackoffMs),
    probeMs: Math.max(0, row.inactivity_probe ?? RECONNECT_DEFAULTS.probeMs),
    rate: rate === undefined || rate <= 0 ? undefined : rateLimit(rate, burst),
  };
}

/** A bitmap; undefined, which is all of them, where none is named. */
export function versionsOf(protocols: readonly string[]): number | undefined {
  const versions = protocols.flatMap((p) => parseVersion(p) ?? []);
  return versions.length === 0 ? undefined : versions.reduce((bits, v) => bits | (1 << v), 0);
}

const ROLES: Readonly<Record<number, string>> = {
  [ROLE.equal]: 'other',
  [ROLE.primary]: 'master',
  [ROLE.secondary]: 'slave',
};

/** The status columns; undefined `s`: nobody looks after this row. `now` in milliseconds of the clock that `s` counts in. */
export function controllerStatus(s: ControllerStatus | undefined, now: number) {
  if (!s) return { is_connected: false, role: undefined, status: new Map<string, string>() };
  const status = new Map<string, string>();
  if (s.lastError !== undefined) status.set('last_error', s.lastError.charAt(0).toUpperCase() + s.lastError.slice(1));
  if (s.state !== 'LISTENING') status.set('state', s.state);
  const seconds = (at: number | undefined): string | undefined =>
    at === undefined ? undefined : String(Math.floor((now - at) / 1000));
  const connect = seconds(s.connectedAt);
  const disconnect = seconds(s.disconnectedAt);
  if (connect !== undefined) status.set('sec_since_connect', connect);
  if (disconnect !== undefined) status.set('sec_since_disconnect', disconnect);
  s.peer?.pacing?.forEach((p, i) => {
    for (const [what, n] of Object.entries(p))
      status.set(`packet-in-${i === 0 ? 'miss' : 'action'}-${what}`, String(n));
  });
  const role = s.isConnected && s.peer ? ROLES[s.peer.role] : undefined;
  return { is_connected: s.isConnected, role, status };
}

/** Of rows with one target the first counts; what cannot be one is told, and left out. */
export function controllerSpecs(rows: readonly ControllerRow[], runDir: string, fault: (text: string) => void) {
  const specs = new Map<string, ControllerSpec>();
  for (const row of rows) {
    try {
      if (!specs.has(row.target)) specs.set(row.target, controllerSpec(row, runDir));
    } catch (e) {
      if (!(e instanceof UserError)) throw e;
      fault(e.message);
    }
  }
  return [...specs.values()];
}
