import t from 'tap';
import type { Action } from '../../action/action.js';
import { Reader, Writer } from '../../action/wire.js';
import { ActionCache } from './action-cache.js';
import { readInstructions, writeInstructions } from './actions.js';

const output = (port: number): Action => ({ type: 'output', port, maxLen: 0 });

function bytes(version: number, ...actions: Action[]): Uint8Array {
  const w = new Writer(version);
  writeInstructions(w, actions);
  return w.finish();
}

t.test('equal bytes of one version share a list, others do not', (t) => {
  const cache = new ActionCache(1);
  let reads = 0;
  const take = (b: Uint8Array, version: number) => {
    const r = new Reader(b, version);
    const list = cache.take(r, () => {
      reads++;
      return readInstructions(r, r.remaining);
    });
    t.equal(r.remaining, 0);
    return list;
  };
  const first = take(bytes(4, output(1)), 4);
  t.same(first, [output(1)]);
  t.equal(take(bytes(4, output(1)), 4), first);
  t.equal(reads, 1);
  t.not(take(bytes(5, output(1)), 5), first, 'the same bytes in another version');
  t.same(take(bytes(4, output(2)), 4), [output(2)]);
  t.same(take(bytes(4, output(1), output(2)), 4), [output(1), output(2)]);
  t.same(take(bytes(4), 4), []);
  const long = Array.from({ length: 100 }, (_, i) => output(i + 1));
  t.same(take(bytes(4, ...long), 4), long);
  t.end();
});

t.test('what is wrong is wrong again', (t) => {
  const cache = new ActionCache(4);
  const bad = bytes(4, output(1)).fill(0xff, 12, 16).subarray(0, 16);
  for (let i = 0; i < 2; i++) {
    const r = new Reader(bad, 4);
    t.throws(() => cache.take(r, () => readInstructions(r, r.remaining)));
  }
  t.end();
});
