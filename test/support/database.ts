/** A real ovsdb-server with an Open_vSwitch database in a folder of its own, and ovs-vsctl on it. It ends with `close`, or with this process. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mortal } from '../../src/cli/lab/mortal.js';

/** A server that does not answer by then never will. */
const START_MS = 20_000;

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class RealDatabase {
  readonly dir = mkdtempSync(join(tmpdir(), 'weft-db-'));
  readonly remote = `unix:${join(this.dir, 'db.sock')}`;

  private server: ChildProcess | undefined;

  constructor(schema = '/usr/share/openvswitch/vswitch.ovsschema') {
    this.must('ovsdb-tool', 'create', join(this.dir, 'conf.db'), schema);
    this.start();
    this.must('ovs-vsctl', `--db=${this.remote}`, '--no-wait', 'init');
  }

  /** Begins, or begins again with the same file. */
  start(): void {
    const quiet = ['--no-chdir', '--pidfile', '--log-file', '-vconsole:off'];
    const args = [join(this.dir, 'conf.db'), ...quiet, `--remote=p${this.remote}`];
    this.server = spawn(...mortal('ovsdb-server', args), { env: this.env, stdio: 'ignore' });
    const end = performance.now() + START_MS;
    // Not a socket that a killed one left behind: one that answers.
    while (this.run('ovsdb-client', 'list-dbs', this.remote).status !== 0) {
      if (performance.now() < end) continue;
      const log = join(this.dir, 'ovsdb-server.log');
      throw new Error(
        `ovsdb-server does not start: ${existsSync(log) ? readFileSync(log, 'utf8') : 'it wrote no log'}`,
      );
    }
  }

  private get env(): NodeJS.ProcessEnv {
    const { dir } = this;
    return { ...process.env, OVS_RUNDIR: dir, OVS_LOGDIR: dir, OVS_DBDIR: dir, OVS_SYSCONFDIR: dir };
  }

  run(program: string, ...args: string[]): Ran {
    const r = spawnSync(program, args, { env: this.env, encoding: 'utf8', timeout: 60_000, maxBuffer: 256 << 20 });
    if (r.error) throw r.error;
    return { status: r.status ?? 1, stdout: r.stdout, stderr: r.stderr };
  }

  must(program: string, ...args: string[]): string {
    const r = this.run(program, ...args);
    if (r.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${r.stderr || `status ${r.status}`}`);
    return r.stdout;
  }

  vsctl(...args: string[]): Ran {
    return this.run('ovs-vsctl', `--db=${this.remote}`, '--timeout=20', ...args);
  }

  /** A column of a record, as ovs-vsctl prints it. Throws when it cannot be had. */
  get(table: string, record: string, column: string): string {
    return this.must('ovs-vsctl', `--db=${this.remote}`, '--timeout=20', 'get', table, record, column).trim();
  }

  stop(): void {
    this.server?.kill('SIGKILL');
    rmSync(join(this.dir, 'ovsdb-server.pid'), { force: true });
    this.server = undefined;
  }

  close(): void {
    this.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
