/**
 * A rule of a table, in little memory: its match is kept by the engine's subtable, as words of a shared array, and is made into an object only when
 * someone asks. Out of a table it keeps its match itself, for those who still speak of it.
 */
import type { Action } from '../action/action.js';
import type { MiniMatch } from '../flow/match.js';
import type { FlowMod } from './flow-mod.js';
import type { MatchHolder, Rule } from './rule.js';

export class TableRule implements Rule {
  readonly priority: number;
  cookie: bigint;
  idleTimeout: number;
  hardTimeout: number;
  flags: number;
  importance: number;
  actions: readonly Action[];
  created = 0;
  modified = 0;
  used = 0;
  packets = 0;
  bytes = 0;
  live = false;
  generation = 0;
  private own: MiniMatch | undefined = undefined;
  private holder: MatchHolder | undefined = undefined;
  private entry = 0;

  /** What an addition makes; it may be made some time before it `begins`. */
  constructor(
    readonly table: number,
    mod: Omit<FlowMod, 'match'>,
  ) {
    this.priority = mod.priority;
    this.cookie = mod.cookie;
    this.idleTimeout = mod.idleTimeout;
    this.hardTimeout = mod.hardTimeout;
    this.flags = mod.flags;
    this.importance = mod.importance;
    this.actions = mod.actions;
  }

  /** Call before it goes into a table. `now`: whole milliseconds, which take no memory of their own as fractions would. */
  begins(match: MiniMatch, now: number): void {
    this.own = match;
    this.created = now;
    this.modified = now;
    this.used = now;
  }

  get match(): MiniMatch {
    const match = this.own ?? this.holder?.matchAt(this.entry);
    if (!match) throw new Error('weft bug: a rule without a match');
    return match;
  }

  filed(holder: MatchHolder | undefined, entry: number): void {
    this.own = holder ? undefined : this.match;
    this.holder = holder;
    this.entry = entry;
  }
}
