import t from 'tap';
import { formatJson, type Json, parseJson, RawJson, sortedJson } from './json.js';

t.test('numbers keep 64 bits, the rest is as JSON.parse has it', (t) => {
  const rows: [string, Json][] = [
    ['[9007199254740991]', [9007199254740991]],
    ['[9007199254740993]', [9007199254740993n]],
    ['[-9223372036854775808]', [-9223372036854775808n]],
    ['[9223372036854775808]', [2 ** 63]],
    ['[1e18,1E+02,1.5e1,1e-2]', [10n ** 18n, 100, 15, 0.01]],
    ['[1.2345678901234567]', [1.2345678901234567]],
    [
      '{"a":{"b":[12345678901234567890,true,false,null,"x\\n\\"y"]}}',
      { a: { b: [Number('12345678901234567890'), true, false, null, 'x\n"y'] } },
    ],
    ['{"a":1,"a":"\\ud83d\\ude00"}', { a: '😀' }],
    [' [ ] ', []],
    ['[{},1234567890123456]', [{}, 1234567890123456]],
  ];
  for (const [text, want] of rows) t.strictSame(parseJson(text), want, text);
  t.end();
});

t.test('what a C client could not read is refused', (t) => {
  const rows: [string, RegExp][] = [
    ['["\\u0000"]', /null bytes/],
    ['[1234567890123456,"a\\', /end of input/],
    ['["\\ud800"]', /surrogate/],
    ['["\\udc00\\ud800"]', /surrogate/],
    ['[1e400]', /range/],
    ['[1234567890123456', /no JSON/],
    ['[01234567890123456]', /number/],
    ['[1234567890123456 2]', /array/],
    ['{"a" 1234567890123456}', /object/],
    ['[1234567890123456,]', /where a value/],
    ['[1234567890123456]]', /trailing/],
    ['{1234567890123456:1}', /object/],
    ['["\u0001",1234567890123456]', /control character/],
    [`${'['.repeat(2000)}1234567890123456`, /depth/],
  ];
  for (const [text, fault] of rows) t.throws(() => parseJson(text), fault, text.slice(0, 30));
  t.end();
});

t.test('texts', (t) => {
  const v: Json = { b: [1n, 2.5], a: { d: 'x', c: null } };
  t.equal(formatJson(v), '{"b":[1,2.5],"a":{"d":"x","c":null}}');
  t.equal(sortedJson(v), '{"a":{"c":null,"d":"x"},"b":[1,2.5]}');
  t.equal(formatJson(new RawJson('[7]')), '[7]');
  t.end();
});
