/** One table: an engine, and what is counted and limited per table. The verbs on it are in tables.ts. */
import { OFPP } from '../flow/field.js';
import type { MiniMatch } from '../flow/match.js';
import { outputsTo, usesGroup } from './actions.js';
import { victims } from './eviction.js';
import type { FlowFilter } from './flow-mod.js';
import { miniOverlaps, ShapePool } from './mini.js';
import { type Classifier, FLOW_FLAG, type Rule } from './rule.js';
import { DEFAULT_LIMIT, DEFAULT_SETTINGS, type TableSettings } from './table-settings.js';

/** OFPG_ANY: no filter by group. */
export const GROUP_ANY = 0xffffffff;

const EVERYTHING: MiniMatch = { index: new Uint8Array(0), value: new Uint32Array(0), mask: new Uint32Array(0) };

/** The conditions of a FlowFilter or FlowMod that stand beside the match. */
export type Conditions = Pick<FlowFilter, 'cookieFilter' | 'cookieMask' | 'outPort' | 'outGroup'>;

export class FlowTable {
  readonly shapes = new ShapePool();
  /** Grows with each change of the table's rules or their actions. */
  generation = 0;
  /** Packets looked up here, and those of them that a rule matched: as pushed back by the caller. */
  lookups = 0;
  matched = 0;
  private set: TableSettings = DEFAULT_SETTINGS;
  /** The vacancy event to come. */
  private awaits: 'down' | 'up' = 'down';
  /** Rules by cookie, kept from the first question on. */
  private cookies: Map<bigint, number> | undefined;
  private current: Classifier;

  constructor(
    readonly id: number,
    private readonly newEngine: () => Classifier,
  ) {
    this.current = newEngine();
  }

  get engine(): Classifier {
    return this.current;
  }

  /**
   * Takes all rules out at once and returns them: their engine goes as it is, without taking out one after the other, and holds their matches for as
   * long as someone speaks of them. Undefined when a hidden rule has to stay; then nothing was done.
   */
  takeAll(): Rule[] | undefined {
    const rules: Rule[] = [];
    this.current.collect(EVERYTHING, rules);
    if (rules.some((r) => r.flags & FLOW_FLAG.hiddenRule)) return undefined;
    if (rules.length === 0) return rules;
    this.current = this.newEngine();
    this.generation++;
    this.cookies?.clear();
    return rules;
  }

  /** Appends rules that users see (hidden ones do not count) to `out`. */
  select(match: MiniMatch, strictPriority: number | undefined, c: Conditions, out: Rule[]): void {
    const from = out.length;
    if (strictPriority === undefined) this.engine.collect(match, out);
    else {
      const rule = this.engine.find(match, strictPriority);
      if (rule) out.push(rule);
    }
    let kept = from;
    for (let i = from; i < out.length; i++) if (admits(c, out[i])) out[kept++] = out[i];
    out.length = kept;
  }

  /** A rule of the same priority that some packet matches, too. Looks at every rule. */
  overlapping(match: MiniMatch, priority: number): Rule | undefined {
    for (const rule of this.engine.rules()) {
      if (rule.priority === priority && miniOverlaps(match, rule.match)) return rule;
    }
    return undefined;
  }

  get settings(): TableSettings {
    return this.set;
  }

  set settings(next: TableSettings) {
    const { vacancy } = this.set;
    this.set = next;
    if (next.vacancy && next.vacancy !== vacancy) this.awaits = this.vacancy < next.vacancy.up ? 'up' : 'down';
  }

  /** At most so many rules. */
  get maxEntries(): number {
    return this.set.owner.flowLimit ?? DEFAULT_LIMIT;
  }

  /** Does a full table give up a rule for a new one? */
  get evicts(): boolean {
    return this.set.evict || this.set.owner.overflow === 'evict';
  }

  get name(): string {
    return this.set.owner.name ?? this.set.name;
  }

  /** Percent of the table that is free. */
  get vacancy(): number {
    const { maxEntries } = this;
    return Math.max(0, Math.floor(((maxEntries - this.engine.size) * 100) / (maxEntries || 1)));
  }

  /** Call after a change of size: the vacancy event that controllers are to be told, each once until the other came. */
  vacancyEvent(): 'down' | 'up' | undefined {
    const limits = this.set.vacancy;
    if (!limits) return undefined;
    const event = this.awaits;
    const due = event === 'down' ? this.vacancy < limits.down : this.vacancy > limits.up;
    if (!due) return undefined;
    this.awaits = event === 'down' ? 'up' : 'down';
    return event;
  }

  /** The rules to give up for `n` new ones, or as many as may go. */
  victims(n: number): Rule[] {
    return victims(this.engine.rules(), this.set.owner.groups ?? [], n);
  }

  insert(rule: Rule): void {
    this.engine.insert(rule);
    this.generation++;
    this.countCookie(rule.cookie, 1);
  }

  remove(rule: Rule): void {
    this.engine.remove(rule);
    this.generation++;
    this.countCookie(rule.cookie, -1);
  }

  recookie(rule: Rule, cookie: bigint): void {
    this.countCookie(rule.cookie, -1);
    rule.cookie = cookie;
    this.countCookie(cookie, 1);
  }

  /** Rules with exactly this cookie. The first call counts them all, later ones are one look-up. */
  withCookie(cookie: bigint): number {
    if (!this.cookies) {
      this.cookies = new Map();
      for (const rule of this.engine.rules()) this.countCookie(rule.cookie, 1);
    }
    return this.cookies.get(cookie) ?? 0;
  }

  private countCookie(cookie: bigint, by: number): void {
    if (!this.cookies) return;
    const n = (this.cookies.get(cookie) ?? 0) + by;
    if (n > 0) this.cookies.set(cookie, n);
    else this.cookies.delete(cookie);
  }
}

/** Does it leave nothing out that a user sees? */
export function admitsAll(match: MiniMatch, c: Conditions): boolean {
  return match.index.length === 0 && c.cookieMask === 0n && c.outPort === OFPP.none && c.outGroup === GROUP_ANY;
}

function admits(c: Conditions, rule: Rule): boolean {
  if (rule.flags & FLOW_FLAG.hiddenRule) return false;
  if (c.cookieMask !== 0n && (rule.cookie & c.cookieMask) !== (c.cookieFilter & c.cookieMask)) return false;
  if (c.outPort !== OFPP.none && !outputsTo(rule.actions, c.outPort)) return false;
  return c.outGroup === GROUP_ANY || usesGroup(rule.actions, c.outGroup);
}
