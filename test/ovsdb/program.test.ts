/** `weft ovsdb-server` as scripts start ovsdb-server, with the real tools on it. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { hasRealServer, removeScratch, scratch, until } from './peers.js';

const WEFT = fileURLToPath(new URL('../../../bin/weft', import.meta.url));
const skip = hasRealServer() ? false : 'needs the programs of Open vSwitch';

t.test('started, used, compacted, ended', { skip }, async (t) => {
  const dir = scratch();
  const env = { ...process.env, OVS_RUNDIR: dir, OVS_LOGDIR: dir, OVS_DBDIR: dir, WEFT_RUNDIR: dir };
  const run = (program: string, ...args: string[]) => spawnSync(program, args, { env, encoding: 'utf8', cwd: dir });
  t.teardown(() => removeScratch(dir));
  t.equal(run('ovsdb-tool', 'create', 'conf.db', '/usr/share/openvswitch/vswitch.ovsschema').status, 0);
  const socket = join(dir, 'db.sock');
  const options = ['--detach', '--no-chdir', '--pidfile', '--log-file', '-vconsole:off', `--remote=punix:${socket}`];
  const ssl = ['private_key', 'certificate', 'ca_cert'].map((c) => `--${c.replace('_', '-')}=db:Open_vSwitch,SSL,${c}`);
  const started = run(process.execPath, WEFT, 'ovsdb-server', 'conf.db', ...options, ...ssl);
  t.equal(started.status, 0, started.stderr);
  const pid = Number(readFileSync(join(dir, 'ovsdb-server.pid'), 'utf8'));
  t.teardown(() => {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended as it was told.
    }
  });
  await until('it listens', () => existsSync(socket));
  const vsctl = (...args: string[]) => run('ovs-vsctl', `--db=unix:${socket}`, '--no-wait', ...args);
  t.equal(vsctl('init').status, 0);
  t.equal(vsctl('add-br', 'br0', '--', 'add-port', 'br0', 'p1', 'tag=7').status, 0);
  t.equal(vsctl('get', 'port', 'p1', 'tag').stdout, '7\n');
  t.match(vsctl('add-br', 'br0').stderr, /cannot create a bridge named br0 because a bridge named br0 already exists/);
  const appctl = (...args: string[]) => run('ovs-appctl', '-t', 'ovsdb-server', ...args);
  t.equal(appctl('ovsdb-server/list-dbs').stdout, 'Open_vSwitch\n_Server\n');
  t.equal(appctl('ovsdb-server/list-remotes').stdout, `punix:${socket}\n`);
  t.equal(appctl('ovsdb-server/compact').status, 0);
  t.match(appctl('ovsdb-server/compact', 'nope').stderr, /no database by that name/);
  t.match(run('ovsdb-tool', 'show-log', 'conf.db').stdout, /compacting database online/);
  const second = run(process.execPath, WEFT, 'ovsdb-server', 'conf.db', '--remote=punix:other.sock', '--unixctl=o.ctl');
  t.match(second.stderr, /another process has the database open/);
  t.equal(appctl('exit').status, 0);
  await until('it ends', () => !existsSync(join(dir, 'ovsdb-server.pid')));
  t.match(
    run(
      'ovsdb-tool',
      'query',
      'conf.db',
      '["Open_vSwitch",{"op":"select","table":"Bridge","where":[],"columns":["name"]}]',
    ).stdout,
    /"name":"br0"/,
  );
});
