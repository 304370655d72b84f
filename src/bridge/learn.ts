/** Flows that packets make: what a learn action installs, and what goes when its rule goes. */
import type { Action, LearnSpec } from '../action/action.js';
import { Match, minify } from '../flow/match.js';
import { sameActions } from '../flowtable/actions.js';
import type { FlowMod } from '../flowtable/flow-mod.js';
import type { Rule } from '../flowtable/rule.js';
import type { FlowTables } from '../flowtable/tables.js';
import { UserError } from '../lib/errors.js';

/** Would the flow leave this one as it is? */
function isAsLearned(rule: Rule, mod: FlowMod): boolean {
  return (
    rule.cookie === mod.cookie &&
    rule.idleTimeout === mod.idleTimeout &&
    rule.hardTimeout === mod.hardTimeout &&
    rule.flags === mod.flags &&
    rule.importance === mod.importance &&
    sameActions(rule.actions, mod.actions)
  );
}

/** Is there room for the flow under the action's limit? One that is there already has it, but not for a change: as in OVS. */
export function mayLearn(tables: FlowTables, spec: LearnSpec, mod: FlowMod): boolean {
  if (spec.limit === 0 || tables.countCookie(mod.table, mod.cookie) < spec.limit) return true;
  const known = tables.table(mod.table).engine.find(minify(mod.match), mod.priority);
  return known !== undefined && isAsLearned(known, mod);
}

/** Installs or renews a learned flow. A full table or the action's own limit refuse it silently: there is no one to tell. */
export function applyLearn(tables: FlowTables, spec: LearnSpec, mod: FlowMod): void {
  if (!mayLearn(tables, spec, mod)) return;
  try {
    tables.flowMod(mod);
  } catch (e) {
    if (!(e instanceof UserError)) throw e;
  }
}

/** Learn actions of a list whose flows go with them, those in nested lists included. */
function* owners(actions: readonly Action[]): Generator<LearnSpec> {
  for (const a of actions) {
    if (a.type === 'learn' && a.spec.deleteLearned) yield a.spec;
    else if (a.type === 'clone' || a.type === 'write_actions') yield* owners(a.actions);
  }
}

/** After a rule went: removes what it learned, unless another rule learns into the same table under the same cookie. */
export function deleteLearned(tables: FlowTables, gone: Rule): void {
  for (const spec of owners(gone.actions)) {
    if (hasOwner(tables, spec)) continue;
    tables.flowMod({
      command: 'delete',
      table: spec.table,
      priority: 0,
      match: new Match(),
      cookie: 0n,
      cookieFilter: spec.cookie,
      cookieMask: 0xffffffffffffffffn,
      modifyCookie: false,
      idleTimeout: 0,
      hardTimeout: 0,
      flags: 0,
      importance: 0,
      outPort: 0xffffffff,
      outGroup: 0xffffffff,
      actions: [],
    });
  }
}

function hasOwner(tables: FlowTables, spec: LearnSpec): boolean {
  for (const t of tables.existing()) {
    for (const rule of t.engine.rules()) {
      for (const other of owners(rule.actions)) {
        if (other.table === spec.table && other.cookie === spec.cookie) return true;
      }
    }
  }
  return false;
}
