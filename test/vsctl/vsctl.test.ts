// ovs-vsctl and weft's own, the same lines on two databases: what they print and their exit status must be equal.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { main } from '../../src/cli/vsctl.js';
import { type Ran, RealDatabase } from '../support/database.js';
import { LINES, wordsOf } from './lines.js';

t.setTimeout(300_000);
const refusal = needPrograms({
  'ovs-vsctl': OVS_PROGRAMS['ovs-vsctl'],
  'ovsdb-server': OVS_PROGRAMS['ovsdb-server'],
});
const skip = refusal ?? false;
const BIN = fileURLToPath(new URL('../../../bin/weft', import.meta.url));

/** UUIDs and times are of no interest, nor the order of rows, which in OVS is that of a hash. */
function plain({ status, stdout, stderr }: Ran): object {
  const text = (s: string): string =>
    s.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID').replace(/^[\d-]+T[\d:]+Z\|\d+\|/gm, 'TIME|');
  return { status, stdout: sorted(text(stdout).replaceAll('\\n', '\n')), stderr: text(stderr) };
}

function sorted(s: string): string {
  if (s.startsWith('{')) return s;
  return /^ {4}(Bridge|Manager)/m.test(s) ? sortPorts(s.trimEnd()) : s.split('\n').sort().join('\n');
}

/** The ports in `show`, and the bridges, in order of names. */
function sortPorts(s: string): string {
  return s
    .split(/\n(?= {4}\S)/)
    .map((bridge) => {
      const [head, ...ports] = bridge.split(/\n(?= {8}\S)/);
      return [head, ...ports.sort()].join('\n');
    })
    .sort()
    .join('\n');
}

/** Without a process for each line, which would take most of the time. */
async function inProcess(...args: string[]): Promise<Ran> {
  const ran = { status: 0, stdout: '', stderr: '' };
  ran.status = await main(args, 'ovs-vsctl', {
    out(text) {
      ran.stdout += text;
    },
    err(text) {
      ran.stderr += text;
    },
  });
  return ran;
}

t.test('every command, on ovsdb-server', { skip }, async (t) => {
  const real = new RealDatabase();
  const ours = new RealDatabase();
  t.teardown(() => {
    real.close();
    ours.close();
  });
  for (const line of LINES) {
    const words = wordsOf(line);
    const a = real.run('ovs-vsctl', `--db=${real.remote}`, '--no-wait', ...words);
    const b = await inProcess(`--db=${ours.remote}`, '--no-wait', ...words);
    t.same(plain(b), plain(a), `ovs-vsctl ${line}`);
  }
  const dump = (db: RealDatabase): string =>
    db.must('ovsdb-client', 'dump', db.remote).replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID');
  t.equal(dump(ours), dump(real), 'the databases are the same');
});

t.test('every command and option that ovs-vsctl names', { skip }, async (t) => {
  const lines = (word: string): Promise<string[]> =>
    Promise.resolve(spawnSync('ovs-vsctl', [word], { encoding: 'utf8' }).stdout.trim().split('\n').sort());
  for (const word of ['--commands', '--options']) {
    const ours = (await inProcess(word)).stdout.trim().split('\n').sort();
    t.same(ours, await lines(word), word);
  }
  const used = new Set(LINES.flatMap((line) => wordsOf(line)));
  for (const line of await lines('--commands')) t.ok(used.has(line.split(',')[1]), `a line of ${line}`);
});

t.test('called by the name ovs-vsctl', { skip }, (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-vsctl-'));
  const program = join(dir, 'ovs-vsctl');
  symlinkSync(BIN, program);
  const db = new RealDatabase();
  t.teardown(() => {
    db.close();
    rmSync(dir, { recursive: true });
  });
  const add = ['--no-wait', 'add-br', 'br0', '--', 'list-br'];
  t.same(db.run(program, `--db=${db.remote}`, ...add), { status: 0, stdout: 'br0\n', stderr: '' });
  t.same(db.run(program, `--db=${db.remote}`, ...add).stderr, db.vsctl(...add).stderr);
  t.end();
});

t.test('faults of connections', { skip }, (t) => {
  const db = new RealDatabase();
  t.teardown(() => db.close());
  for (const args of [
    ['--db=unix:/nonexistent/db.sock', 'show'],
    ['--db=tcp:127.0.0.1:1', 'show'],
  ]) {
    const a = db.run('ovs-vsctl', ...args);
    const b = db.run(BIN, 'vsctl', ...args);
    t.same({ ...b, stderr: b.stderr.replace(/^weft vsctl/, 'ovs-vsctl') }, a, args[0]);
  }
  // Nobody follows the configuration: the alarm rings.
  const r = spawnSync(BIN, ['vsctl', `--db=${db.remote}`, '--timeout=1', 'add-br', 'br0'], { encoding: 'utf8' });
  t.equal(r.signal, 'SIGALRM');
  t.match(r.stderr, /terminating with signal 14 \(Alarm clock\)/);
  t.equal(db.must('ovs-vsctl', `--db=${db.remote}`, 'list-br'), 'br0\n', 'but the change was made');
  t.end();
});
