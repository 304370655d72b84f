/**
 * What changed since the last revalidation, and whether a way through the tables may be another because of it.
 *
 * Which flows a change touches is asked once for all changes of a batch: see dependents.ts.
 * Safe direction of error: a flow that is called affected for nothing costs a translation; one that is missed forwards wrongly. The tests leave out a
 * flow only where its walk cannot have changed.
 */
import { OK } from '../flow/key.js';
import { isConjunction } from '../flowtable/conjunction.js';
import type { Rule } from '../flowtable/rule.js';
import type { Path } from './derivation.js';
import type { BridgeView, Dependency } from './view.js';

export interface ChangeSet {
  /** Something that no finer record covers: ports, VLAN modes, fragment handling. */
  everything: boolean;
  /** Rules that went or got other actions: found by their marks (live, generation). */
  rules: boolean;
  /** New rules, by bridge and table. */
  readonly added: Map<BridgeView, Map<number, Rule[]>>;
  /** Addresses that are known now, or not any more, and groups. */
  readonly deps: Set<Dependency>;
}

const fresh = (): ChangeSet => ({ everything: false, rules: false, added: new Map(), deps: new Set() });

/** Past so many new rules in a table they are not looked at one by one. */
const MANY = 16;

export class Changes {
  private current = fresh();
  private pending = false;
  /** Grows with each change of rules, ports and settings; addresses and groups are not in it. */
  version = 1;
  /** Called at the first change after `take`. */
  onFirst: () => void = () => {};

  get any(): boolean {
    return this.pending;
  }

  private note(): void {
    if (this.pending) return;
    this.pending = true;
    this.onFirst();
  }

  take(): ChangeSet {
    const taken = this.current;
    this.current = fresh();
    this.pending = false;
    return taken;
  }

  everything(): void {
    this.version++;
    this.current.everything = true;
    this.note();
  }

  ruleAdded(bridge: BridgeView, rule: Rule): void {
    this.version++;
    this.note();
    let tables = this.current.added.get(bridge);
    if (!tables) {
      tables = new Map();
      this.current.added.set(bridge, tables);
    }
    const list = tables.get(rule.table);
    if (list) {
      if (list.length <= MANY) list.push(rule);
    } else tables.set(rule.table, [rule]);
  }

  ruleChanged(): void {
    this.version++;
    this.current.rules = true;
    this.note();
  }

  changed(what: Dependency): void {
    this.current.deps.add(what);
    this.note();
  }
}

/** May a packet of this way go another way now, by what changed in the tables? */
export function isDiverted(path: Path, c: ChangeSet): boolean {
  if (c.rules && !path.rules.every((r, i) => r.live && r.generation === path.generations[i])) return true;
  if (c.added.size > 0) {
    for (const bridge of path.visited) {
      const tables = c.added.get(bridge);
      if (tables && meetsNewRule(path, bridge, tables)) return true;
    }
  }
  return false;
}

/** Did the walk look at a table where a new rule could have come first? Not where it met a rule of at least the same priority. */
function meetsNewRule(from: Path, bridge: BridgeView, tables: ReadonlyMap<number, readonly Rule[]>): boolean {
  for (const [table, rules] of tables) {
    if (!((from.tables[table >> 5] >>> (table & 31)) & 1)) continue;
    if (rules.length > MANY || from.misses.some((m) => m.table === table && m.bridge === bridge)) return true;
    let lowest = Number.POSITIVE_INFINITY;
    from.rules.forEach((r, i) => {
      if (r.table === table && from.bridges[i] === bridge)
        lowest = Math.min(lowest, byConjunction(r) ? -1 : r.priority);
    });
    if (rules.some((r) => r.priority > lowest || isConjunction(r.actions)) || lowest === Number.POSITIVE_INFINITY) {
      return true;
    }
  }
  return false;
}

/** Found by a second search for a conj_id: what decided was the priority of the conjunction, which is not known here. */
function byConjunction(r: Rule): boolean {
  return r.match.index.includes(OK.conjId.offset >> 2);
}
