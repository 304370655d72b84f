import t from 'tap';
import { Random } from '../lib/random.js';
import {
  addBytes,
  checksum,
  finish,
  fold,
  nonzero,
  pseudoSum,
  update16,
  updateBytes,
  updatePartial,
} from './checksum.js';

const b = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

t.test('known sums', (t) => {
  t.equal(fold(addBytes(0, b('0001 f203 f4f5 f6f7'))), 0xddf2, 'the example of RFC 1071');
  t.equal(checksum(b('4500 0073 0000 4000 4011 0000 c0a8 0001 c0a8 00c7')), 0xb861);
  t.equal(checksum(b('01')), 0xfeff, 'an odd byte is the high half');
  t.equal(checksum(b('')), 0xffff);
  t.equal(nonzero(0), 0xffff);
  t.equal(nonzero(5), 5);
  t.equal(fold(pseudoSum(b('0a000001'), b('0a000002'), 17, 8)), 0x0a00 + 1 + 0x0a00 + 2 + 17 + 8);
  t.end();
});

t.test('an update equals a fresh sum, for 10,000 changes', (t) => {
  const r = new Random(7);
  const faults: string[] = [];
  for (let n = 0; n < 10_000; n++) {
    const bytes = n % 100 === 0 ? new Uint8Array(64) : r.bytes(64);
    bytes[0] = 1; // a header is never all zero, which is the one case where 0 and 0xffff differ
    const before = checksum(bytes);
    const partial = fold(addBytes(0, bytes));
    const at = 2 + 2 * r.below(20);
    const size = 2 * r.between(1, 8);
    const old = bytes.slice(at, at + size);
    const now = n % 50 === 0 ? new Uint8Array(size).fill(0xff) : r.bytes(size);
    bytes.set(now, at);
    if (updateBytes(before, old, now) !== checksum(bytes)) faults.push(`update ${n}`);
    if (updatePartial(partial, old, now) !== finish(0) - checksum(bytes)) faults.push(`partial ${n}`);
  }
  t.same(faults, []);
  const words = b('1234 5678');
  t.equal(update16(checksum(words), 0x5678, 0x9abc), checksum(b('1234 9abc')));
  t.end();
});
