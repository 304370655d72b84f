// switchd as a daemon: into the background when ready, watched, its log and its files. Without privileges: bridges without devices.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { COMPAT_NAMES } from '../../src/cli/compat.js';
import { until } from '../../src/cli/lab/netlab.js';
import { WEFT } from '../support/live.js';

t.setTimeout(120_000);

class Home {
  readonly dir = mkdtempSync(join(tmpdir(), 'weft-daemon-'));

  run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
    const env = { ...process.env, WEFT_RUNDIR: this.dir, OVS_RUNDIR: this.dir, OVS_LOGDIR: this.dir };
    const r = spawnSync(WEFT, args, { env, encoding: 'utf8', timeout: 30_000 });
    return { status: r.status, stdout: r.stdout, stderr: r.stderr };
  }

  get pid(): number {
    const file = join(this.dir, 'ovs-vswitchd.pid');
    return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  }

  get log(): string {
    return readFileSync(join(this.dir, 'ovs-vswitchd.log'), 'utf8');
  }

  /** The processes that have this directory in their environment. */
  processes(): number[] {
    return readdirSync('/proc')
      .filter((n) => /^\d+$/.test(n) && Number(n) !== process.pid)
      .map(Number)
      .filter((pid) => {
        try {
          return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`WEFT_RUNDIR=${this.dir}\0`);
        } catch {
          return false;
        }
      });
  }

  end(): void {
    for (const pid of this.processes()) process.kill(pid, 'SIGKILL');
    rmSync(this.dir, { recursive: true, force: true });
  }
}

t.test('detached, watched, and ended', async (t) => {
  const home = new Home();
  t.teardown(() => home.end());
  const begun = home.run('switchd', '--bridge', 'br0', '--detach', '--monitor', '--log-file', '--pidfile=other.pid');
  t.equal(begun.status, 0, begun.stderr);
  const first = home.pid;
  t.ok(first > 0, 'it returned when the switch was ready');
  t.equal(readFileSync(join(home.dir, 'other.pid'), 'utf8').trim(), String(first));
  t.match(home.run('appctl', 'version'), { status: 0 });
  t.match(home.run('ofctl', 'dump-flows', 'br0').stdout, /actions=NORMAL/);
  t.equal(home.processes().length, 2, 'the switch and its monitor');
  t.match(home.run('appctl', 'vlog/set', 'zz'), { status: 2, stderr: /no destination, level, or module "zz"/ });
  t.equal(home.run('appctl', 'vlog/set', 'bridge:file:dbg').status, 0);

  process.kill(first, 'SIGSEGV');
  const again = () => home.pid !== first && home.run('appctl', 'version').status === 0;
  t.ok(await until(again, 20_000), 'started again');
  t.match(home.log, /\|daemon\|ERR\|the switch \(pid \d+\) died of SIGSEGV, starting it again\n/);
  t.match(home.run('ofctl', 'dump-flows', 'br0').stdout, /actions=NORMAL/);

  process.kill(home.pid, 'SIGTERM');
  t.ok(await until(() => home.processes().length === 0, 20_000), 'switch and monitor end');
  t.same(
    readdirSync(home.dir).filter((n) => !n.endsWith('.log')),
    [],
    'nothing is left',
  );
});

t.test('what goes wrong before it is ready is said by the one that was started', (t) => {
  const home = new Home();
  t.teardown(() => home.end());
  for (const [args, fault] of [
    [['--bridge', 'br0=nosuchdev7', '--port', 'nosuchdev7:type=system'], /nosuchdev7/],
    [['--frob'], /--frob/],
    [['--log-file=/nonexistent/x'], /cannot open log file \/nonexistent\/x/],
    [['--user=nobody'], /cannot write to the run directory/],
    [['-vfoo'], /no destination, level, or module "foo"/],
    [['--pidfile=/nonexistent/x'], /\/nonexistent\/x/],
  ] as const) {
    const r = home.run('switchd', '--detach', ...args);
    t.match(r, { status: 1, stderr: fault, stdout: '' }, args.join(' '));
  }
  t.same(home.processes(), []);
  t.end();
});

t.test('a folder of names', (t) => {
  const home = new Home();
  t.teardown(() => home.end());
  const bin = join(home.dir, 'bin');
  t.match(home.run('compat', bin), { status: 0, stdout: `PATH=${bin}:$PATH\n` });
  t.equal(home.run('compat', bin).status, 0, 'twice');
  for (const name of COMPAT_NAMES) {
    const r = spawnSync(join(bin, name), ['--version'], { encoding: 'utf8' });
    t.match(r, { status: 0, stdout: new RegExp(`^${name} \\(Open vSwitch\\) \\d+\\.\\d+\\.\\d+\n`) }, name);
  }
  t.match(home.run('compat', join(bin, 'ovs-ofctl')), { status: 1, stderr: /ovs-ofctl/ });
  t.equal(home.run('compat').status, 1);
  t.end();
});
