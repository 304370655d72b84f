/** The programs under attack: a database server of its own, and a switch with one inside. Each in a folder of its own; ended by its pid. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mortal } from '../../src/cli/lab/mortal.js';
import { until } from '../../src/cli/lab/netlab.js';
import type { Ran } from '../support/database.js';
import { WEFT } from '../support/live.js';

export type Kind = 'ovsdb-server' | 'switchd';

const START_MS = 30_000;

export interface ServerOptions {
  readonly args?: readonly string[];
  /** Where the database's file is; else in the folder. */
  readonly dbDir?: string;
  readonly runDir?: string;
  /** Ports are real devices, not dummies. */
  readonly devices?: boolean;
  /** A program that runs it and becomes it, with its arguments. */
  readonly wrapper?: readonly string[];
}

export class Server {
  readonly dir: string;
  readonly socket: string;
  readonly control: string;
  output = '';
  private child: ChildProcess | undefined;
  private ended: Promise<number | string> = Promise.resolve(0);
  private readonly own = mkdtempSync(join(tmpdir(), 'weft-hostile-'));

  constructor(
    readonly kind: Kind,
    private readonly options: ServerOptions = {},
  ) {
    this.dir = options.runDir ?? this.own;
    this.socket = join(this.dir, 'db.sock');
    this.control = join(this.dir, 'control.ctl');
  }

  get file(): string {
    return join(this.options.dbDir ?? this.own, 'conf.db');
  }

  /** Starts it, or starts it again over what is there. False: it ended at once; `output` says why. */
  async start(): Promise<boolean> {
    this.output = '';
    const { args = [], wrapper = [], devices } = this.options;
    if (this.kind === 'ovsdb-server' && !existsSync(this.file)) {
      const made = spawnSync('ovsdb-tool', ['create', this.file, '/usr/share/openvswitch/vswitch.ovsschema']);
      if (made.status !== 0) throw new Error(`ovsdb-tool: ${made.stderr}`);
    }
    const own =
      this.kind === 'switchd'
        ? [
            'switchd',
            '--rundir',
            this.dir,
            '--dbdir',
            this.options.dbDir ?? this.own,
            ...(devices ? [] : ['--enable-dummy=override']),
          ]
        : [
            'ovsdb-server',
            this.file,
            `--remote=punix:${this.socket}`,
            `--remote=db:Open_vSwitch,Open_vSwitch,manager_options`,
          ];
    const [last, itsArgs] = mortal(process.execPath, [WEFT, ...own, `--unixctl=${this.control}`, ...args]);
    const [program, ...rest] = [...wrapper, last, ...itsArgs];
    const env = { ...process.env, WEFT_RUNDIR: this.dir, OVS_RUNDIR: this.dir };
    const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'], env });
    this.child = child;
    for (const s of [child.stdout, child.stderr]) {
      s?.on('data', (d) => {
        this.output += d;
      });
    }
    this.ended = new Promise((resolve) => {
      child.on('close', (status, signal) => {
        if (this.child === child) this.child = undefined;
        resolve(signal ?? status ?? 1);
      });
    });
    const state = { listens: false };
    const knock = (): boolean => {
      if (!existsSync(this.control) || !existsSync(this.socket)) return false;
      const s = connect(this.socket, () => {
        state.listens = true;
        s.destroy();
      });
      s.on('error', () => {});
      return state.listens;
    };
    const ready = (): boolean =>
      this.kind === 'switchd' ? this.output.includes('weft: ready') : state.listens || knock();
    await until(() => !this.running || ready(), START_MS);
    return this.running;
  }

  get running(): boolean {
    return this.child !== undefined;
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  residentMb(): number {
    const m = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'));
    return Math.round(Number(m?.[1] ?? 0) / 1024);
  }

  /** A program of Open vSwitch against it. */
  run(program: string, ...args: string[]): Ran {
    const env = { ...process.env, OVS_RUNDIR: this.dir };
    const r = spawnSync(program, args, { env, encoding: 'utf8', timeout: 30_000, maxBuffer: 256 << 20 });
    return { status: r.status ?? 1, stdout: r.stdout, stderr: r.stderr };
  }

  vsctl(...args: string[]): Ran {
    return this.run('ovs-vsctl', `--db=unix:${this.socket}`, '--timeout=20', ...args);
  }

  /** Ends it; its exit status, or the signal that ended it. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> {
    this.child?.kill(signal);
    return this.ended;
  }

  async close(): Promise<void> {
    await this.stop('SIGKILL');
    rmSync(this.own, { recursive: true, force: true });
  }
}
