// The native caches and workers in programs of their own, with the sanitizers that find what other tests cannot see.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { udpPcap } from '../support/frames.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const STEPS = 300;
// Compilation with sanitizers takes most of it.
t.setTimeout(600_000);

function sources(...rooms: string[]): string[] {
  return rooms.flatMap((room) =>
    readdirSync(join(root, 'native', room))
      .filter((f) => f.endsWith('.cc'))
      .map((f) => join(root, 'native', room, f)),
  );
}

const CHECKS = ['-std=c++20', '-O1', '-g', '-fno-sanitize-recover=all', '-w'];
const SEED = String(process.env.WEFT_SEED ?? 1);

t.test('caches against a plain list of flows', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-cache-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const program = join(dir, 'cache');
  const inputs = [join(root, 'test/native/cache.cc'), ...sources('cache')];
  execFileSync('g++', [...CHECKS, '-fsanitize=address,undefined', '-o', program, ...inputs], { stdio: 'inherit' });
  const r = spawnSync(program, [SEED], { encoding: 'utf8' });
  t.match(r.stdout, /^ok [1-9]/m, `seed ${SEED}`);
  t.equal(r.status, 0, 'no finding');
  if (r.status !== 0) t.comment(r.stderr.slice(0, 4000));
  t.end();
});

for (const sanitizer of ['address,undefined', 'thread']) {
  t.test(`-fsanitize=${sanitizer}`, (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'weft-stress-'));
    t.teardown(() => rmSync(dir, { recursive: true }));
    const program = join(dir, 'stress');
    const pcap = join(dir, 'f.pcap');
    writeFileSync(pcap, udpPcap(200));
    const inputs = [
      join(root, 'test/native/stress.cc'),
      ...sources('worker', 'cache', 'port', 'action', 'packet'),
      '-lpthread',
    ];
    execFileSync('g++', [...CHECKS, `-fsanitize=${sanitizer}`, '-o', program, ...inputs], { stdio: 'inherit' });
    const r = spawnSync(program, [pcap, SEED, String(STEPS)], { encoding: 'utf8' });
    t.match(r.stdout, /^ok [1-9]/m, `seed ${SEED}: every packet ended, every buffer came home`);
    t.equal(r.status, 0, 'no finding');
    if (r.status !== 0) t.comment(r.stderr.slice(0, 4000));
    t.end();
  });
}
