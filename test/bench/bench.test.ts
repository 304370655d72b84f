/** The bench itself: rounds, ratios, what is said and kept, with made-up switches; and one real row. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Recorder, read } from '../../bench/lib/record.js';
import { group, Missing, OURS, type Row, type Session } from '../../bench/lib/row.js';
import { median, met, type Plan, type Result, run } from '../../bench/lib/run.js';
import { figure, header, lines } from '../../bench/lib/table.js';
import { GROUPS } from '../../bench/rows/index.js';

const MAIN = fileURLToPath(new URL('../../bench/main.js', import.meta.url));
const PLAN: Plan = { turn: { seconds: 1, quick: true }, rounds: 3, peers: true };

interface Fake extends Session {
  next(row: string): number;
}

/** Sides whose figures are given, a value a round. `log` tells what happened in which order. */
function fakes(figures: Record<string, Record<string, number[]>>, rows: readonly Omit<Row<Fake>, 'measure'>[]) {
  const log: string[] = [];
  const side = (name: string) => ({
    name,
    async open(): Promise<Fake> {
      if (!figures[name]) throw new Missing('no such machine');
      log.push(`open ${name}`);
      return {
        next(row) {
          log.push(`${row} ${name}`);
          const value = figures[name][row]?.shift();
          if (value === undefined) throw new Error('it burns');
          return value;
        },
        close: () => void log.push(`close ${name}`),
        pause: (on) => void log.push(`${on ? 'stop' : 'go on'} ${name}`),
      };
    },
  });
  const sides = [OURS, 'peer', 'other'].map(side);
  const full = rows.map((r): Row<Fake> => ({ ...r, measure: (s) => s.next(r.name) }));
  return { log, group: group({ name: 'g', what: 'made up', sides, rows: full }) };
}

async function all(...args: Parameters<typeof run>): Promise<Result[]> {
  const out: Result[] = [];
  for await (const r of run(...args)) out.push(r);
  return out;
}

const fast = { name: 'fast', what: 'w', unit: 'Mpps', better: 'higher', targets: { peer: 2 } } as const;
const slow = {
  name: 'slow',
  what: 'w',
  unit: 'ms',
  better: 'lower',
  targets: { peer: 0.5, other: undefined },
} as const;

t.test(
  'rounds take turns, ratios are of one round, sides are opened once, stand still out of turn, and are closed',
  async (t) => {
    const f = fakes({ weft: { fast: [10, 30, 20] }, peer: { fast: [5, 10, 4] } }, [fast]);
    const [r] = await all([f.group], PLAN);
    t.same(f.log, [
      ...['open weft', 'fast weft', 'stop weft'],
      ...['open peer', 'fast peer', 'stop peer'],
      ...['weft', 'peer', 'weft', 'peer'].flatMap((s) => [`go on ${s}`, `fast ${s}`, `stop ${s}`]),
      'close weft',
      'close peer',
    ]);
    t.same(r.figures, { weft: 20, peer: 5 });
    t.same(r.samples, { weft: [10, 30, 20], peer: [5, 10, 4] });
    t.same(r.ratios, { peer: { ratio: 3, target: 2, met: true } }, 'of 2, 3 and 5, not 20 to 5');
  },
);

t.test('what cannot be measured says why, and the rest is', async (t) => {
  const f = fakes({ weft: { fast: [1, 1, 1], slow: [3, 3, 3] }, peer: { fast: [1, 1, 1], slow: [4] } }, [fast, slow]);
  const [a, b] = await all([f.group], PLAN);
  t.same(a.ratios, { peer: { ratio: 1, target: 2, met: false } });
  t.same(b.missing, { peer: 'failed: it burns', other: 'no such machine' });
  t.same(b.ratios, { peer: { ratio: 0.75, target: 0.5, met: false } }, 'of the rounds there are');
  t.match(lines(b), [
    /^slow .* 3\.00 +peer +4\.00 +0\.75 +<= 0\.5 +short$/,
    /other: no such/,
    /peer: failed: it burns/,
  ]);
  t.match(lines(a)[0], /^fast .* short$/);
  t.equal(lines(a)[0].indexOf('Mpps'), header().indexOf('unit'), 'columns stand below their heads');
});

t.test('part of it: rows by name, no peers, exact rows once', async (t) => {
  const f = fakes({ weft: { fast: [7], slow: [7] } }, [{ ...fast, exact: true }, slow]);
  const [r, ...rest] = await all([f.group], { ...PLAN, rows: new Set(['fast']), peers: false });
  t.same(rest, []);
  t.same(r.samples, { weft: [7] });
  t.same(f.log, ['open weft', 'fast weft', 'stop weft', 'close weft']);
  t.match(lines(r)[0], /^fast +Mpps +7\.00$/);
});

t.test('numbers', (t) => {
  t.equal(median([3, 1, 2]), 2);
  t.equal(median([4, 1, 2, 3]), 2.5);
  t.ok(met(1.996, 2, 'higher'), 'two decimals count');
  t.notOk(met(1.99, 2, 'higher'));
  t.ok(met(0.5, 0.5, 'lower'));
  for (const [x, text] of [
    [0, '0'],
    [undefined, '-'],
    [123456, '123456'],
    [12.34, '12.3'],
    [0.01234, '0.0123'],
    [0.0000001, '0.000000'],
  ] as const)
    t.equal(figure(x), text);
  t.end();
});

t.test('kept: rows in order, measured again in place, gone when nobody has them; plots', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-bench-test-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const at = (x: number) => ({ ...fast, name: `at${x}`, point: { plot: 'curve', axis: 'masks <n>', x } });
  const rows = [at(1), at(8), slow];
  const of = (n: number) => Object.fromEntries(rows.map((r) => [r.name, [n, n, n]]));
  const results = await all([fakes({ weft: of(2), peer: of(1) }, rows).group], PLAN);
  const order = ['slow', 'at1', 'at8'];
  const first = new Recorder(dir, order);
  for (const r of results) first.add(r);
  t.same(
    read(dir)?.rows.map((r) => r.row),
    order,
  );
  t.match(read(dir)?.rows[1], { figures: { weft: 2, peer: 1 }, taken: /^\d{4}-\d\d-\d\dT\d\d:\d\dZ$/ });
  t.match(read(dir)?.machine, { node: process.version });
  const ratios = readFileSync(join(dir, 'ratios.svg'), 'utf8');
  for (const what of ['slow / peer', 'at8 / peer', '2.00']) t.ok(ratios.includes(what), what);
  const curve = readFileSync(join(dir, 'curve.svg'), 'utf8');
  t.equal(curve.match(/<polyline/g)?.length, 2, 'a line a side');
  t.ok(curve.includes('masks &lt;n&gt;'));
  for (const svg of [ratios, curve]) {
    t.notMatch(svg, /NaN|Infinity|undefined/);
    t.equal(svg.match(/<text/g)?.length, svg.match(/<\/text>/g)?.length);
  }
  const [again] = await all([fakes({ weft: of(5), peer: of(1) }, rows).group], { ...PLAN, rows: new Set(['at8']) });
  new Recorder(dir, ['at8', 'slow']).add(again);
  t.same(
    read(dir)?.rows.map((r) => [r.row, r.figures.weft]),
    [
      ['at8', 5],
      ['slow', 2],
    ],
  );
});

t.test('real rows', (t) => {
  const names = GROUPS.flatMap((g) => g.rows.map((r) => r.name));
  t.equal(new Set(names).size, names.length, 'names are unique');
  for (const g of GROUPS) {
    for (const r of g.rows)
      for (const peer of Object.keys(r.targets)) t.ok(g.sides.includes(peer), `${r.name}: ${peer}`);
  }
  const bench = (...args: string[]) =>
    spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', timeout: 60_000 });
  const listed = bench('--list').stdout;
  for (const name of names) t.ok(listed.includes(`  ${name} `), name);
  const dir = mkdtempSync(join(tmpdir(), 'weft-bench-test-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const r = bench('--row', 'forward-simple', '--quick', '--seconds', '0.2', '--no-peers', '--out', dir);
  t.match(r.stdout, /^row .*\nforward-simple +Mpps +[\d.]+\n$/, r.stderr);
  t.ok((read(dir)?.rows[0].figures.weft ?? 0) > 0.1, 'a switch forwards');
  t.notOk(existsSync(join(dir, 'ratios.svg')), 'nothing to compare');
  const two = bench('--row', 'two-workers', '--row', 'two-workers-processor', '--rounds', '1', '--seconds', '0.2');
  t.match(
    two.stdout,
    /^row .*\ntwo-workers +Mpps +[\d.]+ +one worker .*\ntwo-workers-processor +Mpps .*\n$/,
    two.stderr,
  );
  t.match(bench('--row', 'nothing').stderr, /^bench: no row is called 'nothing'/);
  t.match(bench('--rounds', '0').stderr, /^bench: --rounds 0/);
  t.end();
});
