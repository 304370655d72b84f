// Command line programs as one file each, dist/bundle/NAME.cjs, and what the engine compiled of it, NAME.cache.
//
// A program that asks a switch one question spends most of its time loading: 140 modules cost 85 ms of processor time, one file with its
// compiled form 25. The launcher takes a bundle where there is one; everything works without. A cache of another version of Node is ignored.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const out = join(root, 'dist/bundle');

/** Programs, each with a run that has the engine compile what most runs need. */
const PROGRAMS = {
  ofctl: ['ofctl', 'parse-flow', 'table=1,tcp,nw_dst=10.0.0.0/8,tp_dst=80,actions=mod_vlan_vid:3,output:1'],
  vsctl: ['vsctl', '--version'],
  appctl: ['appctl', '--version'],
  dpctl: ['dpctl', '--version'],
  'ovsdb-client': ['ovsdb-client', '--version'],
  switchd: ['switchd', '--enable-dummy=override'],
};

/** A daemon runs until it says that it is ready, in a directory of its own. */
function runDaemon(args, env) {
  const dir = mkdtempSync(join(tmpdir(), 'weft-build-'));
  const places = ['--rundir', dir, '--dbdir', dir];
  const child = spawn(process.execPath, [join(root, 'bin/weft'), ...args, ...places], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 60_000,
  });
  child.stdout.on('data', () => child.kill('SIGTERM'));
  return new Promise((resolve) => {
    child.on('close', () => {
      rmSync(dir, { recursive: true, force: true });
      resolve();
    });
  });
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

/** Stale ones must not run: called before anything is compiled. */
export function unbundle() {
  rmSync(out, { recursive: true, force: true });
}

export function bundle() {
  let esbuild;
  try {
    esbuild = require('esbuild');
  } catch {
    console.error('weft build: esbuild is not installed: programs start more slowly, otherwise nothing is missing');
    return;
  }
  mkdirSync(out, { recursive: true });
  const entryPoints = Object.keys(PROGRAMS)
    .map((name) => join(root, 'dist/src/cli', `${name}.js`))
    .filter((file) => existsSync(file));
  const done = esbuild.build({
    entryPoints,
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
    plugins: [ownUrls],
  });
  const env = { ...process.env, WEFT_WRITE_CACHE: '1' };
  return done.then(async () => {
    for (const args of Object.values(PROGRAMS)) {
      if (!existsSync(join(out, `${args[0]}.cjs`))) continue;
      if (args[0] === 'switchd') await runDaemon(args, env);
      else spawnSync(process.execPath, [join(root, 'bin/weft'), ...args], { env, stdio: 'ignore', timeout: 60_000 });
    }
  });
}
