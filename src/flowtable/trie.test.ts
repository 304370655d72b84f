import t from 'tap';
import { newKey, words } from '../flow/key.js';
import { minify } from '../flow/match.js';
import { Random } from '../lib/random.js';
import { matchOf } from './cases.js';
import { CountedSet } from './counted-set.js';
import { PREFIX_FIELDS, prefixLength, readPrefix, unwildcardPrefix } from './prefix.js';
import { Priorities } from './priorities.js';
import { PrefixTrie } from './trie.js';

/** First `n` bits as text. */
const bits = (v: Uint32Array, n: number) =>
  Array.from(v, (w) => w.toString(2).padStart(32, '0'))
    .join('')
    .slice(0, n);

for (const width of [16, 32, 128]) {
  t.test(`trie of ${width} bits against a list`, (t) => {
    const r = new Random(width);
    const nWords = Math.ceil(width / 32);
    const trie = new PrefixTrie(nWords);
    const value = () => Uint32Array.from({ length: nWords }, () => (r.chance(0.7) ? r.below(4) << 30 : r.u32()));
    const held: [Uint32Array, number][] = [];
    let wrong = 0;
    let wide = 0;
    for (let round = 0; round < 800; round++) {
      if (r.chance(0.55) || held.length === 0) {
        const entry: [Uint32Array, number] = [value(), r.between(1, width)];
        held.push(entry);
        trie.add(...entry);
      } else {
        const [v, n] = held.splice(r.below(held.length), 1)[0];
        // What stands after the prefix must not matter.
        const other = v.slice();
        for (let i = n; i < width; i++) other[i >> 5] ^= (r.u32() & 1) << (31 - (i & 31));
        trie.remove(other, n);
      }
      const probe = value();
      trie.walk(probe);
      const text = bits(probe, width);
      let depth = 0;
      const lengths = new Set<number>();
      for (const [v, n] of held) {
        const p = bits(v, n);
        let same = 0;
        while (same < n && p[same] === text[same]) same++;
        if (same === n) lengths.add(n);
        depth = Math.max(depth, same === n ? n : same + 1);
      }
      for (let n = 1; n <= width; n++) if (trie.has(n) !== lengths.has(n)) wrong++;
      if (trie.depth !== depth) wide++;
    }
    t.equal(wrong, 0, 'lengths that match');
    t.equal(wide, 0, 'depth is exactly what settles them');
    t.ok(trie.nodes <= 2 * held.length);
    for (const [v, n] of held) trie.remove(v, n);
    t.equal(trie.nodes, 0);
    t.end();
  });
}

t.test('prefixes added in order stand as those added one by one', (t) => {
  const r = new Random(3);
  const single = new PrefixTrie(1);
  const sorted = new PrefixTrie(1);
  const held: [Uint32Array, number][] = [];
  let differences = 0;
  for (let round = 0; round < 60; round++) {
    const batch = Array.from({ length: r.below(50) }, (): [number, number] => {
      const length = r.between(1, 32);
      const value = r.chance(0.5) ? r.below(8) << 29 : r.u32();
      return [(value & (-1 << (32 - length))) >>> 0, length];
    });
    for (const [value, length] of batch) {
      single.add(Uint32Array.of(value), length);
      held.push([Uint32Array.of(value), length]);
    }
    sorted.addSorted(Float64Array.from(batch, ([value, length]) => value * 64 + length).sort());
    for (let i = r.below(40); i > 0 && held.length > 0; i--) {
      const [value, length] = held.splice(r.below(held.length), 1)[0];
      single.remove(value, length);
      sorted.remove(value, length);
    }
    if (single.nodes !== sorted.nodes) differences++;
    for (let i = 0; i < 50; i++) {
      const probe = Uint32Array.of(r.chance(0.5) && held.length > 0 ? r.pick(held)[0][0] : r.u32());
      single.walk(probe);
      sorted.walk(probe);
      if (single.depth !== sorted.depth) differences++;
      for (let n = 1; n <= 32; n++) if (single.has(n) !== sorted.has(n)) differences++;
    }
  }
  t.equal(differences, 0);
  t.ok(held.length > 100);
  t.end();
});

t.test('lengths of prefixes in shapes, and bits in masks', (t) => {
  const [, nwDst, , ipv6Dst, tpSrc, tpDst] = PREFIX_FIELDS;
  const rows: [typeof nwDst, string, number][] = [
    [nwDst, '', 0],
    [nwDst, 'nw_dst=0/8', 8],
    [nwDst, 'nw_dst=0/32 nw_src=0/4', 32],
    [nwDst, 'nw_dst=0/0x7f000000', 0],
    [nwDst, 'nw_dst=0/0xff00ff00', 0],
    [tpSrc, 'tp_src=0/5 tp_dst=0/16', 5],
    [tpDst, 'tp_src=0/5 tp_dst=0/16', 16],
    [tpDst, 'tp_src=0/16', 0],
    [tpDst, 'tp_dst=0/0x00ff', 0],
    [ipv6Dst, 'ipv6_dst=0/32', 32],
    [ipv6Dst, 'ipv6_dst=0/127', 127],
    [ipv6Dst, 'ipv6_dst=0/64', 64],
    [ipv6Dst, 'ipv6_dst=0/0xffffffff00000000ffffffff00000000', 0],
    [ipv6Dst, 'ipv6_dst=0/0xffff0000ffffffff0000000000000000', 0],
    [ipv6Dst, 'ipv6_dst=0/0x0000000000000000000000000000ffff', 0],
  ];
  for (const [field, text, length] of rows) {
    t.equal(prefixLength(field, minify(matchOf(text))), length, text);
    if (length === 0) continue;
    const mask = newKey();
    unwildcardPrefix(field, words(mask), length);
    const again = matchOf('');
    again.mask.set(mask);
    t.equal(prefixLength(field, minify(again)), length);
    const out = new Uint32Array(field.words);
    readPrefix(field, words(mask), out);
    t.equal(bits(out, length), '1'.repeat(length));
  }
  t.end();
});

t.test('counted set against a map', (t) => {
  const r = new Random(7);
  const set = new CountedSet();
  const model = new Map<number, number>();
  let wrong = 0;
  for (let i = 0; i < 20_000; i++) {
    const h = r.below(400) * (r.chance(0.5) ? 64 : 1) - 100;
    const n = model.get(h) ?? 0;
    if (r.chance(0.5)) {
      set.add(h);
      model.set(h, n + 1);
    } else {
      if (n > 0) set.remove(h);
      model.set(h, Math.max(0, n - 1));
    }
    const probe = r.below(400) - 100;
    if (set.has(probe) !== (model.get(probe) ?? 0) > 0) wrong++;
  }
  t.equal(wrong, 0);
  t.end();
});

t.test('priorities', (t) => {
  const p = new Priorities();
  t.equal(p.max, -1);
  for (const n of [5, 9, 5, 1]) p.add(n);
  t.equal(p.max, 9);
  p.remove(9);
  p.remove(5);
  t.equal(p.max, 5);
  p.remove(5);
  p.remove(1);
  t.equal(p.max, -1);
  t.end();
});
