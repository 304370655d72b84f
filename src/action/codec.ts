/**
 * Lists of actions as bytes, for OpenFlow 1.0 to 1.5 with the Nicira and ONF extensions. Which row reads an action is looked up by
 * experimenter, number and version. Lengths are untrusted: nothing is read past the list, and lists nest only so deep.
 */
import { UserError } from '../lib/errors.js';
import type { Action } from './action.js';
import type { DecodeCtx, WireReader, WireWriter } from './context.js';
import { NX_VENDOR, OFPAT_EXPERIMENTER, ONF_VENDOR } from './emit.js';
import { encodeList, MAX_DEPTH } from './list.js';
import type { WireForm } from './row.js';
import { ALL_ROWS } from './rows/index.js';
import { verifyActions } from './verify.js';

const SPACES = { of: 0, nx: 1, onf: 2 } as const;

function formKey(space: WireForm['space'], number: number, version: number): number {
  return (SPACES[space] * 0x10000 + number) * 8 + version;
}

/** Every form of every version. Two rows that claim one number are a fault of the registry. */
const FORMS: ReadonlyMap<number, WireForm> = (() => {
  const forms = new Map<number, WireForm>();
  for (const row of ALL_ROWS) {
    for (const form of row.forms) {
      for (let v = form.from; v <= form.to; v++) {
        const key = formKey(form.space, form.number, v);
        if (forms.has(key)) throw new Error(`weft bug: two actions are ${form.space} ${form.number} in version ${v}`);
        forms.set(key, form);
      }
    }
  }
  return forms;
})();

function experimenterForm(r: WireReader): WireForm {
  if (r.remaining < 10) throw new UserError('an experimenter action is cut off', 'OFPBAC_BAD_LEN');
  const vendor = ((r.peek16(4) << 16) | r.peek16(6)) >>> 0;
  const subtype = r.peek16(8);
  const space = vendor === NX_VENDOR ? 'nx' : vendor === ONF_VENDOR ? 'onf' : undefined;
  if (!space) throw new UserError(`unknown experimenter 0x${vendor.toString(16)}`, 'OFPBAC_BAD_VENDOR');
  const form = FORMS.get(formKey(space, subtype, r.version));
  if (!form) throw new UserError(`unknown action ${subtype} of an experimenter`, 'OFPBAC_BAD_VENDOR_TYPE');
  return form;
}

function standardForm(r: WireReader, type: number): WireForm {
  const form = FORMS.get(formKey('of', type, r.version));
  if (!form) throw new UserError(`unknown action ${type}`, 'OFPBAC_BAD_TYPE');
  return form;
}

/** One action: header checked, then what the row's form reads of the rest. Unknown types come before bad lengths, as in OVS. */
function decodeOne(r: WireReader, ctx: DecodeCtx): Action {
  if (r.remaining < 4) throw new UserError('an action is cut off', 'OFPBAC_BAD_LEN');
  const type = r.peek16(0);
  const length = r.peek16(2);
  const form = type === OFPAT_EXPERIMENTER ? experimenterForm(r) : standardForm(r, type);
  if (length < 8 || length % 8 !== 0 || length > r.remaining) {
    throw new UserError(`an action says that it is ${length} bytes long`, 'OFPBAC_BAD_LEN');
  }
  if (form.open ? length < form.size : length !== form.size) {
    throw new UserError(`an action is ${length} bytes long and not ${form.size}`, 'OFPBAC_BAD_LEN');
  }
  const body = r.sub(length, 'OFPBAC_BAD_LEN');
  body.skip(form.space === 'of' ? 4 : 10);
  return form.decode(body, ctx);
}

function decodeAll(r: WireReader, depth: number): Action[] {
  if (depth > MAX_DEPTH) throw new UserError('Action nested too deeply', 'OFPBAC_BAD_ARGUMENT');
  const ctx: DecodeCtx = {
    nested: (inner) => decodeAll(inner, depth + 1),
  };
  const actions: Action[] = [];
  while (r.remaining > 0) actions.push(decodeOne(r, ctx));
  return actions;
}

/** The actions in `length` bytes, without the rules about order: for lists inside of instructions, which are checked as a whole. */
export function decodeUnverified(r: WireReader, length: number): Action[] {
  return decodeAll(r.sub(length), 1);
}

/**
 * Reads a list of actions of `length` bytes, as packet-out, buckets and the flow_mod of OpenFlow 1.0 have it. `instructions`: also those
 * that stand for instructions in 1.0 (write_metadata). Throws UserError with the OpenFlow error: OFPBRC_BAD_LEN for the list's own length,
 * OFPBAC_ and OFPBMC_ codes for an action's.
 */
export function decodeActions(r: WireReader, length = r.remaining, instructions = r.version === 1): Action[] {
  if (length % 8 !== 0 || length > r.remaining) {
    throw new UserError(`a list of actions of ${length} bytes`, 'OFPBRC_BAD_LEN');
  }
  const actions = decodeUnverified(r, length);
  verifyActions(actions, { version: r.version, instructions });
  return actions;
}

/** Writes actions one after another. In OpenFlow 1.0 instructions become what stands for them there, or nothing. */
export function encodeActions(actions: readonly Action[], w: WireWriter): void {
  encodeList(actions, w);
}
