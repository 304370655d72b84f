/**
 * The fast engine against the judge. For each look-up: the same rule; and whatever the mask leaves out may change without changing the answer,
 * which the judge says. Rules come and go in between.
 */
import { KEY_BYTES, newKey, words } from '../../src/flow/key.js';
import { expand, type Match } from '../../src/flow/match.js';
import { ruleOf } from '../../src/flowtable/cases.js';
import { LinearClassifier } from '../../src/flowtable/linear.js';
import { Looked, refuses } from '../../src/flowtable/looked.js';
import type { Classifier, Rule } from '../../src/flowtable/rule.js';
import { TupleClassifier } from '../../src/flowtable/tuple.js';
import { Random } from '../../src/lib/random.js';
import { Workload } from './workload.js';

export interface Comparison {
  lookups: number;
  hits: number;
  inserts: number;
  deletes: number;
  /** Look-ups repeated with other values in the bits that a mask leaves out. */
  flips: number;
  /** Keys that agree with another in all that its look-up went by. */
  repeated: number;
  /** Sentences; at most 20 are kept, `failures` counts all. */
  differences: string[];
  failures: number;
}

/** Look-ups between two tables made afresh, and between two changes of one. */
const PER_TABLE = 4000;
const PER_CHANGE = 8;
const MAX_RULES = 150;

export function compare(lookups: number, seed: number): Comparison {
  const r = new Random(seed);
  const c: Comparison = {
    lookups: 0,
    hits: 0,
    inserts: 0,
    deletes: 0,
    flips: 0,
    repeated: 0,
    differences: [],
    failures: 0,
  };
  while (c.lookups < lookups) new Round(r, c).run(Math.min(PER_TABLE, lookups - c.lookups));
  return c;
}

class Round {
  private readonly work: Workload;
  private readonly judge: Classifier = new LinearClassifier();
  private readonly fast: Classifier = new TupleClassifier();
  private readonly rules: Rule[] = [];
  private readonly matches: Match[] = [];
  private readonly target: number;

  constructor(
    private readonly r: Random,
    private readonly c: Comparison,
  ) {
    this.work = new Workload(r);
    this.target = r.between(1, MAX_RULES);
  }

  run(lookups: number): void {
    for (let i = 0; i < this.target; i++) this.insert();
    for (let i = 0; i < lookups; i++) {
      if (i % PER_CHANGE === 0) this.change();
      this.lookup();
    }
    const left = new Set(this.fast.rules());
    if (left.size !== this.rules.length || !this.rules.every((x) => left.has(x))) this.fail('the rules held differ');
    for (const x of this.rules) this.fast.remove(x);
    if (this.fast.size !== 0) this.fail('not empty after all rules left');
  }

  private change(): void {
    // Now and then the table drains or fills a good deal, so that subtables come and go.
    const burst = this.r.chance(0.01) ? this.target : this.r.between(1, 3);
    const shrink = this.rules.length > this.target || this.r.chance(0.5);
    for (let i = 0; i < burst; i++) {
      if (shrink) this.remove();
      else this.insert();
    }
  }

  private insert(): void {
    const { match, priority, actions } = this.work.rule();
    const rule = ruleOf(priority, match, actions);
    const there = this.judge.find(rule.match, priority);
    if (there !== this.fast.find(rule.match, priority)) this.fail('find differs');
    if (there) return;
    this.judge.insert(rule);
    this.fast.insert(rule);
    this.rules.push(rule);
    this.matches.push(match);
    this.c.inserts++;
  }

  private remove(): void {
    if (this.rules.length === 0) return;
    const at = this.r.below(this.rules.length);
    this.judge.remove(this.rules[at]);
    this.fast.remove(this.rules[at]);
    this.rules.splice(at, 1);
    this.matches.splice(at, 1);
    this.c.deletes++;
  }

  private lookup(): void {
    const { c, r } = this;
    const key = this.work.key(this.matches);
    const mask = newKey();
    const expected = this.judge.lookup(words(key), undefined);
    const found = this.fast.lookup(words(key), words(mask));
    c.lookups++;
    if (expected) c.hits++;
    if (found !== expected) this.fail(`look-up of ${hex(key)}: ${say(found)}, the judge has ${say(expected)}`);
    this.flip(key, mask, expected, 'mask');
    this.again(key, mask);
    // The judge's own mask, from time to time.
    if (c.lookups % 16 !== 0) return;
    mask.fill(0);
    this.judge.lookup(words(key), words(mask));
    this.flip(key, mask, expected, "judge's mask");
    if (r.chance(0.1)) return;
    if (this.fast.lookup(words(key), undefined) !== expected) this.fail('without a mask the answer differs');
  }

  /** What agrees in all that was gone by gets the same mask, too. */
  private again(key: Uint8Array, mask: Uint8Array): void {
    const { fast } = this;
    const looked = new Looked();
    const told = newKey();
    const answer = fast.lookup(words(key), words(told), looked);
    if (hex(told) !== hex(mask)) this.fail(`${hex(key)}: to ask what was gone by changes the mask`);
    const bits = new Uint8Array(looked.bits.buffer);
    const other = this.other(key);
    for (let i = 0; i < KEY_BYTES; i++) other[i] = (key[i] & bits[i]) | (other[i] & ~bits[i]);
    if (looked.refusals.some((r) => !refuses(r, words(key))))
      this.fail(`${hex(key)} is not refused by what refused it`);
    if (!looked.refusals.every((r) => refuses(r, words(other)))) return;
    this.c.repeated++;
    const mask2 = newKey();
    if (fast.lookup(words(other), words(mask2)) === answer && hex(mask2) === hex(mask)) return;
    this.fail(
      `${hex(other)} agrees with ${hex(key)} in all that was gone by (${hex(bits)}): ${hex(mask2)}, not ${hex(mask)}`,
    );
  }

  /** Three ways to attack a mask: take another key's bits where it allows, flip many bits, flip one. */
  private other(key: Uint8Array): Uint8Array {
    const { r } = this;
    const how = r.below(3);
    const other = how === 0 ? this.work.key(this.matches) : key.slice();
    if (how === 1) for (let i = 0; i < 24; i++) other[r.below(KEY_BYTES)] ^= r.u32();
    if (how === 2 && this.matches.length > 0) {
      const m = r.pick(this.matches);
      for (let i = 0; i < KEY_BYTES; i++) if (m.mask[i]) other[i] ^= m.mask[i] & (1 << r.below(8));
    }
    return other;
  }

  private flip(key: Uint8Array, mask: Uint8Array, expected: Rule | undefined, whose: string): void {
    const other = this.other(key);
    for (let i = 0; i < KEY_BYTES; i++) other[i] = (key[i] & mask[i]) | (other[i] & ~mask[i]);
    const got = this.judge.lookup(words(other), undefined);
    this.c.flips++;
    if (got !== expected) {
      this.fail(
        `${whose} of ${hex(key)} is unsound: ${hex(other)} meets ${say(got)}, not ${say(expected)}; mask ${hex(mask)}`,
      );
    }
  }

  private fail(what: string): void {
    this.c.failures++;
    if (this.c.differences.length < 20) this.c.differences.push(what);
  }
}

function hex(b: Uint8Array): string {
  return Buffer.from(b)
    .toString('hex')
    .replace(/0{16,}/g, '..');
}

function say(rule: Rule | undefined): string {
  if (!rule) return 'a miss';
  const m = expand(rule.match);
  return `rule ${rule.cookie} priority ${rule.priority} ${hex(m.value)}/${hex(m.mask)}`;
}
