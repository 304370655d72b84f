// Style, types given up, file sizes, import direction, generated files, what documents name. Prints each fault; exit status 1 when there is one.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GROUPS } from '../dist/bench/rows/index.js';
import { docFaults } from './docs.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const faults = [];
const MAX_LINES = 400;
/** The rooms from top to bottom: imports point down this list, never up. */
const ROOMS = [
  'cli',
  'switch',
  'control',
  'ovsdb',
  'openflow',
  'bridge',
  'vport',
  'upcall',
  'flowtable',
  'action',
  'flow',
  'tunnel',
  'datapath',
  'packet',
  'lib',
];

function run(command, args) {
  const r = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  return { status: r.status ?? 1, out: `${r.stdout ?? ''}${r.stderr ?? ''}` };
}

const files = run('git', ['ls-files', '-co', '--exclude-standard']).out.split('\n').filter(Boolean);
const code = files.filter((f) => /\.(ts|mjs|cc|h)$/.test(f) && !/(^|\/)(generated|fixtures|data)\//.test(f));
const sizes = [];
for (const f of code) {
  let text;
  try {
    text = readFileSync(join(root, f), 'utf8');
  } catch {
    continue;
  }
  sizes.push([text.split('\n').length - 1, f]);
  if (/\.ts$/.test(f)) {
    text.split('\n').forEach((line, i) => {
      if (/\bas unknown as\b|@ts-ignore|@ts-expect-error|biome-ignore/.test(line))
        faults.push(`${f}:${i + 1}: a type or a rule is given up: ${line.trim()}`);
    });
    const room = /^src\/([^/]+)\//.exec(f)?.[1];
    if (room) {
      for (const m of text.matchAll(/(?:from|import\()\s*'(\.[^']*)'/g)) {
        const target = /^src\/([^/]+)\//.exec(normalize(join(dirname(f), m[1])))?.[1];
        if (target && ROOMS.indexOf(target) < ROOMS.indexOf(room)) faults.push(`${f}: imports upward: ${m[1]}`);
        if (target && !ROOMS.includes(target)) faults.push(`${f}: imports from no room: ${m[1]}`);
      }
      if (
        !['cli', 'switch', 'lib'].includes(room) &&
        !/\.test\.ts$/.test(f) &&
        /\b(Date\.now|Math\.random|setTimeout|setInterval|performance\.now|process\.hrtime)\b\s*\(/.test(text)
      ) {
        faults.push(`${f}: reads a real clock or chance; take a Clock or a Random`);
      }
    }
  }
  if (
    /^native\//.test(f) &&
    f !== 'native/boundary.cc' &&
    !f.startsWith('native/boundary/') &&
    /#include <(napi|node_api|node|v8|uv)\.h>/.test(text)
  ) {
    faults.push(`${f}: includes a Node header; only the boundary may`);
  }
}
sizes.sort((a, b) => b[0] - a[0]);
console.log(
  `largest files: ${sizes
    .slice(0, 5)
    .map(([n, f]) => `${f} ${n}`)
    .join(', ')}`,
);
for (const [n, f] of sizes) if (n > MAX_LINES) faults.push(`${f}: ${n} lines, over ${MAX_LINES}`);

const biome = run(process.execPath, ['node_modules/@biomejs/biome/bin/biome', 'check', '--max-diagnostics=30', '.']);
if (biome.status !== 0) faults.push(`biome:\n${biome.out}`);
const generated = run(process.execPath, ['dist/src/datapath/generate-native.js', '--check']);
if (generated.status !== 0) faults.push(generated.out.trim());

const rows = GROUPS.flatMap((g) => g.rows.map((r) => r.name));
faults.push(...docFaults(root, files, rows));

for (const f of faults) console.error(f);
console.log(faults.length ? `lint: ${faults.length} faults` : `lint: clean (${code.length} files)`);
process.exitCode = faults.length ? 1 : 0;
