/**
 * Lists of actions: text both ways, wire out, translation. Rows that hold lists of their own call back into this file; the
 * cycle is between functions only, nothing of it runs while modules load.
 */
import { PROTOCOLS_OF } from '../flow/protocols.js';
import { UserError } from '../lib/errors.js';
import type { Action } from './action.js';
import type { ParseCtx, Translator, WireWriter } from './context.js';
import { rowOf, rowOfKeyword } from './rows/index.js';
import { splitItems } from './text.js';
import { verifyActions } from './verify.js';

/** Text nests so deep at most, like the wire. */
export const MAX_DEPTH = 100;

type Outer = 'clone' | 'write_actions' | 'ct';

/**
 * Actions as ovs-actions(7) writes them, instructions included unless `instructions` is false: "resubmit(,1),mod_vlan_vid:5,2". "drop" is the empty
 * list. Order of instructions and what may stand in what is checked here; what depends on a match or on the switch is not (see checkActions).
 * Throws UserError in the words of ovs-ofctl.
 */
export function parseActions(text: string, ctx: ParseCtx, instructions = true): Action[] {
  return parseList(text, ctx, instructions);
}

/** The list inside clone(...), write_actions(...) or exec(...). */
export function parseNested(text: string, ctx: ParseCtx, outer: Outer): Action[] {
  // A clone forgets what the actions in front of it need, as there.
  if (ctx.usable && outer === 'clone') ctx.usable.protocols = PROTOCOLS_OF.any;
  return parseList(text, { ...bind(ctx), depth: (ctx.depth ?? 1) + 1 }, false, outer);
}

function bind(ctx: ParseCtx): ParseCtx {
  return { port: (t) => ctx.port(t), table: (t) => ctx.table(t), usable: ctx.usable };
}

function parseList(text: string, ctx: ParseCtx, instructions: boolean, outer?: Outer): Action[] {
  if ((ctx.depth ?? 1) > MAX_DEPTH) throw new UserError('Action nested too deeply');
  const actions: Action[] = [];
  let drop = false;
  for (const { key, arg } of splitItems(text)) {
    const row = rowOfKeyword(key);
    if (row) {
      actions.push(row.parse(key.toLowerCase(), arg, ctx));
      if (row.protocols !== undefined && ctx.usable) ctx.usable.protocols &= row.protocols;
    } else if (key.toLowerCase() === 'drop') drop = true;
    else if (key.toLowerCase() === 'apply_actions') throw new UserError('apply_actions is the default instruction');
    else actions.push({ type: 'output', port: barePort(key, ctx), maxLen: 0 });
  }
  if (drop && actions.length > 0) {
    throw new UserError('"drop" must not be accompanied by any other action or instruction');
  }
  verifyActions(actions, { version: 2, instructions, outer });
  return actions;
}

/** A port by itself is an output to it. */
function barePort(key: string, ctx: ParseCtx): number {
  try {
    return ctx.port(key);
  } catch (e) {
    if (e instanceof UserError) throw new UserError(`unknown action ${key}`);
    throw e;
  }
}

/** As ovs-ofctl prints a flow's actions: "drop" for none. `names`: ports by name instead of number. */
export function formatActions(actions: readonly Action[], names?: ReadonlyMap<number, string>): string {
  return actions.length === 0 ? 'drop' : actions.map((a) => rowOf(a).format(a, names)).join(',');
}

export const formatNested = formatActions;

/** Writes actions one after another, with nothing around them. */
export function encodeList(actions: readonly Action[], w: WireWriter): void {
  for (const a of actions) rowOf(a).encode(a, w);
}

/**
 * Runs a list on the packet that `x` walks with, in order; stops where an action ends the list or the whole walk. Instructions stand where
 * they run.
 */
export function translateActions(actions: readonly Action[], x: Translator): void {
  for (const a of actions) {
    if (x.stopped || rowOf(a).translate(a, x) === false) return;
  }
}
