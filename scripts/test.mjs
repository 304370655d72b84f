// Runs the compiled tests (dist/**/*.test.js, written against tap), a file a process, and prints `N passed, N failed` as last line.
//   node scripts/test.mjs [--unit] [PATTERN...]     --unit: only the tests beside the code; PATTERN: part of a path
// A skipped assertion prints its reason. A file that ends without a plan, or with a signal, counts as a failure.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mortal } from '../dist/src/cli/lab/mortal.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const args = process.argv.slice(2);
const unit = args.includes('--unit');
const patterns = args.filter((a) => !a.startsWith('--'));
const FILE_TIMEOUT_MS = 15 * 60_000;

function find(dir) {
  const out = [];
  if (!existsSync(join(root, dir))) return out;
  for (const e of readdirSync(join(root, dir), { withFileTypes: true })) {
    const p = join(dir, e.name);
    if (e.isDirectory()) out.push(...find(p));
    else if (e.name.endsWith('.test.js')) out.push(p);
  }
  return out.sort();
}

// Each Node would read all those certificates first, 38 ms of processor time, and a run starts thousands.
delete process.env.NODE_EXTRA_CA_CERTS;

/** Counts leaf assertions of a TAP stream: a line "ok"/"not ok" at any depth that is not the summary of a subtest. */
function tally(tap) {
  const lines = tap.split('\n');
  let passed = 0;
  let failed = 0;
  const skips = [];
  let deeper = [];
  for (const line of lines) {
    const m = /^( *)(not )?ok \d+( - (.*?))?( # (SKIP|TODO)(.*))?( # time=.*)?( \{)?$/i.exec(line);
    if (!m) continue;
    const depth = m[1].length;
    const summary = deeper.length > 0 && deeper[deeper.length - 1] > depth;
    deeper = deeper.filter((d) => d <= depth);
    if (deeper[deeper.length - 1] !== depth) deeper.push(depth);
    if (m[6]) skips.push(`${m[4] ?? ''}: ${m[7].trim()}`);
    else if (m[2]) failed += summary ? 0 : 1;
    else passed += summary ? 0 : 1;
  }
  return { passed, failed, skips };
}

function runFile(file) {
  return new Promise((resolve) => {
    const started = Date.now();
    const child = spawn(...mortal(process.execPath, [file]), {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TAP_DIFF_LINES: '20', TAP_TIMEOUT: String(FILE_TIMEOUT_MS / 1000 - 30) },
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (d) => (out += d));
    child.stderr.on('data', (d) => (err += d));
    const timer = setTimeout(() => child.kill('SIGTERM'), FILE_TIMEOUT_MS);
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      const t = tally(out);
      if ((status !== 0 || signal) && t.failed === 0) t.failed = 1;
      if (t.passed + t.failed + t.skips.length === 0) t.failed = 1;
      const ok = t.failed === 0;
      console.log(
        `${ok ? 'ok  ' : 'FAIL'} ${relative('dist', file)}  ${t.passed} passed, ${t.failed} failed (${((Date.now() - started) / 1000).toFixed(1)} s)`,
      );
      for (const s of t.skips) console.log(`     skipped: ${s}`);
      if (!ok)
        console.log(
          `${out}\n${err}\n${signal ? `ended by ${signal}` : ''}`
            .split('\n')
            .filter((l) => !/^ *ok /.test(l))
            .slice(0, 120)
            .map((l) => `     ${l}`)
            .join('\n'),
        );
      resolve(t);
    });
  });
}

let files = [...find('dist/src'), ...(unit ? [] : find('dist/test'))];
if (patterns.length) files = files.filter((f) => patterns.some((p) => f.includes(p)));
// Suites that use devices, peers or the clock's full attention run alone, after the others.
const alone = files.filter((f) => f.startsWith(join('dist', 'test')));
const beside = files.filter((f) => !alone.includes(f));
const total = { passed: 0, failed: 0 };
const add = (t) => {
  total.passed += t.passed;
  total.failed += t.failed;
};
const queue = [...beside];
await Promise.all(
  Array.from({ length: Math.max(1, availableParallelism()) }, async () => {
    for (let f = queue.shift(); f; f = queue.shift()) add(await runFile(f));
  }),
);
for (const f of alone) add(await runFile(f));
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed || total.passed === 0 ? 1 : 0;
