/** The launcher: a program from its bundle says what its modules say. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Script } from 'node:vm';
import t from 'tap';

const root = new URL('../../../', import.meta.url);
const launcher = fileURLToPath(new URL('bin/weft', root));
const bundles = fileURLToPath(new URL('dist/bundle/', root));

function hasEsbuild(): boolean {
  try {
    createRequire(import.meta.url).resolve('esbuild');
    return true;
  } catch {
    return false;
  }
}

const text = (program: string, ...args: string[]): string =>
  execFileSync(process.execPath, [program, ...args], { encoding: 'utf8' });

const FROM_MODULES = `
import { main } from ${JSON.stringify(new URL('dist/src/cli/ofctl.js', root).href)};
process.exitCode = await main(process.argv.slice(1), 'weft ofctl');
`;
const byModules = (...args: string[]): string =>
  execFileSync(process.execPath, ['--input-type=module', '-e', FROM_MODULES, '--', ...args], { encoding: 'utf8' });

const skip = hasEsbuild() ? false : 'esbuild is not installed';
t.test('programs have a bundle and its compiled form', { skip }, (t) => {
  t.ok(existsSync(bundles), 'there are bundles');
  const files = readdirSync(bundles);
  for (const name of ['ofctl', 'vsctl', 'appctl', 'dpctl', 'ovsdb-client', 'ovsdb-server', 'switchd']) {
    t.ok(files.includes(`${name}.cjs`) && files.includes(`${name}.cache`), name);
  }
  t.end();
});

t.test('a compiled form is taken by the engine, not compiled again', { skip }, (t) => {
  for (const cache of readdirSync(bundles).filter((f) => f.endsWith('.cache'))) {
    const filename = fileURLToPath(new URL(cache.replace('cache', 'cjs'), pathToFileURL(bundles)));
    const cachedData = readFileSync(new URL(cache, pathToFileURL(bundles)));
    const script = new Script(readFileSync(filename, 'latin1'), { filename, cachedData });
    t.equal(script.cachedDataRejected, false, cache);
  }
  t.end();
});

// Node says with each start that it cannot read them: here it would be twice, the switch and its monitor.
t.test('certificates for programs of Node are not handed on to those that we start', (t) => {
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: '/nonexistent/certificates' };
  const r = spawnSync(process.execPath, [launcher, 'switchd', '--monitor', '--rundir', '/proc/nowhere'], {
    encoding: 'utf8',
    env,
    timeout: 20_000,
  });
  t.match(r.stderr, /nowhere/, 'the switch was started, and says why it ends');
  t.equal(r.stderr.split('/nonexistent/certificates').length - 1, 1, r.stderr);
  t.end();
});

/** Runs a bundle's main in a way that nobody foresaw. */
const FAILING = `
const file = ${JSON.stringify(join(bundles, 'vsctl.cjs'))};
Error.prepareStackTrace = require(${JSON.stringify(fileURLToPath(new URL('bin/trace.js', root)))}).trace;
const { readFileSync } = require('node:fs');
const made = { exports: {} };
new (require('node:vm').Script)(readFileSync(file, 'latin1'), { filename: file })
  .runInThisContext()(made.exports, require, made, 'file://' + file);
made.exports.main(undefined, 'ovs-vsctl').then(() => console.log('no fault'), (e) => console.log(e.stack));
`;
t.test('a trace names modules, not a bundle', { skip }, (t) => {
  const said = execFileSync(process.execPath, ['-e', FAILING], { encoding: 'utf8' });
  t.match(said, /^TypeError: /);
  const place = new RegExp(`${fileURLToPath(new URL('dist/src/cli/', root))}\\S+\\.js:(\\d+):\\d+`).exec(said);
  t.ok(place, said);
  t.notMatch(said, /vsctl\.cjs/);
  t.end();
});

t.test('either way a program says the same', (t) => {
  for (const args of [
    ['--version'],
    ['list-commands'],
    ['parse-flow', 'table=3,tcp,reg0=5,actions=learn(table=1,NXM_OF_IN_PORT[]),output:1'],
    ['-O', 'OpenFlow15', 'parse-flow', 'ip,actions=ct(commit),goto_table:3'],
  ]) {
    t.equal(text(launcher, 'ofctl', ...args), byModules(...args), args.join(' '));
  }
  t.match(text(launcher, '--version'), /^weft \d/);
  t.end();
});
