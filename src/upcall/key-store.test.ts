/** Whole keys kept and read: those lines only that they have, in memory that is used again. */
import t from 'tap';
import { newKey, words } from '../flow/key.js';
import { Random } from '../lib/random.js';
import { DP_KEY_BYTES, K, LINE_BYTES } from '../packet/key.js';
import { KeyStore } from './key-store.js';

/** A key with these further lines, all their bytes at random. */
function keyOf(r: Random, lines: number): Uint8Array {
  const key = newKey();
  for (let n = 0; n * LINE_BYTES < DP_KEY_BYTES; n++) {
    if (n > 0 && !(lines & (1 << (n - 1)))) continue;
    for (let i = 0; i < LINE_BYTES; i++) key[n * LINE_BYTES + i] = r.below(256);
  }
  key[K.lines.offset] = lines;
  return key;
}

t.test('keys come back as they were, whatever was forgotten between', (t) => {
  const r = new Random(5);
  const store = new KeyStore();
  const kept = new Map<number, Uint8Array>();
  const into = new Uint32Array(DP_KEY_BYTES / 4);
  let lines = 0;
  const count = (key: Uint8Array): number => 1 + key[K.lines.offset].toString(2).replace(/0/g, '').length;
  for (let i = 0; i < 20_000; i++) {
    if (kept.size > 0 && r.chance(0.45)) {
      const [at, key] = r.pick([...kept].slice(0, 8));
      store.read(at, into);
      if (Buffer.compare(Buffer.from(into.buffer), key.subarray(0, DP_KEY_BYTES)) !== 0) t.fail(`key ${i}`);
      store.forget(at);
      kept.delete(at);
      lines -= count(key);
    } else {
      const key = keyOf(r, r.chance(0.5) ? 0 : r.below(256));
      const at = store.keep(words(key));
      if (kept.has(at)) t.fail(`key ${i} in place of another`);
      kept.set(at, key);
      lines += count(key);
    }
  }
  t.equal(store.lines, lines);
  for (const at of kept.keys()) store.forget(at);
  t.equal(store.lines, 0);
  t.end();
});
