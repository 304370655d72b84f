import t from 'tap';
import { newKey, words } from '../flow/key.js';
import { CASES, clausesOf, keyOf, matchOf, ruleOf } from './cases.js';
import { LinearClassifier } from './linear.js';
import type { Classifier, Rule } from './rule.js';
import { TupleClassifier } from './tuple.js';

const ENGINES: readonly { name: string; make: () => Classifier; minimal: boolean }[] = [
  { name: 'linear', make: () => new LinearClassifier(), minimal: false },
  { name: 'tuple space', make: () => new TupleClassifier(), minimal: true },
];

const hex = (b: Uint8Array) =>
  Buffer.from(b)
    .toString('hex')
    .replace(/(00)+$/, '');

for (const { name, make, minimal } of ENGINES) {
  for (const c of CASES) {
    t.test(`${name}: ${c.name}`, (t) => {
      const engine = make();
      const byName = new Map<string, Rule>();
      for (const [rule, priority, match, clauses] of c.rules) {
        const old = byName.get(rule.slice(1));
        if (rule.startsWith('-') && old) {
          engine.remove(old);
          byName.delete(rule.slice(1));
          continue;
        }
        const r = ruleOf(priority, matchOf(match), clausesOf(clauses));
        engine.insert(r);
        byName.set(rule, r);
      }
      t.equal(engine.size, byName.size);
      t.same(new Set(engine.rules()), new Set(byName.values()));
      for (const r of byName.values()) {
        t.equal(engine.find(r.match, r.priority), r);
        t.equal(engine.find(r.match, r.priority + 1000), undefined);
      }
      const nameOf = new Map([...byName].map(([n, r]) => [r, n]));
      for (const [text, expected, widest] of c.lookups) {
        const key = keyOf(text);
        const before = key.slice();
        const mask = newKey();
        const found = engine.lookup(words(key), words(mask));
        t.equal((found && nameOf.get(found)) ?? '', expected, text);
        t.equal(hex(key), hex(before), 'the key is untouched');
        t.equal(engine.lookup(words(key), undefined), found, 'the same without a mask');
        if (minimal && widest !== undefined) t.equal(hex(mask), hex(matchOf(widest).mask), `mask of ${text}`);
      }
      for (const r of byName.values()) engine.remove(r);
      t.equal(engine.size, 0);
      t.equal(engine.lookup(words(newKey()), undefined), undefined);
      t.end();
    });
  }
}
