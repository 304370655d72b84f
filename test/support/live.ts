/** A switch as a program of its own, with its sockets in a folder of its own. Ended by its pid. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mortal } from '../../src/cli/lab/mortal.js';
import { until } from '../../src/cli/lab/netlab.js';

export const WEFT = fileURLToPath(new URL('../../../bin/weft', import.meta.url));

export interface LiveCounters {
  rx_packets: number;
  tx_packets: number;
  forwarded: number;
  held: number;
  rx_errors: number;
  drops: Record<string, number>;
}

export class LiveSwitch {
  readonly dir = mkdtempSync(join(tmpdir(), 'weft-live-'));
  private readonly child: ChildProcess;
  output = '';
  /** Exit status once it ended; a signal's name when one ended it. */
  readonly ended: Promise<number | string>;
  private over = false;

  /** `wrapper`: a program that runs it and becomes it, with its arguments. */
  constructor(args: readonly string[], wrapper: readonly string[] = []) {
    const [last, itsArgs] = mortal(process.execPath, [WEFT, 'switchd', '--rundir', this.dir, ...args]);
    const [program, ...rest] = [...wrapper, last, ...itsArgs];
    this.child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const s of [this.child.stdout, this.child.stderr]) {
      s?.on('data', (d) => {
        this.output += d;
      });
    }
    this.ended = new Promise((resolve) =>
      this.child.on('close', (status, signal) => {
        this.over = true;
        resolve(signal ?? status ?? 1);
      }),
    );
  }

  /** False: it ended, or was not ready within a minute; `output` says why. */
  async ready(): Promise<boolean> {
    return (await until(() => this.over || this.output.includes('weft: ready'), 60_000)) && !this.over;
  }

  get running(): boolean {
    return !this.over;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Kilobytes resident. */
  residentKb(): number {
    const m = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'));
    return Number(m?.[1] ?? 0);
  }

  /** A program of weft or of Open vSwitch against this switch. */
  run(command: string, ...args: string[]): { status: number; stdout: string; stderr: string } {
    return this.runIn(this.dir, command, ...args);
  }

  /** The same against another switch: that of a run directory. */
  runIn(dir: string, command: string, ...args: string[]): { status: number; stdout: string; stderr: string } {
    const env = { ...process.env, WEFT_RUNDIR: dir, OVS_RUNDIR: dir };
    const [program, first] = command === 'weft' ? [process.execPath, [WEFT]] : [command, []];
    const r = spawnSync(program, [...first, ...args], { env, encoding: 'utf8', timeout: 30_000, maxBuffer: 256 << 20 });
    return { status: r.status ?? 1, stdout: r.stdout, stderr: r.stderr };
  }

  /** By bridge and port. */
  counters(): Record<string, Record<string, LiveCounters>> {
    // `weft dpctl` says only dpctl commands; the control socket takes any.
    return JSON.parse(this.run('weft', 'appctl', 'weft/counters').stdout);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** SIGTERM, and what came of it. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> {
    this.child.kill(signal);
    return this.ended;
  }

  /** The same, and internal ports go with it: else they stay, with their addresses. */
  async closeWithPorts(): Promise<void> {
    this.run('ovs-appctl', 'exit', '--cleanup');
    await this.close();
  }

  async close(): Promise<void> {
    if (!this.over) await this.stop('SIGKILL');
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Names of ports for which received differs from forwarded + dropped + held. */
export function unbalanced(counters: Record<string, Record<string, LiveCounters>>): string[] {
  const out: string[] = [];
  for (const [bridge, ports] of Object.entries(counters)) {
    for (const [port, c] of Object.entries(ports)) {
      const drops = Object.values(c.drops).reduce((a, b) => a + b, 0);
      if (c.rx_packets !== c.forwarded + drops + c.held) out.push(`${bridge}/${port}: ${JSON.stringify(c)}`);
    }
  }
  return out;
}
