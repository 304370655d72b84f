/**
 * The table of figures: npm run bench [-- OPTION...]. Each row is weft beside the best peer, measured in turn in one run. A first word that is no option is a
 * program of `weft bench`: npm run bench -- forward --help.
 */
import '../test/support/isolate.js';

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { WEFT } from '../test/support/live.js';
import { Recorder } from './lib/record.js';
import { type Plan, run } from './lib/run.js';
import { header, lines } from './lib/table.js';
import { GROUPS } from './rows/index.js';

const USAGE = `usage: npm run bench [-- OPTION...]
  --list          names of all rows, and what they measure
  --row NAME      only this row, or all rows whose names begin so; may be given again
  --quick         a fifth of the time, for a look
  --rounds N      measurements of each side (default 3); the median is shown
  --seconds S     length of a measurement (default 1.5)
  --no-peers      only weft
  --out DIR       where bench.json and plots go (docs/performance; with --row, --quick or --no-peers nowhere unless given)
Peers are installed by apt-get when this is root; what cannot be measured is said with its reason.
`;
const DOCS = fileURLToPath(new URL('../../docs/performance', import.meta.url));

function options(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      list: { type: 'boolean', default: false },
      row: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      'no-peers': { type: 'boolean', default: false },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  }).values;
}

type Options = ReturnType<typeof options>;

function positive(name: string, given: string | undefined, fallback: number): number {
  const n = given === undefined ? fallback : Number(given);
  if (!(n > 0 && n <= 3600)) throw new Error(`--${name} ${given}: not a number from 0 to 3600`);
  return n;
}

function planOf(o: Options): Plan {
  const known = GROUPS.flatMap((g) => g.rows.map((r) => r.name));
  const rows =
    o.row &&
    new Set(
      o.row.flatMap((name) => {
        const exact = known.filter((k) => k === name);
        const found = exact.length > 0 ? exact : known.filter((k) => k.startsWith(name));
        if (found.length === 0) throw new Error(`no row is called '${name}'; --list names them`);
        return found;
      }),
    );
  const seconds = positive('seconds', o.seconds, o.quick ? 0.5 : 1.5);
  const rounds = Math.ceil(positive('rounds', o.rounds, o.quick ? 1 : 3));
  return { turn: { seconds, quick: o.quick }, rounds, rows, peers: !o['no-peers'] };
}

function list(): string {
  return GROUPS.map((g) => {
    const rows = g.rows.map(
      (r) => `  ${r.name.padEnd(30)} ${r.what} (${r.unit}; peers: ${Object.keys(r.targets).join(', ') || 'none'})\n`,
    );
    return `${g.name}: ${g.what}\n${rows.join('')}`;
  }).join('');
}

async function main(args: readonly string[]): Promise<void> {
  const o = options(args);
  if (o.help) return void process.stdout.write(USAGE);
  if (o.list) return void process.stdout.write(list());
  const plan = planOf(o);
  const partial = o.row !== undefined || o.quick || o['no-peers'];
  const dir = o.out ?? (partial ? undefined : DOCS);
  const recorder =
    dir === undefined
      ? undefined
      : new Recorder(
          dir,
          GROUPS.flatMap((g) => g.rows.map((r) => r.name)),
        );
  console.log(header());
  for await (const result of run(GROUPS, plan)) {
    recorder?.add(result);
    console.log(lines(result).join('\n'));
  }
}

const args = process.argv.slice(2);
if (args.length > 0 && !args[0].startsWith('-')) {
  process.exitCode = spawnSync(process.execPath, [WEFT, 'bench', ...args], { stdio: 'inherit' }).status ?? 1;
} else {
  await main(args).catch((e: unknown) => {
    console.error(`bench: ${e instanceof Error ? e.message : String(e)}`);
    process.exitCode = 1;
  });
}
