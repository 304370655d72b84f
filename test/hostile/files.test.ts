/** Disks that are full, files that are none, directories that cannot be written, descriptors that run out. All with both programs: --full 1. */
import '../support/isolate.js';

import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { labRefusal, until } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { record } from '../../src/ovsdb/storage/log.js';
import { Raw } from './raw.js';
import { type Kind, Server } from './servers.js';
import { Witness } from './witness.js';

t.setTimeout(600_000);
const noTools = needPrograms({ 'ovs-vsctl': OVS_PROGRAMS['ovs-vsctl'], 'ovsdb-tool': OVS_PROGRAMS['ovsdb-server'] });
const skip = noTools ?? false;
const noMounts = labRefusal() ?? noTools ?? false;
const SOON = 30_000;
const PATIENCE = 20_000;
const full = process.argv.includes('--full');
const KINDS: readonly Kind[] = ['ovsdb-server', 'switchd'];
const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

const dir = mkdtempSync(join(tmpdir(), 'weft-files-'));
t.teardown(() => {
  spawnSync('umount', ['-l', join(dir, 'ro')]);
  for (const kind of KINDS) spawnSync('umount', ['-l', join(dir, kind)]);
  rmSync(dir, { recursive: true, force: true });
});

function mount(path: string, options: string): void {
  mkdirSync(path, { recursive: true });
  const r = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { encoding: 'utf8' });
  if (r.status !== 0) throw new Error(`mount: ${r.stderr}`);
}

/** Writes until nothing more fits. */
function fill(path: string): void {
  for (const size of [65536, 4096, 512, 1]) {
    try {
      for (;;) appendFileSync(path, 'x'.repeat(size));
    } catch {
      // Smaller pieces may fit still.
    }
  }
}

// In the short form once, in the program that has both.
for (const kind of full ? KINDS : (['switchd'] as const)) {
  t.test(`a full disk under weft ${kind}`, { skip: noMounts }, async (t) => {
    const disk = join(dir, kind);
    mount(disk, 'size=4m');
    const server = new Server(kind, { dbDir: disk, args: ['-vconsole:info'] });
    t.teardown(() => server.close());
    t.ok(await server.start(), server.output);
    const witness = new Witness('d', PATIENCE);
    await witness.start(server.socket);
    t.ok(await until(() => witness.acknowledged.size > 10, SOON), 'there is room');
    fill(join(disk, 'rest'));
    t.ok(await until(() => witness.refused.length > 20 || witness.faults.length > 0, SOON), 'a transaction fails');
    t.match(JSON.stringify(witness.refused.at(-1)), /"error":"I\/O error".*"io-error":"No space left on device"/i);
    t.ok(await until(() => /write failed \(No space left on device\)/i.test(server.output), SOON), 'the log says so');
    const refused = server.vsctl('--no-wait', 'add-br', 'br0');
    t.not(refused.status, 0);
    t.match(refused.stderr, /I\/O error/);
    t.equal(server.vsctl('list-br').stdout, '', 'nothing of it is there');
    rmSync(join(disk, 'rest'));
    const before = witness.acknowledged.size;
    t.ok(await until(() => witness.acknowledged.size > before + 10, SOON), 'with room again it goes on');
    t.match(server.vsctl(...(kind === 'switchd' ? [] : ['--no-wait']), 'add-br', 'br1'), { status: 0, stderr: '' });
    // Killed at work, on a disk that is full again.
    fill(join(disk, 'rest'));
    witness.expectEnd();
    await server.stop('SIGKILL');
    await witness.stop();
    t.same(witness.faults, []);
    t.ok(await server.start(), server.output);
    t.same(await witness.lost(server.socket), [], 'nothing acknowledged is lost');
    t.equal(server.vsctl('list-br').stdout, 'br1\n');
    await server.stop();
    t.equal(spawnSync('ovsdb-tool', ['db-version', server.file]).status, 0, 'ovsdb-tool reads the file');
    if (kind === 'switchd') {
      rmSync(server.file);
      fill(join(disk, 'rest'));
      t.notOk(await server.start(), 'no room for a database of its own');
      t.match(server.output, /^weft switchd: \S+conf\.db: No space left on device\n/i);
    }
  });
}

const log = (...records: string[]): string => records.map((r) => Buffer.from(record(r)).toString('latin1')).join('');
const schema = (name: string, tables: string): string => `{"name":"${name}","version":"1.0.0","tables":${tables}}`;
const table = '{"T":{"columns":{"n":{"type":"integer"}},"isRoot":true}}';
const real = existsSync(SCHEMA) ? JSON.stringify(JSON.parse(readFileSync(SCHEMA, 'utf8'))) : '{}';

/** Contents of a file, and what is said of it; `switch`: by a switch, which wants Open_vSwitch. */
const FILES: readonly { what: string; text: string; says: RegExp; kinds?: readonly Kind[] }[] = [
  { what: 'an empty file', text: '', says: /an empty file is no database/ },
  { what: 'some text', text: 'hello\nworld\n', says: /parse error at offset 0 in header line "hello"/ },
  {
    what: 'a clustered database',
    text: 'OVSDB CLUSTER 3 0000000000000000000000000000000000000000\n{}\n',
    says: /clustered/,
  },
  { what: 'a schema that is none', text: log('{"name":"Open_vSwitch"}'), says: /version|tables/ },
  { what: 'a table that is none', text: log(schema('Open_vSwitch', '{"T":[]}')), says: /T|object/ },
  {
    what: 'another database',
    text: log(schema('Other', table)),
    says: /holds the database Other, not Open_vSwitch/,
    kinds: ['switchd'],
  },
  {
    what: 'a transaction of no such table',
    text: log(real, '{"_date":1,"Nope":{"00000000-0000-4000-8000-000000000001":{}}}'),
    says: /transaction 1 does not apply: .*No table named Nope/,
  },
  {
    what: 'a transaction that breaks a rule',
    text: log(real, '{"_date":1,"Bridge":{"00000000-0000-4000-8000-000000000001":{"name":5}}}'),
    says: /transaction 1 does not apply/,
  },
];

t.test('files that are no databases', { skip, jobs: 2 }, async (t) => {
  for (const { what, text, says, kinds = KINDS } of FILES) {
    for (const kind of kinds.slice(0, full ? 2 : 1)) {
      t.test(`${what}, weft ${kind}`, async (t) => {
        const server = new Server(kind);
        t.teardown(() => server.close());
        writeFileSync(server.file, text);
        t.notOk(await server.start(), 'it does not run');
        t.equal(await server.stop(), 1, 'exit status 1');
        t.match(server.output, says);
        t.match(
          server.output,
          /^weft (switchd|ovsdb-server): [^\n]*\n$/,
          'one sentence, after the name of the program',
        );
        t.equal(readFileSync(server.file, 'latin1'), text, 'the file is as it was');
      });
    }
  }
});

t.test('an Open_vSwitch database of few tables', { skip }, async (t) => {
  const server = new Server('switchd');
  t.teardown(() => server.close());
  writeFileSync(server.file, log(schema('Open_vSwitch', table).replace('1.0.0', '99.0.0')));
  t.ok(await server.start(), server.output);
  t.match(server.run('ovs-appctl', '-t', server.control, 'ofproto/list'), { status: 0 });
  t.equal(await server.stop(), 0);
});

t.test('a file that was torn in the middle', { skip }, async (t) => {
  const server = new Server('ovsdb-server');
  t.teardown(() => server.close());
  t.ok(await server.start(), server.output);
  const witness = new Witness('t', PATIENCE);
  await witness.start(server.socket);
  t.ok(await until(() => witness.acknowledged.size > 10, SOON));
  await witness.stop();
  t.equal(await server.stop(), 0);
  const whole = readFileSync(server.file, 'latin1');
  // The last record but one has a digit that is another.
  const at = whole.lastIndexOf('\nOVSDB JSON ', whole.lastIndexOf('\nOVSDB JSON ') - 1);
  const spoilt = `${whole.slice(0, at)}${whole.slice(at).replace('"_date":1', '"_date":2')}`;
  writeFileSync(server.file, spoilt, 'latin1');
  t.ok(await server.start(), server.output);
  t.match(server.output, /have SHA-1 hash .* but should have hash .*bytes are dropped/);
  t.match(server.output, /the file as it was is in .*\.damaged/);
  t.equal(readFileSync(`${server.file}.damaged`, 'latin1'), spoilt);
  t.equal((await witness.lost(server.socket)).length, 2, 'all before it is there');
});

t.test('a run directory that cannot be written', { skip: noMounts }, async (t) => {
  const runDir = join(dir, 'ro');
  mount(runDir, 'size=1m,ro');
  for (const kind of KINDS) {
    const server = new Server(kind, { runDir });
    t.teardown(() => server.close());
    t.notOk(await server.start(), kind);
    t.equal(await server.stop(), 1);
    t.match(server.output, /^weft (switchd|ovsdb-server): [^\n]*read-only file system/im);
  }
});

t.test('descriptors run out', { skip: needPrograms({ prlimit: 'util-linux' }) ?? skip }, async (t) => {
  for (const kind of KINDS) {
    const server = new Server(kind);
    t.teardown(() => server.close());
    t.ok(await server.start(), server.output);
    const few = readdirSync(`/proc/${server.pid}/fd`).length + 40;
    spawnSync('prlimit', ['--pid', String(server.pid), `--nofile=${few}:${few}`]);
    const witness = new Witness('e', PATIENCE);
    await witness.start(server.socket);
    for (let round = 0; round < 3; round++) {
      const all = await Promise.all(Array.from({ length: 200 }, () => Raw.open(server.socket).catch(() => undefined)));
      for (const raw of all) void raw?.send('{"method":"list_dbs","params":[],"id":1}');
      const settled = () => all.every((r) => !r || r.closed || r.text.includes('"id":1'));
      t.ok(await until(settled, SOON), 'each is answered or refused');
      t.ok(
        all.some((r) => r?.closed),
        'there were too many',
      );
      t.ok(
        all.some((r) => r?.text.includes('"id":1')),
        'and some were not',
      );
      for (const raw of all) raw?.close();
      const ask = async (): Promise<boolean> => {
        const raw = await Raw.open(server.socket);
        await raw.send('{"method":"list_dbs","params":[],"id":2}');
        await until(() => raw.closed || raw.text.includes('"id":2'), SOON);
        const ok = !raw.closed;
        raw.close();
        return ok;
      };
      let again = false;
      const end = performance.now() + SOON;
      while (!again && performance.now() < end) again = await ask();
      t.ok(again, 'when they are gone others come in');
    }
    await witness.stop();
    t.same(witness.faults, [], 'who was there before noticed nothing');
    t.equal(await server.stop(), 0);
  }
});
