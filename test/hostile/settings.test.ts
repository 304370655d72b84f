/** Settings in the database that cannot be: devices that are not there, managers that are none, certificates that are bad; and commands with nonsense behind them. */
import '../support/isolate.js';

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { labRefusal, until } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { Random } from '../../src/lib/random.js';
import { numberOption } from '../support/options.js';
import { Raw } from './raw.js';
import { Server } from './servers.js';
import { Witness } from './witness.js';

t.setTimeout(300_000);
const skip = labRefusal() ?? needPrograms({ 'ovs-vsctl': OVS_PROGRAMS['ovs-vsctl'], openssl: 'openssl' }) ?? false;
const SOON = 30_000;
const full = process.argv.includes('--full');

const dir = mkdtempSync(join(tmpdir(), 'weft-settings-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

function openssl(text: string): void {
  const r = spawnSync('openssl', text.split(' '), { encoding: 'utf8' });
  if (r.status !== 0) throw new Error(`openssl ${text}: ${r.stderr}`);
}

/** An authority and a certificate that it signed. */
function certify(authority: string, name: string): void {
  const [a, n] = [join(dir, authority), join(dir, name)];
  const key = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';
  openssl(`req -x509 ${key} -days 2 -subj /CN=${authority} -keyout ${a}.key -out ${a}.pem`);
  openssl(`req ${key} -subj /CN=${name} -keyout ${n}.key -out ${n}.csr`);
  openssl(`x509 -req -days 2 -in ${n}.csr -CA ${a}.pem -CAkey ${a}.key -CAcreateserial -out ${n}.pem`);
}

async function devices(t: Test, server: Server): Promise<void> {
  const { vsctl } = server;
  const run = vsctl.bind(server);
  t.match(run('add-br', 'whs0', '--', 'add-port', 'whs0', 'whs1', '--', 'set', 'interface', 'whs1', 'type=internal'), {
    status: 0,
  });
  const missing = run('add-port', 'whs0', 'whsnone');
  t.match(missing.stderr, /could not open network device whsnone \(No such device\)/);
  t.equal(run('get', 'interface', 'whsnone', 'ofport').stdout, '-1\n');
  t.match(run('get', 'interface', 'whsnone', 'error').stdout, /whsnone.*No such device/);
  t.match(run('add-port', 'whs0', 'whs2', '--', 'set', 'interface', 'whs2', 'type=internal'), {
    status: 0,
    stderr: '',
  });
  t.match(run('get', 'interface', 'whs1', 'ofport', 'error', 'link_state').stdout, /^\d+\n\[\]\n/);
  t.match(run('get', 'interface', 'whs2', 'ofport', 'error').stdout, /^\d+\n\[\]\n/);
  spawnSync('ip', ['link', 'add', 'whsnone', 'type', 'veth', 'peer', 'name', 'whsother']);
  const there = () => /^\d+\n\[\]\n/.test(run('get', 'interface', 'whsnone', 'ofport', 'error').stdout);
  t.ok(await until(there, SOON), 'a device that comes later is taken');
}

/** Target of a manager, and what the log or its row says is wrong with it. */
const MANAGERS: readonly (readonly [string, RegExp])[] = [
  ['foo:bar', /foo:bar: \S/],
  ['tcp:', /tcp:: \S/],
  ['ptcp:99999', /ptcp:99999: \S/],
  ['tcp:127.0.0.1:1', /last_error="connection refused"/i],
  ...(full ? ([['tcp:nosuch.invalid:6640', /last_error="[^"]+"/]] as const) : []),
  ['ptcp:6641:203.0.113.1', /cannot listen on 203\.0\.113\.1 port 6641/],
  ['punix:/nonexistent/x/y.sock', /cannot listen on \/nonexistent\S+: no such file or directory/],
  [`punix:/tmp/${'x'.repeat(150)}`, /at most 107 bytes/],
  ['pssl:6642:127.0.0.1', /pssl:6642:127.0.0.1: \S/],
  ['ssl:127.0.0.1:6643', /last_error="[^"]+"/],
];

async function managers(t: Test, server: Server): Promise<void> {
  for (const [target, says] of MANAGERS) {
    const before = server.output.length;
    t.equal(server.vsctl('--no-wait', 'set-manager', target).status, 0, target);
    const said = () => server.output.slice(before) + server.vsctl('--columns=status', 'list', 'manager').stdout;
    t.ok(await until(() => says.test(said()), SOON), `${target}: ${said().replaceAll('\n', ' ')}`);
  }
  // All at once, and a good one among them.
  server.vsctl('--no-wait', 'set-manager', ...MANAGERS.map(([target]) => target), 'ptcp:6640:127.0.0.1');
  const dbs = () => server.run('ovsdb-client', 'list-dbs', 'tcp:127.0.0.1:6640').stdout.includes('Open_vSwitch');
  t.ok(await until(dbs, SOON), 'the good one is served');
}

async function certificates(t: Test, server: Server): Promise<void> {
  certify('ca', 'good');
  certify('other', 'stranger');
  const f = (name: string): string => join(dir, name);
  writeFileSync(f('garbage.pem'), '-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n');
  copyFileSync(f('good.pem'), f('own.pem'));
  const bad: readonly (readonly [string, string, string])[] = [
    [f('nosuch.key'), f('good.pem'), f('ca.pem')],
    [f('good.key'), f('garbage.pem'), f('ca.pem')],
    [f('good.key'), f('stranger.pem'), f('ca.pem')],
    [f('good.pem'), f('good.key'), f('ca.pem')],
  ];
  const list = (key: string, cert: string, ca: string) =>
    server.run('ovsdb-client', '--timeout=1', '-p', key, '-c', cert, '-C', ca, 'list-dbs', 'ssl:127.0.0.1:6650');
  const good = () => list(f('good.key'), f('good.pem'), f('ca.pem'));
  // A listener that could not be had is tried again every few seconds: naming it anew tries at once.
  const serveWith = (...files: string[]): void => {
    server.vsctl('--no-wait', 'del-manager', '--', 'set-ssl', ...files);
    server.vsctl('--no-wait', 'set-manager', 'pssl:6650:127.0.0.1');
  };
  for (const files of bad) {
    const before = server.output.length;
    serveWith(...files);
    const said = (): string => server.output.slice(before);
    t.ok(await until(() => said().includes('pssl:6650:127.0.0.1: '), SOON), said());
    t.ok(server.running);
  }
  serveWith(f('good.key'), f('good.pem'), f('ca.pem'));
  t.ok(await until(() => good().status === 0, SOON), 'with good files it is served');
  t.not(list(f('stranger.key'), f('stranger.pem'), f('ca.pem')).status, 0, 'a client of another authority is refused');
  const knock = (text: string): Promise<string> =>
    new Promise((resolve) => {
      let got = '';
      const s = connect(6650, '127.0.0.1', () => s.write(text));
      s.on('data', (d) => {
        got += d.toString('latin1');
      });
      s.on('error', () => {});
      s.on('close', () => resolve(got));
    });
  t.notMatch(await knock('{"method":"list_dbs","params":[],"id":1}'), /Open_vSwitch/, 'no SSL, no answer');
  if (full) t.notMatch(await knock('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03garbage'.repeat(10)), /Open_vSwitch/);
  // Hands that are held out and never shaken.
  const idle = Array.from({ length: 50 }, () => connect(6650, '127.0.0.1'));
  for (const s of idle) s.on('error', () => {});
  t.equal(good().status, 0, 'others are served meanwhile');
  for (const s of idle) s.destroy();
}

const WORDS: readonly string[] = [
  ...[
    '',
    'x',
    'whs0',
    'whs1',
    '-1',
    '0',
    '2',
    'NaN',
    '9'.repeat(21),
    'zz',
    '-m',
    '--x',
    '[',
    '{"a":',
    'a=b',
    '%s%s',
    '../..',
  ],
  ...['in_port=1', 'in_port=99999,ip,nw_dst=1', 'ff'.repeat(12) + '0800', 'netdev@ovs-netdev', 'name=whs0', 'ufid:1'],
  ...['recirc_id(0),in_port(1),eth_type(0x0800)', 'recirc_id(0),in_port(1),eth(),ipv4(dst=10.0.0.0/8)', 'drop'],
  ...['set(tunnel(', 'ct(commit', 'clone(1', 'push_vlan(vid=2,pcp=0),1', '__proto__', 'constructor', '\u0001', 'tcp'],
  ...['a'.repeat(70_000), 'ANY:console:info'],
];

/** Every command of the control socket, with words that make no sense. */
async function nonsense(t: Test, server: Server): Promise<void> {
  const call = async (method: string, params: readonly string[]): Promise<string> => {
    const raw = await Raw.open(server.control);
    await raw.send(JSON.stringify({ id: 1, method, params }));
    await until(() => raw.closed || /"error":.*\}$/s.test(raw.text), SOON);
    raw.close();
    return raw.text;
  };
  const listed = JSON.parse(await call('list-commands', [])).result;
  const names = String(listed)
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/)[0])
    .filter((name) => name !== '' && name !== 'exit');
  const random = new Random(numberOption('seed', 1));
  const faults: string[] = [];
  for (const name of names) {
    for (let i = 0; i < (full ? 60 : 3); i++) {
      const params = Array.from({ length: random.below(5) }, () => random.pick(WORDS));
      const reply = await call(name, params);
      if (reply === '' || reply.includes('internal error')) {
        faults.push(`${name} ${params.map((p) => p.slice(0, 60)).join(' ')}: ${reply.slice(0, 200)}`);
      }
    }
  }
  t.same(faults, [], `${names.length} commands`);
}

t.test('what cannot be, in a switch that goes on', { skip }, async (t) => {
  const server = new Server('switchd', { devices: true, args: ['-vconsole:info'] });
  t.teardown(() => server.close());
  t.ok(await server.start(), server.output);
  const witness = new Witness('s', 20_000);
  await witness.start(server.socket);
  await t.test('devices', (t) => devices(t, server));
  await t.test('managers', (t) => managers(t, server));
  await t.test('certificates', (t) => certificates(t, server));
  await t.test('commands', (t) => nonsense(t, server));
  await witness.stop();
  t.same(witness.faults, [], 'the good client noticed nothing');
  t.same(await witness.lost(server.socket), []);
  t.equal(await server.stop(), 0);
});
