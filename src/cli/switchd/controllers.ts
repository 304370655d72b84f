/** What switchd's command line says about controllers. */
import { isAbsolute, join } from 'node:path';
import { UserError } from '../../lib/errors.js';
import { RECONNECT_DEFAULTS } from '../../openflow/reconnect.js';
import { rateLimit } from '../../openflow/server/pacer.js';
import { parseTarget } from '../../openflow/target.js';
import { parseVersion } from '../../openflow/version.js';
import type { ControllerSpec } from '../../switch/controller-link.js';
import type { ControllerOptions, FailMode } from '../../switch/controllers.js';
import { Tls } from '../../switch/tls.js';

/** For parseArgs. */
export const CONTROLLER_OPTIONS = {
  controller: { type: 'string', multiple: true },
  'fail-mode': { type: 'string', multiple: true },
  protocols: { type: 'string', multiple: true },
  'private-key': { type: 'string', short: 'p' },
  certificate: { type: 'string', short: 'c' },
  'ca-cert': { type: 'string', short: 'C' },
  'bootstrap-ca-cert': { type: 'string' },
} as const;

export const CONTROLLER_USAGE = `  --controller NAME=TARGET[,KEY=VALUE...]  a controller of a bridge, may be repeated: tcp:HOST[:PORT], ssl:HOST[:PORT], unix:PATH, or for it
                          to come to us ptcp:[PORT][:HOST], pssl:[PORT][:HOST], punix:PATH. Keys, as the database calls them: type
                          (primary, service), inactivity_probe, max_backoff (milliseconds), controller_rate_limit (packets a second),
                          controller_burst_limit. A bridge with a controller to connect to begins without a flow
  --fail-mode NAME=MODE   standalone (default: a learning switch when no controller answers) or secure
  --protocols NAME=OpenFlow10,...  versions of OpenFlow that a bridge speaks (default: 1.0 to 1.5)
  -p, --private-key, -c, --certificate, -C, --ca-cert FILE   PEM files for ssl and pssl; --ca-cert=none believes every peer
  --bootstrap-ca-cert FILE  as --ca-cert; where there is no such file yet, the first controller's authority is kept in it
`;

interface Values {
  readonly controller?: readonly string[];
  readonly 'fail-mode'?: readonly string[];
  readonly protocols?: readonly string[];
  readonly 'private-key'?: string;
  readonly certificate?: string;
  readonly 'ca-cert'?: string;
  readonly 'bootstrap-ca-cert'?: string;
}

/** NAME=VALUE. */
function pair(option: string, text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new UserError(`--${option} takes NAME=VALUE, not "${text}"`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function atLeast(name: string, text: string | undefined, min: number): number | undefined {
  if (text === undefined) return undefined;
  const n = Number(text);
  // The longest that a timer can wait.
  if (text === '' || !Number.isInteger(n) || n < min || n > 0x7fffffff) {
    throw new UserError(`${name} must be a whole number of at least ${min}, not "${text}"`);
  }
  return n;
}

const KEYS = 'type|inactivity_probe|max_backoff|controller_rate_limit|controller_burst_limit';

/** "tcp:127.0.0.1:6653,max_backoff=1000". A path may have commas: only those in front of a known key part. */
export function parseController(text: string, runDir: string): ControllerSpec {
  const [where, ...rest] = text.split(new RegExp(`,(?=(?:${KEYS})=)`));
  const parsed = parseTarget(where);
  const target =
    parsed.kind === 'unix' && !isAbsolute(parsed.host) ? { ...parsed, host: join(runDir, parsed.host) } : parsed;
  const values = new Map(rest.map((r) => pair('controller', r)));
  const number = (key: string, min: number) => atLeast(`${where}: ${key}`, values.get(key), min);
  const type = values.get('type') ?? (target.passive ? 'service' : 'primary');
  if (type !== 'primary' && type !== 'service') {
    throw new UserError(`${where}: type is primary or service, not "${type}"`);
  }
  const rate = number('controller_rate_limit', 100);
  const burst = number('controller_burst_limit', 25);
  return {
    text: where,
    target,
    peer: type,
    maxBackoffMs: number('max_backoff', 1000) ?? RECONNECT_DEFAULTS.maxBackoffMs,
    probeMs: number('inactivity_probe', 0) ?? RECONNECT_DEFAULTS.probeMs,
    rate: rate === undefined ? undefined : rateLimit(rate, burst),
  };
}

function parseVersions(text: string): number {
  let versions = 0;
  for (const name of text.split(',')) {
    const v = parseVersion(name);
    if (v === undefined) throw new UserError(`--protocols: "${name}" is none of OpenFlow10 to OpenFlow15`);
    versions |= 1 << v;
  }
  return versions;
}

export function parseTls(v: Values): Tls | undefined {
  const { 'private-key': privateKey, certificate, 'ca-cert': ca, 'bootstrap-ca-cert': bootstrap } = v;
  const given = [privateKey, certificate, ca ?? bootstrap];
  if (given.every((f) => f === undefined)) return undefined;
  if (ca !== undefined && bootstrap !== undefined)
    throw new UserError('give --ca-cert or --bootstrap-ca-cert, not both');
  const caCert = ca ?? bootstrap;
  if (privateKey === undefined || certificate === undefined || caCert === undefined) {
    throw new UserError('--private-key, --certificate and --ca-cert (or --bootstrap-ca-cert) go together');
  }
  return new Tls({ privateKey, certificate, caCert, bootstrap: bootstrap !== undefined });
}

/** By name of the bridge. */
export function parseControllers(v: Values, runDir: string): Map<string, ControllerOptions> {
  const tls = parseTls(v);
  const out = new Map<string, { controllers: ControllerSpec[]; failMode: FailMode; versions?: number; tls?: Tls }>();
  const of = (name: string) => {
    const there = out.get(name) ?? { controllers: [], failMode: 'standalone', tls };
    out.set(name, there);
    return there;
  };
  for (const text of v.controller ?? []) {
    const [name, rest] = pair('controller', text);
    const spec = parseController(rest, runDir);
    if (spec.target.kind === 'ssl' && !tls) {
      throw new UserError(`${spec.text}: ssl needs --private-key, --certificate and --ca-cert`);
    }
    const { controllers } = of(name);
    if (controllers.some((c) => c.text === spec.text)) throw new UserError(`${name} has ${spec.text} twice`);
    controllers.push(spec);
  }
  for (const text of v['fail-mode'] ?? []) {
    const [name, mode] = pair('fail-mode', text);
    if (mode !== 'standalone' && mode !== 'secure')
      throw new UserError(`--fail-mode ${name}: standalone or secure, not "${mode}"`);
    of(name).failMode = mode;
  }
  for (const text of v.protocols ?? []) {
    const [name, versions] = pair('protocols', text);
    of(name).versions = parseVersions(versions);
  }
  return out;
}
