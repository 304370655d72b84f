/**
 * monitor and snoop as processes that somebody else has an eye on: in the background, with a pid file and a control socket, by which ovs-appctl sends
 * messages, waits for barriers, holds the output back or takes it elsewhere.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { type ControlCommand, ControlServer } from '../../control/unixctl.js';
import { UserError } from '../../lib/errors.js';
import { parseHexLoose } from '../../lib/hex-dump.js';
import { HEADER_BYTES, readHeader } from '../../openflow/message.js';
import { formatBytes } from '../../openflow/text/message.js';
import { listenUnix, runDirectory } from '../../switch/of-sockets.js';
import { lockPidFile } from '../../switch/pid-file.js';
import { strerror } from '../strerror.js';
import { versionText } from '../usage.js';
import type { Client, Received } from './client.js';
import type { Command, DaemonSettings } from './context.js';

/** Set in the process that goes on in the background. */
const ROLE = 'WEFT_OFCTL_DETACHED';
/** On which it tells its starter that all is ready. */
const TELL = 3;

const isDetached = (): boolean => process.env[ROLE] === '1';

/** Name in pid file and control socket. */
const PROGRAM = 'ovs-ofctl';

/**
 * With --detach: starts the process that goes on, waits until it is ready, and gives the exit status of this one. Else undefined: this one is it.
 * Its standard error stays what ours is, for that is where messages are printed.
 */
export async function startAway({ daemon }: Command['settings']): Promise<number | undefined> {
  if (!daemon.detach || isDetached()) return undefined;
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    env: { ...process.env, [ROLE]: '1' },
  });
  return new Promise((done) => {
    const pipe = child.stdio[TELL];
    pipe?.once('data', () => {
      child.unref();
      if ('destroy' in pipe) pipe.destroy();
      done(0);
    });
    child.once('error', () => done(1));
    child.once('close', (code) => done(code || 1));
  });
}

export class Control {
  /** Resolves when `exit` was said. */
  readonly exited: Promise<undefined>;
  private exit = (): void => {};
  private file: number | undefined;
  private readonly server = new ControlServer();
  private readonly made: string[] = [];
  private blocked: { readonly until: Promise<void>; readonly end: () => void } | undefined;
  private barrier: { readonly xid: number; readonly done: () => void } | undefined;
  private stop: () => Promise<void> = async () => {};

  private constructor(
    private readonly command: Command,
    private readonly client: Client,
  ) {
    this.exited = new Promise((resolve) => {
      this.exit = () => resolve(undefined);
    });
    for (const row of this.rows()) this.server.register(row);
  }

  /** Makes the files. Without options of a daemon a run directory that one may not write to is no fault. */
  static async open(command: Command, client: Client): Promise<Control> {
    const control = new Control(command, client);
    const { daemon } = command.settings;
    const socket = resolve(runDirectory(), daemon.unixctl ?? `${PROGRAM}.${process.pid}.ctl`);
    const asked = daemon.detach || daemon.pidFile !== undefined || daemon.unixctl !== undefined;
    try {
      if (daemon.pidFile !== undefined) control.writePid(daemon.pidFile);
      control.stop = await listenUnix(socket, (s) => control.server.accept(s));
    } catch (e) {
      control.close();
      if (asked) throw e instanceof UserError ? e : new UserError(`${socket}: ${strerror(e)}`);
    }
    if (isDetached()) control.letGo(daemon);
    return control;
  }

  private writePid(name: string): void {
    const path = resolve(runDirectory(), name === '' ? `${PROGRAM}.pid` : name);
    try {
      this.made.push(lockPidFile(path));
    } catch (e) {
      const pid = existsSync(path) ? Number.parseInt(readFileSync(path, 'utf8'), 10) : 0;
      if (!(pid > 0)) throw e;
      throw new UserError(`${path}: already running as pid ${pid}, aborting`);
    }
  }

  private letGo({ chdir }: DaemonSettings): void {
    delete process.env[ROLE];
    // Whoever read it may be gone: what is said goes nowhere then.
    process.stderr.on('error', () => {});
    writeSync(TELL, 'ready\n');
    closeSync(TELL);
    if (chdir) process.chdir('/');
  }

  /** Where monitor prints: standard error, or the file that was asked for. */
  print(text: string): void {
    if (this.file === undefined) this.command.io.err(text);
    else writeSync(this.file, text);
  }

  /** Waits while the output is held back. */
  async unblocked(): Promise<void> {
    while (this.blocked) await this.blocked.until;
  }

  /** Told of every message, before it is printed. */
  saw(r: Received): void {
    if (this.barrier && r.message?.kind === 'barrier_reply' && readHeader(r.bytes).xid === this.barrier.xid) {
      this.barrier.done();
      this.barrier = undefined;
    }
  }

  close(): void {
    for (const path of this.made) rmSync(path, { force: true });
    void this.stop();
    if (this.file !== undefined) closeSync(this.file);
    this.file = undefined;
  }

  private rows(): ControlCommand[] {
    const { program, verbosity } = this.command.settings;
    const none = (name: string, run: () => string | Promise<string>): ControlCommand => ({
      name,
      usage: '',
      min: 0,
      max: 0,
      run,
    });
    return [
      none('version', () => versionText(program)),
      none('exit', () => {
        // Once this has been answered.
        setImmediate(this.exit);
        return '';
      }),
      none('ofctl/barrier', () => this.waitForBarrier()),
      none('ofctl/block', () => this.block()),
      none('ofctl/unblock', () => this.unblock()),
      {
        name: 'ofctl/send',
        usage: 'OFMSG...',
        min: 1,
        max: Number.POSITIVE_INFINITY,
        run: (messages) => this.send(messages, verbosity + 2),
      },
      {
        name: 'ofctl/set-output-file',
        usage: 'FILE',
        min: 1,
        max: 1,
        run: ([path]) => this.printTo(path),
      },
    ];
  }

  /** An answer for each, in order; that of the whole is a fault when one of them is. */
  private send(messages: readonly string[], verbosity: number): string {
    let said = '';
    let ok = true;
    for (const hex of messages) {
      const bytes = parseHexLoose(hex);
      if (!bytes || bytes.length < HEADER_BYTES) {
        said += bytes ? 'Message too short for OpenFlow\n' : 'Trailing garbage in hex data\n';
        ok = false;
        continue;
      }
      this.print(`send: ${formatBytes(bytes, { verbosity })}`);
      this.client.connection.write(bytes);
      said += 'sent\n';
    }
    if (!ok) throw new UserError(said.trimEnd());
    return said;
  }

  private waitForBarrier(): Promise<string> {
    if (this.barrier) throw new UserError('already waiting for barrier reply');
    return new Promise((done) => {
      this.barrier = { xid: this.client.send('barrier_request', {}), done: () => done('') };
    });
  }

  private block(): string {
    if (this.blocked) return 'already blocking';
    let end = (): void => {};
    const until = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.blocked = { until, end };
    return '';
  }

  private unblock(): string {
    if (!this.blocked) return 'already unblocked';
    const { end } = this.blocked;
    this.blocked = undefined;
    end();
    return '';
  }

  private printTo(path: string): string {
    let file: number;
    try {
      file = openSync(path, 'w', 0o666);
    } catch (e) {
      throw new UserError(strerror(e));
    }
    if (this.file !== undefined) closeSync(this.file);
    this.file = file;
    return '';
  }
}
