/**
 * Client libraries of OVSDB that agents and controllers are built on, each operation, on Open vSwitch and on weft, which must answer alike: os-ken's (VSCtl,
 * OVSBridge), Debian's python3-openvswitch (ovs.db.idl), and ovsdbapp over it as Neutron uses it. `--all`: over TCP too.
 *
 * Not os-ken's manager service: Debian's falls over Debian's python3-openvswitch before it asks a server anything.
 */
import '../support/isolate.js';

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { mortal } from '../../src/cli/lab/mortal.js';
import { until } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { freePort } from '../controllers/os-ken.js';
import { LiveSwitch } from '../support/live.js';
import { RealOvs } from '../support/ovs.js';
import { lacksModules } from '../support/python.js';

const HERE = fileURLToPath(new URL('../../../test/ovsdb-libraries/', import.meta.url));
/** Not the first python3 of the path: the packages belong to Debian's. */
const PYTHON = '/usr/bin/python3';
const LONGEST_MS = 90_000;

const refusal =
  needPrograms(OVS_PROGRAMS) ??
  lacksModules({ 'ovs.db.idl': 'python3-openvswitch', ovsdbapp: 'python3-ovsdbapp', os_ken: 'python3-os-ken' });

/** What a program says, line for line. */
async function said(words: readonly string[]): Promise<string[]> {
  const child = spawn(...mortal(PYTHON, words), {
    cwd: HERE,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let errors = '';
  let over = false;
  child.stdout.on('data', (d) => {
    out += d;
  });
  child.stderr.on('data', (d) => {
    errors += d;
  });
  child.on('close', () => {
    over = true;
  });
  await until(() => over, LONGEST_MS);
  child.kill('SIGKILL');
  await until(() => over, LONGEST_MS);
  const lines = out.split('\n').filter((l) => l.startsWith('['));
  return lines.length > 0 ? lines : [errors];
}

interface Peer {
  readonly unix: string;
  vsctl(...args: string[]): string;
  listen(remote: string): string;
}

async function everything(peer: Peer): Promise<Record<string, string[]>> {
  peer.vsctl('set', 'open', '.', 'ovs_version=9.9');
  const over: Record<string, string> = { unix: peer.unix };
  if (process.argv.includes('--all')) {
    const port = await freePort();
    peer.listen(`ptcp:${port}:127.0.0.1`);
    over.tcp = `tcp:127.0.0.1:${port}`;
  }
  const out: Record<string, string[]> = {};
  for (const [how, remote] of Object.entries(over)) {
    out[`os-ken's VSCtl and OVSBridge, ${how}`] = await said(['osken_client.py', remote]);
    out[`ovs.db.idl and ovsdbapp, ${how}`] = await said(['idl_client.py', remote]);
  }
  return out;
}

t.setTimeout(300_000);
t.test('client libraries', { skip: refusal }, async (t) => {
  const sw = new LiveSwitch(['--enable-dummy=override']);
  t.teardown(() => sw.close());
  t.ok(await sw.ready(), sw.output);
  const weft = await everything({
    unix: `unix:${sw.dir}/db.sock`,
    vsctl: (...args) => sw.run('ovs-vsctl', ...args).stdout,
    listen: (remote) => sw.run('ovs-vsctl', 'set-manager', remote).stdout,
  });
  await sw.stop();
  // Not side by side: with dummies ovs-vswitchd never sleeps.
  const ovs = new RealOvs();
  t.teardown(() => ovs.close());
  const real = await everything({
    unix: `unix:${ovs.dir}/db.sock`,
    vsctl: (...args) => ovs.vsctl(...args),
    listen: (remote) => ovs.appctl('-t', 'ovsdb-server', 'ovsdb-server/add-remote', remote),
  });
  for (const [what, lines] of Object.entries(real)) {
    t.ok(lines.length > 15, `${what}: ${lines.length} answers`);
    lines.forEach((line, i) => {
      t.equal(weft[what][i], line, `${what}: ${line.slice(0, 60)}`);
    });
    t.equal(weft[what].length, lines.length);
  }
  t.notMatch(sw.output, /please report|not applied|\|ERR\|/);
});
