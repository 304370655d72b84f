/**
 * What switchd is as a process: in front or detached, watched by a monitor or alone, its log and its files. Options of ovs-vswitchd(8) that say this are
 * taken from the command line here; what is left says what the switch is.
 *
 *     weft switchd --detach --monitor          waits on a pipe for "ready", prints what went wrong, ends
 *      └─ monitor (a session of its own)       starts the switch again when it dies of a fault
 *          └─ switch
 *
 * Node cannot fork, so each of these is a process of its own that starts the next one and is told its part by the environment.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, writeFileSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UserError } from '../../lib/errors.js';

export interface ProcessOptions {
  detach: boolean;
  monitor: boolean;
  chdir: boolean;
  /** Beside the one that is always in the run directory. */
  pidFile: string | undefined;
  /** An absolute path. */
  logFile: string | undefined;
  /** Of -v, in order. */
  readonly verbose: string[];
  /** Another place for the control socket. */
  unixctl: string | undefined;
  /** HOST:PORT, by UDP. */
  syslogTarget: string | undefined;
  /** "libc", "null", "unix:FILE" or "udp:IP:PORT". */
  syslogMethod: string;
  /** USER[:GROUP]. */
  user: string | undefined;
}

type Apply = (o: ProcessOptions, value: string | undefined) => void;

interface Spec {
  readonly value: 'none' | 'maybe' | 'needed';
  readonly apply: Apply;
}

const ignored = (value: Spec['value']): Spec => ({ value, apply() {} });

function logDirectory(): string {
  return process.env.OVS_LOGDIR || '/var/log/openvswitch';
}

const SPECS: Readonly<Record<string, Spec>> = {
  '--detach': {
    value: 'none',
    apply: (o) => {
      o.detach = true;
    },
  },
  '--monitor': {
    value: 'none',
    apply: (o) => {
      o.monitor = true;
    },
  },
  '--no-chdir': {
    value: 'none',
    apply: (o) => {
      o.chdir = false;
    },
  },
  '--pidfile': {
    value: 'maybe',
    apply: (o, v) => {
      o.pidFile = v;
    },
  },
  '--log-file': {
    value: 'maybe',
    apply: (o, v) => {
      o.logFile = v === undefined ? join(logDirectory(), 'ovs-vswitchd.log') : resolve(v);
    },
  },
  '--verbose': {
    value: 'maybe',
    apply: (o, v) => {
      o.verbose.push(v ?? 'any:any:dbg');
    },
  },
  '--unixctl': {
    value: 'needed',
    apply: (o, v) => {
      o.unixctl = v;
    },
  },
  '--syslog-target': {
    value: 'needed',
    apply: (o, v) => {
      o.syslogTarget = v;
    },
  },
  // What these ask for is so in weft, or does not exist in it.
  '--overwrite-pidfile': ignored('none'),
  '--no-self-confinement': ignored('none'),
  '--mlockall': ignored('none'),
  '--disable-system': ignored('none'),
  '--disable-system-route': ignored('none'),
  '--peer-ca-cert': ignored('needed'),
  '--ssl-protocols': ignored('needed'),
  '--ssl-ciphers': ignored('needed'),
  '--syslog-method': {
    value: 'needed',
    apply: (o, v) => {
      o.syslogMethod = v ?? '';
    },
  },
  '--user': {
    value: 'needed',
    apply: (o, v) => {
      if (v) o.user = v;
    },
  },
};

export function processOptionNames(): string[] {
  return Object.entries(SPECS).map(([name, spec]) => `${name}${spec.value === 'none' ? '' : '='}`);
}

/** Takes its own options out of the arguments. Throws UserError. */
export function takeProcessOptions(args: readonly string[]): { options: ProcessOptions; rest: string[] } {
  const options: ProcessOptions = {
    detach: false,
    monitor: false,
    chdir: true,
    pidFile: undefined,
    logFile: undefined,
    verbose: [],
    unixctl: undefined,
    syslogTarget: undefined,
    // What ovs-vswitchd does without the option; where nobody listens nothing is said.
    syslogMethod: process.env.OVS_SYSLOG_METHOD || 'libc',
    user: undefined,
  };
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i];
    if (/^-v/.test(word)) {
      options.verbose.push(word.slice(2) || 'any:any:dbg');
      continue;
    }
    const eq = word.indexOf('=');
    const name = eq < 0 ? word : word.slice(0, eq);
    const spec = Object.hasOwn(SPECS, name) ? SPECS[name] : undefined;
    if (!spec) {
      // The working directory may change; where the database is does not.
      rest.push(word.replace(/^unix:(?!\/)(.+)$/, (_, path: string) => `unix:${resolve(path)}`));
      continue;
    }
    let value = eq < 0 ? undefined : word.slice(eq + 1);
    if (spec.value === 'none' && value !== undefined) throw new UserError(`option '${name}' doesn't allow an argument`);
    if (spec.value === 'needed' && value === undefined) {
      value = args[++i];
      if (value === undefined) throw new UserError(`option '${name}' requires an argument`);
    }
    spec.apply(options, value);
  }
  return { options, rest };
}

const ROLE = 'WEFT_SWITCHD_ROLE';
/** Descriptor on which the process that was started first hears. */
const TELL = 3;
const READY = 'ready\n';
/** Set where somebody listens; where nobody does, the descriptor is something else. */
const TELLS = 'WEFT_SWITCHD_TELLS';

type Role = 'monitor' | 'switch';

function roleOf(): Role | undefined {
  const role = process.env[ROLE];
  return role === 'monitor' || role === 'switch' ? role : undefined;
}

/** True in a process that its starter has let go of: nobody sees its output. */
export function isDetached(): boolean {
  return process.env.WEFT_SWITCHD_DETACHED === '1';
}

function start(role: Role, detached: boolean, tell: 'pipe' | 'pass' | 'none', quiet: boolean): ChildProcess {
  const third = tell === 'pipe' ? 'pipe' : tell === 'pass' ? TELL : 'ignore';
  const out = quiet ? 'ignore' : 'inherit';
  return spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    detached,
    stdio: ['ignore', out, out, third],
    env: {
      ...process.env,
      [ROLE]: role,
      WEFT_SWITCHD_DETACHED: quiet ? '1' : '',
      [TELLS]: tell === 'none' ? '' : '1',
    },
  });
}

/** Faults of programs; an order to end is none. */
const FAULTS: ReadonlySet<string> = new Set([
  'SIGABRT',
  'SIGALRM',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGPIPE',
  'SIGSEGV',
  'SIGXCPU',
  'SIGXFSZ',
]);
/** At least so long lies between two restarts. */
const RESTART_MS = 10_000;

function monitor(name: string, detached: boolean, log: (text: string) => void): Promise<number> {
  return new Promise((done) => {
    let restarted = Number.NEGATIVE_INFINITY;
    let child: ChildProcess;
    let first = true;
    let crashes = 0;
    let health = 'healthy';
    const begin = (): void => {
      child = start('switch', false, first && detached ? 'pass' : 'none', detached);
      if (first && detached) closeSync(TELL);
      nameProcess(name, `: monitoring pid ${child.pid} (${health})`);
      process.env[TELLS] = '';
      first = false;
      child.once('error', (e) => {
        log(`cannot start the switch: ${e.message}`);
        done(1);
      });
      child.once('exit', (code, signal) => {
        if (signal === null || !FAULTS.has(signal)) return done(code ?? 1);
        log(`the switch (pid ${child.pid}) died of ${signal}, starting it again`);
        crashes++;
        health = `${crashes} crashes: pid ${child.pid} died, killed (${signal})`;
        const wait = Math.max(0, restarted + RESTART_MS - performance.now());
        restarted = performance.now() + wait;
        setTimeout(begin, wait);
      });
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => child.kill(signal));
    begin();
  });
}

/**
 * What others see: ovs-lib takes a daemon for running when its name is that of its pid file, `pidof` and `pgrep` look at the same, and `ps` shows the
 * arguments. The name alone goes to the kernel, which would cut off the rest of a title.
 */
export function nameProcess(name: string, rest: string): void {
  process.title = name + rest;
  try {
    writeFileSync('/proc/self/comm', name);
  } catch {
    // No /proc: the name stays what the title's beginning made it.
  }
}

/** Starts the process that is to run on and waits until it is ready, or prints what it said before it ended. */
function detach(role: Role): Promise<number> {
  return new Promise((done) => {
    const child = start(role, true, 'pipe', true);
    const pipe = child.stdio[TELL];
    let said = '';
    const end = (status: number): void => {
      if (said !== '') process.stderr.write(said);
      child.unref();
      if (pipe && 'destroy' in pipe) pipe.destroy();
      done(status);
    };
    pipe?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (!said.endsWith(READY)) return;
      said = said.slice(0, -READY.length);
      end(0);
    });
    child.once('error', (e) => {
      said += `${e.message}\n`;
      end(1);
    });
    child.once('close', (code) => end(code === 0 ? 1 : (code ?? 1)));
  });
}

/** Does what the options ask for before there is a switch; a number is the exit status of this process, undefined: be the switch. */
export async function becomeProcess(
  { name, args }: { name: string; args: readonly string[] },
  { detach: mustDetach, monitor: mustWatch }: ProcessOptions,
  log: (text: string) => void,
): Promise<number | undefined> {
  const role = roleOf();
  if (role === 'monitor') return monitor(name, true, log);
  nameProcess(name, args.map((a) => ` ${a}`).join(''));
  if (role === 'switch') return undefined;
  if (mustDetach) return detach(mustWatch ? 'monitor' : 'switch');
  return mustWatch ? monitor(name, false, log) : undefined;
}

/** To whoever started us detached and still listens. */
export function tellStarter(text: string): void {
  if (process.env[TELLS] !== '1') return;
  try {
    writeSync(TELL, text);
  } catch {
    // It has gone.
  }
}

/** The switch is ready: the process that was started first may end. */
export function letGo(options: ProcessOptions): void {
  if (!isDetached()) return;
  tellStarter(READY);
  if (process.env[TELLS] === '1') closeSync(TELL);
  process.env[TELLS] = '';
  if (options.chdir) process.chdir('/');
}
