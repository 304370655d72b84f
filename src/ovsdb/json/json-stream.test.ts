import t from 'tap';
import { JsonStream } from './json-stream.js';

const bytes = (s: string) => new TextEncoder().encode(s);

t.test('values come out whole, however the bytes are cut', (t) => {
  const text = '{"a":"}{\\"\\\\"}\n [1,[2,{"b":"ü"}]]{"id":0,"method":"x","params":[]}';
  const want = [{ a: '}{"\\' }, [1, [2, { b: 'ü' }]], { id: 0, method: 'x', params: [] }];
  const raw = bytes(text);
  for (let step = 1; step <= raw.length; step++) {
    const stream = new JsonStream(1000);
    const got: unknown[] = [];
    for (let i = 0; i < raw.length; i += step) got.push(...stream.push(raw.subarray(i, i + step)));
    t.same(got, want, `step ${step}`);
  }
  t.end();
});

t.test('what is not JSON, and what is too long, ends the stream', (t) => {
  const rows: [string, RegExp][] = [
    ['hello', /must be an object/],
    ['}', /not opened/],
    ['{"a":,}', /JSON/],
    [`["${'x'.repeat(100)}`, /a value of more than 64 bytes/],
  ];
  for (const [text, fault] of rows) t.throws(() => new JsonStream(64).push(bytes(text)), fault, text.slice(0, 10));
  t.end();
});
