// Command line programs as one file each, dist/bundle/NAME.cjs, and what the engine compiled of it, NAME.cache.
//
// A program that asks a switch one question spends most of its time loading: 140 modules cost 85 ms of processor time, one file with its
// compiled form 25. The launcher takes a bundle where there is one; everything works without. A cache of another version of Node is ignored.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const out = join(root, 'dist/bundle');

const PROGRAMS = ['ofctl', 'vsctl', 'appctl', 'dpctl', 'ovsdb-client', 'ovsdb-server', 'switchd'];

/** Run beside a switch, so that the engine compiles what most runs need, in the switch as in the programs. What a program compiled before is kept. */
const REHEARSAL = [
  ['vsctl', 'add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath_type=dummy'],
  ['vsctl', 'show'],
  ['ofctl', 'parse-flow', 'table=1,tcp,nw_dst=10.0.0.0/8,tp_dst=80,actions=mod_vlan_vid:3,output:1'],
  ['ofctl', 'add-flow', 'br0', 'priority=1,ip,actions=output:1'],
  ['ofctl', 'dump-flows', 'br0'],
  ['ofctl', 'show', 'br0'],
  ['appctl', 'version'],
  ['dpctl', '--version'],
  ['ovsdb-client', 'list-dbs'],
  ['ovsdb-server', '--version'],
];

function run(child, lines) {
  return new Promise((resolve) => {
    if (lines) child.stdout.once('data', resolve);
    child.on('close', resolve);
  });
}

/** A switch in a directory of its own, and the programs one after the other. */
async function rehearse() {
  const dir = mkdtempSync(join(tmpdir(), 'weft-build-'));
  const env = { ...process.env, WEFT_WRITE_CACHE: '1', OVS_RUNDIR: dir, WEFT_RUNDIR: dir };
  const weft = (args, out) =>
    spawn(process.execPath, [join(root, 'bin/weft'), ...args], {
      env,
      stdio: ['ignore', out, 'ignore'],
      timeout: 60_000,
    });
  const daemon = weft(['switchd', '--enable-dummy=override', '--rundir', dir, '--dbdir', dir], 'pipe');
  const ended = run(daemon, false);
  await run(daemon, true);
  for (const args of REHEARSAL) await run(weft(args, 'ignore'), false);
  daemon.kill('SIGTERM');
  await ended;
  rmSync(dir, { recursive: true, force: true });
}

/** Where a module lies stays its own business: data files are found from there. */
const ownUrls = {
  name: 'own-urls',
  setup(build) {
    build.onLoad({ filter: /\/dist\/src\/.*\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      if (!text.includes('import.meta.url')) return undefined;
      const own = `new URL(${JSON.stringify(relative(out, path))}, __bundle).href`;
      return { contents: text.replaceAll('import.meta.url', own), loader: 'js' };
    });
  },
};

/** Node's own modules that a start seldom needs are loaded with the first call of one of their functions: TLS alone takes 6 ms of processor time. */
const LATE = /^node:(tls|crypto|child_process|dgram|timers\/promises)$/;
const lateModules = {
  name: 'late-modules',
  setup(build) {
    build.onResolve({ filter: LATE }, ({ path, namespace }) =>
      namespace === 'late' ? { path, external: true } : { path, namespace: 'late', sideEffects: false },
    );
    // Functions alone: a class or a constant that somebody imports fails the build, and is to be had in another way.
    build.onLoad({ filter: LATE, namespace: 'late' }, ({ path }) => {
      const functions = Object.entries(require(path)).filter(
        ([name, v]) => typeof v === 'function' && /^[a-z]/.test(name),
      );
      const lines = functions.map(([name]) => `export const ${name} = (...args) => late().${name}(...args);`);
      return { contents: [`const late = () => require('${path}');`, ...lines].join('\n'), loader: 'js' };
    });
  },
};

/** Stale ones must not run: called before anything is compiled. */
export function unbundle() {
  rmSync(out, { recursive: true, force: true });
}

export async function bundle() {
  let esbuild;
  try {
    esbuild = require('esbuild');
  } catch {
    console.error('weft build: esbuild is not installed: programs start more slowly, otherwise nothing is missing');
    return;
  }
  mkdirSync(out, { recursive: true });
  await esbuild.build({
    entryPoints: PROGRAMS.map((name) => join(root, 'dist/src/cli', `${name}.js`)),
    outdir: out,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    external: ['*.node'],
    logLevel: 'error',
    plugins: [ownUrls, lateModules],
    // The launcher calls it (bin/weft), and finds out where a line of a trace came from (bin/trace.js).
    banner: { js: '(function (exports, require, module, __bundle) {' },
    footer: { js: '})' },
    sourcemap: 'external',
    sourcesContent: false,
  });
  await rehearse();
}
