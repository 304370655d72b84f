/**
 * The log: messages of modules at levels, to the console, a file, and syslog over UDP. Levels and patterns are set for each destination as
 * ovs-vswitchd(8) has it (-v, --log-file, vlog/set); a module that says too much is cut short and its silence is told.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Clock } from '../../lib/clock.js';
import { UserError } from '../../lib/errors.js';
import { reason } from '../of-sockets.js';
import { MODULES } from './data/modules.js';
import { type Entry, formatEntry } from './pattern.js';

export const LEVELS = ['off', 'emer', 'err', 'warn', 'info', 'dbg'] as const;
export type Level = (typeof LEVELS)[number];
export const DESTINATIONS = ['syslog', 'console', 'file'] as const;
export type Destination = (typeof DESTINATIONS)[number];

/** A module may say so many messages at once, and then one each of so many ms. */
const BURST = 60;
const REFILL_MS = 1000;

const PATTERNS: Readonly<Record<Destination, string>> = {
  syslog: 'ovs|%05N|%c%T|%p|%m',
  console: '%D{%Y-%m-%dT%H:%M:%SZ}|%05N|%c%T|%p|%m',
  file: '%D{%Y-%m-%dT%H:%M:%S.###Z}|%05N|%c%T|%p|%m',
};

interface Module {
  readonly levels: Record<Destination, Level>;
  isLimited: boolean;
  tokens: number;
  refilled: number;
  /** Messages cut, the first and the last of them. */
  dropped: number;
  firstDrop: number;
  lastDrop: number;
}

/** Says something; without a level "info". */
export type Log = (text: string, level?: Level) => void;

export interface VlogOptions {
  readonly program: string;
  readonly clock: Clock;
  /** Takes lines for the console, with their line feed. */
  readonly console?: (line: string) => void;
  /** Also of which level it is, in capitals. */
  readonly syslog?: (line: string, level: string) => void;
}

export class Vlog {
  readonly patterns: Record<Destination, string> = { ...PATTERNS };
  private readonly modules = new Map<string, Module>();
  private readonly began: number;
  private number = 0;
  private file: { path: string; fd: number | undefined } | undefined;
  /** Undefined: there is no console, as after detaching. */
  console: ((line: string) => void) | undefined;

  constructor(private readonly options: VlogOptions) {
    this.began = options.clock.now();
    this.console = options.console;
    for (const m of MODULES) this.add(m);
  }

  get moduleNames(): string[] {
    return [...this.modules.keys()].sort();
  }

  private add(name: string): Module {
    const m: Module = {
      levels: { syslog: 'info', console: 'info', file: 'info' },
      isLimited: true,
      tokens: BURST,
      refilled: this.began,
      dropped: 0,
      firstDrop: 0,
      lastDrop: 0,
    };
    this.modules.set(name, m);
    return m;
  }

  level(module: string, destination: Destination): Level {
    return this.modules.get(module)?.levels[destination] ?? 'off';
  }

  logger(module: string): Log {
    const m = this.modules.get(module) ?? this.add(module);
    return (text, level = 'info') => this.say(module, m, level, text);
  }

  private say(name: string, m: Module, level: Level, text: string): void {
    const wanted = LEVELS.indexOf(level);
    if (!DESTINATIONS.some((d) => wanted <= LEVELS.indexOf(m.levels[d]))) return;
    const now = this.options.clock.now();
    if (m.isLimited && !this.mayTalk(name, m, now)) return;
    this.write(name, m, level, text);
  }

  private mayTalk(name: string, m: Module, now: number): boolean {
    const refill = Math.floor((now - m.refilled) / REFILL_MS);
    if (refill > 0) {
      m.tokens = Math.min(BURST, m.tokens + refill);
      m.refilled += refill * REFILL_MS;
    }
    if (m.tokens === 0) {
      if (m.dropped++ === 0) m.firstDrop = now;
      m.lastDrop = now;
      return false;
    }
    m.tokens--;
    if (m.dropped > 0) {
      const first = Math.round((now - m.firstDrop) / 1000);
      const last = Math.round((now - m.lastDrop) / 1000);
      const { dropped } = m;
      m.dropped = 0;
      this.write(
        name,
        m,
        'warn',
        `Dropped ${dropped} log messages in last ${first} seconds (most recently, ${last} seconds ago) due to excessive rate`,
      );
    }
    return true;
  }

  private write(module: string, m: Module, level: Level, message: string): void {
    const entry: Entry = {
      module,
      level: level.toUpperCase(),
      message,
      at: Math.floor(this.options.clock.wall()),
      elapsed: Math.floor(this.options.clock.now() - this.began),
      number: ++this.number,
      program: this.options.program,
    };
    const wanted = LEVELS.indexOf(level);
    const line = (d: Destination): string => `${formatEntry(this.patterns[d], entry)}\n`;
    if (wanted <= LEVELS.indexOf(m.levels.console)) this.console?.(line('console'));
    if (wanted <= LEVELS.indexOf(m.levels.syslog)) this.options.syslog?.(line('syslog'), entry.level);
    if (this.file?.fd !== undefined && wanted <= LEVELS.indexOf(m.levels.file)) this.toFile(line('file'));
  }

  /** A full disk must not stop the switch. */
  private toFile(line: string): void {
    try {
      if (this.file?.fd !== undefined) writeSync(this.file.fd, line);
    } catch {
      // There is nowhere to say so.
    }
  }

  /** Appends to a file from now on. Throws UserError when it cannot be opened. */
  openFile(path: string): void {
    let fd: number;
    try {
      fd = openSync(path, 'a', 0o640);
    } catch (e) {
      throw new UserError(`cannot open log file ${path}: ${reason(e)}`);
    }
    this.closeFile();
    this.file = { path, fd };
    this.logger('vlog')(`opened log file ${path}`);
  }

  closeFile(): void {
    if (this.file?.fd === undefined) return;
    closeSync(this.file.fd);
    this.file = { path: this.file.path, fd: undefined };
  }

  /** The file by its name again, after it was moved away. Throws UserError. */
  reopen(): void {
    if (!this.file) throw new UserError('Logging to file not configured');
    const { path } = this.file;
    this.closeFile();
    this.openFile(path);
  }

  setRateLimit(names: readonly string[], on: boolean): void {
    const isAny = (n: string): boolean => n.toLowerCase() === 'any';
    for (const n of names) if (!isAny(n) && !this.modules.has(n)) throw new UserError('unknown module');
    const all = names.length === 0 || names.some(isAny);
    for (const [n, m] of this.modules) if (all || names.includes(n)) m.isLimited = on;
  }

  /** SPEC of -v and vlog/set: words for a module, a destination and a level in any order, or PATTERN:DESTINATION:PATTERN. Throws UserError. */
  set(spec: string): void {
    const [keyword, ...others] = spec.split(/[\s,:]+/);
    if (/^pattern$/i.test(keyword)) return this.setPattern(spec, others[0]);
    if (/^facility$/i.test(keyword)) return setFacility(others[0]);
    let level: Level | undefined;
    let destination: Destination | undefined;
    let module: string | undefined;
    const once = (before: unknown, what: string): void => {
      if (before !== undefined) throw new UserError(`cannot specify multiple ${what}`);
    };
    for (const word of spec.split(/[\s,:]+/).filter(Boolean)) {
      const w = word.toLowerCase();
      const asLevel = LEVELS.find((l) => l === w);
      const asDestination = DESTINATIONS.find((d) => d === w);
      const asModule = w.replaceAll('-', '_');
      if (w === 'any') continue;
      if (asLevel) {
        once(level, 'levels');
        level = asLevel;
      } else if (asDestination) {
        once(destination, 'destinations');
        destination = asDestination;
      } else if (this.modules.has(asModule)) {
        once(module, 'modules');
        module = asModule;
      } else throw new UserError(`no destination, level, or module "${word}"`);
    }
    for (const [n, m] of this.modules) {
      if (module !== undefined && n !== module) continue;
      for (const d of DESTINATIONS) {
        if (destination === undefined || d === destination) m.levels[d] = level ?? 'dbg';
      }
    }
  }

  private setPattern(spec: string, to: string | undefined): void {
    if (!to) throw new UserError('missing destination');
    const known = DESTINATIONS.filter((d) => to.toLowerCase() === 'any' || d === to.toLowerCase());
    if (known.length === 0) throw new UserError(`unknown destination "${to}"`);
    const text = /^\w+[\s,:]+\w+[\s,:]?(.*)$/s.exec(spec)?.[1] ?? '';
    for (const d of known) this.patterns[d] = text;
  }
}

/** Those of syslog(3) that are named; what is sent is of "daemon". */
const FACILITIES =
  /^(auth|authpriv|clock|cron|daemon|ftp|ftp2|kern|lpr|mail|news|ntp|syslog|user|uucp|audit|alert|local[0-7])$/i;

function setFacility(name: string | undefined): void {
  if (!name || !FACILITIES.test(name)) throw new UserError('invalid facility');
}
