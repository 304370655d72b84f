/** Actions that steer the walk: other tables, the end of it, copies of it, conjunctions, and the instructions. */
import { OFPP } from '../../flow/field.js';
import { PROTOCOLS_OF } from '../../flow/protocols.js';
import { UserError } from '../../lib/errors.js';
import type { ActionOf } from '../action.js';
import { ALL, type Code, mustBeZero, numberForms, nx, nxForm, nxOpenForm, putNumber } from '../emit.js';
import { fieldNamed, whole } from '../fields.js';
import { encodeList, formatNested, parseNested } from '../list.js';
import { formatPort, port16, port32, tryPort } from '../ports.js';
import type { ActionRow, ParseCtx } from '../row.js';
import { hex, parseInteger, parseU32, parseU64 } from '../text.js';
import { verifyActions } from '../verify.js';

type Resubmit = ActionOf<'resubmit'>;
const CURRENT_TABLE = 255;

function resubmitTo(table: string, ctx: ParseCtx): number {
  try {
    return ctx.table(table);
  } catch (e) {
    if (e instanceof UserError) throw new UserError(`${table}: resubmit to unknown table`);
    throw e;
  }
}

export const resubmit: ActionRow<Resubmit> = {
  type: 'resubmit',
  precedent: true,
  keywords: ['resubmit'],
  syntax: ['resubmit:port', 'resubmit([port],[table][,ct])'],
  doc: 'Looks the packet up in a table, with another port of arrival if given, and runs what it finds before going on.',
  set: 'final',
  parse(_key, arg, ctx) {
    const [portText = '', tableText = '', ct = ''] = arg.split(',');
    const port = portText === '' ? OFPP.inPort : tryPort(ctx, portText);
    if (port === undefined) throw new UserError(`${portText}: resubmit to unknown port`);
    const table = tableText === '' ? CURRENT_TABLE : resubmitTo(tableText, ctx);
    if (ct !== '' && ct !== 'ct') throw new UserError(`${ct}: unknown parameter`);
    if (port === OFPP.inPort && table === CURRENT_TABLE) {
      throw new UserError('at least one "in_port" or "table" must be specified on resubmit');
    }
    return { type: 'resubmit', port, table, ct: ct === 'ct' };
  },
  format(a, names) {
    if (a.port !== OFPP.inPort && a.table === CURRENT_TABLE) return `resubmit:${formatPort(a.port, names)}`;
    const port = a.port === OFPP.inPort ? '' : formatPort(a.port, names);
    return `resubmit(${port},${a.table === CURRENT_TABLE ? '' : a.table}${a.ct ? ',ct' : ''})`;
  },
  encode(a, w) {
    if (a.wire === 'resubmit' && a.table === CURRENT_TABLE) {
      nx(w, 1, () => w.u16(port16(a.port)));
      return;
    }
    nx(w, a.ct ? 44 : 14, () => {
      w.u16(port16(a.port));
      w.u8(a.table);
    });
  },
  forms: [
    nxForm(1, 16, (r) => ({
      type: 'resubmit',
      port: port32(r.u16()),
      table: CURRENT_TABLE,
      ct: false,
      wire: 'resubmit',
    })),
    ...[14, 44].map((number) =>
      nxForm(number, 16, (r): Resubmit => {
        const a = { port: port32(r.u16()), table: r.u8() };
        mustBeZero(r, 'OFPBAC_BAD_ARGUMENT');
        return { type: 'resubmit', ...a, ct: number === 44 };
      }),
    ),
  ],
  check(a, state) {
    if (a.ct && !state.hasConntrack()) {
      throw new UserError('resubmit with ct needs a match on a tracked packet', 'OFPBAC_MATCH_INCONSISTENT');
    }
    return undefined;
  },
  translate(a, x) {
    x.resubmit(a.port, a.table);
    return undefined;
  },
};

const EXIT: readonly Code[] = [{ space: 'nx', number: 17, versions: ALL }];
export const exit: ActionRow<ActionOf<'exit'>> = {
  type: 'exit',
  precedent: true,
  keywords: ['exit'],
  syntax: ['exit'],
  doc: 'Ends the walk through all tables; the action set still runs.',
  parse: () => ({ type: 'exit' }),
  format: () => 'exit',
  encode: (_a, w) => putNumber(w, EXIT, 0),
  forms: numberForms<ActionOf<'exit'>>(EXIT, 0, () => ({ type: 'exit' })),
  translate(_a, x) {
    x.exit();
    return false;
  },
};

export const clone: ActionRow<ActionOf<'clone'>> = {
  type: 'clone',
  keywords: ['clone'],
  syntax: ['clone(action...)'],
  doc: 'Runs actions on a copy of the packet and of all that belongs to it.',
  parse: (_key, arg, ctx) => ({ type: 'clone', actions: parseNested(arg, ctx, 'clone') }),
  format: (a, names) => `clone(${formatNested(a.actions, names)})`,
  encode(a, w) {
    nx(w, 42, () => {
      w.zeros(6);
      encodeList(a.actions, w);
    });
  },
  forms: [
    nxOpenForm(42, 16, (r, ctx) => {
      r.skip(6);
      const actions = ctx.nested(r);
      verifyActions(actions, { version: r.version, instructions: false, noMeter: true });
      return { type: 'clone', actions };
    }),
  ],
  check: (a, state) => ({ ...a, actions: state.nested(a.actions) }),
  translate(a, x) {
    x.clone(a.actions);
    return undefined;
  },
};

const CLAUSES = { min: 2, max: 64 };
export const conjunction: ActionRow<ActionOf<'conjunction'>> = {
  type: 'conjunction',
  precedent: true,
  keywords: ['conjunction'],
  syntax: ['conjunction(id,k/n)'],
  doc: 'Makes the flow part k of n of a match that holds when all n parts do.',
  parse(_key, arg) {
    const m = /^\s*([-+]?\w+)\s*,\s*(\d+)\s*\/\s*(\d+)\s*$/.exec(arg);
    const id = m ? parseInteger(m[1]) : undefined;
    if (!m || id === undefined) throw new UserError('"conjunction" syntax is "conjunction(id,i/n)"');
    const clause = Number(m[2]);
    const nClauses = Number(m[3]);
    if (nClauses < CLAUSES.min) throw new UserError('conjunction must have at least 2 clauses');
    if (nClauses > CLAUSES.max) throw new UserError('conjunction must have at most 64 clauses');
    if (clause < 1) throw new UserError('clause index must be positive');
    if (clause > nClauses) throw new UserError('clause index must be less than or equal to number of clauses');
    return { type: 'conjunction', id: Number(BigInt.asUintN(32, id)), clause: clause - 1, nClauses };
  },
  format: (a) => `conjunction(${a.id},${a.clause + 1}/${a.nClauses})`,
  encode(a, w) {
    nx(w, 34, () => {
      w.u8(a.clause);
      w.u8(a.nClauses);
      w.u32(a.id);
    });
  },
  forms: [
    nxForm(34, 16, (r) => {
      const clause = r.u8();
      const nClauses = r.u8();
      if (nClauses < CLAUSES.min || nClauses > CLAUSES.max || clause >= nClauses) {
        throw new UserError('a conjunction has a bad clause', 'NXBAC_BAD_CONJUNCTION');
      }
      return { type: 'conjunction', id: r.u32(), clause, nClauses };
    }),
  ],
  // The classifier resolves conjunctions; a rule that has them is never run.
  translate(_a, x) {
    x.note(() => '>>>> executing no-op conjunction action <<<<');
    return undefined;
  },
};

const METER15: readonly Code[] = [{ space: 'of', number: 29, versions: [6, 6] }];
const MAX_METER = 0xffff0000;
export const meter: ActionRow<ActionOf<'meter'>> = {
  type: 'meter',
  protocols: PROTOCOLS_OF.from13,
  keywords: ['meter'],
  syntax: ['meter:meter_id'],
  doc: 'Sends the packet through a meter, which may drop or remark it.',
  instruction: 'meter',
  parse: (_key, arg) => ({ type: 'meter', id: parseU32(arg) }),
  format: (a) => `meter:${a.id}`,
  encode(a, w) {
    if (w.version >= 6) putNumber(w, METER15, 4, a.id);
    else if (w.version >= 4) {
      w.u16(6);
      w.u16(8);
      w.u32(a.id);
    }
  },
  forms: numberForms<ActionOf<'meter'>>(METER15, 4, (v) => ({ type: 'meter', id: Number(v) })),
  check(a, state) {
    const known = state.options.meterExists?.(a.id) ?? true;
    if (a.id === 0 || a.id > MAX_METER || !known) throw new UserError(`no meter ${a.id}`, 'OFPMMFC_INVALID_METER');
    return undefined;
  },
  translate(a, x) {
    x.meter(a.id);
    return undefined;
  },
};

export const clearActions: ActionRow<ActionOf<'clear_actions'>> = {
  type: 'clear_actions',
  precedent: true,
  keywords: ['clear_actions'],
  syntax: ['clear_actions'],
  doc: 'Empties the action set.',
  instruction: 'clear_actions',
  parse: () => ({ type: 'clear_actions' }),
  format: () => 'clear_actions',
  encode(_a, w) {
    if (w.version === 1) return;
    w.u16(5);
    w.u16(8);
    w.u32(0);
  },
  forms: [],
  translate(_a, x) {
    x.actionSetClear();
    return undefined;
  },
};

export const writeActions: ActionRow<ActionOf<'write_actions'>> = {
  type: 'write_actions',
  precedent: true,
  keywords: ['write_actions'],
  syntax: ['write_actions(action...)'],
  doc: 'Adds actions to the action set, which runs when the walk through the tables has ended.',
  instruction: 'write_actions',
  parse: (_key, arg, ctx) => ({ type: 'write_actions', actions: parseNested(arg, ctx, 'write_actions') }),
  format: (a, names) => `write_actions(${formatNested(a.actions, names)})`,
  encode(a, w) {
    if (w.version === 1 || a.actions.length === 0) return;
    const start = w.length;
    w.u16(3);
    w.u16(0);
    w.u32(0);
    encodeList(a.actions, w);
    w.patch16(start + 2, w.length - start);
  },
  forms: [],
  check: (a, state) => ({ ...a, actions: state.nested(a.actions, true) }),
  translate(a, x) {
    x.actionSetWrite(a.actions);
    return undefined;
  },
};

const ALL64 = 0xffffffffffffffffn;
export const writeMetadata: ActionRow<ActionOf<'write_metadata'>> = {
  type: 'write_metadata',
  precedent: true,
  protocols: PROTOCOLS_OF.nxmOr11,
  keywords: ['write_metadata'],
  syntax: ['write_metadata:value[/mask]'],
  doc: 'Writes the metadata field, or the bits of it that the mask has ones in.',
  instruction: 'write_metadata',
  parse(_key, arg) {
    const slash = arg.indexOf('/');
    const mask = slash < 0 ? ALL64 : parseU64(arg.slice(slash + 1));
    return { type: 'write_metadata', value: parseU64(slash < 0 ? arg : arg.slice(0, slash)), mask };
  },
  format: (a) => `write_metadata:${hex(a.value)}${a.mask === ALL64 ? '' : `/${hex(a.mask)}`}`,
  encode(a, w) {
    const body = (): void => {
      w.u64(a.value);
      w.u64(a.mask);
    };
    if (w.version === 1) {
      nx(w, 22, () => {
        w.zeros(6);
        body();
      });
      return;
    }
    w.u16(2);
    w.u16(24);
    w.u32(0);
    body();
  },
  forms: [
    nxForm(22, 32, (r) => {
      mustBeZero(r, 'NXBRC_MUST_BE_ZERO', 6);
      return { type: 'write_metadata', value: r.u64(), mask: r.u64() };
    }),
  ],
  translate(a, x) {
    x.write(whole(fieldNamed('metadata')), a.value & a.mask, a.mask);
    return undefined;
  },
};

export const gotoTable: ActionRow<ActionOf<'goto_table'>> = {
  type: 'goto_table',
  precedent: true,
  keywords: ['goto_table'],
  syntax: ['goto_table:table'],
  doc: 'Goes on in a later table.',
  instruction: 'goto_table',
  parse: (_key, arg, ctx) => ({ type: 'goto_table', table: ctx.table(arg) }),
  format: (a) => `goto_table:${a.table}`,
  encode(a, w) {
    if (w.version === 1) {
      resubmit.encode({ type: 'resubmit', port: OFPP.inPort, table: a.table, ct: false }, w);
      return;
    }
    w.u16(1);
    w.u16(8);
    w.u8(a.table);
    w.zeros(3);
  },
  forms: [],
  check(a, state) {
    const { table, nTables } = state.options;
    if ((table !== undefined && a.table <= table) || (nTables !== undefined && a.table >= nTables)) {
      throw new UserError(`goto_table:${a.table} does not go to a later table`, 'OFPBIC_BAD_TABLE_ID');
    }
    return undefined;
  },
  translate(a, x) {
    x.gotoTable(a.table);
    return undefined;
  },
};
