/**
 * The judge: a real ovs-vswitchd with dummy ports, in a folder of its own, with nothing on the network. Its clock stands still.
 * Its programs end with `close`, or with this process, however that ends.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mortal } from '../../src/cli/lab/mortal.js';

/** A program that is not ready by then never will be. */
const START_MS = 20_000;

export class RealOvs {
  readonly dir = mkdtempSync(join(tmpdir(), 'weft-ovs-'));

  private readonly daemons: ChildProcess[] = [];

  /** Starts it; `dummy` says which ports are dummies; `ns`: a network namespace for it. Throws with what a program said when one fails. */
  constructor(
    dummy = '--enable-dummy=override',
    private readonly ns = '',
  ) {
    const schema = '/usr/share/openvswitch/vswitch.ovsschema';
    this.run('ovsdb-tool', 'create', join(this.dir, 'conf.db'), schema);
    this.start('ovsdb-server', join(this.dir, 'conf.db'), `--remote=punix:${this.db}`);
    this.vsctl('--no-wait', 'init');
    this.start('ovs-vswitchd', `unix:${this.db}`, ...(dummy ? [dummy] : []), '--disable-system');
  }

  /** Not detached: then nobody would be its parent. It is ready when its control socket is there. */
  private start(program: string, ...args: string[]): void {
    const quiet = ['--no-chdir', '--pidfile', '--log-file', '-vconsole:off'];
    const [command, ...rest] = [...(this.ns ? ['ip', 'netns', 'exec', this.ns] : []), program, ...args, ...quiet];
    const child = spawn(...mortal(command, rest), { env: this.env, stdio: 'ignore' });
    this.daemons.push(child);
    const ready = (): boolean => readdirSync(this.dir).some((f) => f.startsWith(`${program}.`) && f.endsWith('.ctl'));
    const end = performance.now() + START_MS;
    while (!ready()) {
      if (performance.now() > end || !isAlive(child)) {
        const log = join(this.dir, `${program}.log`);
        const said = existsSync(log) ? readFileSync(log, 'utf8') : 'it wrote no log';
        this.close();
        throw new Error(`${program} does not start: ${said}`);
      }
      Atomics.wait(NEVER, 0, 0, 5);
    }
  }

  get pids(): number[] {
    return this.daemons.map((d) => d.pid ?? 0);
  }

  private get db(): string {
    return join(this.dir, 'db.sock');
  }

  get env(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      OVS_RUNDIR: this.dir,
      OVS_LOGDIR: this.dir,
      OVS_DBDIR: this.dir,
      OVS_SYSCONFDIR: this.dir,
    };
  }

  /** Runs any program with the environment of this instance; its output. Throws unless status 0. */
  run(program: string, ...args: string[]): string {
    const r = this.try(program, args);
    if (r.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${r.stderr || `status ${r.status}`}`);
    return r.stdout;
  }

  try(program: string, args: readonly string[], input?: string): { status: number; stdout: string; stderr: string } {
    const r = spawnSync(program, args, { env: this.env, encoding: 'utf8', input, maxBuffer: 256 << 20 });
    if (r.error) throw r.error;
    return { status: r.status ?? 1, stdout: r.stdout, stderr: r.stderr };
  }

  vsctl(...args: string[]): string {
    return this.run('ovs-vsctl', `--db=unix:${this.db}`, ...args);
  }

  appctl(...args: string[]): string {
    return this.run('ovs-appctl', ...args);
  }

  ofctl(...args: string[]): string {
    return this.run('ovs-ofctl', ...args);
  }

  /** A bridge with dummy ports p1 to pN, numbered so; what leaves pI is in capture(I). */
  addBridge(name: string, nPorts: number, protocols = 'OpenFlow10,OpenFlow13,OpenFlow15'): void {
    const args = [
      'add-br',
      name,
      '--',
      'set',
      'bridge',
      name,
      'datapath-type=dummy',
      'fail-mode=secure',
      `protocols=${protocols}`,
    ];
    for (let i = 1; i <= nPorts; i++) {
      args.push(
        '--',
        'add-port',
        name,
        `p${i}`,
        '--',
        'set',
        'interface',
        `p${i}`,
        'type=dummy',
        `ofport_request=${i}`,
      );
      args.push(`options:tx_pcap=${this.capture(i)}`);
    }
    this.vsctl(...args);
  }

  /** Path of the capture of what left port I. */
  capture(i: number): string {
    return join(this.dir, `p${i}-tx.pcap`);
  }

  /** A frame arrives at a port: hex digits, or a flow in dpctl text. */
  receive(port: string, frame: string): void {
    this.appctl('netdev-dummy/receive', port, frame);
  }

  close(): void {
    for (const d of this.daemons) d.kill('SIGKILL');
    rmSync(this.dir, { recursive: true, force: true });
  }
}

const NEVER = new Int32Array(new SharedArrayBuffer(4));

/** Asked of the kernel: this process hears of the end of a child only when it is idle. */
function isAlive(child: ChildProcess): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${child.pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}
