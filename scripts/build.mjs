// Builds weft: TypeScript to dist/, command line programs as one file each, headers from its tables, the addon to build/Release. Nothing is downloaded.
//   node scripts/build.mjs [--ts] [--native]      (default: both)
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle, unbundle } from './bundle.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const only = process.argv.slice(2);
const wants = (what) => only.length === 0 || only.includes(what);

function run(command, args) {
  const r = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, JOBS: 'max' } });
  if (r.error) {
    console.error(`weft build: cannot run ${command}: ${r.error.message}`);
    process.exit(1);
  }
  if (r.status !== 0) process.exit(r.status ?? 1);
}

/** Compiled files whose source is gone would still run as tests. */
function prune(dir) {
  if (!existsSync(join(root, 'dist', dir))) return;
  for (const e of readdirSync(join(root, 'dist', dir), { withFileTypes: true })) {
    const at = join(dir, e.name);
    if (e.isDirectory()) prune(at);
    else if (/\.js$/.test(at) && !existsSync(join(root, at.replace(/\.js$/, '.ts')))) rmSync(join(root, 'dist', at));
  }
}

if (wants('--ts')) {
  unbundle();
  for (const dir of ['src', 'test', 'bench']) prune(dir);
  run(process.execPath, [join(dirname(require.resolve('typescript/package.json')), 'bin/tsc'), '-p', 'tsconfig.json']);
  run(process.execPath, ['dist/src/datapath/generate-native.js']);
}
if (wants('--native')) {
  const prefix = dirname(dirname(process.execPath));
  if (!existsSync(join(prefix, 'include/node/node_api.h'))) {
    console.error(`weft build: no Node headers under ${prefix}/include/node; install the ones of ${process.execPath}`);
    process.exit(1);
  }
  const gyp = join(dirname(require.resolve('node-gyp/package.json')), 'bin/node-gyp.js');
  const configured = existsSync(join(root, 'build/Makefile')) && !only.includes('--configure');
  if (!configured || only.length === 0) run(process.execPath, [gyp, 'configure', `--nodedir=${prefix}`, '--silent']);
  run(process.execPath, [gyp, 'build', '-j', 'max', '--silent']);
}
// Last: the switch runs once for it, and needs the addon.
if (wants('--ts')) await bundle();
