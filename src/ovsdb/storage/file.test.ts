import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { VirtualClock } from '../../lib/clock.js';
import { UserError } from '../../lib/errors.js';
import type { Database } from '../engine/database.js';
import { formatJson, type Json, sortedJson } from '../json/json.js';
import { DatabaseSchema } from '../schema/schema.js';
import { integer, map, one, optional, set, string } from '../schema/std.js';
import { FileStorage } from './file.js';
import { record } from './log.js';

const COLUMNS = {
  name: { type: one(string) },
  maybe: { type: optional(integer) },
  few: { type: set(string, 2) },
  words: { type: map(string, string) },
  live: { type: one(integer), ephemeral: true },
};
const schema = (version: string, columns: object = COLUMNS) =>
  new DatabaseSchema('Test', version, '1 2', { T: { isRoot: true, columns: { ...COLUMNS, ...columns } } });
const SCHEMA = schema('1.0.0');

let n = 0;
const clock = new VirtualClock(1_700_000_000_000);
const log: string[] = [];
const options = {
  clock,
  newUuid: () => `00000000-0000-4000-8000-${String(++n).padStart(12, '0')}`,
  log: (text: string) => void log.push(text),
};
const dir = mkdtempSync(join(tmpdir(), 'weft-file-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

function run(db: Database, ...operations: Json[]): readonly Json[] {
  const o = db.transact(operations);
  return o.kind === 'done' ? o.results : [];
}
const insert = (name: string, row: object = {}): Json =>
  JSON.parse(JSON.stringify({ op: 'insert', table: 'T', row: { name, ...row } }));
const update = (row: object): Json => JSON.parse(JSON.stringify({ op: 'update', table: 'T', where: [], row }));
const contents = (db: Database): string =>
  sortedJson(
    run(db, { op: 'select', table: 'T', where: [], columns: ['name', 'maybe', 'few', 'words'], sort: ['name'] })[0],
  );

t.test('what was written is read back, differences and all', (t) => {
  const file = join(dir, 'a.db');
  const a = FileStorage.open(file, SCHEMA, options);
  run(a.db, insert('x', { maybe: 1, few: ['set', ['a', 'b']], words: ['map', [['k', 'v']]], live: 7 }), {
    op: 'comment',
    comment: 'c',
  });
  run(
    a.db,
    update({
      maybe: ['set', []],
      few: ['set', ['b', 'c']],
      words: [
        'map',
        [
          ['k', 'w'],
          ['l', 'm'],
        ],
      ],
    }),
  );
  run(a.db, update({ live: 8 }));
  run(a.db, insert('y'), { op: 'commit', durable: true });
  const want = contents(a.db);
  const size = readFileSync(file).length;
  a.close();
  const b = FileStorage.open(file, SCHEMA, options);
  t.equal(contents(b.db), want);
  t.equal(readFileSync(file).length, size, 'reading changes nothing');
  t.equal(readFileSync(file, 'latin1').match(/^OVSDB /gm)?.length, 4, 'what is ephemeral makes no record');
  b.compact();
  t.equal(contents(b.db), want);
  t.ok(readFileSync(file).length < size + 200);
  run(b.db, insert('z'));
  const after = contents(b.db);
  b.close();
  const c = FileStorage.open(file, SCHEMA, options);
  t.equal(contents(c.db), after, 'after it was written anew');
  c.close();
  t.end();
});

t.test('a crash at any byte leaves what was whole', (t) => {
  const file = join(dir, 'b.db');
  const a = FileStorage.open(file, SCHEMA, options);
  const states = [contents(a.db)];
  const sizes = [readFileSync(file).length];
  for (const name of ['x', 'y', 'z']) {
    run(a.db, insert(name));
    states.push(contents(a.db));
    sizes.push(readFileSync(file).length);
  }
  a.close();
  const whole = readFileSync(file);
  for (let cut = sizes[0]; cut <= whole.length; cut += cut < sizes[2] ? 5 : 1) {
    writeFileSync(file, whole.subarray(0, cut));
    const b = FileStorage.open(file, SCHEMA, options);
    const last = sizes.filter((s) => s <= cut).length - 1;
    if (contents(b.db) !== states[last]) t.fail(`cut at ${cut}`);
    run(b.db, insert('new'));
    const want = contents(b.db);
    b.close();
    const c = FileStorage.open(file, SCHEMA, options);
    if (contents(c.db) !== want) t.fail(`cut at ${cut}, then written`);
    c.close();
  }
  t.pass(`${whole.length - sizes[0]} places`);
  // A fault with records behind it is no crash: the file is kept.
  const broken = Buffer.from(whole);
  broken[sizes[1] + 90] ^= 1;
  writeFileSync(file, broken);
  FileStorage.open(file, SCHEMA, options).close();
  t.same(readFileSync(`${file}.damaged`), broken);
  t.end();
});

t.test('an older version is converted, a newer one stays', (t) => {
  const file = join(dir, 'c.db');
  const a = FileStorage.open(file, SCHEMA, options);
  run(a.db, insert('x', { maybe: 5 }));
  a.close();
  const newer = schema('1.2.0', { more: { type: one(integer) } });
  const b = FileStorage.open(file, newer, options);
  t.match(contents(b.db), /"maybe":5,"name":"x"/);
  t.ok(b.db.schema.table('T')?.column('more'));
  b.close();
  t.ok(readFileSync(`${file}.backup1.0.0-1`).length > 0, 'the old file is kept');
  const c = FileStorage.open(file, SCHEMA, options);
  t.equal(c.db.schema.version, '1.2.0');
  c.close();
  t.end();
});

t.test('files that are none', (t) => {
  const bad = (name: string, bytes: string | Uint8Array): string => {
    const file = join(dir, name);
    writeFileSync(file, bytes);
    return file;
  };
  const other = new DatabaseSchema('Other', '1.0.0', '', { T: { columns: COLUMNS } });
  const rows: [string, RegExp][] = [
    [bad('e1', 'hello\n'), /parse error at offset 0 in header line "hello"/],
    [bad('e2', ''), /empty file is no database/],
    [bad('e3', record(formatJson(other.toJson()))), /holds the database Other, not Test/],
    [
      bad('e4', Buffer.concat([record(formatJson(SCHEMA.toJson())), record('{"_date":1,"Nope":{}}')])),
      /transaction 1 does not apply.*No table named Nope/,
    ],
    [bad('e5', 'OVSDB CLUSTER 3 0123456789012345678901234567890123456789\n{}\n'), /clustered database/],
    [join(dir, 'none', 'x.db'), /No such file or directory/],
  ];
  for (const [file, fault] of rows) {
    try {
      FileStorage.open(file, SCHEMA, options).close();
      t.fail(`${fault}: opened`);
    } catch (e) {
      t.ok(e instanceof UserError);
      t.match(e instanceof Error ? e.message : '', fault);
    }
  }
  t.end();
});

const small = join(dir, 'small');
mkdirSync(small);
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', small]).status === 0;
t.test(
  'a full disk: the transaction fails, the database and the file are as before',
  { skip: mounted ? false : 'needs to mount a small disk' },
  (t) => {
    const file = join(small, 'd.db');
    const a = FileStorage.open(file, SCHEMA, options);
    run(a.db, insert('x'));
    const want = contents(a.db);
    const large = { words: ['map', [['k', 'v'.repeat(100_000)]]] };
    const [, error] = run(a.db, update(large));
    t.match(sortedJson(error ?? null), /"error":"I\/O error","io-error":"No space left on device"/);
    t.equal(contents(a.db), want);
    t.same(run(a.db, update({ maybe: 1 })), [{ count: 1 }], 'what fits goes on');
    const after = contents(a.db);
    a.close();
    const b = FileStorage.open(file, SCHEMA, options);
    t.equal(contents(b.db), after);
    b.close();
    t.end();
  },
);
t.teardown(() => void (mounted && spawnSync('umount', [small])));
