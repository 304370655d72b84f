/** What may stand in a list of actions, and in which order: rules that need neither a match nor a switch to check. */
import { UserError } from '../lib/errors.js';
import type { Action, SetForm } from './action.js';
import { INSTRUCTIONS, type InstructionName } from './row.js';
import { rowOf } from './rows/index.js';

export interface VerifyOptions {
  /** OpenFlow wire version; from 1.5 on (6) meter is an action. */
  readonly version: number;
  /** May instructions other than apply_actions and meter be here? */
  readonly instructions: boolean;
  /** The action that the list is inside of. */
  readonly outer?: 'clone' | 'write_actions' | 'ct';
  /** Is meter refused where instructions are? Lists inside of lists refuse it in any case. */
  readonly noMeter?: boolean;
}

function instructionOf(a: Action, version: number): InstructionName {
  if (a.type === 'meter' && version >= 6) return 'apply_actions';
  return rowOf(a).instruction ?? 'apply_actions';
}

/** A set of one field that has an action of its own in OpenFlow 1.0 or 1.1. */
const isOwnKind = (form: SetForm): boolean => form !== 'set_field' && form !== 'load' && form !== 'load2';

/** As refusals call it. */
function nameOf(a: Action): string {
  if (a.type === 'set_field' && isOwnKind(a.form)) return a.form.replace('mod_vlan', 'set_vlan');
  return a.type === 'stack_push' ? 'push' : a.type === 'stack_pop' ? 'pop' : a.type;
}

/** The field that an action writes, for the rules about fields that only ct may write. */
function fieldWritten(a: Action): string | undefined {
  if (a.type === 'set_field' && isOwnKind(a.form)) return undefined;
  return a.type === 'set_field' || a.type === 'move' ? a.dst.field.name : undefined;
}

const CT_FIELDS = ['ct_mark', 'ct_label'];

function verifyOne(a: Action, outer: VerifyOptions['outer']): void {
  const field = fieldWritten(a);
  const ctField = field !== undefined && CT_FIELDS.includes(field);
  if (ctField && outer !== 'ct') {
    throw new UserError('cannot set CT fields outside of ct action', 'OFPBAC_BAD_SET_ARGUMENT');
  }
  if (a.type === 'nat') {
    if (outer === 'ct') return;
    throw new UserError('Cannot have NAT action outside of "ct" action', 'OFPBAC_BAD_SET_ARGUMENT');
  }
  if (outer === undefined) return;
  if (outer === 'ct' && field !== undefined && !ctField) {
    throw new UserError(`ct action doesn't support nested modification of ${field}`, 'OFPBAC_BAD_ARGUMENT');
  }
  if ((outer === 'ct' && field === undefined) || a.type === 'meter') {
    throw new UserError(`${outer} action doesn't support nested action ${nameOf(a)}`, 'OFPBAC_BAD_ARGUMENT');
  }
}

/** Conjunctions stand alone, except for notes. True when the list is one of those. */
function verifyConjunctions(actions: readonly Action[]): boolean {
  if (!actions.some((a) => a.type === 'conjunction')) return false;
  const other = actions.find((a) => a.type !== 'conjunction' && a.type !== 'note');
  if (other) {
    throw new UserError(
      `"conjunction" actions may be used along with "note" but not any other kind of action (such as the "${nameOf(other)}" action used here)`,
      'NXBAC_BAD_CONJUNCTION',
    );
  }
  return true;
}

/** Throws UserError, in the words of ovs-ofctl and with the OpenFlow error. */
export function verifyActions(actions: readonly Action[], options: VerifyOptions): void {
  if (verifyConjunctions(actions)) return;
  let last = 0;
  actions.forEach((a, i) => {
    verifyOne(a, options.outer);
    const name = instructionOf(a, options.version);
    const at = INSTRUCTIONS.indexOf(name);
    const repeatable = INSTRUCTIONS[last] === 'apply_actions';
    if (i > 0 && (repeatable ? at < last : at <= last)) {
      throw new UserError(
        at === last
          ? `duplicate ${name} instruction not allowed, for OpenFlow 1.1+ compatibility`
          : `invalid instruction ordering: ${name} must appear before ${INSTRUCTIONS[last]}, for OpenFlow 1.1+ compatibility`,
        'OFPBAC_UNSUPPORTED_ORDER',
      );
    }
    const allowed = options.instructions || name === 'apply_actions' || (name === 'meter' && !options.noMeter);
    if (!allowed) throw new UserError(`${name} instruction not allowed here`, 'OFPBIC_UNSUP_INST');
    last = at;
  });
}
