/** What ends and begins again: the switch, killed; the database server; a second switch on the same database. */
import { type ChildProcess, spawn } from 'node:child_process';
import t from 'tap';
import { until } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { RealDatabase } from '../support/database.js';
import { LiveSwitch } from '../support/live.js';

const refusal = needPrograms({
  'ovs-vsctl': OVS_PROGRAMS['ovs-vsctl'],
  'ovsdb-server': OVS_PROGRAMS['ovsdb-server'],
  'ovs-appctl': OVS_PROGRAMS['ovs-appctl'],
});
const skip = refusal ?? false;
const SOON = 10_000;
/** Killed and forwarding again: what is promised. The tests' machines are slow and busy, so they get three times as long. */
const AGAIN = 3 * 2000;

const PORTS = ['a', 'b', 'c', 'd', 'e'];
const FLOOD = 'in_port=1,dl_src=50:54:00:00:00:05,dl_dst=50:54:00:00:00:07';

/** Numbers by name, and what becomes of a packet. */
function picture(sw: LiveSwitch, vsctl: (...args: string[]) => { stdout: string }): unknown {
  const numbers = PORTS.map((p) => vsctl('--if-exists', 'get', 'interface', p, 'ofport').stdout.trim());
  const show = sw.run('ovs-ofctl', 'show', 'br0').stdout.match(/^ \w+\(\w+\)/gm);
  const trace = sw.run('ovs-appctl', 'ofproto/trace', 'br0', FLOOD).stdout;
  return { numbers, show: show?.sort(), megaflow: /Megaflow: .*/.exec(trace)?.[0] };
}

t.test('killed and started again: the same ports under the same numbers', { skip }, async (t) => {
  const args = ['--enable-dummy=override'];
  let sw = new LiveSwitch(args);
  t.teardown(() => sw.close());
  t.ok(await sw.ready(), sw.output);
  const vsctl = (...a: string[]) => sw.run('ovs-vsctl', '--timeout=20', ...a);
  vsctl('add-br', 'br0');
  for (const p of PORTS) vsctl('add-port', 'br0', p);
  // Numbers that do not follow from the order of the names.
  vsctl('del-port', 'a', '--', 'del-port', 'c');
  vsctl('add-port', 'br0', 'a', '--', 'set', 'interface', 'a', 'ofport_request=1');
  vsctl('set', 'port', 'b', 'tag=7');
  const before = picture(sw, vsctl);
  const { dir } = sw;
  await sw.stop('SIGKILL');
  const began = performance.now();
  sw = new LiveSwitch([...args, '--rundir', dir]);
  t.ok(await sw.ready(), sw.output);
  const took = performance.now() - began;
  t.ok(took < AGAIN, `ready after ${Math.round(took)} ms`);
  const again = { run: (command: string, ...a: string[]) => runIn(dir, sw, command, a) };
  t.same(
    picture(Object.assign(Object.create(sw), again), (...a) => again.run('ovs-vsctl', '--timeout=20', ...a)),
    before,
  );
  t.match(sw.output, /ready/);
});

function runIn(dir: string, sw: LiveSwitch, command: string, args: readonly string[]) {
  return sw.run('env', `OVS_RUNDIR=${dir}`, `WEFT_RUNDIR=${dir}`, command, ...args);
}

t.test('a second switch on one database waits for the first to end', { skip }, async (t) => {
  const db = new RealDatabase();
  const first = new LiveSwitch([db.remote, '--enable-dummy=override']);
  t.teardown(() => db.close());
  t.teardown(() => first.close());
  t.ok(await first.ready(), first.output);
  const second = new LiveSwitch([db.remote, '--enable-dummy=override']);
  t.teardown(() => second.close());
  t.ok(await until(() => /another program has the lock "ovs_vswitchd"/.test(second.output), SOON), second.output);
  db.vsctl('add-br', 'br0');
  t.equal(second.run('ovs-ofctl', 'show', 'br0').status, 1, 'it has no bridges');
  await first.stop('SIGKILL');
  t.ok(await second.ready(), second.output);
  t.match(second.output, /the lock "ovs_vswitchd" of the database is ours now/);
  t.equal(second.run('ovs-ofctl', 'show', 'br0').status, 0);
  t.equal(db.vsctl('add-port', 'br0', 'p1').status, 0);
});

t.test('of several servers the next one is tried', { skip }, async (t) => {
  const db = new RealDatabase();
  t.teardown(() => db.close());
  const sw = new LiveSwitch([`unix:${db.dir}/none.sock,${db.remote}`, '--enable-dummy=override']);
  t.teardown(() => sw.close());
  t.ok(await sw.ready(), sw.output);
  t.equal(db.vsctl('add-br', 'br0').status, 0);
});

t.test('the database server ends and comes back', { skip }, async (t) => {
  const db = new RealDatabase();
  const sw = new LiveSwitch([db.remote, '--enable-dummy=override']);
  t.teardown(() => db.close());
  t.teardown(() => sw.close());
  t.ok(await sw.ready(), sw.output);
  db.vsctl('add-br', 'br0', '--', 'add-port', 'br0', 'p1');
  db.stop();
  t.ok(await until(() => /next try in/.test(sw.output), SOON), sw.output);
  t.match(sw.run('ovs-ofctl', 'show', 'br0').stdout, /1\(p1\)/, 'the switch goes on');
  db.start();
  t.equal(db.vsctl('--no-wait', 'add-port', 'br0', 'p2', '--', 'del-port', 'p1').status, 0);
  t.ok(await until(() => /2\(p2\)/.test(sw.run('ovs-ofctl', 'show', 'br0').stdout), SOON), sw.output);
  t.equal(db.vsctl('add-port', 'br0', 'p3').status, 0, 'and who changes something need not wait');
  t.equal(db.get('interface', 'p3', 'ofport'), '3');
  t.equal(db.get('interface', 'p2', 'error'), '[]');
});

t.test('a server that knows only the first monitors', { skip }, async (t) => {
  const db = new RealDatabase();
  t.teardown(() => db.close());
  const path = `${db.dir}/old.sock`;
  for (const unknown of [['monitor_cond_since'], ['monitor_cond_since', 'monitor_cond']]) {
    const proxy: ChildProcess = spawn(process.execPath, [OLD_SERVER, path, db.remote.slice(5), ...unknown], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.teardown(() => proxy.kill());
    await new Promise((resolve) => proxy.stdout?.once('data', resolve));
    const sw = new LiveSwitch([`unix:${path}`, '--enable-dummy=override']);
    t.teardown(() => sw.close());
    t.ok(await sw.ready(), sw.output);
    const name = `br${unknown.length}`;
    t.equal(db.vsctl('add-br', name, '--', 'add-port', name, `${name}p`).status, 0);
    t.equal(db.vsctl('set', 'port', `${name}p`, 'tag=5', '--', 'set', 'bridge', name, 'other_config:a=b').status, 0);
    t.equal(db.vsctl('remove', 'bridge', name, 'other_config', 'a', '--', 'del-port', `${name}p`).status, 0);
    t.same(sw.run('ovs-ofctl', 'show', name).stdout.match(/^ \w+\(\w+\)/gm), [` LOCAL(${name})`], unknown.join(', '));
    await sw.close();
    proxy.kill();
  }
});

/** Stands between client and server, and does not know some methods. */
const OLD_SERVER = new URL('../support/old-server.js', import.meta.url).pathname;
