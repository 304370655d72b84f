/** Patterns of log lines, as ovs-appctl(8) describes them for vlog/set: "%D{%Y-%m-%dT%H:%M:%S.###Z}|%05N|%c%T|%p|%m". */
import { hostname } from 'node:os';

export interface Entry {
  readonly module: string;
  readonly level: string;
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Since the program began, ms. */
  readonly elapsed: number;
  readonly number: number;
  readonly program: string;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (n: number): string => String(n).padStart(2, '0');

/** Conversions of strftime(3) that logs have use for. Of a date whose UTC is the time to be told: who logs in UTC never asks for the machine's zone. */
const TIMES: Readonly<Record<string, (d: Date, at: number) => string>> = {
  Y: (d) => String(d.getUTCFullYear()),
  y: (d) => two(d.getUTCFullYear() % 100),
  m: (d) => two(d.getUTCMonth() + 1),
  d: (d) => two(d.getUTCDate()),
  e: (d) => String(d.getUTCDate()).padStart(2),
  H: (d) => two(d.getUTCHours()),
  M: (d) => two(d.getUTCMinutes()),
  S: (d) => two(d.getUTCSeconds()),
  h: (d) => MONTHS[d.getUTCMonth()],
  b: (d) => MONTHS[d.getUTCMonth()],
  a: (d) => DAYS[d.getUTCDay()],
  s: (_, at) => String(Math.floor(at / 1000)),
  F: (d) => `${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}`,
  T: (d) => `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`,
  '%': () => '%',
};

/** "###" stands for the milliseconds. */
function time(format: string, at: number, utc: boolean): string {
  const zone = utc ? 0 : new Date(at).getTimezoneOffset() * 60_000;
  const d = new Date(at - zone);
  const ms = String(at % 1000).padStart(3, '0');
  return format
    .replace(/%(.)/g, (whole, c: string) => TIMES[c]?.(d, at) ?? whole)
    .replace(/#+/g, (marks) => ms.slice(0, marks.length).padEnd(marks.length, '0'));
}

const PIECES: Readonly<Record<string, (e: Entry) => string>> = {
  A: (e) => e.program,
  // Facility "daemon" and the severity of the level, as syslog counts them.
  B: (e) => String(3 * 8 + ({ EMER: 1, ERR: 3, WARN: 4, INFO: 6 }[e.level] ?? 7)),
  c: (e) => e.module,
  E: () => hostname(),
  m: (e) => e.message,
  N: (e) => String(e.number),
  n: () => '\n',
  p: (e) => e.level,
  P: () => String(process.pid),
  r: (e) => String(e.elapsed),
  t: () => '',
  T: () => '',
  '%': () => '%',
};

const CONVERSION = /%(-?)(0?)(\d*)(?:([dD])(?:\{([^}]*)\})?|(.))/g;

export function formatEntry(pattern: string, entry: Entry): string {
  return pattern.replace(CONVERSION, (whole, left: string, zero: string, width: string, date, format, piece) => {
    const text = date
      ? time(format ?? '%Y-%m-%d %H:%M:%S.###', entry.at, date === 'D')
      : PIECES[String(piece)]?.(entry);
    if (text === undefined) return whole;
    const n = Number(width || 0);
    return left ? text.padEnd(n) : text.padStart(n, zero ? '0' : ' ');
  });
}
