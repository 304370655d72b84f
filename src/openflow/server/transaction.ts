/** Several flow_mods as one: when one fails, those before it are undone. */
import type { OfBridge } from '../../bridge/of-bridge.js';
import { expand } from '../../flow/match.js';
import type { FlowFilter, FlowMod } from '../../flowtable/flow-mod.js';
import type { Rule } from '../../flowtable/rule.js';
import { UserError } from '../../lib/errors.js';

const PORT_ANY = 0xffffffff;
const GROUP_ANY = 0xffffffff;

/** What a rule was before. */
interface Saved {
  readonly rule: Rule;
  readonly actions: Rule['actions'];
  readonly cookie: bigint;
  readonly flags: number;
}

/** The rules that a flow_mod would change, replace or remove, as they are now. */
function affected(bridge: OfBridge, mod: FlowMod): Saved[] {
  const strict = mod.command === 'add' || mod.command.endsWith('strict');
  const removing = mod.command.startsWith('delete');
  const filter: FlowFilter = {
    table: mod.table,
    match: mod.match,
    ...(strict ? { strictPriority: mod.priority } : {}),
    cookieFilter: mod.command === 'add' ? 0n : mod.cookieFilter,
    cookieMask: mod.command === 'add' ? 0n : mod.cookieMask,
    outPort: removing ? mod.outPort : PORT_ANY,
    outGroup: removing ? mod.outGroup : GROUP_ANY,
  };
  return [...bridge.flows(filter)].map((rule) => ({
    rule,
    actions: rule.actions,
    cookie: rule.cookie,
    flags: rule.flags,
  }));
}

function modOf(s: Saved, command: FlowMod['command']): FlowMod {
  const { rule } = s;
  return {
    command,
    table: rule.table,
    priority: rule.priority,
    match: expand(rule.match),
    cookie: s.cookie,
    cookieFilter: 0n,
    cookieMask: 0n,
    modifyCookie: true,
    idleTimeout: rule.idleTimeout,
    hardTimeout: rule.hardTimeout,
    flags: s.flags & ~2,
    importance: rule.importance,
    outPort: PORT_ANY,
    outGroup: GROUP_ANY,
    actions: s.actions,
  };
}

/** Puts things back: what was there before with its actions, cookie and counters, what is new away. */
function undo(bridge: OfBridge, mod: FlowMod, before: readonly Saved[]): void {
  if (!mod.command.startsWith('delete') && before.length === 0) {
    const tables = mod.table === 255 ? 0 : mod.table;
    bridge.flowMod({
      ...mod,
      command: 'delete_strict',
      table: tables,
      cookieFilter: 0n,
      cookieMask: 0n,
      outPort: PORT_ANY,
      actions: [],
    });
    return;
  }
  for (const s of before) {
    if (s.rule.live) {
      bridge.flowMod(modOf(s, 'modify_strict'));
      continue;
    }
    bridge.flowMod(modOf(s, 'add'));
    const match = expand(s.rule.match);
    const filter = {
      table: s.rule.table,
      match,
      strictPriority: s.rule.priority,
      cookieFilter: 0n,
      cookieMask: 0n,
      outPort: PORT_ANY,
      outGroup: GROUP_ANY,
    };
    for (const back of bridge.flows(filter)) {
      back.packets = s.rule.packets;
      back.bytes = s.rule.bytes;
      back.used = s.rule.used;
    }
  }
}

/** Applies all of them or none. Calls `failed` with the index of the one at fault and throws its error. */
export function applyTogether(
  bridge: OfBridge,
  mods: readonly FlowMod[],
  failed: (index: number, e: UserError) => void,
): void {
  // Most bundles are additions that could only fail by their actions: asking first keeps a half-way state from ever being seen.
  mods.forEach((mod, i) => {
    try {
      if (!mod.command.startsWith('delete')) bridge.checkActions(mod.actions, mod.table);
    } catch (e) {
      if (e instanceof UserError) failed(i, e);
      throw e;
    }
  });
  const done: { mod: FlowMod; before: Saved[] }[] = [];
  for (let i = 0; i < mods.length; i++) {
    const before = affected(bridge, mods[i]);
    try {
      bridge.flowMod(mods[i]);
    } catch (e) {
      for (const d of done.reverse()) undo(bridge, d.mod, d.before);
      if (e instanceof UserError) failed(i, e);
      throw e;
    }
    done.push({ mod: mods[i], before });
  }
}
