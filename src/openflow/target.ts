/** Where a controller (or a database server) is, in the words of ovs-vswitchd.conf.db(5): tcp:HOST[:PORT], unix:PATH, ptcp:[PORT][:HOST], punix:PATH and ssl, pssl likewise. */
import { UserError } from '../lib/errors.js';

export interface Target {
  readonly kind: 'tcp' | 'ssl' | 'unix';
  /** True: we listen. */
  readonly passive: boolean;
  /** For unix the path; otherwise an address, "" for all when passive. */
  readonly host: string;
  readonly port: number;
}

export const OPENFLOW_PORT = 6653;
export const OVSDB_PORT = 6640;

function portOf(text: string | undefined, whole: string, otherwise: number): number {
  if (text === undefined || text === '') return otherwise;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new UserError(`${whole}: bad port number "${text}"`);
  return port;
}

export function parseTarget(text: string, otherwise = OPENFLOW_PORT): Target {
  const m = /^(p?)(tcp|ssl|unix):(.*)$/.exec(text);
  if (!m)
    throw new UserError(
      `${text}: ${otherwise === OVSDB_PORT ? 'a database' : 'a controller'} is tcp:HOST[:PORT], ssl:HOST[:PORT], unix:PATH, ptcp:[PORT][:HOST], pssl: or punix:PATH`,
    );
  const [, p, kind, rest] = m;
  const passive = p === 'p';
  if (kind === 'unix') {
    if (rest === '') throw new UserError(`${text}: a path is missing`);
    return { kind, passive, host: rest, port: 0 };
  }
  const k = kind === 'ssl' ? 'ssl' : 'tcp';
  if (passive) {
    const q = /^(\d*)(?::\[?([^\]]*)\]?)?$/.exec(rest);
    if (!q) throw new UserError(`${text}: what follows is [PORT][:HOST]`);
    return { kind: k, passive, host: q[2] ?? '', port: portOf(q[1], text, otherwise) };
  }
  const a = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^:[\]]+))(?::([^:]*))?$/.exec(rest);
  if (!a) throw new UserError(`${text}: what follows is HOST[:PORT], an IPv6 address in brackets`);
  return { kind: k, passive, host: a[1] ?? a[2], port: portOf(a[3], text, otherwise) };
}
