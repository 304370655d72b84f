/**
 * What happened to tables since a moment, so that it can be told later, or taken back: a bundle is seen whole or not at all.
 *
 * Taking back puts the same rule objects in again, with their counters. Their age is new: between rules of one priority that match the same packet,
 * which OpenFlow leaves open, another may win than before.
 */
import type { RuleListener } from './flow-mod.js';
import type { Rule } from './rule.js';

export type RuleEvent = Parameters<RuleListener>[0];

/** What a modification overwrites. */
export type Overwritten = Pick<Rule, 'actions' | 'cookie' | 'modified' | 'packets' | 'bytes' | 'generation'>;

export function overwritten(r: Rule): Overwritten {
  const { actions, cookie, modified, packets, bytes, generation } = r;
  return { actions, cookie, modified, packets, bytes, generation };
}

/** The verbs that undo changes; none of them tells anyone. */
export interface Undoing {
  takeOut(rule: Rule): void;
  putBack(rule: Rule): void;
  restore(rule: Rule, was: Overwritten): void;
}

function eventOf(e: RuleEvent | Rule): RuleEvent {
  return 'kind' in e ? e : { kind: 'added', rule: e };
}

export class Journal {
  /** A rule stands for its addition, of which there may be very many. */
  private readonly events: (RuleEvent | Rule)[] = [];
  private readonly before = new Map<RuleEvent, Overwritten>();

  note(event: RuleEvent): void {
    this.events.push(event);
  }

  noteAdded(rule: Rule): void {
    this.events.push(rule);
  }

  /** `was`: the rule before it was modified. */
  noteModified(event: RuleEvent, was: Overwritten): void {
    this.events.push(event);
    this.before.set(event, was);
  }

  tell(to: (event: RuleEvent) => void): void {
    for (const e of this.events) to(eventOf(e));
  }

  undo(by: Undoing): void {
    for (let i = this.events.length - 1; i >= 0; i--) {
      const e = eventOf(this.events[i]);
      const was = this.before.get(e);
      if (was) by.restore(e.rule, was);
      else if (e.kind === 'removed') by.putBack(e.rule);
      else if (e.kind === 'added') {
        by.takeOut(e.rule);
        if (e.replaced) by.putBack(e.replaced);
      }
    }
  }
}
