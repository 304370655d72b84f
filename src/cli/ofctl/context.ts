/** What every command is given: the options, where to print, and how to reach switches. */

import { UserError } from '../../lib/errors.js';
import { parseVersion } from '../../openflow/version.js';
import type { ParsedLine } from './options.js';

export interface Io {
  /** Text for standard output. */
  out(text: string): void;
  err(text: string): void;
  readonly isTty: boolean;
}

export interface Criterion {
  readonly field: string;
  readonly ascending: boolean;
}

/** What monitor and snoop are as processes. */
export interface DaemonSettings {
  readonly detach: boolean;
  readonly chdir: boolean;
  /** '' for the usual one. */
  readonly pidFile: string | undefined;
  readonly unixctl: string | undefined;
}

export interface Settings {
  /** "ovs-ofctl", or "weft ofctl". */
  readonly program: string;
  /** Bitmap from -O; undefined when it was not given. */
  readonly versions: number | undefined;
  readonly strict: boolean;
  readonly readOnly: boolean;
  readonly readd: boolean;
  readonly bundle: boolean;
  readonly mayCreate: boolean;
  readonly timestamp: boolean;
  readonly stats: boolean;
  readonly verbosity: number;
  /** Seconds; 0 for ever. */
  readonly timeout: number;
  /** undefined: names when standard output is a terminal. */
  readonly names: boolean | undefined;
  readonly sort: readonly Criterion[];
  readonly flowFormat: string | undefined;
  readonly packetInFormat: string | undefined;
  /** Flows in colours; 'auto' on a terminal. */
  readonly color: boolean | 'auto';
  readonly daemon: DaemonSettings;
}

export interface Command {
  readonly settings: Settings;
  readonly io: Io;
  /** Connections register here, to be closed at the end whatever happens. */
  readonly openClients: Set<{ close(): void }>;
  /** After the command's name. */
  readonly args: readonly string[];
}

function versionBitmap(list: string): number {
  let bitmap = 0;
  for (const name of list.split(/[ ,]+/).filter(Boolean)) {
    const version = parseVersion(name);
    if (version === undefined) throw new UserError(`Unknown OpenFlow version: "${name}"`);
    bitmap |= 1 << version;
  }
  return bitmap;
}

/** Throws UserError for values that cannot be. */
export function readSettings(line: ParsedLine, program: string): Settings {
  const flags = new Set(line.options.map(([name]) => name));
  const last = (name: string): string | undefined => line.options.findLast(([n]) => n === name)?.[1];
  const timeout = flags.has('timeout') ? Number(last('timeout')) : 0;
  if (flags.has('timeout') && !(timeout > 0)) {
    throw new UserError(`value ${last('timeout')} on -t or --timeout is invalid`);
  }
  const color = last('color');
  if (color !== undefined && !['', 'always', 'auto', 'never'].includes(color)) {
    throw new UserError(`incorrect value \`${color}' for --color`);
  }
  const protocols = last('protocols');
  const sort = line.options
    .filter(([n]) => n === 'sort' || n === 'rsort')
    .map(([n, value]) => ({ field: value ?? '', ascending: n === 'sort' }));
  const names = line.options.findLast(([n]) => n === 'names' || n === 'no-names')?.[0];
  return {
    program,
    versions: protocols === undefined ? undefined : versionBitmap(protocols),
    strict: flags.has('strict'),
    readOnly: flags.has('read-only'),
    readd: flags.has('readd'),
    bundle: flags.has('bundle'),
    mayCreate: flags.has('may-create'),
    timestamp: flags.has('timestamp'),
    stats: line.options.findLast(([n]) => n === 'stats' || n === 'no-stats')?.[0] !== 'no-stats',
    verbosity: line.options.filter(([n]) => n === 'more').length,
    timeout,
    names: names === undefined ? undefined : names === 'names',
    sort,
    flowFormat: last('flow-format'),
    packetInFormat: last('packet-in-format'),
    daemon: {
      detach: flags.has('detach'),
      chdir: !flags.has('no-chdir'),
      pidFile: flags.has('pidfile') ? (last('pidfile') ?? '') : undefined,
      unixctl: last('unixctl'),
    },
    color: color === 'auto' || color === '' ? 'auto' : color === 'always',
  };
}
