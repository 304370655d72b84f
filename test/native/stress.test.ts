// Two native workers under traffic and changes, with the sanitizers that find what tests cannot see.
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

function sources(): string[] {
  return ['worker', 'cache', 'port', 'action', 'packet'].flatMap((room) =>
    readdirSync(join(root, 'native', room))
      .filter((f) => f.endsWith('.cc'))
      .map((f) => join(root, 'native', room, f)),
  );
}

for (const sanitizer of ['address,undefined', 'thread']) {
  t.test(`-fsanitize=${sanitizer}`, (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'weft-stress-'));
    t.teardown(() => rmSync(dir, { recursive: true }));
    const program = join(dir, 'stress');
    const pcap = join(dir, 'f.pcap');
    writeFileSync(pcap, udpPcap(200));
    const flags = ['-std=c++20', '-O1', '-g', `-fsanitize=${sanitizer}`, '-fno-sanitize-recover=all', '-w'];
    execFileSync('g++', [...flags, '-o', program, join(root, 'test/native/stress.cc'), ...sources(), '-lpthread'], {
      stdio: 'inherit',
    });
    const seed = String(process.env.WEFT_SEED ?? 1);
    const r = spawnSync(program, [pcap, seed, String(STEPS)], { encoding: 'utf8' });
    t.match(r.stdout, /^ok [1-9]/m, `seed ${seed}: every packet ended, every buffer came home`);
    t.equal(r.status, 0, 'no finding');
    if (r.status !== 0) t.comment(r.stderr.slice(0, 4000));
    t.end();
  });
}
