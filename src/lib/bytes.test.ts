import t from 'tap';
import { formatHex, getBig, getUint, parseHex, putBig, putUint } from './bytes.js';
import { UserError } from './errors.js';
import { Random } from './random.js';

t.test('hex text', (t) => {
  t.equal(formatHex(parseHex('0x00 01:02-ff.A0')), '000102ffa0');
  t.equal(formatHex(Uint8Array.of(1, 2, 3), ':'), '01:02:03');
  for (const bad of ['0', 'zz', '012', '0 1', '0x1']) t.throws(() => parseHex(bad), UserError, bad);
  t.end();
});

t.test('numbers of every width survive, and touch only their bytes', (t) => {
  const r = new Random(1);
  for (let n = 1; n <= 16; n++) {
    const bytes = r.bytes(n);
    const buffer = new Uint8Array(n + 2).fill(0xa5);
    putBig(buffer, 1, n, getBig(bytes, 0, n));
    t.same([...buffer], [0xa5, ...bytes, 0xa5], `big ${n}`);
    if (n > 6) continue;
    buffer.fill(0xa5);
    putUint(buffer, 1, n, getUint(bytes, 0, n));
    t.same([...buffer], [0xa5, ...bytes, 0xa5], `number ${n}`);
  }
  t.end();
});
