import t from 'tap';
import { UserError } from '../lib/errors.js';
import { Reader, Writer } from './wire.js';

/** The OpenFlow error that `fn` throws. */
function fault(fn: () => unknown): string | undefined {
  try {
    fn();
  } catch (e) {
    if (e instanceof UserError) return e.ofError;
    throw e;
  }
  return undefined;
}

t.test('what was written is read', (t) => {
  const w = new Writer(4);
  w.u8(1);
  w.u16(0x0203);
  w.u32(0x04050607);
  w.u64(0x08090a0b0c0d0e0fn);
  w.bytes(Uint8Array.of(16, 17));
  w.pad(0);
  w.patch16(1, 0xffee);
  const b = w.finish();
  t.equal(Buffer.from(b).toString('hex'), '01ffee0405060708090a0b0c0d0e0f1011' + '00'.repeat(7));
  const r = new Reader(b, 4);
  t.equal(r.u8(), 1);
  t.equal(r.u16(), 0xffee);
  t.equal(r.u32(), 0x04050607);
  t.equal(r.u64(), 0x08090a0b0c0d0e0fn);
  const s = r.sub(2, 'OFPBAC_BAD_LEN');
  t.equal(s.position, 15);
  t.same([...s.peek(9)], [16, 17]);
  t.same([...s.bytes(2)], [16, 17]);
  t.equal(
    fault(() => s.u8()),
    'OFPBAC_BAD_LEN',
  );
  r.skip(7);
  t.equal(r.remaining, 0);
  t.equal(
    fault(() => r.u32()),
    'OFPBRC_BAD_LEN',
  );
  t.end();
});

t.test('a writer grows, and fills what it pads', (t) => {
  const w = new Writer(1);
  for (let i = 0; i < 1000; i++) w.u8(0xa5);
  w.truncate(3);
  w.pad(0);
  t.equal(Buffer.from(w.finish()).toString('hex'), 'a5a5a50000000000');
  t.end();
});

t.test('a reader refuses every overrun', (t) => {
  const calls: ((r: Reader) => unknown)[] = [
    (r) => r.u8(),
    (r) => r.u16(),
    (r) => r.u32(),
    (r) => r.u64(),
    (r) => r.bytes(1),
    (r) => r.skip(1),
    (r) => r.sub(1),
  ];
  for (const call of calls) t.throws(() => call(new Reader(new Uint8Array(0), 1)), UserError);
  t.end();
});
