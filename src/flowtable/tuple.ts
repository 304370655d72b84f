/**
 * The fast look-up engine: tuple-space search.
 *
 * The problem is two problems. A table may hold 100,000 rules with wildcards anywhere, and a packet must find the best one in a microsecond or
 * so. And the answer is to be cached: the caller installs a flow for all packets that agree with this one in the bits of the returned mask.
 * A mask with a bit too few sends packets the wrong way. Each bit too many doubles the flows that the same traffic needs; a mask of all bits
 * makes the cache an exact-match one, with a slow path per connection. So most of what follows is about looking at few bits, above all on the
 * way to "no": every subtable that does not match must say so, too, and what it looked at to say it is part of the answer.
 *
 * 1. Subtables. Rules that match on the same bits (the same shape) share a subtable, a hash table over exactly these bits. A look-up costs one
 *    hash a shape, however many rules there are, and real tables have few shapes. (subtable.ts)
 * 2. Priority order. Subtables are tried by the highest priority in them. Once a rule is found, those whose best could not beat it are not
 *    even asked: they cost no time and add no bits. Between rules of one priority the oldest wins, and as subtables of one priority stand by
 *    age, the same cut works there.
 * 3. Stages. A shape's words are read in four stages: metadata (port, registers, tunnel), Ethernet, network, transport. After each but the
 *    last a set of hashes tells whether any rule agrees so far. If none does, only the bits up to this stage are added: an ACL on TCP ports of port
 *    5 says no to a packet of port 6 without a look at its TCP ports. The order is from what differs least between packets to what differs
 *    most, so that early stages mostly add bits that are in the mask already. (stages.ts)
 * 4. Prefix tries. With a route to 10.1.0.0/16 and one to 10.2.3.0/24, a packet to 192.0.2.1 is no one's, and its first bit says so. For each address
 *    and transport port field, all prefixes of the whole table are in one trie. A walk down it tells, for every prefix length at once, whether a
 *    shape of that length can match; if not, the subtable is skipped for the price of the bits where the walk left the trie, or of the prefix
 *    length if that is less. This alone is a proof, so nothing of the earlier stages is added with it. Without tries a /32 in the
 *    table makes every packet's flow a /32. (trie.ts, field-trie.ts)
 *
 * What is not done, though it is sound: saying no with the one bit in which the nearest rule differs. It makes masks smaller bit by bit, but
 * different packets differ in different bits, and together their flows are more, not fewer.
 *
 * Conjunctive matches are in conjunction.ts, the same for every engine. Judge: linear.ts, over cases.ts and test/classifier.
 */
import type { MiniMatch } from '../flow/match.js';
import { isConjunction, lookupConjunctive } from './conjunction.js';
import { FieldTrie, type TrieUse } from './field-trie.js';
import type { Looked } from './looked.js';
import { hashShape, type Shape, sameShape } from './mini.js';
import { PREFIX_FIELDS, type PrefixField, prefixLength } from './prefix.js';
import type { Classifier, Rule } from './rule.js';
import { ONE_STAGE, STAGE_OF_WORD } from './stages.js';
import { Subtable } from './subtable.js';

/** What keeps masks small, each for itself: switched off only to see what it is worth. */
export interface TupleParts {
  /** 2 above. */
  readonly priorityOrder: boolean;
  /** 3. */
  readonly stages: boolean;
  /** 4. */
  readonly tries: boolean;
}

const ALL_PARTS: TupleParts = { priorityOrder: true, stages: true, tries: true };

export class TupleClassifier implements Classifier {
  readonly keepsMatches = true;
  /** By highest priority, descending, then by age. */
  private readonly order: Subtable[] = [];
  private readonly byShape = new Map<number, Subtable[]>();
  /** Of fields that a rule ever had a prefix of: there are hundreds of tables in a bridge, and most have no rule. */
  private readonly tries: FieldTrie[] = [];
  private count = 0;
  private conjunctions = 0;
  /** The next rule's age. Ages only compare. */
  private clock = 0;
  /** The subtable asked for last, unless it is gone. */
  private latest: Subtable | undefined;

  constructor(private readonly parts: TupleParts = ALL_PARTS) {}

  get size(): number {
    return this.count;
  }

  /** Shapes among the rules: what a look-up's time grows with. */
  get subtables(): number {
    return this.order.length;
  }

  insert(rule: Rule): void {
    const { match } = rule;
    const sub = this.subtable(match) ?? this.addSubtable(match);
    const conjunction = isConjunction(rule.actions);
    sub.insert(rule, this.clock++, conjunction);
    if (conjunction) this.conjunctions++;
    this.count++;
    if (sub.priorities.max !== sub.filedMax) this.refile(sub);
  }

  remove(rule: Rule): void {
    const sub = this.subtable(rule.match);
    if (!sub?.remove(rule)) return;
    this.count--;
    if (isConjunction(rule.actions)) this.conjunctions--;
    if (sub.size === 0) this.dropSubtable(sub);
    else if (sub.priorities.max !== sub.filedMax) this.refile(sub);
  }

  find(match: MiniMatch, priority: number): Rule | undefined {
    return this.subtable(match)?.find(match, priority);
  }

  lookup(key: Uint32Array, mask: Uint32Array | undefined, looked?: Looked): Rule | undefined {
    if (this.conjunctions === 0) return this.ordinary(key, mask, undefined, looked);
    looked?.bits.fill(0xffffffff);
    return lookupConjunctive(this, key, mask);
  }

  ordinary(
    key: Uint32Array,
    mask: Uint32Array | undefined,
    soft: Rule[] | undefined,
    looked?: Looked,
  ): Rule | undefined {
    const { order, tries } = this;
    const { priorityOrder } = this.parts;
    for (let i = 0; i < tries.length; i++) tries[i].forget();
    let best: Rule | undefined;
    let priority = -1;
    let age = 0;
    for (let i = 0; i < order.length; i++) {
      const sub = order[i];
      const beaten = sub.filedMax < priority || (sub.filedMax === priority && sub.oldest > age);
      if (beaten && priorityOrder) break;
      for (let e = sub.search(key, mask, looked); e !== 0; e = sub.following(e)) {
        const rule = sub.rule(e);
        if (rule.priority < priority) break;
        if (sub.isConjunction(e)) {
          soft?.push(rule);
          continue;
        }
        if (rule.priority > priority || sub.age(e) < age) {
          best = rule;
          priority = rule.priority;
          age = sub.age(e);
        }
        break;
      }
    }
    return best;
  }

  *rules(): Generator<Rule> {
    for (const sub of this.order) yield* sub.rules();
  }

  collect(match: MiniMatch, out: Rule[]): void {
    for (const sub of this.order) sub.collect(match, out);
  }

  private subtable(shape: Shape): Subtable | undefined {
    // Rules come in runs of one shape, and each is looked for before it is put in.
    if (this.latest && sameShape(this.latest.shape, shape)) return this.latest;
    const same = this.byShape.get(hashShape(shape));
    this.latest = same?.find((sub) => sameShape(sub.shape, shape));
    return this.latest;
  }

  private addSubtable(match: MiniMatch): Subtable {
    const shape = { index: match.index, mask: match.mask };
    const fields = this.parts.tries ? PREFIX_FIELDS : [];
    const uses = fields.map((f) => this.use(f, shape)).filter((u): u is TrieUse => u !== undefined);
    const sub = new Subtable(shape, uses, this.clock, this.parts.stages ? STAGE_OF_WORD : ONE_STAGE);
    const hash = hashShape(shape);
    const same = this.byShape.get(hash);
    if (same) same.push(sub);
    else this.byShape.set(hash, [sub]);
    this.order.splice(this.place(sub), 0, sub);
    this.latest = sub;
    return sub;
  }

  private use(field: PrefixField, shape: Shape): TrieUse | undefined {
    if (prefixLength(field, shape) === 0) return undefined;
    let trie = this.tries.find((t) => t.field === field);
    if (!trie) {
      trie = new FieldTrie(field);
      this.tries.push(trie);
    }
    return trie.use(shape);
  }

  private dropSubtable(sub: Subtable): void {
    this.latest = undefined;
    this.order.splice(this.place(sub), 1);
    const hash = hashShape(sub.shape);
    const rest = (this.byShape.get(hash) ?? []).filter((s) => s !== sub);
    if (rest.length > 0) this.byShape.set(hash, rest);
    else this.byShape.delete(hash);
  }

  /** Moves a subtable to where its highest priority belongs now. */
  private refile(sub: Subtable): void {
    this.order.splice(this.place(sub), 1);
    sub.filedMax = sub.priorities.max;
    this.order.splice(this.place(sub), 0, sub);
  }

  /** Where a subtable stands in the order, or would: no two are alike, for each has an `oldest` of its own. */
  private place(sub: Subtable): number {
    const { order } = this;
    let lo = 0;
    let hi = order.length;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      const m = order[mid];
      if (m.filedMax > sub.filedMax || (m.filedMax === sub.filedMax && m.oldest < sub.oldest)) lo = mid + 1;
      else hi = mid;
    }
    return lo;
  }
}
