/**
 * Writing constants to fields: set_field, load, and (set-mod.ts) the mod_ family. One row, because they are one thing to the pipeline;
 * the form says how it was written, since text and wire keep to it.
 */
import { ConstantWrite, mayBeConstant } from '../../flow/constant.js';
import type { Subfield } from '../../flow/field.js';
import { fieldByName } from '../../flow/fields.js';
import { fieldProtocols } from '../../flow/protocols.js';
import { UserError } from '../../lib/errors.js';
import type { CheckState } from '../check-state.js';
import type { ParseCtx, Translator, WireReader, WireWriter } from '../context.js';
import { argument, mustBeZero, nx, nxForm, nxOpenForm, ofForm, std } from '../emit.js';
import {
  allBits,
  checkDestination,
  decodeOfsBits,
  encodeOfsBits,
  formatSubfield,
  formatValue,
  lowBits,
  needsLongHeader,
  noMask,
  parseSubfield,
  parseValue,
  pullEntry,
  pullShortHeader,
  putEntry,
  putHeader,
  subfieldOf,
  whole,
} from '../fields.js';
import type { ActionRow } from '../row.js';
import { hex, parseInteger, splitArrow } from '../text.js';
import { MOD_BY_FORM, MOD_BY_KEYWORD, MODS, modAction, type SetAction } from './set-mod.js';

function mod(a: SetAction) {
  return MOD_BY_FORM.get(a.form);
}

function parseSetField(arg: string, ctx: ParseCtx): SetAction {
  const { value: text, dst } = splitArrow(arg);
  const row = fieldByName(dst);
  if (!row) throw new UserError(`${dst} is not a valid OXM field name`);
  if (!row.writable) throw new UserError(`${dst} is read-only`);
  const { value, mask } = parseValue(row, text, ctx);
  if (ctx.usable) ctx.usable.protocols &= fieldProtocols(row, 'exact');
  return { type: 'set_field', dst: whole(row), value, mask, form: 'set_field' };
}

function parseLoad(arg: string): SetAction {
  const { value: text, dst: name } = splitArrow(arg);
  const dst = parseSubfield(name);
  const value = parseInteger(text);
  if (value === undefined || value < 0n || value > lowBits(8 * dst.field.bytes)) {
    throw new UserError(`${arg}: cannot parse integer value`);
  }
  if (value > lowBits(dst.bits)) {
    const shown = formatValue(dst.field, value, noMask(dst.field));
    throw new UserError(`${arg}: value ${shown} does not fit into ${dst.bits} bits`);
  }
  return { type: 'set_field', dst, value, mask: lowBits(dst.bits), form: 'load' };
}

/** Runs of bits that are written, lowest first, none wider than the 64 bits of a reg_load. */
function segments(a: SetAction): { dst: Subfield; value: bigint }[] {
  const mask = a.mask << BigInt(a.dst.ofs);
  const value = a.value << BigInt(a.dst.ofs);
  const out: { dst: Subfield; value: bigint }[] = [];
  const isSet = (bit: number): boolean => (mask >> BigInt(bit)) % 2n === 1n;
  for (let ofs = 0; ofs < a.dst.field.bits; ) {
    if (!isSet(ofs)) {
      ofs++;
      continue;
    }
    let bits = 1;
    while (bits < 64 && ofs + bits < a.dst.field.bits && isSet(ofs + bits)) bits++;
    out.push({ dst: { field: a.dst.field, ofs, bits }, value: (value >> BigInt(ofs)) & lowBits(bits) });
    ofs += bits;
  }
  return out;
}

/** As extension actions: reg_load, or reg_load2 where reg_load has no room for the field's header. */
function putLoads(w: WireWriter, a: SetAction): void {
  const row = a.dst.field;
  if (a.form === 'load2' || needsLongHeader(row) || row.tunMetadata !== undefined) {
    nx(w, 33, () => putEntry(w, row, 0, a.value << BigInt(a.dst.ofs), fieldMask(a)));
    return;
  }
  for (const s of segments(a)) {
    nx(w, 7, () => {
      w.u16(encodeOfsBits(s.dst));
      putHeader(w, row, 0);
      w.u64(s.value);
    });
  }
}

/** The mask in the bits of the whole field. That of a load says which bits even where it covers all of the field. */
function fieldMask(a: SetAction): bigint {
  return a.mask << BigInt(a.dst.ofs);
}

/** The actions of 1.0 and 1.1 for a set of a whole field, by field. */
const LEGACY: ReadonlyMap<string, { form: Parameters<typeof modAction>[0]; field: string; shift: bigint }> = new Map(
  [
    { name: 'vlan_vid', form: 'set_vlan_vid' as const, field: 'vlan_vid' },
    { name: 'vlan_pcp', form: 'set_vlan_pcp' as const, field: 'vlan_pcp' },
    { name: 'eth_src', form: 'mod_dl_src' as const, field: 'eth_src' },
    { name: 'eth_dst', form: 'mod_dl_dst' as const, field: 'eth_dst' },
    { name: 'ip_src', form: 'mod_nw_src' as const, field: 'ip_src' },
    { name: 'ip_dst', form: 'mod_nw_dst' as const, field: 'ip_dst' },
    { name: 'nw_tos', form: 'mod_nw_tos' as const, field: 'nw_tos' },
    { name: 'ip_dscp', form: 'mod_nw_tos' as const, field: 'nw_tos', shift: 2n },
    { name: 'nw_ecn', form: 'mod_nw_ecn' as const, field: 'nw_ecn' },
    { name: 'tcp_src', form: 'mod_tp_src' as const, field: 'tcp_src' },
    { name: 'udp_src', form: 'mod_tp_src' as const, field: 'tcp_src' },
    { name: 'tcp_dst', form: 'mod_tp_dst' as const, field: 'tcp_dst' },
    { name: 'udp_dst', form: 'mod_tp_dst' as const, field: 'tcp_dst' },
  ].map(({ name, shift, ...m }) => [name, { ...m, shift: shift ?? 0n }]),
);

function putLegacy(w: WireWriter, a: SetAction): void {
  const name = a.dst.field.name;
  const full = (fieldMask(a) & a.dst.field.valid) === a.dst.field.valid;
  const legacy = LEGACY.get(name);
  if (full && legacy) {
    const value = name === 'vlan_vid' ? a.value & 0xfffn : a.value << legacy.shift;
    MOD_BY_FORM.get(legacy.form)?.encode(modAction(legacy.form, legacy.field, value), w);
  } else if (full && name === 'vlan_tci') {
    putTci(w, Number(a.value), a.flowHasVlan === true);
  } else {
    putLoads(w, a);
  }
}

/** vlan_tci: a tag with these bits, or none where the tag bit is 0. */
function putTci(w: WireWriter, tci: number, hasVlan: boolean): void {
  if (!(tci & 0x1000)) {
    std(w, w.version === 1 ? 3 : 18);
    return;
  }
  if (w.version > 1 && !hasVlan) std(w, 17, () => w.u16(0x8100));
  std(w, 1, () => w.u16(tci & 0xfff));
  std(w, 2, () => w.u8(tci >> 13));
}

function decodeSetField(r: WireReader, mayMask: boolean): SetAction {
  const { row, value, mask } = asSetError(() => pullEntry(r, mayMask));
  const bad = (what: string): never => {
    throw new UserError(what, 'OFPBAC_BAD_SET_ARGUMENT');
  };
  for (; r.remaining > 0; ) if (r.u8() !== 0) bad('a set_field is not padded with zeros');
  if (row.name === 'in_port_oxm') bad('set_field may not write in_port');
  if (!row.writable) bad(`${row.name} is read-only`);
  const needsTag = row.name === 'vlan_vid' && !(value & mask & 0x1000n);
  if ((value & ~row.valid) !== 0n || needsTag) bad(`not a value of ${row.name}`);
  return { type: 'set_field', dst: whole(row), value, mask, form: 'set_field' };
}

/** A mask where none may be has an error code of its own in set_field. */
function asSetError<T>(fn: () => T): T {
  try {
    return fn();
  } catch (e) {
    if (e instanceof UserError && e.ofError === 'OFPBMC_BAD_MASK')
      throw new UserError(e.message, 'OFPBAC_BAD_SET_MASK');
    throw e;
  }
}

/** Of actions that ran: learned ones run once and are not worth working out. */
const writes = new WeakMap<SetAction, ConstantWrite | 'once'>();

function writeSet(a: SetAction, x: Translator): void {
  let known = writes.get(a);
  if (known === undefined || !mayBeConstant(a.dst)) {
    if (known === undefined) writes.set(a, 'once');
    return x.write(a.dst, a.value, a.mask & allBits(a.dst));
  }
  if (known === 'once') {
    known = new ConstantWrite(a.dst, a.value, a.mask & allBits(a.dst));
    writes.set(a, known);
  }
  x.writeConstant(known);
}

function check(a: SetAction, state: CheckState): SetAction | undefined {
  const m = mod(a);
  if (m) return m.check(a, state);
  const name = a.dst.field.name;
  if (!state.has(a.dst.field) || (name === 'vlan_vid' && !state.hasVlan())) {
    throw new UserError(`set_field ${name} lacks correct prerequisites`, 'OFPBAC_MATCH_INCONSISTENT');
  }
  const flowHasVlan = state.hasVlan();
  if (name === 'vlan_tci') state.setTci(Number((a.value << BigInt(a.dst.ofs)) & 0xffffn));
  return { ...a, flowHasVlan };
}

export const setField: ActionRow<SetAction> = {
  type: 'set_field',
  precedent: true,
  keywords: ['set_field', 'load', ...MODS.flatMap((m) => m.keywords)],
  syntax: [
    'set_field:value[/mask]->field',
    'load:value->field',
    ...MODS.flatMap((m) => m.keywords.map((k) => `${k}:value`)),
  ],
  doc: 'Writes a constant to a field, or to the bits of it that a mask has ones in.',
  set: 'sequence',
  parse(key, arg, ctx) {
    const m = MOD_BY_KEYWORD.get(key);
    if (m) return modAction(m.form, m.field, m.parse(arg));
    return key === 'load' ? parseLoad(arg) : parseSetField(arg, ctx);
  },
  format(a, names) {
    const m = mod(a);
    if (m) return `${m.keywords[0]}:${m.format(a.value)}`;
    if (a.form === 'load') {
      return segments(a)
        .map((s) => `load:${hex(s.value)}->${formatSubfield(s.dst)}`)
        .join(',');
    }
    const value = a.value << BigInt(a.dst.ofs);
    return `set_field:${formatValue(a.dst.field, value, fieldMask(a), names)}->${a.dst.field.name}`;
  },
  encode(a, w) {
    const m = mod(a);
    if (m) m.encode(a, w);
    else if (w.version >= 6)
      std(w, 25, () => putEntry(w, a.dst.field, w.version, a.value << BigInt(a.dst.ofs), fieldMask(a)));
    else if (a.form !== 'set_field') putLoads(w, a);
    else if (w.version <= 2) putLegacy(w, a);
    else if (fieldMask(a) === noMask(a.dst.field))
      std(w, 25, () => putEntry(w, a.dst.field, w.version, a.value, fieldMask(a)));
    else putLoads(w, a);
  },
  forms: [
    ...MODS.flatMap((m) => m.forms),
    ofForm(25, [3, 5], 8, (r) => decodeSetField(r, false), true),
    ofForm(25, [6, 6], 8, (r) => decodeSetField(r, true), true),
    {
      ...nxForm(7, 24, (r): SetAction => {
        const range = decodeOfsBits(r.u16());
        const dst = subfieldOf(pullShortHeader(r), range);
        checkDestination(dst);
        const value = r.u64();
        argument(value <= lowBits(dst.bits), 'a load has a value wider than its field');
        return { type: 'set_field', dst, value, mask: lowBits(dst.bits), form: 'load' };
      }),
      to: 5,
    },
    {
      ...nxOpenForm(33, 16, (r): SetAction => {
        const { row, value, mask } = pullEntry(r, true);
        mustBeZero(r, 'OFPBAC_BAD_SET_ARGUMENT');
        if (!row.writable) throw new UserError(`${row.name} is read-only`, 'OFPBAC_BAD_SET_ARGUMENT');
        return { type: 'set_field', dst: whole(row), value, mask, form: 'load2' };
      }),
      to: 5,
    },
  ],
  check,
  translate(a, x) {
    const m = mod(a);
    if (m) m.translate(a, x);
    else if (x.prerequisitesHold(a.dst)) writeSet(a, x);
    else x.note(() => `>> unmet prerequisites for ${a.dst.field.name}, set_field ignored`);
    return undefined;
  },
};
