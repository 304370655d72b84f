/** A real ovsdb-server with an Open_vSwitch database in a folder of its own, and ovs-vsctl on it. Ended by its pid file. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class RealDatabase {
  readonly dir = mkdtempSync(join(tmpdir(), 'weft-db-'));
  readonly remote = `unix:${join(this.dir, 'db.sock')}`;

  constructor(schema = '/usr/share/openvswitch/vswitch.ovsschema') {
    this.must('ovsdb-tool', 'create', join(this.dir, 'conf.db'), schema);
    this.start();
    this.must('ovs-vsctl', `--db=${this.remote}`, '--no-wait', 'init');
  }

  /** Begins, or begins again with the same file. */
  start(): void {
    const quiet = ['--detach', '--no-chdir', '--pidfile', '--log-file', '-vconsole:off'];
    this.must('ovsdb-server', join(this.dir, 'conf.db'), ...quiet, `--remote=p${this.remote}`);
  }

  run(program: string, ...args: string[]): Ran {
    const { dir } = this;
    const env = { ...process.env, OVS_RUNDIR: dir, OVS_LOGDIR: dir, OVS_DBDIR: dir, OVS_SYSCONFDIR: dir };
    const r = spawnSync(program, args, { env, encoding: 'utf8', timeout: 60_000, maxBuffer: 256 << 20 });
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
    const file = join(this.dir, 'ovsdb-server.pid');
    if (!existsSync(file)) return;
    try {
      process.kill(Number(readFileSync(file, 'utf8')), 'SIGKILL');
    } catch {
      // It ended by itself.
    }
    rmSync(file, { force: true });
  }

  close(): void {
    this.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
