/** The launcher: a program from its bundle says what its modules say. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
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
  for (const name of ['ofctl', 'vsctl', 'appctl', 'dpctl', 'ovsdb-client']) {
    t.ok(files.includes(`${name}.cjs`) && files.includes(`${name}.cache`), name);
  }
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
