// Whose process the switch is and what it may do: the capabilities that a root keeps, --user, and the ways to syslog.
import '../support/isolate.js';

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { mortal } from '../../src/cli/lab/mortal.js';
import { labRefusal, until } from '../../src/cli/lab/netlab.js';
import { LiveSwitch, WEFT } from '../support/live.js';

const refusal = labRefusal() ?? (process.getuid?.() === 0 ? undefined : 'needs root');
const NOBODY = 65534;
/** net_bind_service, net_broadcast, net_admin, net_raw, ipc_lock, perfmon, bpf. */
const FOR_USER = [10, 11, 12, 13, 14, 38, 39];
/** And dac_override, sys_admin. */
const FOR_ROOT = [1, ...FOR_USER, 21];

/** What this process has itself: less in a container. */
function ownMask(): bigint {
  return field(readFileSync('/proc/self/status', 'utf8'), 'CapPrm');
}

function field(status: string, name: string): bigint {
  return BigInt(`0x${new RegExp(`^${name}:\\s+([0-9a-f]+)`, 'm').exec(status)?.[1] ?? '0'}`);
}

const maskOf = (numbers: readonly number[]): bigint => numbers.reduce((m, n) => m | (1n << BigInt(n)), 0n) & ownMask();

/** Whoever runs the program may read it? */
function nobodyCan(): boolean {
  const r = spawnSync(process.execPath, [WEFT, '--version'], { uid: NOBODY, gid: NOBODY });
  return r.status === 0;
}

t.test('a root keeps what it needs', { skip: refusal ?? false }, async (t) => {
  const weft = new LiveSwitch(['--bridge', 'wcp0=']);
  t.teardown(() => weft.close());
  t.ok(await weft.ready(), weft.output);
  const status = readFileSync(`/proc/${weft.pid}/status`, 'utf8');
  for (const set of ['CapEff', 'CapPrm', 'CapBnd']) t.equal(field(status, set), maskOf(FOR_ROOT), set);
  t.equal(spawnSync('ip', ['link', 'show', 'wcp0']).status, 0, 'LOCAL is there');
  // What it starts, its workers too, cannot do more; the engine's own threads were there before.
  const masks = readdirSync(`/proc/${weft.pid}/task`).map((id) =>
    field(readFileSync(`/proc/${weft.pid}/task/${id}/status`, 'utf8'), 'CapEff'),
  );
  t.ok(masks.filter((m) => m === maskOf(FOR_ROOT)).length >= 2, 'the worker has as much');
});

t.test('--user', { skip: refusal ?? (nobodyCan() ? false : 'others may not read the program') }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-user-'));
  chownSync(dir, NOBODY, NOBODY);
  chmodSync(dir, 0o755);
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const args = ['switchd', '--rundir', dir, '--user', 'nobody', '--bridge', 'wcp1=', '--no-chdir'];
  const [program, words] = mortal(process.execPath, [WEFT, ...args]);
  const child: ChildProcess = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const s of [child.stdout, child.stderr]) s?.on('data', (d) => (said += d));
  const over = new Promise((resolve) => child.on('close', resolve));
  t.teardown(async () => {
    child.kill('SIGKILL');
    await over;
  });
  t.ok(await until(() => said.includes('weft: ready'), 20_000), said);
  const pid = readFileSync(join(dir, 'ovs-vswitchd.pid'), 'utf8').trim();
  for (const id of readdirSync(`/proc/${pid}/task`)) {
    const status = readFileSync(`/proc/${pid}/task/${id}/status`, 'utf8');
    t.match(status, /^Uid:\s+65534\s+65534\s+65534\s+65534$/m, `thread ${id} is nobody's`);
    for (const set of ['CapEff', 'CapPrm', 'CapBnd', 'CapAmb']) t.equal(field(status, set), maskOf(FOR_USER), set);
  }
  t.equal(spawnSync('ip', ['link', 'show', 'wcp1']).status, 0, 'LOCAL is there');
  t.notMatch(said, /without its LOCAL/);

  for (const [user, text] of [
    ['zz', /user zz not found, aborting\./],
    ['nobody:zz', /group zz not found, aborting\./],
    [':zz', /group zz not found, aborting\./],
  ] as const) {
    const r = spawnSync(process.execPath, [WEFT, 'switchd', '--rundir', dir, `--user=${user}`], { encoding: 'utf8' });
    t.match(r, { status: 1, stderr: text }, user);
  }
});

/** Binds a socket, says so, and prints what comes. */
const LISTENER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True: print(s.recv(4096).decode(), flush=True)
`;

t.test('--syslog-method', { skip: refusal ?? false }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-syslog-'));
  const path = join(dir, 'log');
  const [program, words] = mortal('python3', ['-c', LISTENER, path]);
  const server = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const over = new Promise((resolve) => server.on('close', resolve));
  let heard = '';
  server.stdout.on('data', (d) => (heard += d));
  t.teardown(async () => {
    server.kill('SIGKILL');
    await over;
    rmSync(dir, { recursive: true, force: true });
  });
  t.ok(await until(() => heard.includes('bound'), 10_000));
  const log = join(dir, 'file.log');
  const weft = new LiveSwitch([`--syslog-method=unix:${path}`, '-vsyslog:dbg', `--log-file=${log}`]);
  t.teardown(() => weft.close());
  t.ok(await weft.ready(), weft.output);
  t.ok(
    await until(
      () => /^<30>\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ ovs-vswitchd: ovs\|\d{5}\|\w+\|INFO\|/m.test(heard),
      10_000,
    ),
    heard,
  );

  // Rotation: the file is moved away, and made anew when that is said.
  const [before, moved] = [readFileSync(log, 'utf8'), `${log}.1`];
  t.ok(before.length > 0);
  t.equal(spawnSync('mv', [log, moved]).status, 0);
  t.equal(weft.run('ovs-appctl', 'vlog/reopen').status, 0);
  t.match(readFileSync(log, 'utf8'), /\|vlog\|INFO\|opened log file /);
  t.equal(readFileSync(moved, 'utf8').startsWith(before), true);

  for (const [method, text] of [
    ['zz', /unsupported syslog method 'zz'/],
    ['udp:', /takes HOST:PORT/],
  ] as const) {
    const r = spawnSync(process.execPath, [WEFT, 'switchd', '--rundir', dir, `--syslog-method=${method}`], {
      encoding: 'utf8',
    });
    t.match(r, { status: 1, stderr: text }, method);
  }
});
