/**
 * What a datapath flow was derived from: what has to stay as it is for the flow to stay right, and who is told of its packets.
 *
 * The way through the tables is the same for very many flows, so flows share it; what is of one flow only (addresses, learned things) is kept apart
 * and is one shared empty object for most.
 */
import type { Rule } from '../flowtable/rule.js';
import type { BucketHit, Translation } from './translation.js';
import type { BridgeView, Dependency, SideEffect, Tally } from './view.js';

/** The tables looked at and the rules met, in order. */
export interface Path {
  readonly rules: readonly Rule[];
  /** Generations of the rules at the time. */
  readonly generations: readonly number[];
  /** Of each rule. */
  readonly bridges: readonly BridgeView[];
  readonly misses: readonly { readonly bridge: BridgeView; readonly table: number }[];
  /** Bit t: table t of one of `visited`. */
  readonly tables: Uint32Array;
  readonly visited: readonly BridgeView[];
}

export interface Details {
  readonly deps: readonly Dependency[];
  readonly states: readonly number[];
  readonly buckets: readonly BucketHit[];
  readonly mirrors: readonly Tally[];
  readonly effects: readonly SideEffect[];
}

export const NO_DETAILS: Details = {
  deps: [],
  states: [],
  buckets: [],
  mirrors: [],
  effects: [],
};

/** What a flow's further packets say too; not so what one packet alone said. */
const lasts = (e: SideEffect): boolean => e.kind !== 'narrow' && (e.kind !== 'neighbor' || e.fleeting !== true);

/** Copies: the translation's own lists are used again. */
export function details(t: Translation): Details {
  const { deps, states, buckets, mirrors } = t;
  const effects = t.effects.every(lasts) ? t.effects : t.effects.filter(lasts);
  const n = deps.length + states.length + buckets.length + mirrors.length + effects.length;
  if (n === 0) return NO_DETAILS;
  const copy = <T>(list: readonly T[]): readonly T[] => (list.length === 0 ? [] : list.slice());
  return {
    deps: copy(deps),
    states: copy(states),
    buckets: copy(buckets),
    mirrors: copy(mirrors),
    effects: copy(effects),
  };
}

/** Of a flow that somebody put in by hand. */
export const NO_PATH: Path = {
  rules: [],
  generations: [],
  bridges: [],
  misses: [],
  tables: new Uint32Array(0),
  visited: [],
};

/** Ways that end in the same rule and are compared one by one; more are not shared. */
const MAX_WAYS = 8;
/** Stands for the last rule of a way without one. */
const NO_RULE = {};

export class Paths {
  /** By the last rule: when it goes, so do they. */
  private readonly byLast = new WeakMap<object, Path[]>();

  share(t: Translation): Path {
    const last = t.rules[t.rules.length - 1] ?? NO_RULE;
    let ways = this.byLast.get(last);
    if (!ways) {
      ways = [];
      this.byLast.set(last, ways);
    }
    for (const p of ways) if (samePath(p, t)) return p;
    const path: Path = {
      rules: t.rules.slice(),
      generations: t.generations.slice(),
      bridges: t.bridges.slice(),
      misses: t.misses.slice(),
      tables: t.tables.slice(),
      visited: t.visited.slice(),
    };
    if (ways.length >= MAX_WAYS) ways.shift();
    ways.push(path);
    return path;
  }
}

function samePath(p: Path, t: Translation): boolean {
  if (p.rules.length !== t.rules.length || p.misses.length !== t.misses.length) return false;
  if (p.visited.length !== t.visited.length) return false;
  for (let i = 0; i < p.rules.length; i++) {
    if (p.rules[i] !== t.rules[i] || p.generations[i] !== t.generations[i]) return false;
    if (p.bridges[i] !== t.bridges[i]) return false;
  }
  for (let i = 0; i < p.misses.length; i++) {
    if (p.misses[i].bridge !== t.misses[i].bridge || p.misses[i].table !== t.misses[i].table) return false;
  }
  for (let i = 0; i < p.visited.length; i++) if (p.visited[i] !== t.visited[i]) return false;
  for (let i = 0; i < p.tables.length; i++) if (p.tables[i] !== t.tables[i]) return false;
  return true;
}

/** Packets to what sent them: rules, tables, buckets, mirrors. `now`: when the last one came. */
export function creditRules(
  d: Pick<Path, 'rules' | 'bridges' | 'misses'>,
  more: Pick<Details, 'buckets' | 'mirrors'>,
  packets: number,
  bytes: number,
  now: number,
): void {
  for (let i = 0; i < d.rules.length; i++) d.bridges[i].credit(d.rules[i], packets, bytes, now);
  for (const m of d.misses) m.bridge.creditMiss(m.table, packets);
  for (const b of more.buckets) b.groups.credit(b.group, b.buckets, packets, bytes);
  for (const m of more.mirrors) m.credit(packets, bytes);
}
