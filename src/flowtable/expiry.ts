/**
 * Which rule's time runs out next, without looking at all rules.
 *
 * Problem: each packet a rule forwards moves its idle deadline, so a structure that is kept exact would be rewritten all the time. Idea: a
 * heap of lower bounds. Traffic only moves deadlines later and does not touch the heap; an entry that comes up too early goes back in with
 * the deadline the rule has by then. A rule comes up at most once an idle period. Rules that leave stay as dead entries until they come up,
 * or until dead ones are the majority and the heap is built afresh.
 */
import type { RemovedReason } from './flow-mod.js';
import type { Rule } from './rule.js';

interface Entry {
  /** Never later than the rule's real deadline. */
  readonly at: number;
  readonly rule: Rule;
}

/** Milliseconds when the rule times out if nothing uses it before; Infinity when never. */
export function deadline(rule: Rule): number {
  const hard = rule.hardTimeout ? rule.modified + rule.hardTimeout * 1000 : Number.POSITIVE_INFINITY;
  const idle = rule.idleTimeout ? rule.used + rule.idleTimeout * 1000 : Number.POSITIVE_INFINITY;
  return Math.min(hard, idle);
}

/** Why a rule past its deadline goes; when both timeouts are over, the hard one. */
export function expiryReason(rule: Rule, now: number): RemovedReason {
  return rule.hardTimeout && now > rule.modified + rule.hardTimeout * 1000 ? 'hard_timeout' : 'idle_timeout';
}

export class Expiry {
  private heap: Entry[] = [];
  private dead = 0;

  /** Call when a rule comes in, and when its timeouts change or its deadline moves earlier. */
  add(rule: Rule): void {
    const at = deadline(rule);
    if (at !== Number.POSITIVE_INFINITY) this.push({ at, rule });
  }

  /** Call after a rule that has a timeout left (`live` is false). */
  left(rule: Rule): void {
    if (deadline(rule) === Number.POSITIVE_INFINITY) return;
    this.dead++;
    if (this.dead > 64 && this.dead * 2 > this.heap.length) {
      const live = new Set(this.heap.filter((e) => e.rule.live).map((e) => e.rule));
      this.heap = [];
      this.dead = 0;
      for (const r of live) this.add(r);
    }
  }

  /** No rule times out before this; undefined when none ever will. */
  next(): number | undefined {
    return this.heap[0]?.at;
  }

  /** Takes out the rule with the earliest deadline, if that is before `now`: at the deadline itself it is still in time. Between equals any. */
  due(now: number): Rule | undefined {
    for (let top = this.heap[0]; top && top.at < now; top = this.heap[0]) {
      this.pop();
      if (!top.rule.live) {
        this.dead = Math.max(0, this.dead - 1);
        continue;
      }
      const at = deadline(top.rule);
      if (at <= top.at) return top.rule;
      if (at !== Number.POSITIVE_INFINITY) this.push({ at, rule: top.rule });
    }
    return undefined;
  }

  private push(e: Entry): void {
    const h = this.heap;
    let i = h.push(e) - 1;
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (h[up].at <= e.at) break;
      h[i] = h[up];
      i = up;
    }
    h[i] = e;
  }

  private pop(): void {
    const h = this.heap;
    const last = h.pop();
    if (!last || h.length === 0) return;
    let i = 0;
    for (;;) {
      let down = 2 * i + 1;
      if (down >= h.length) break;
      if (down + 1 < h.length && h[down + 1].at < h[down].at) down++;
      if (h[down].at >= last.at) break;
      h[i] = h[down];
      i = down;
    }
    h[i] = last;
  }
}
