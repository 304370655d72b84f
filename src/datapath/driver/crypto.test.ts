/** Cryptography of the addon against Node's. */
import { createHash } from 'node:crypto';
import t from 'tap';
import { loadAddon } from './load.js';

const addon = loadAddon();

// Around the ends of blocks of 64 bytes, of which the last one holds the length as well.
const LENGTHS = [0, 1, 3, 54, 55, 56, 57, 63, 64, 65, 118, 119, 120, 127, 128, 129, 14_759, 1 << 20];

t.test('SHA-1 of texts of all lengths that matter', (t) => {
  for (const n of LENGTHS) {
    const bytes = Uint8Array.from({ length: n }, (_, i) => (i * 131 + (i >> 8)) & 255);
    t.equal(addon.sha1(bytes), createHash('sha1').update(bytes).digest('hex'), `${n} bytes`);
  }
  const whole = new Uint8Array(200).fill(7);
  t.equal(addon.sha1(whole.subarray(100)), createHash('sha1').update(whole.subarray(100)).digest('hex'), 'a part');
  t.end();
});

t.test('UUIDs are random ones, and no two the same', (t) => {
  const made = Array.from({ length: 1000 }, () => addon.uuid());
  const odd = made.filter((u) => !/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(u));
  t.same(odd, []);
  t.equal(new Set(made).size, made.length);
  // Each of the 122 bits is there and is not, in a thousand.
  const bits = (u: string) => BigInt(`0x${u.replaceAll('-', '')}`);
  const [some, all] = made.reduce(([o, a], u) => [o | bits(u), a & bits(u)], [0n, (1n << 128n) - 1n]);
  t.equal((some ^ all).toString(2).replaceAll('0', '').length, 122);
  t.end();
});
