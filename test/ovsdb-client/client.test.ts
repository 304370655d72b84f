// ovsdb-client and weft's own on one ovsdb-server: what they print and their exit status must be equal.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { until } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { RealDatabase } from '../support/database.js';
import { WEFT } from '../support/live.js';

t.setTimeout(240_000);
const refusal = needPrograms({
  'ovs-vsctl': OVS_PROGRAMS['ovs-vsctl'],
  'ovsdb-server': OVS_PROGRAMS['ovsdb-server'],
});

const SELECT = '["Open_vSwitch",{"op":"select","table":"Bridge","where":[],"columns":["name"]}]';
const DELETE = '["Open_vSwitch",{"op":"delete","table":"Bridge","where":[]}]';

/** S stands for the server. Where rows or members come in the order of a hash, lines are compared in order of themselves. */
const LINES: readonly (readonly string[])[] = [
  ['list-dbs'],
  ['list-dbs', 'S'],
  ['list-dbs', 'unix:/nonexistent'],
  ['get-schema', 'S'],
  ['get-schema', 'S', 'Open_vSwitch'],
  ['get-schema', 'S', 'Foo'],
  ['--pretty', 'get-schema', 'S', '_Server'],
  ['get-schema-version', 'S'],
  ['get-schema-cksum', 'S'],
  ['list-tables', 'S'],
  ['list-columns', 'S', 'Open_vSwitch', 'Bridge'],
  ['list-columns', 'S', 'Open_vSwitch'],
  ['list-columns', 'S', 'Open_vSwitch', 'Foo'],
  ['transact', 'S', SELECT],
  ['query', 'S', SELECT],
  ['query', 'S', DELETE],
  ['transact', 'S', '["x"]'],
  ['transact', 'S', '{}'],
  ['transact', 'S', '["Open_vSwitch",{"op":"frob"}]'],
  ['transact'],
  ['dump', 'S', 'Open_vSwitch', 'Bridge', 'name', 'external_ids'],
  ['-f', 'list', 'dump', 'S', 'Open_vSwitch', 'Bridge', 'name', 'external_ids'],
  ['-f', 'csv', 'dump', 'S', 'Open_vSwitch', 'Bridge', 'name', 'ports'],
  ['-f', 'json', 'dump', 'S', 'Open_vSwitch', 'Bridge', 'name'],
  ['-f', 'html', 'dump', 'S', 'Open_vSwitch', 'Interface', 'name', 'type'],
  ['dump', 'S', '-d', 'json', 'Open_vSwitch', 'Bridge', 'name'],
  ['dump', 'S'],
  ['dump', 'S', 'Nope'],
  ['dump', 'S', 'Open_vSwitch', 'Nope'],
  ['dump', 'S', 'Open_vSwitch', 'Bridge', 'nope'],
  ['frob'],
  [],
  ['list-dbs', 'a', 'b'],
  ['list-dbs', '-x'],
  ['wait', 'S', 'Open_vSwitch', 'foo'],
  ['needs-conversion', 'S', '/usr/share/openvswitch/vswitch.ovsschema'],
  ['needs-conversion', 'S', '/nonexistent'],
  ['monitor', 'S', 'Open_vSwitch', 'Nope'],
  ['monitor', 'S', 'Open_vSwitch', 'Bridge', 'nope'],
  ['-t', '5', 'list-dbs', 'S'],
  ['--timeout=0', 'list-dbs', 'S'],
  ['--timestamp', 'list-dbs', 'S'],
  ['--no-headings', 'dump', 'S', 'Open_vSwitch', 'Bridge', 'name'],
  ['--bare', 'dump', 'S', 'Open_vSwitch', 'Bridge', 'name', 'external_ids'],
  ['--data=string', 'dump', 'S', 'Open_vSwitch', 'Bridge', 'name', 'ports'],
  ['-f', 'list', '-d', 'bare', 'dump', 'S', 'Open_vSwitch', 'Bridge', 'name', 'external_ids'],
  ['list-tables', 'S', '_Server'],
  ['list-tables', 'S', 'Nope'],
  ['--no-headings', 'list-tables', 'S'],
  ['list-columns', 'S', 'Bridge'],
  ['-f', 'csv', 'list-columns', 'S', '_Server', 'Database'],
  ['get-schema-version', 'S', 'Open_vSwitch'],
  ['get-schema-version', 'S', '_Server'],
  ['get-schema-cksum', 'S', 'Nope'],
  ['needs-conversion', 'S'],
  ['convert', 'S'],
  ['convert', 'S', '/nonexistent'],
  ['convert', 'S', '/usr/share/openvswitch/vswitch.ovsschema'],
  ['wait', 'S', 'Open_vSwitch'],
  ['backup', 'S', 'Nope'],
  ['restore', 'S', 'Nope'],
  ['transact', 'S', '[]'],
  ['transact', 'S', '["Nope"]'],
  ['list-dbs', '--foo'],
];

function sorted(text: string): string {
  return text.split('\n').sort().join('\n');
}

t.test('asking', { skip: refusal ?? false }, (t) => {
  const db = new RealDatabase();
  t.teardown(() => db.close());
  db.vsctl('--no-wait', 'add-br', 'br0', '--', 'set', 'bridge', 'br0', 'external_ids:a=b', '--', 'add-br', 'br1');
  for (const line of LINES) {
    const args = line.map((w) => (w === 'S' ? db.remote : w));
    const theirs = db.run('ovsdb-client', ...args);
    const ours = db.run(WEFT, 'ovsdb-client', ...args);
    const stderr = ours.stderr.replace(/^weft ovsdb-client/, 'ovsdb-client');
    t.same(
      { ...ours, stdout: sorted(ours.stdout), stderr },
      { ...theirs, stdout: sorted(theirs.stdout) },
      `ovsdb-client ${line.join(' ')}`,
    );
  }
  t.end();
});

t.test('what was saved is put back', { skip: refusal ?? false }, (t) => {
  const db = new RealDatabase();
  t.teardown(() => db.close());
  db.vsctl('--no-wait', 'add-br', 'br0', '--', 'set', 'bridge', 'br0', 'external_ids:a=b');
  const file = join(db.dir, 'saved.db');
  writeFileSync(file, db.must(WEFT, 'ovsdb-client', 'backup', db.remote));
  t.equal(db.must('ovsdb-tool', 'db-version', file), db.must('ovsdb-client', 'get-schema-version', db.remote));
  // Rows are new ones, and come in another order.
  const dump = () =>
    sorted(db.must('ovsdb-client', 'dump', db.remote).replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID'));
  const before = dump();
  db.vsctl('--no-wait', 'del-br', 'br0', '--', 'add-br', 'other');
  const restored = spawnSync(WEFT, ['ovsdb-client', 'restore', db.remote], { input: readFileSync(file) });
  t.equal(restored.status, 0, String(restored.stderr));
  t.equal(dump(), before);
  t.end();
});

/** A program that runs on, and what it has printed. */
class Watcher {
  private readonly child: ChildProcess;
  output = '';

  constructor(program: string, args: readonly string[]) {
    this.child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.child.stdout?.on('data', (d) => {
      this.output += d;
    });
  }

  end(): void {
    this.child.kill('SIGKILL');
  }
}

t.test('monitors and locks', { skip: refusal ?? false }, async (t) => {
  const db = new RealDatabase();
  db.vsctl('--no-wait', 'add-br', 'br0');
  const all: Watcher[] = [];
  t.teardown(() => {
    for (const w of all) w.end();
    db.close();
  });
  const cases: [string[], RegExp, RegExp][] = [
    [['monitor', db.remote, 'Open_vSwitch', 'Bridge', 'name,external_ids'], /initial br0/, /delete br1/],
    [['-f', 'csv', 'monitor', db.remote, 'ALL'], /initial/, /delete,[^\n]*br1/],
    [['monitor', db.remote, 'Bridge', 'name,!initial,!delete'], /^/, /insert br1/],
    [['monitor-cond', db.remote, '[["name","==","br1"]]', 'Bridge', 'name'], /^/, /delete/],
    [['monitor-cond-since', db.remote, '[]', 'Bridge', 'name'], /initial br0/, /delete/],
  ];
  const pairs = cases.map(([args]) => {
    const pair = [new Watcher('ovsdb-client', args), new Watcher(WEFT, ['ovsdb-client', ...args])];
    all.push(...pair);
    return pair;
  });
  const watching = (): boolean =>
    pairs.every((pair, i) => pair.every((w) => cases[i][1].test(w.output))) && connected(db) >= 2 * pairs.length;
  t.ok(await until(watching, 30_000), 'all are watching');
  for (const change of ['set bridge br0 external_ids:c=d', 'add-br br1', 'del-br br1']) {
    db.vsctl('--no-wait', ...change.split(' '));
  }
  for (const [i, [theirs, ours]] of pairs.entries()) {
    t.ok(
      await until(() => cases[i][2].test(theirs.output) && ours.output === theirs.output, 20_000),
      cases[i][0].join(' '),
    );
    t.equal(ours.output, theirs.output);
  }
  const locks = [0, 1].map(() => new Watcher(WEFT, ['ovsdb-client', 'lock', db.remote, 'l']));
  all.push(...locks);
  t.ok(await until(() => locks.every((w) => /locked/.test(w.output)), 20_000));
  const first = locks.find((w) => w.output === '{"locked":true}\n');
  const second = locks.find((w) => w !== first);
  t.equal(second?.output, '{"locked":false}\n');
  first?.end();
  t.ok(await until(() => second?.output === '{"locked":false}\nlocked\n', 20_000), 'the other has it then');
});

/** Clients that have said something, by the server's own count. */
function connected(db: RealDatabase): number {
  const shown = db.must('ovs-appctl', '-t', 'ovsdb-server', 'memory/show');
  return Number(/monitors:(\d+)/.exec(shown)?.[1] ?? 0) > 0 ? sessions(shown) : 0;
}

function sessions(shown: string): number {
  return Number(/sessions:(\d+)/.exec(shown)?.[1] ?? 0);
}
