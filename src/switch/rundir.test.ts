import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { connectUnix, listenUnix, makeRunDir, runDir } from './rundir.js';

t.test('the run directory', (t) => {
  t.equal(runDir({ WEFT_RUNDIR: '/a', OVS_RUNDIR: '/b' }), '/a');
  t.equal(runDir({ OVS_RUNDIR: '/b' }), '/b');
  t.equal(runDir({}), '/var/run/openvswitch');
  t.throws(() => makeRunDir('/proc/nowhere/run'), /cannot make run directory \/proc\/nowhere\/run: .*WEFT_RUNDIR/);
  t.end();
});

t.test('listening: a stale socket is replaced, a living one is not', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-run-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 's');
  const first = await listenUnix(path, (s) => s.end('hello'));
  t.equal(await new Promise((r) => connectUnix(path).then((s) => s.on('data', (d) => r(String(d))))), 'hello');
  await t.rejects(
    listenUnix(path, () => {}),
    /another switch listens there/,
  );
  await new Promise((r) => first.close(r));
  // What a killed program leaves: the file without a listener.
  const killed = createServer();
  await new Promise<void>((r) => killed.listen(path, r));
  killed.close();
  const again = await listenUnix(path, (s) => s.end());
  again.close();
  writeFileSync(join(dir, 'file'), '');
  await t.rejects(
    listenUnix(join(dir, 'file'), () => {}),
    /cannot listen on .*Address already in use/,
  );
  await t.rejects(connectUnix(join(dir, 'absent')), /failed to connect to ".*absent": No such file/);
  await t.rejects(
    listenUnix(join(dir, 'x'.repeat(120)), () => {}),
    /107 bytes/,
  );
});
