import t from 'tap';
import { Random } from '../../lib/random.js';
import type { Json, JsonObject } from '../json/json.js';
import { DatabaseSchema } from '../schema/schema.js';
import { integer, map, one, optional, range, set, some, string, strong, weak } from '../schema/std.js';
import { Database } from './database.js';

/** UUIDs in a row, so that texts can be compared. */
function counter(): () => string {
  let n = 0;
  return () => `00000000-0000-0000-0000-${String(++n).padStart(12, '0')}`;
}

const SCHEMA = new DatabaseSchema('Test', '1.0.0', '', {
  Root: {
    isRoot: true,
    maxRows: 3,
    indexes: [['name']],
    columns: {
      name: { type: one(string), immutable: true },
      n: { type: one(range(-5, 100)) },
      maybe: { type: optional(integer) },
      numbers: { type: set(integer, 3) },
      words: { type: map(string, string) },
      leaves: { type: set(strong('Leaf')) },
      friend: { type: optional(weak('Root')) },
      real: { type: one({ type: 'real' }) },
    },
  },
  Leaf: { columns: { tag: { type: one(integer) }, next: { type: optional(strong('Leaf')) } } },
  Needy: { isRoot: true, columns: { leaf: { type: some(weak('Leaf')) } } },
});
const U = (n: number) => `10000000-0000-0000-0000-00000000000${n}`;
const ref = (n: number): Json => ['uuid', U(n)];
const root = (n: number, row: JsonObject = {}): Json => ({
  op: 'insert',
  table: 'Root',
  uuid: U(n),
  row: { name: `r${n}`, ...row },
});
const leaf = (n: number, row: JsonObject = {}): Json => ({ op: 'insert', table: 'Leaf', uuid: U(n), row });
const all = (table: string, ...columns: string[]): Json => ({ op: 'select', table, where: [], columns });

function fresh(): Database {
  return new Database(SCHEMA, counter());
}

/** What the operations give; errors without the syntax they quote. */
function run(db: Database, ...operations: Json[]): unknown[] {
  const o = db.transact(operations);
  if (o.kind === 'blocked') return [`blocked ${o.timeoutMs}`];
  return o.results.map((r) =>
    typeof r === 'object' && r !== null && 'error' in r && 'details' in r ? `${r.error}: ${r.details}` : r,
  );
}

t.test('one operation after another sees what went before', (t) => {
  const db = fresh();
  const got = run(
    db,
    root(1, { n: 3, numbers: ['set', [1, 2]] }),
    {
      op: 'mutate',
      table: 'Root',
      where: [],
      mutations: [
        ['n', '+=', 4],
        ['numbers', 'insert', 7],
        ['numbers', 'delete', ['set', [1]]],
      ],
    },
    {
      op: 'update',
      table: 'Root',
      where: [['n', '>', 6]],
      row: {
        words: [
          'map',
          [
            ['b', '2'],
            ['a', '1'],
          ],
        ],
      },
    },
    {
      op: 'mutate',
      table: 'Root',
      where: [],
      mutations: [
        ['words', 'delete', ['set', ['b']]],
        [
          'words',
          'insert',
          [
            'map',
            [
              ['a', '9'],
              ['c', '3'],
            ],
          ],
        ],
      ],
    },
    all('Root', 'name', 'n', 'numbers', 'words'),
    { op: 'delete', table: 'Root', where: [['name', '==', 'nobody']] },
  );
  t.strictSame(got, [
    { uuid: ref(1) },
    { count: 1 },
    { count: 1 },
    { count: 1 },
    {
      rows: [
        {
          name: 'r1',
          n: 7,
          numbers: ['set', [2, 7]],
          words: [
            'map',
            [
              ['a', '1'],
              ['c', '3'],
            ],
          ],
        },
      ],
    },
    { count: 0 },
  ]);
  t.end();
});

t.test('conditions', (t) => {
  const db = fresh();
  run(db, root(1, { n: 1, maybe: 5 }), root(2, { n: 2, numbers: ['set', [1, 2]] }), root(3, { n: 3, numbers: 1 }));
  const empty: Json = ['set', []];
  const rows: [Json[], string[]][] = [
    [[], ['r1', 'r2', 'r3']],
    [[['n', '>=', 2]], ['r2', 'r3']],
    [
      [
        ['n', '>', 1],
        ['n', '<', 3],
      ],
      ['r2'],
    ],
    [[['maybe', '<=', 5]], ['r1']],
    [[['maybe', '==', empty]], ['r2', 'r3']],
    [[['maybe', '!=', empty]], ['r1']],
    [[['maybe', 'excludes', ['set', [5, 6]]]], ['r2', 'r3']],
    [[['numbers', 'includes', ['set', [1]]]], ['r2', 'r3']],
    [[['numbers', 'excludes', ['set', [2, 9]]]], ['r1', 'r3']],
    [[['_uuid', '==', ref(2)]], ['r2']],
    [
      [
        ['_uuid', '==', ref(2)],
        ['n', '==', 1],
      ],
      [],
    ],
    [[true], ['r1', 'r2', 'r3']],
    [[false], []],
  ];
  for (const [where, want] of rows) {
    const [got] = run(db, { op: 'select', table: 'Root', where, columns: ['name'], sort: ['name'] });
    t.strictSame(got, { rows: want.map((name) => ({ name })) }, JSON.stringify(where));
  }
  t.end();
});

t.test('references: rows nobody needs go, rows somebody needs stay', (t) => {
  const db = fresh();
  t.same(run(db, leaf(5), all('Leaf', 'tag')), [{ uuid: ref(5) }, { rows: [{ tag: 0 }] }]);
  t.same(run(db, all('Leaf', 'tag')), [{ rows: [] }], 'it went at once');
  run(db, root(1, { leaves: ref(5) }), leaf(5, { tag: 1, next: ref(6) }), leaf(6, { tag: 2, next: ref(6) }));
  t.same(run(db, { op: 'select', table: 'Leaf', where: [], columns: ['tag'], sort: ['tag'] }), [
    { rows: [{ tag: 1 }, { tag: 2 }] },
  ]);
  t.match(
    run(db, { op: 'delete', table: 'Leaf', where: [['tag', '==', 2]] })[1],
    /cannot delete Leaf row .*6 because of 1 remaining reference\(s\)/,
  );
  t.match(
    run(db, root(2, { leaves: ref(9) }))[1],
    /Table Root column leaves row .*2 references nonexistent row .*9 in table Leaf\./,
  );
  run(db, { op: 'update', table: 'Root', where: [], row: { leaves: ['set', []] } });
  t.same(run(db, all('Leaf', 'tag')), [{ rows: [] }], 'both went, the second although it refers to itself');
  t.end();
});

t.test('weak references go with their row', (t) => {
  const db = fresh();
  run(db, root(1, { friend: ref(2) }), root(2, { friend: ref(1), leaves: ref(5) }), leaf(5));
  run(db, { op: 'delete', table: 'Root', where: [['name', '==', 'r2']] });
  t.same(run(db, all('Root', 'friend')), [{ rows: [{ friend: ['set', []] }] }]);
  t.same(run(db, root(3, { friend: ref(8) }), all('Root', 'name', 'friend'))[1], {
    rows: [
      { name: 'r1', friend: ['set', []] },
      { name: 'r3', friend: ref(8) },
    ],
  });
  t.same(run(db, { op: 'select', table: 'Root', where: [['name', '==', 'r3']], columns: ['friend'] }), [
    { rows: [{ friend: ['set', []] }] },
  ]);
  run(db, { op: 'update', table: 'Root', where: [['name', '==', 'r1']], row: { leaves: ref(6) } }, leaf(6), {
    op: 'insert',
    table: 'Needy',
    uuid: U(7),
    row: { leaf: ref(6) },
  });
  const [, text] = run(db, { op: 'update', table: 'Root', where: [], row: { leaves: ['set', []] } });
  t.match(
    text,
    /Deletion of 1 weak reference\(s\) .* column "leaf" in "Needy" row .*7 caused this column to become empty/,
  );
  t.end();
});

t.test('faults, and all or nothing', (t) => {
  const db = fresh();
  run(db, root(1, { n: 1 }));
  const m = (...mutation: Json[]): Json => ({ op: 'mutate', table: 'Root', where: [], mutations: [mutation] });
  const rows: [Json[], string][] = [
    [
      [root(1)],
      'duplicate uuid: This UUID would duplicate a UUID already present within the table or deleted within the same transaction.',
    ],
    [
      [root(2, { name: 'r1' })],
      'constraint violation: Transaction causes multiple rows in "Root" table to have identical values (r1) for index on column "name".  First row, with UUID 10000000-0000-0000-0000-000000000002, was inserted by this transaction.  Second row, with UUID 10000000-0000-0000-0000-000000000001, existed in the database before this transaction, which modified some of the row\'s columns but not any columns in this index.',
    ],
    [
      [root(2), root(3), root(4)],
      'constraint violation: transaction causes "Root" table to contain 4 rows, greater than the schema-defined limit of 3 row(s)',
    ],
    [[m('n', '+=', 100)], 'constraint violation: 101 is not in the valid range -5 to 100 (inclusive)'],
    [[m('n', '/=', 0)], 'domain error: Division by zero.'],
    [
      [m('maybe', 'insert', ['set', [1]]), m('maybe', '+=', 9223372036854775807n)],
      'range error: Result of "+=" operation is out of range.',
    ],
    [
      [m('numbers', 'insert', ['set', [1, 2]]), m('numbers', 'insert', ['set', [3, 4]])],
      'constraint violation: Attempted to store 4 elements in set of up to 3 integers.',
    ],
    [
      [m('numbers', 'insert', ['set', [1, 2]]), m('numbers', '*=', 0)],
      'constraint violation: Result of "*=" operation contains duplicates.',
    ],
    [[m('name', 'insert', 'x')], 'constraint violation: Cannot mutate immutable column name in table Root.'],
    [
      [m('real', '%=', 2)],
      'syntax error: Type mismatch: "%=" operator may not be applied to column real of type real.',
    ],
    [
      [{ op: 'update', table: 'Root', where: [], row: { name: 'x' } }],
      'constraint violation: Cannot update immutable column name in table Root.',
    ],
    [[{ op: 'assert', lock: 'l' }], 'not owner: Asserted lock l not held.'],
    [[{ op: 'abort' }], 'aborted: aborted by request'],
    [
      [{ op: 'wait', table: 'Root', where: [], columns: ['n'], until: '!=', rows: [{ n: 1 }], timeout: 0 }],
      'timed out: "where" clause test failed',
    ],
    [
      [{ op: 'wait', table: 'Root', where: [], columns: ['n'], until: '!=', rows: [{ n: 1 }], timeout: 50 }],
      'blocked 50',
    ],
    [[{ op: 'wait', table: 'Root', where: [], columns: ['n'], until: '!=', rows: [{ n: 1 }] }], 'blocked undefined'],
    [
      [{ op: 'wait', table: 'Root', where: [], until: '!=', rows: [], extra: 1, timeout: 0 }],
      "syntax error: Parsing ovsdb operation 2 of 2 failed: Member 'extra' is present but not allowed here.",
    ],
    [['x'], 'syntax error: Parsing ovsdb operation 2 of 2 failed: Object expected.'],
  ];
  for (const [operations, want] of rows) {
    const got = run(
      db,
      { op: 'update', table: 'Root', where: [], row: { n: 1, words: ['map', [['was', 'here']]] } },
      ...operations,
    );
    t.equal(
      got.find((r) => typeof r === 'string'),
      want,
    );
    t.same(run(db, all('Root', 'n', 'words')), [{ rows: [{ n: 1, words: ['map', []] }] }], 'nothing of it stayed');
  }
  t.same(run(db, { op: 'abort' }, all('Root')), ['aborted: aborted by request', null], 'what was not run');
  t.end();
});

t.test('after many random transactions counts and indexes are what counting anew gives', (t) => {
  const random = new Random(7);
  const db = fresh();
  const some = () => ref(random.between(1, 9));
  for (let i = 0; i < 3000; i++) {
    const operations: Json[] = [];
    for (let k = random.between(1, 3); k > 0; k--) {
      const n = random.between(1, 9);
      operations.push(
        ...random.pick<() => Json[]>([
          () => [root(random.between(1, 4), { friend: some() })],
          () => [
            leaf(n, random.chance(0.3) ? { next: some() } : {}),
            { op: 'mutate', table: 'Root', where: [], mutations: [['leaves', 'insert', ref(n)]] },
          ],
          () => [{ op: 'delete', table: random.pick(['Root', 'Leaf']), where: [['_uuid', '==', some()]] }],
          () => [{ op: 'update', table: 'Root', where: [['_uuid', '==', some()]], row: { leaves: ['set', []] } }],
          () => [{ op: 'mutate', table: 'Root', where: [], mutations: [['leaves', 'delete', some()]] }],
          () => [{ op: 'update', table: 'Leaf', where: [['_uuid', '==', some()]], row: { next: ref(n) } }],
          () => [{ op: 'update', table: 'Root', where: [['_uuid', '==', some()]], row: { friend: some() } }],
        ])(),
      );
    }
    db.transact(operations);
    if (i > 2900 && (db.tables.get('Leaf')?.rows.size ?? 0) > 2) break;
  }
  const strong = new Map<string, number>();
  const weakCount = new Map<string, number>();
  for (const table of db.tables.values()) {
    for (const row of table.rows.values()) {
      for (const [columns, counts] of [
        [table.strongColumns, strong],
        [table.weakColumns, weakCount],
      ] as const) {
        for (const { column } of columns) {
          for (const k of row.data[column.index].keys) {
            if (k !== row.uuid || counts === weakCount) counts.set(`${k}`, (counts.get(`${k}`) ?? 0) + 1);
          }
        }
      }
    }
  }
  const leaves = db.tables.get('Leaf');
  const roots = db.tables.get('Root');
  t.ok(leaves && leaves.rows.size > 0);
  t.same(leaves && [...leaves.strongRefs].sort(), [...strong].sort());
  t.same(
    [...(leaves?.rows.keys() ?? [])].filter((u) => !strong.has(u)),
    [],
    'no garbage',
  );
  const sources = [...(roots?.weakRefs ?? [])].map(([u, s]) => [u, [...s.values()].reduce((n, x) => n + x.count, 0)]);
  t.same(sources.sort(), [...weakCount].sort());
  t.same([...(roots?.indexes[0].values() ?? [])].sort(), [...(roots?.rows.keys() ?? [])].sort());
  t.end();
});
