/** What flow_mods ask about lists of actions: where they lead, and whether two are the same. */
import type { Action } from '../action/action.js';
import { type FieldRow, OFPP } from '../flow/field.js';
import { TUN_OPTIONS, type TunTable } from '../flow/tun-table.js';

/** Of an option that has no place yet. */
const OPTION_BITS = 992;
const ALL_OPTIONS: ReadonlySet<number> = new Set(Array.from({ length: TUN_OPTIONS.max }, (_, i) => i));

/** Calls `test` for each action, those inside write_actions and clone included; true as soon as one call is. */
export function someAction(actions: readonly Action[], test: (a: Action) => boolean): boolean {
  for (const a of actions) {
    if (test(a)) return true;
    if ((a.type === 'write_actions' || a.type === 'clone') && someAction(a.actions, test)) return true;
  }
  return false;
}

/** Does a list name `port` as a place to send to? Only literally: not through NORMAL, FLOOD, a register or a group. */
export function outputsTo(actions: readonly Action[], port: number): boolean {
  return someAction(actions, (a) => {
    if (a.type === 'output' || a.type === 'output_trunc' || a.type === 'enqueue') return a.port === port;
    return a.type === 'controller' && port === OFPP.controller;
  });
}

export function usesGroup(actions: readonly Action[], id: number): boolean {
  return someAction(actions, (a) => a.type === 'group' && a.id === id);
}

export function usesMeter(actions: readonly Action[], id: number): boolean {
  return someAction(actions, (a) => a.type === 'meter' && a.id === id);
}

/** Does a list name a group or a meter? */
export function namesOthers(actions: readonly Action[]): boolean {
  return someAction(actions, (a) => a.type === 'group' || a.type === 'meter');
}

/** Numbers of the groups and meters a list names, each once. */
export function namedIn(actions: readonly Action[]): { groups: Set<number>; meters: Set<number> } {
  const groups = new Set<number>();
  const meters = new Set<number>();
  someAction(actions, (a) => {
    if (a.type === 'group') groups.add(a.id);
    if (a.type === 'meter') meters.add(a.id);
    return false;
  });
  return { groups, meters };
}

/** Does an action read, write or match one of these tunnel options? Looks into every part: an action names fields where it likes. */
export function namesOption(part: unknown, options: ReadonlySet<number>): boolean {
  if (typeof part !== 'object' || part === null || ArrayBuffer.isView(part)) return false;
  if ('tunMetadata' in part) return typeof part.tunMetadata === 'number' && options.has(part.tunMetadata);
  return Object.values(part).some((p) => namesOption(p, options));
}

/** The same actions, their tunnel options those of a bridge: what was read from text names them without a place. Throws UserError. */
export function withOptions(actions: readonly Action[], tun: TunTable): readonly Action[] {
  return bind(actions, tun) as readonly Action[];
}

function bind(part: unknown, tun: TunTable): unknown {
  if (typeof part !== 'object' || part === null || !namesOption(part, ALL_OPTIONS)) return part;
  if (Array.isArray(part)) return part.map((p) => bind(p, tun));
  if ('tunMetadata' in part) return tun.need(part as FieldRow);
  const bound = Object.fromEntries(Object.entries(part).map(([k, v]) => [k, bind(v, tun)]));
  // A whole field is as wide as its option.
  if ('ofs' in part && part.ofs === 0 && 'bits' in part && isWide(part.bits))
    bound.bits = (bound.field as FieldRow).bits;
  return bound;
}

const isWide = (bits: unknown): boolean => bits === OPTION_BITS;

/** Equal in every part. Actions are plain data: objects, arrays, byte arrays, numbers, bigints, text; field rows are shared objects. */
export function sameActions(a: readonly Action[], b: readonly Action[]): boolean {
  return same(a, b);
}

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const left: [string, unknown][] = Object.entries(a);
  const right = new Map<string, unknown>(Object.entries(b));
  return left.length === right.size && left.every(([k, v]) => right.has(k) && same(v, right.get(k)));
}
