import t from 'tap';
import { type Json, sortedJson } from '../json/json.js';
import { map, one, oneOf, optional, range, set, some, string, strong } from '../schema/std.js';
import { ATOMS, compareStrings, formatReal } from './atom.js';
import {
  applyDifference,
  compareDatums,
  datumFromJson,
  datumToJson,
  difference,
  equalDatums,
  excludesAll,
  includesAll,
  subtract,
  union,
} from './datum.js';
import { OvsdbError } from './error.js';
import { type ColumnType, english } from './type.js';

const ints = set({ type: 'integer' });
const words = map(string, string);
const U = '550e8400-e29b-41d4-a716-446655440000';

t.test('JSON, both ways', (t) => {
  const rows: [ColumnType, Json, Json][] = [
    [one(string), 'x', 'x'],
    [one({ type: 'integer' }), -0, 0],
    [one({ type: 'integer' }), 9007199254740993n, 9007199254740993n],
    [one(string), ['set', ['x']], 'x'],
    [optional(string), ['set', []], ['set', []]],
    [optional(string), 'x', 'x'],
    [ints, ['set', [3, 1, 2]], ['set', [1, 2, 3]]],
    [ints, 7, 7],
    [
      words,
      [
        'map',
        [
          ['b', '1'],
          ['a', '2'],
        ],
      ],
      [
        'map',
        [
          ['a', '2'],
          ['b', '1'],
        ],
      ],
    ],
    [one({ type: 'uuid' }), ['uuid', U.toUpperCase()], ['uuid', U]],
    [one({ type: 'real' }), 3, 3],
    [set({ type: 'boolean' }), ['set', [true, false]], ['set', [false, true]]],
  ];
  for (const [type, json, want] of rows)
    t.strictSame(datumToJson(datumFromJson(json, type), type), want, sortedJson(json));
  t.strictSame(datumFromJson(['named-uuid', 'n'], one({ type: 'uuid' }), () => U).keys, [U]);
  t.end();
});

t.test('JSON that is wrong', (t) => {
  const rows: [ColumnType, Json, string, string][] = [
    [one(string), 1, 'syntax error', 'expected string'],
    [one({ type: 'integer' }), 1.5, 'syntax error', 'expected integer'],
    [ints, ['set', [1, 1]], 'ovsdb error', 'set contains duplicate'],
    [
      words,
      [
        'map',
        [
          ['a', ''],
          ['a', ''],
        ],
      ],
      'ovsdb error',
      'map contains duplicate key',
    ],
    [words, ['set', []], 'syntax error', 'expected ["map", <array>]'],
    [words, ['map', [['a']]], 'syntax error', 'expected 2-element array'],
    [some(string), ['set', []], 'syntax error', 'set must have 1 to 4294967295 members but 0 are present'],
    [one(string), ['set', []], 'syntax error', 'set must have exactly one member but 0 are present'],
    [one(range(0, 9)), 10, 'constraint violation', '10 is not in the valid range 0 to 9 (inclusive)'],
    [one(range(5)), 4, 'constraint violation', '4 is less than minimum allowed value 5'],
    [one(oneOf('b', 'a-b')), 'c', 'constraint violation', 'c is not one of the allowed values ([a-b, b])'],
    [
      one({ type: 'string', minLength: 2 }),
      'é',
      'constraint violation',
      '"é" length 1 is less than minimum allowed length 2',
    ],
    [one(strong('T')), ['uuid', 'x'], 'syntax error', '"x" is not a valid UUID'],
  ];
  for (const [type, json, tag, details] of rows) {
    try {
      datumFromJson(json, type);
      t.fail(`${sortedJson(json)} accepted`);
    } catch (e) {
      t.same(e instanceof OvsdbError ? [e.tag, e.details] : e, [tag, details]);
    }
  }
  t.end();
});

t.test('sets and maps as algebra', (t) => {
  const i = (...n: number[]) => datumFromJson(['set', n], ints);
  const m = (o: Record<string, string>) => datumFromJson(['map', Object.entries(o)], words);
  const same = (got: unknown, want: unknown) => t.strictSame(got, want);
  same(union(i(1, 3), i(2, 3), ints), i(1, 2, 3));
  same(subtract(i(1, 2, 3), i(2, 4), ints), i(1, 3));
  same(difference(i(1, 2), i(2, 3), ints), i(1, 3));
  same(applyDifference(i(1, 2), i(1, 3), ints), i(2, 3));
  const maybe = optional(string);
  const m1 = (s: Json) => datumFromJson(s, maybe);
  same(difference(m1('a'), m1('b'), maybe), m1('b'));
  same(applyDifference(m1('a'), m1(['set', []]), maybe), m1(['set', []]));
  same(union(m({ a: '1' }), m({ a: '2', b: '3' }), words), m({ a: '1', b: '3' }));
  same(subtract(m({ a: '1', b: '2' }), m({ a: '0', b: '2' }), words), m({ a: '1' }));
  same(subtract(m({ a: '1', b: '2' }), datumFromJson(['set', ['a']], set(string)), words), m({ b: '2' }));
  same(difference(m({ a: '1', b: '2', c: '3' }), m({ b: '4', c: '3', d: '5' }), words), m({ a: '1', b: '4', d: '5' }));
  same(
    applyDifference(m({ a: '1', b: '2', c: '3' }), m({ a: '1', b: '4', d: '5' }), words),
    m({ b: '4', c: '3', d: '5' }),
  );
  t.ok(includesAll(m({ a: '1' }), m({ a: '1', b: '2' }), words));
  t.notOk(includesAll(m({ a: '2' }), m({ a: '1', b: '2' }), words));
  t.ok(excludesAll(m({ a: '2' }), m({ a: '1', b: '2' }), words));
  t.ok(compareDatums(i(9), i(1, 2), ints) < 0, 'fewer first');
  t.ok(compareDatums(i(1, 3), i(1, 2), ints) > 0);
  t.notOk(equalDatums(m({ a: '1' }), m({ a: '2' })));
  t.end();
});

t.test('texts and order', (t) => {
  const reals: [number, string][] = [
    [1, '1'],
    [0.1 + 0.2, '0.3'],
    [1e20, '1e+20'],
    [1.5e-7, '1.5e-07'],
    [123456.789, '123456.789'],
    [1e15, '1e+15'],
  ];
  for (const [v, want] of reals) t.equal(formatReal(v), want);
  const strings: [string, string][] = [
    ['br-int', 'br-int'],
    ['eth0.1', 'eth0.1'],
    ['1x', '"1x"'],
    ['', '""'],
    ['a"b', '"a\\"b"'],
    ['true', '"true"'],
    ['-x', '"-x"'],
  ];
  for (const [v, want] of strings) t.equal(ATOMS.string.toText(v), want);
  t.ok(compareStrings('\uffff', '😀') < 0, 'by bytes of UTF-8');
  t.ok(compareStrings('a', 'ab') < 0);
  t.equal(english(set(string, 3)), 'set of up to 3 strings');
  t.equal(english(map(string, { type: 'integer' })), 'map of (string, integer) pairs');
  t.equal(english(some(string)), 'set of 1 or more strings');
  t.end();
});
