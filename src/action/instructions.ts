/** Instructions of OpenFlow 1.1 and later around a flow's actions. In 1.0 a flow has a bare list. */
import { UserError } from '../lib/errors.js';
import type { Action } from './action.js';
import { decodeActions, decodeUnverified, encodeActions } from './codec.js';
import type { WireReader, WireWriter } from './context.js';
import { INSTRUCTIONS, type InstructionName } from './row.js';
import { rowOf } from './rows/index.js';
import { verifyActions } from './verify.js';

interface Kind {
  readonly name: InstructionName;
  readonly size: number;
  readonly open: boolean;
  /** Last version that has it; meter became an action in 1.5. */
  readonly to: number;
  readonly from: number;
}

/** By number on the wire. */
const KINDS: ReadonlyMap<number, Kind> = new Map([
  [1, { name: 'goto_table', size: 8, open: false, from: 2, to: 6 }],
  [2, { name: 'write_metadata', size: 24, open: false, from: 2, to: 6 }],
  [3, { name: 'write_actions', size: 8, open: true, from: 2, to: 6 }],
  [4, { name: 'apply_actions', size: 8, open: true, from: 2, to: 6 }],
  [5, { name: 'clear_actions', size: 8, open: false, from: 2, to: 6 }],
  [6, { name: 'meter', size: 8, open: false, from: 4, to: 5 }],
]);
const APPLY = 4;
const APPLY_BYTES = 8;
const EXPERIMENTER = 0xffff;

function isApplied(a: Action, version: number): boolean {
  return rowOf(a).instruction === undefined || (a.type === 'meter' && version >= 6);
}

/** Writes a flow's actions: a list in 1.0, instructions since. Runs of applied actions share an instruction; an empty one is left out. */
export function encodeInstructions(actions: readonly Action[], w: WireWriter): void {
  if (w.version === 1) {
    encodeActions(actions, w);
    return;
  }
  for (let i = 0; i < actions.length; ) {
    let end = i;
    while (end < actions.length && isApplied(actions[end], w.version)) end++;
    if (end > i) putApply(actions.slice(i, end), w);
    else rowOf(actions[end++]).encode(actions[i], w);
    i = end;
  }
}

function putApply(actions: readonly Action[], w: WireWriter): void {
  const start = w.length;
  w.u16(APPLY);
  w.u16(0);
  w.u32(0);
  encodeActions(actions, w);
  const length = w.length - start;
  // Actions that have no bytes in this version leave nothing to apply.
  if (length === APPLY_BYTES) return w.drop(APPLY_BYTES);
  if (length > 0xffff) throw new UserError('the actions of a flow are longer than 64 kB', 'OFPBIC_BAD_LEN');
  w.patch16(start + 2, length);
}

function bad(what: string): never {
  throw new UserError(what, 'OFPBIC_BAD_LEN');
}

/** The instructions apart, each at most once. */
function split(r: WireReader): Map<InstructionName, WireReader> {
  const found = new Map<InstructionName, WireReader>();
  while (r.remaining > 0) {
    const type = r.peek16(0);
    const length = r.peek16(2);
    if (length < 8 || length % 8 !== 0 || length > r.remaining)
      bad(`an instruction says that it is ${length} bytes long`);
    if (type === EXPERIMENTER) throw new UserError('unknown experimenter instruction', 'OFPBIC_BAD_EXPERIMENTER');
    const kind = KINDS.get(type);
    if (!kind) throw new UserError(`unknown instruction ${type}`, 'OFPBIC_UNKNOWN_INST');
    if (kind.open ? length < kind.size : length !== kind.size) bad(`${kind.name} is ${length} bytes long`);
    if (r.version > kind.to) throw new UserError(`${kind.name} is no instruction any more`, 'OFPBIC_UNKNOWN_INST');
    if (found.has(kind.name)) throw new UserError(`${kind.name} twice`, 'OFPBIC_DUP_INST');
    const body = r.sub(length, 'OFPBIC_BAD_LEN');
    body.skip(4);
    found.set(kind.name, body);
  }
  return found;
}

function readOne(name: InstructionName, r: WireReader): Action[] {
  if (name === 'meter') return [{ type: 'meter', id: r.u32() }];
  if (name === 'goto_table') return [{ type: 'goto_table', table: r.u8() }];
  r.skip(4);
  if (name === 'clear_actions') return [{ type: 'clear_actions' }];
  if (name === 'write_metadata') return [{ type: 'write_metadata', value: r.u64(), mask: r.u64() }];
  const actions = decodeUnverified(r, r.remaining);
  if (name === 'apply_actions') return actions;
  const wrong = actions.find((a) => rowOf(a).set === undefined);
  if (wrong) throw new UserError(`${wrong.type} is not allowed in an action set`, 'OFPBAC_BAD_TYPE');
  return [{ type: 'write_actions', actions }];
}

/**
 * Reads a flow's instructions, of `length` bytes, in the order of their execution; actions applied stand inline. In OpenFlow 1.0 reads a
 * list of actions. Throws UserError with an OFPBIC_, OFPBAC_ or OFPBMC_ error.
 */
export function decodeInstructions(r: WireReader, length = r.remaining): Action[] {
  if (r.version === 1) return decodeActions(r, length, true);
  if (length % 8 !== 0 || length > r.remaining) bad(`instructions of ${length} bytes`);
  const found = split(r.sub(length, 'OFPBIC_BAD_LEN'));
  const actions: Action[] = [];
  for (const name of INSTRUCTIONS) {
    const body = found.get(name);
    if (body) actions.push(...readOne(name, body));
  }
  verifyActions(actions, { version: r.version, instructions: true });
  return actions;
}
