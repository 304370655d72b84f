// The native caches and workers in programs of their own, with the sanitizers that find what other tests cannot see.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { labRefusal } from '../../src/cli/lab/netlab.js';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { udpPcap } from '../support/frames.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const STEPS = 300;
// Of each input kept by the fuzzers; they themselves (scripts/fuzz.sh) run for minutes and want clang.
const MUTATIONS = 200;
// Compilation with sanitizers takes most of it.
t.setTimeout(840_000);

function sources(...rooms: string[]): string[] {
  return rooms.flatMap((room) =>
    readdirSync(join(root, 'native', room))
      .filter((f) => f.endsWith('.cc'))
      .map((f) => join(root, 'native', room, f)),
  );
}

/** What a program links, which it names in a line of its own. */
function linked(source: string): string[] {
  const said = /^\/\/ sources: (.*)$/m.exec(readFileSync(source, 'utf8'))?.[1]?.split(' ') ?? [];
  return said.map((f) => join(root, f));
}

const CHECKS = ['-std=c++20', '-O1', '-g', '-fno-sanitize-recover=all', '-w'];
const noDevices = needPrograms({ unshare: 'util-linux', ip: 'iproute2' }) ?? labRefusal();
const noTypes = existsSync('/sys/kernel/btf/vmlinux') ? undefined : 'the kernel has no type information';
const SEED = String(process.env.WEFT_SEED ?? 1);

for (const flags of [[], ['-DWEFT_PLAIN']]) {
  t.test(`caches against a plain list of flows${flags.length ? ', plain compares' : ''}`, (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'weft-cache-'));
    t.teardown(() => rmSync(dir, { recursive: true }));
    const program = join(dir, 'cache');
    const inputs = [...flags, join(root, 'test/native/cache.cc'), ...sources('cache')];
    execFileSync('g++', [...CHECKS, '-fsanitize=address,undefined', '-o', program, ...inputs], { stdio: 'inherit' });
    const r = spawnSync(program, [SEED], { encoding: 'utf8' });
    t.match(r.stdout, /^ok [1-9]/m, `seed ${SEED}`);
    t.match(r.stdout, /^joined \d{3}/m, 'subtables shared');
    t.equal(r.status, 0, 'no finding');
    if (r.status !== 0) t.comment(r.stderr.slice(0, 4000));
    t.end();
  });
}

// Run by nobody between two measurements, they would be found not to compile when they are wanted.
t.test('programs that measure compile', (t) => {
  for (const source of sources('bench')) {
    const r = spawnSync('g++', ['-std=c++20', '-Wall', '-Wextra', '-Werror', '-fsyntax-only', source], {
      encoding: 'utf8',
    });
    t.equal(r.status, 0, `${source.slice(root.length)} ${r.stderr.slice(0, 1000)}`);
  }
  t.end();
});

for (const [what, name, sanitizers] of [
  ['variants of long sums', 'checksum', 'address,undefined'],
  ['when the bell rings', 'bell_pace', 'address,undefined'],
  ['when a worker lets frames gather', 'gather', 'address,undefined'],
  ['how long turns are', 'turns', 'address,undefined'],
  ['what a worker wants of a poll, by helper threads', 'deferral', 'thread'],
]) {
  t.test(what, (t) => {
    const dir = mkdtempSync(join(tmpdir(), `weft-${name}-`));
    t.teardown(() => rmSync(dir, { recursive: true }));
    const program = join(dir, name);
    const source = join(root, `test/native/${name}.cc`);
    const flags = [...CHECKS, `-fsanitize=${sanitizers}`];
    execFileSync('g++', [...flags, '-o', program, source, ...linked(source), '-lpthread'], { stdio: 'inherit' });
    const r = spawnSync(program, [SEED], { encoding: 'utf8' });
    t.match(r.stdout, /^ok [1-9]/m, `seed ${SEED}`);
    t.equal(r.status, 0, 'no finding');
    if (r.status !== 0) t.comment(r.stdout + r.stderr.slice(0, 4000));
    t.end();
  });
}

for (const sanitizer of ['address,undefined', 'thread']) {
  t.test(`-fsanitize=${sanitizer}`, (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'weft-stress-'));
    t.teardown(() => rmSync(dir, { recursive: true }));
    const program = join(dir, 'stress');
    const pcap = join(dir, 'f.pcap');
    writeFileSync(pcap, udpPcap(200));
    const inputs = [
      join(root, 'test/native/stress.cc'),
      join(root, 'test/native/shortcuts.cc'),
      ...sources('worker', 'cache', 'port', 'action', 'tunnel', 'packet'),
      '-lpthread',
    ];
    execFileSync('g++', [...CHECKS, `-fsanitize=${sanitizer}`, '-o', program, ...inputs], { stdio: 'inherit' });
    const r = spawnSync(program, [pcap, SEED, String(STEPS)], { encoding: 'utf8' });
    t.match(r.stdout, /^ok [1-9]/m, `seed ${SEED}: every packet ended, every buffer came home`);
    t.equal(r.status, 0, 'no finding');
    if (r.status !== 0) t.comment(r.stderr.slice(0, 4000));
    t.test('shortcuts of the kernel', { skip: noDevices ?? noTypes }, (t) => {
      const quiet = 'echo 1 >/proc/sys/net/ipv6/conf/wfn-$d/disable_ipv6; ip link set wfn-$d up';
      const pair = 'ip link add wfn-$0 type veth peer name wfn-$1';
      const pairs = [
        ['a', 'b'],
        ['c', 'd'],
      ]
        .map(([x, y]) => pair.replace('$0', x).replace('$1', y))
        .join(' && ');
      const prepare = `${pairs} && for d in a b c d; do ${quiet}; done && exec "$@"`;
      const args = ['--net', 'sh', '-c', prepare, 'sh', program, 'shortcuts', SEED, String(STEPS)];
      const r = spawnSync('unshare', args, { encoding: 'utf8' });
      t.match(r.stdout, /^ok [1-9]/m, `seed ${SEED}: every frame ended`);
      t.equal(r.status, 0, 'no finding');
      if (r.status !== 0) t.comment(r.stdout, r.stderr.slice(0, 4000));
      t.end();
    });
    t.end();
  });
}

// What the kernel sends by itself on a new device would be counted.
const silent = (device: string) => `echo 1 >/proc/sys/net/ipv6/conf/${device}/disable_ipv6 && ip link set ${device} up`;
for (const { what, name, prepare } of [
  {
    what: 'AF_XDP ports',
    name: 'xdp',
    prepare: `ip link add wfn-a type veth peer name wfn-b && ${silent('wfn-a')} && ${silent('wfn-b')}`,
  },
  { what: 'TAP ports', name: 'tap', prepare: `ip link add wfn-u type bridge && ${silent('wfn-u')}` },
]) {
  t.test(what, { skip: noDevices }, (t) => {
    const dir = mkdtempSync(join(tmpdir(), `weft-${name}-`));
    t.teardown(() => rmSync(dir, { recursive: true }));
    const program = join(dir, name);
    const source = join(root, `test/native/${name}.cc`);
    const inputs = [source, ...linked(source), '-lpthread'];
    execFileSync('g++', [...CHECKS, '-fsanitize=address,undefined', '-o', program, ...inputs], { stdio: 'inherit' });
    const args = ['--net', 'sh', '-c', `${prepare} && exec "$@"`, 'sh', program, SEED, String(STEPS)];
    const r = spawnSync('unshare', args, { encoding: 'utf8' });
    t.match(r.stdout, /^ok [1-9]/m, `seed ${SEED}: every frame came or was counted, every buffer came home`);
    t.equal(r.status, 0, 'no finding');
    if (r.status !== 0) t.comment(r.stderr.slice(0, 4000));
    t.end();
  });
}

for (const file of readdirSync(join(root, 'native/fuzz')).filter((f) => /^fuzz_\w+\.cc$/.test(f))) {
  const name = file.slice('fuzz_'.length, -'.cc'.length);
  t.test(`corpus of ${name}`, (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'weft-corpus-'));
    t.teardown(() => rmSync(dir, { recursive: true }));
    const program = join(dir, name);
    const source = join(root, 'native/fuzz', file);
    const inputs = [source, join(root, 'test/native/replay.cc'), ...linked(source)];
    execFileSync('g++', [...CHECKS, '-fsanitize=address,undefined', '-o', program, ...inputs], { stdio: 'inherit' });
    const corpus = join(root, 'native/fuzz/corpus', name);
    const r = spawnSync(program, [corpus, SEED, String(MUTATIONS)], { encoding: 'utf8' });
    t.match(r.stdout, /^ok [1-9]/m, `seed ${SEED}`);
    t.equal(r.status, 0, 'no finding');
    if (r.status !== 0) t.comment(r.stderr.slice(0, 4000));
    t.end();
  });
}
