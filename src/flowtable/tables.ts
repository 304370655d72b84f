/**
 * The rules of a bridge: all its tables, and every way they change.
 *
 * Look-ups have no side effect: the counters of rules and tables grow through `credit` and `creditTable`, as packets are known to have been
 * forwarded (a translation for a trace must not count). Each change bumps `version`, so that who derived something from the tables can see in one
 * comparison that nothing changed; listeners hear of each change, one by one, after it is visible.
 */
import type { Action } from '../action/action.js';
import { OFPP } from '../flow/field.js';
import { type MiniMatch, minify } from '../flow/match.js';
import type { Clock } from '../lib/clock.js';
import { UserError } from '../lib/errors.js';
import { namedIn, sameActions, usesGroup, usesMeter } from './actions.js';
import { isConjunction } from './conjunction.js';
import { Expiry, expiryReason } from './expiry.js';
import {
  type FlowFilter,
  type FlowMod,
  N_TABLES,
  type RemovedReason,
  type RuleListener,
  TABLE_ALL,
} from './flow-mod.js';
import { Journal, overwritten, type RuleEvent, type Undoing } from './journal.js';
import type { Looked } from './looked.js';
import type { PreparedFlow } from './prepared.js';
import { type Classifier, FLOW_FLAG, type Rule } from './rule.js';
import { admitsAll, FlowTable, GROUP_ANY } from './table.js';
import { TableRule } from './table-rule.js';
import type { TableSettings } from './table-settings.js';
import { TupleClassifier } from './tuple.js';

/** As the cookie to give. */
const NO_COOKIE = 0xffffffffffffffffn;
export class FlowTables {
  private readonly tables: (FlowTable | undefined)[] = [];
  private readonly listeners = new Set<RuleListener>();
  private readonly expiry = new Expiry();
  /** While `atomically` runs: what listeners do not know yet. */
  private journal: Journal | undefined;
  private changes = 0;
  private rules = 0;

  constructor(
    private readonly clock: Pick<Clock, 'now'>,
    private readonly newEngine: () => Classifier = () => new TupleClassifier(),
  ) {}

  /** Grows with every change of any rule, its actions or its table's limits. */
  get version(): number {
    return this.changes;
  }

  /** Rules in all tables, hidden ones included. */
  get size(): number {
    return this.rules;
  }

  /** Grows with every change of this table's rules or their actions. */
  generation(table: number): number {
    return this.tables[table]?.generation ?? 0;
  }

  /**
   * The rule that a packet with this key meets in a table, or undefined for a miss. All that the answer depends on is ORed into `mask`.
   * Both are KEY_WORDS long, as `words` gives them; `key` is the same afterwards. `looked`: see Classifier.
   */
  lookup(table: number, key: Uint32Array, mask: Uint32Array | undefined, looked?: Looked): Rule | undefined {
    return this.tables[table]?.engine.lookup(key, mask, looked);
  }

  /** Tables that exist: those that ever had a rule or a setting. In order. */
  *existing(): Generator<FlowTable> {
    for (const t of this.tables) if (t) yield t;
  }

  /** The table, if it is there. */
  peek(id: number): FlowTable | undefined {
    return this.tables[id];
  }

  /** The table, made if it was not there. Throws OFPFMFC_BAD_TABLE_ID when there is no such table. */
  table(id: number): FlowTable {
    if (!Number.isInteger(id) || id < 0 || id > N_TABLES) {
      throw new UserError(`there is no table ${id}: tables are 0 to ${N_TABLES - 1}`, 'OFPFMFC_BAD_TABLE_ID');
    }
    let t = this.tables[id];
    if (!t) {
      t = new FlowTable(id, this.newEngine);
      this.tables[id] = t;
    }
    return t;
  }

  /** Sets something of a table. Where it evicts, rules over a new limit go at once; else they stay. */
  configure(table: number, change: Partial<TableSettings>): void {
    const t = this.table(table);
    t.settings = { ...t.settings, ...change };
    this.changes++;
    const over = t.engine.size - t.maxEntries;
    if (over > 0 && t.evicts) for (const rule of t.victims(over)) this.remove(rule, 'eviction');
  }

  /** Rules that a filter admits, by table; the order within one is the engine's. Hidden rules are left out. */
  flows(f: FlowFilter): Rule[] {
    const match = minify(f.match);
    const out: Rule[] = [];
    for (const t of this.chosen(f.table)) t.select(match, f.strictPriority, f, out);
    return out;
  }

  /**
   * Does what a flow_mod says and returns the rules it added, changed or removed. Throws UserError with ofError: OFPFMFC_OVERLAP,
   * OFPFMFC_TABLE_FULL, OFPFMFC_BAD_TABLE_ID, OFPBRC_EPERM; then nothing was changed.
   *
   * A modify that meets no rule adds one if it sets the cookie and does not filter by it: OpenFlow 1.0 and 1.1 ask for that, later versions,
   * whose modify leaves cookies alone, forbid it.
   */
  flowMod(mod: FlowMod): readonly Rule[] {
    if (mod.command === 'add') return [this.add(mod)];
    const match = minify(mod.match);
    if (mod.command === 'delete' || mod.command === 'delete_strict') return this.delete(mod, match);
    // Ports and groups filter deletions only.
    const conditions = { ...mod, outPort: OFPP.none, outGroup: GROUP_ANY };
    const met: Rule[] = [];
    const strict = mod.command === 'modify_strict' ? mod.priority : undefined;
    for (const t of this.chosen(mod.table)) t.select(match, strict, conditions, met);
    const adds = met.length === 0 && (mod.modifyCookie || mod.addsNew === true) && mod.cookieMask === 0n;
    if (adds || met.length > 0) mod.check?.();
    if (adds) return [this.add(mod)];
    for (const r of met) this.modify(r, mod);
    return met;
  }

  /** As `flowMod` adds one. */
  addPrepared({ rule, match }: PreparedFlow): Rule {
    const keeps = this.table(rule.table).engine.keepsMatches;
    return this.addRule(rule, keeps ? match : { ...match, value: match.value.slice() });
  }

  private delete(mod: FlowMod, match: MiniMatch): readonly Rule[] {
    const gone: Rule[] = [];
    const met: Rule[] = [];
    const strict = mod.command === 'delete_strict' ? mod.priority : undefined;
    for (const t of this.chosen(mod.table)) {
      const all = strict === undefined && admitsAll(match, mod) ? this.takeOutAll(t) : undefined;
      if (!all) t.select(match, strict, mod, met);
      // Not by spreading: arguments are limited, rules are not.
      else for (const r of all) gone.push(r);
    }
    for (const rule of gone) this.tell({ kind: 'removed', rule, reason: 'delete' });
    for (const r of met) {
      this.remove(r, 'delete');
      gone.push(r);
    }
    return gone;
  }

  /**
   * Runs changes of which all are kept or none: when `run` throws, tables and rules are as they were. Listeners hear of the changes when all are made,
   * and of none that was taken back.
   */
  atomically(run: () => void): void {
    if (this.journal) return run();
    const journal = new Journal();
    this.journal = journal;
    try {
      run();
    } catch (e) {
      journal.undo(this.undoing);
      throw e;
    } finally {
      this.journal = undefined;
    }
    journal.tell((event) => this.tell(event));
  }

  /** Takes a rule out. Nothing happens if it is out already. */
  remove(rule: Rule, reason: RemovedReason): void {
    if (!rule.live) return;
    this.takeOut(rule);
    this.tell({ kind: 'removed', rule, reason });
  }

  private takeOut(rule: Rule): void {
    this.table(rule.table).remove(rule);
    rule.live = false;
    this.rules--;
    this.expiry.left(rule);
    this.changes++;
  }

  /** All rules of a table; undefined when some have to stay. */
  private takeOutAll(t: FlowTable): Rule[] | undefined {
    const rules = t.takeAll();
    for (const rule of rules ?? []) {
      rule.live = false;
      this.expiry.left(rule);
      this.changes++;
    }
    this.rules -= rules?.length ?? 0;
    return rules;
  }

  private put(rule: Rule): void {
    this.table(rule.table).insert(rule);
    rule.live = true;
    this.rules++;
    this.expiry.add(rule);
    this.changes++;
  }

  private readonly undoing: Undoing = {
    takeOut: (rule) => this.takeOut(rule),
    putBack: (rule) => this.put(rule),
    restore: (rule, was) => {
      const t = this.table(rule.table);
      if (rule.cookie !== was.cookie) t.recookie(rule, was.cookie);
      if (rule.actions !== was.actions) this.replaceActions(t, rule, was.actions);
      Object.assign(rule, was);
      this.changes++;
    },
  };

  /** Takes out the rules that send to a group: it was deleted. */
  removeUsersOfGroup(id: number): void {
    this.removeWhere((r) => usesGroup(r.actions, id), 'group_delete');
  }

  /** Takes out the rules that name a meter: it was deleted. */
  removeUsersOfMeter(id: number): void {
    this.removeWhere((r) => usesMeter(r.actions, id), 'meter_delete');
  }

  /** Adds forwarded packets to a rule; `now` (milliseconds) is when the last of them went. */
  credit(rule: Rule, packets: number, bytes: number, now: number): void {
    if (!(rule.flags & FLOW_FLAG.noPktCounts)) rule.packets += packets;
    if (!(rule.flags & FLOW_FLAG.noBytCounts)) rule.bytes += bytes;
    if (now > rule.used) rule.used = Math.floor(now);
  }

  /** Adds packets that were looked up in a table; `matched` of them met a rule. */
  creditTable(table: number, lookups: number, matched: number): void {
    const t = this.table(table);
    t.lookups += lookups;
    t.matched += matched;
  }

  /** Changes a rule's timeouts (seconds) in place, as the fin_timeout action does. Neither version nor listeners see it. */
  setTimeouts(rule: Rule, idle: number, hard: number): void {
    rule.idleTimeout = idle;
    rule.hardTimeout = hard;
    if (rule.live) this.expiry.add(rule);
  }

  /** Nothing times out before this (milliseconds); undefined when nothing will. Traffic may still move it later. */
  nextExpiry(): number | undefined {
    return this.expiry.next();
  }

  /** Removes every rule whose time is over, in order of when it was. Push statistics back first: they keep rules alive. */
  expire(now: number): readonly Rule[] {
    const gone: Rule[] = [];
    for (let r = this.expiry.due(now); r; r = this.expiry.due(now)) {
      gone.push(r);
      this.remove(r, expiryReason(r, now));
    }
    return gone;
  }

  /** Rules in a table with exactly this cookie: what the limit of a learn action counts. */
  countCookie(table: number, cookie: bigint): number {
    return this.tables[table]?.withCookie(cookie) ?? 0;
  }

  /** How many rules name each group and each meter, by its number: ref_count and flow_count of OpenFlow's statistics. Looks at every rule. */
  references(): { readonly groups: ReadonlyMap<number, number>; readonly meters: ReadonlyMap<number, number> } {
    const groups = new Map<number, number>();
    const meters = new Map<number, number>();
    for (const t of this.existing()) {
      for (const r of t.engine.rules()) {
        const named = namedIn(r.actions);
        for (const id of named.groups) groups.set(id, (groups.get(id) ?? 0) + 1);
        for (const id of named.meters) meters.set(id, (meters.get(id) ?? 0) + 1);
      }
    }
    return { groups, meters };
  }

  /** The returned function ends it. */
  listen(listener: RuleListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private add(mod: FlowMod): Rule {
    const t = this.table(mod.table === TABLE_ALL ? 0 : mod.table);
    const match = t.shapes.minify(mod.match, t.engine.keepsMatches);
    return this.addRule(new TableRule(t.id, mod), match);
  }

  private addRule(rule: TableRule, match: MiniMatch): Rule {
    const t = this.table(rule.table);
    if (t.id === N_TABLES && !(rule.flags & FLOW_FLAG.hiddenRule)) {
      throw new UserError(`table ${t.id} is the switch's own`, 'OFPBRC_EPERM');
    }
    const old = t.engine.find(match, rule.priority);
    if (!old) this.makeRoom(t, match, rule);
    rule.begins(match, this.now());
    if (old) {
      // "No change", as OVS has it, where there is something to keep.
      if (rule.cookie === NO_COOKIE) rule.cookie = old.cookie;
      if (!(rule.flags & FLOW_FLAG.resetCounts)) {
        rule.packets = old.packets;
        rule.bytes = old.bytes;
      }
      this.takeOut(old);
    }
    this.put(rule);
    if (!old && this.journal) this.journal.noteAdded(rule);
    else this.tell(old ? { kind: 'added', rule, replaced: old } : { kind: 'added', rule });
    return rule;
  }

  private now(): number {
    return Math.floor(this.clock.now());
  }

  /** What can forbid a new rule. */
  private makeRoom(t: FlowTable, match: MiniMatch, rule: Rule): void {
    if (rule.flags & FLOW_FLAG.checkOverlap && t.overlapping(match, rule.priority)) {
      throw new UserError(
        `table ${t.id} has a flow of priority ${rule.priority} that overlaps with the new one`,
        'OFPFMFC_OVERLAP',
      );
    }
    if (t.engine.size < t.maxEntries) return;
    const victim = t.evicts ? t.victims(1)[0] : undefined;
    if (!victim) throw new UserError(`table ${t.id} is full: it holds ${t.engine.size} flows`, 'OFPFMFC_TABLE_FULL');
    this.remove(victim, 'eviction');
  }

  /**
   * New actions, cookie and start of the hard timeout; match, priority, timeouts and flags stay. When nothing but the time is new (a learn
   * action that learns the same again) no version moves, so that nothing is translated again for it.
   */
  private modify(rule: Rule, mod: FlowMod): void {
    const t = this.table(rule.table);
    const was = this.journal && overwritten(rule);
    if (mod.modifyCookie && rule.cookie !== mod.cookie) t.recookie(rule, mod.cookie);
    rule.modified = this.now();
    if (mod.flags & FLOW_FLAG.resetCounts) {
      rule.packets = 0;
      rule.bytes = 0;
    }
    const before = rule.actions;
    if (!sameActions(before, mod.actions)) {
      this.replaceActions(t, rule, mod.actions);
      rule.generation++;
      t.generation++;
      this.changes++;
    }
    if (was) this.journal?.noteModified({ kind: 'modified', rule, before }, was);
    else this.tell({ kind: 'modified', rule, before });
  }

  /** Engines file conjunctions apart: a rule that becomes one, or ceases to be, is filed again. */
  private replaceActions(t: FlowTable, rule: Rule, actions: readonly Action[]): void {
    const refile = isConjunction(rule.actions) !== isConjunction(actions);
    if (refile) t.engine.remove(rule);
    rule.actions = actions;
    if (refile) t.engine.insert(rule);
  }

  private removeWhere(test: (r: Rule) => boolean, reason: RemovedReason): void {
    for (const t of this.existing()) {
      for (const r of [...t.engine.rules()]) if (test(r)) this.remove(r, reason);
    }
  }

  /** The tables a request means; the switch's own only when named. */
  private chosen(table: number): FlowTable[] {
    if (table === TABLE_ALL) return [...this.existing()].filter((t) => t.id < N_TABLES);
    const t = this.table(table);
    return [t];
  }

  private tell(event: RuleEvent): void {
    if (this.journal) return this.journal.note(event);
    for (const l of this.listeners) l(event);
  }
}
