import t from 'tap';
import type { Json } from '../json/json.js';
import { bool, type Column, DataError, int64, integer, map, one, optional, set, table, text, uuid } from './column.js';
import { TableReplica } from './replica.js';

const U = 'd34db33f-0000-4000-8000-000000000001';

t.test('values from and to JSON', (t) => {
  const row = <T>(what: string, column: Column<T>, json: Json, value: T, again: Json = json): void => {
    t.same(column.decode(json), value, `${what}: read`);
    t.same(column.encode(value), again, `${what}: written`);
  };
  row('text', one(text), 'a', 'a');
  row('a set of one for a scalar', one(text), ['set', ['a']], 'a', 'a');
  row('integer', one(integer), 7, 7);
  row('long integer', one(int64), 9007199254740993n, 9007199254740993n);
  row('boolean', one(bool), true, true);
  row('uuid', one(uuid), ['uuid', U], U);
  t.same(one(uuid).encode('row_1'), ['named-uuid', 'row_1'], 'a row of this transaction');
  row('nothing', optional(text), ['set', []], undefined);
  row('something', optional(integer), 4, 4);
  row('no elements', set(integer), ['set', []], []);
  row('one element', set(integer), 3, [3]);
  row(
    'elements',
    set(uuid),
    [
      'set',
      [
        ['uuid', U],
        ['uuid', U],
      ],
    ],
    [U, U],
  );
  row('map', map(text, text), ['map', [['a', 'b']]], new Map([['a', 'b']]));
  for (const [what, column, json] of [
    ['number for text', one(text), 1],
    ['two for one', one(text), ['set', ['a', 'b']]],
    ['no uuid', one(uuid), 'abc'],
    ['no map', map(text, text), 'abc'],
    ['no pair', map(text, text), ['map', [['a']]]],
  ] as [string, Column<never>, Json][]) {
    t.throws(() => column.decode(json), DataError, what);
  }
  t.end();
});

const T = table('T', { name: one(text), tags: set(integer), opts: map(text, text), up: optional(bool) });

t.test('a replica follows update2 and update', (t) => {
  const r = new TableReplica(T);
  const seen: string[] = [];
  r.listen(({ old, row }) => seen.push(`${old?.name ?? '-'} ${row?.name ?? '-'}`));
  t.same(r.prepare({ name: {}, tags: {}, more: {} }), ['name', 'tags'], 'columns that both know');
  t.equal(r.has('up'), false);
  t.equal(r.prepare(undefined), undefined);
  r.apply({ [U]: { initial: { name: 'a', tags: ['set', [1, 2]] } } }, true);
  t.same(r.rows.get(U), { _uuid: U, name: 'a', tags: [1, 2], opts: new Map(), up: undefined });
  const before = r.rows.get(U);
  r.apply({ [U]: { modify: { tags: ['set', [2, 3]], opts: ['map', [['k', 'v']]], up: true } } }, true);
  t.same(r.rows.get(U), { _uuid: U, name: 'a', tags: [1, 3], opts: new Map([['k', 'v']]), up: true });
  t.same(before?.tags, [1, 2], 'the row before stays as it was');
  r.apply(
    {
      [U]: {
        modify: {
          opts: [
            'map',
            [
              ['k', 'v'],
              ['x', 'y'],
            ],
          ],
          up: ['set', []],
        },
      },
    },
    true,
  );
  t.same(r.rows.get(U)?.opts, new Map([['x', 'y']]), 'a pair told as it is goes, another comes');
  r.apply({ [U]: { modify: { opts: ['map', [['x', 'z']]] } } }, true);
  t.same(r.rows.get(U)?.opts, new Map([['x', 'z']]), 'a pair told otherwise changes');
  r.apply({ [U]: { old: { name: 'a' }, new: { name: 'b', tags: 5 } } }, false);
  t.same(r.rows.get(U)?.tags, [5]);
  r.apply({ [U]: { delete: null } }, true);
  t.equal(r.rows.size, 0);
  t.same(seen, ['- a', 'a a', 'a a', 'a a', 'a b', 'b -']);
  t.throws(() => r.apply({ [U]: { modify: { name: 'x' } } }, true), /which is not there/);
  t.end();
});
