/** The learn action: a flow that makes flows out of the packets it sees. */
import type { FieldRow, Subfield } from '../../flow/field.js';
import { fieldByAnyName } from '../../flow/fields.js';
import { Match } from '../../flow/match.js';
import { getBig, putBig } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import type { ActionOf, LearnItem, LearnSpec } from '../action.js';
import { CheckState } from '../check-state.js';
import type { WireReader, WireWriter } from '../context.js';
import { argument, mustBeZero, nx, nxOpenForm } from '../emit.js';
import {
  checkDestination,
  checkSource,
  formatSubfield,
  formatValue,
  isWhole,
  lowBits,
  needsLongHeader,
  noMask,
  parseSubfield,
  parseValue,
  pullHeader,
  pullShortHeader,
  putHeader,
  whole,
} from '../fields.js';
import { addToMatch } from '../learn.js';
import type { ActionRow, ParseCtx } from '../row.js';
import { hex, parseInteger, parseU16, parseU32, parseU64, splitItems } from '../text.js';
import { parseMove } from './move.js';

type Learn = ActionOf<'learn'>;

const FLAG = { sendFlowRem: 1, deleteLearned: 2, writeResult: 4 };
const DEFAULT_PRIORITY = 32768;
/** Bits of a specification's header: source is a constant; what becomes of it; its width. */
const SPEC = { immediate: 1 << 13, match: 0, load: 1 << 11, output: 2 << 11, kind: 3 << 11, bits: 0x7ff };

/** Fields that learn can name have a 4-byte header. */
function short(f: Subfield, orig: string, text: string): Subfield {
  if (needsLongHeader(f.field)) throw new UserError(`${orig}: experimenter OXM field '${text}' not supported`);
  return f;
}

function parseLoad(arg: string): LearnItem {
  const at = arg.indexOf('->');
  if (at < 0) throw new UserError(`load: missing \`->' in \`${arg}'`);
  const source = arg.slice(0, at);
  if (source === '') throw new UserError(`load: missing source before \`->' in \`${arg}'`);
  const value = parseInteger(source);
  if (value === undefined) {
    if (/^\d/.test(source)) throw new UserError(`load: garbage before \`->' in \`${arg}'`);
    const m = parseMove(arg);
    return { kind: 'load', src: m.src, dst: m.dst };
  }
  const dstText = arg.slice(at + 2);
  const dst = short(parseSubfield(dstText), arg, dstText);
  if (value < 0n || value > lowBits(dst.bits)) throw new UserError(`${arg}: value does not fit into ${dst.bits} bits`);
  return { kind: 'load', src: value, dst };
}

/** "field=value", "field=src" or "field". */
function parseMatch(orig: string, name: string, value: string, ctx: ParseCtx): LearnItem {
  const row = fieldByAnyName(name);
  const dst = row ? whole(row) : short(parseSubfield(name), orig, name);
  if (value === '') return { kind: 'match', dst, src: dst };
  if (row && !namesField(value)) return { kind: 'match', dst, src: constant(`${orig}: ${name}`, row, value, ctx) };
  const number = row ? undefined : parseInteger(value);
  if (number !== undefined) {
    if (number < 0n || number > lowBits(dst.bits)) {
      throw new UserError(`${orig}: ${name} value ${value} does not fit into ${dst.bits} bits`);
    }
    return { kind: 'match', dst, src: number };
  }
  const src = short(parseSubfield(value), orig, value);
  if (src.bits !== dst.bits) {
    throw new UserError(`${orig}: bit widths of ${name} (${src.bits}) and ${value} (${dst.bits}) differ`);
  }
  return { kind: 'match', dst, src };
}

const namesField = (text: string): boolean => fieldByAnyName(text.replace(/\[.*/, '')) !== undefined;

/** A constant without a mask in the field's format. */
/** `what` begins the refusal. */
function constant(what: string, row: FieldRow, text: string, ctx: ParseCtx): bigint {
  const faults: string[] = [];
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (e) {
      if (!(e instanceof UserError)) throw e;
      faults.push(e.message);
      return undefined;
    }
  };
  attempt(() => parseSubfield(text));
  const v = attempt(() => {
    const { value, mask } = parseValue(row, text, ctx);
    // The words for fragments speak of two bits, which are all there are.
    const all = row.format === 'frag' ? row.valid : noMask(row);
    if (mask !== all && mask !== noMask(row)) throw new UserError(`${text}: wildcards not allowed here`);
    return value;
  });
  if (v !== undefined) return v;
  throw new UserError(
    `${what} value ${text} cannot be parsed as a subfield (${faults[0]}) or an immediate value (${faults[1]})`,
  );
}

function parseItem(orig: string, name: string, value: string, ctx: ParseCtx): LearnItem {
  if (name === 'load') return parseLoad(value);
  if (name === 'output') return { kind: 'output', src: parseSubfield(value) };
  if (!fieldByAnyName(name.replace(/\[.*/, ''))) throw new UserError(`${orig}: unknown keyword ${name}`);
  return parseMatch(orig, name, value, ctx);
}

/** Arguments about the flow as a whole. */
const OPTIONS: Readonly<Record<string, (text: string, ctx: ParseCtx, orig: string) => Partial<LearnSpec>>> = {
  table(text, ctx, orig) {
    const table = ctx.table(text);
    if (table === 255) throw new UserError(`${orig}: table id 255 not valid for \`learn' action`);
    return { table };
  },
  priority: (text) => ({ priority: parseU16(text, 'priority') }),
  idle_timeout: (text) => ({ idleTimeout: parseU16(text, 'idle_timeout') }),
  hard_timeout: (text) => ({ hardTimeout: parseU16(text, 'hard_timeout') }),
  fin_idle_timeout: (text) => ({ finIdleTimeout: parseU16(text, 'fin_idle_timeout') }),
  fin_hard_timeout: (text) => ({ finHardTimeout: parseU16(text, 'fin_hard_timeout') }),
  cookie: (text) => ({ cookie: parseU64(text) }),
  limit: (text) => ({ limit: parseU32(text) }),
  send_flow_rem: () => ({ sendFlowRem: true }),
  delete_learned: () => ({ deleteLearned: true }),
  result_dst(text) {
    const resultDst = parseSubfield(text);
    if (resultDst.bits !== 1) throw new UserError("result_dst in 'learn' action must be a single bit");
    return { resultDst };
  },
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function emptySpec(): Mutable<LearnSpec> {
  return {
    idleTimeout: 0,
    hardTimeout: 0,
    priority: DEFAULT_PRIORITY,
    cookie: 0n,
    table: 1,
    finIdleTimeout: 0,
    finHardTimeout: 0,
    sendFlowRem: false,
    deleteLearned: false,
    limit: 0,
    items: [],
  };
}

function formatItem(item: LearnItem, names?: ReadonlyMap<number, string>): string {
  if (item.kind === 'output') return `output:${formatSubfield(item.src)}`;
  const dst = formatSubfield(item.dst);
  if (item.kind === 'load') {
    return `load:${typeof item.src === 'bigint' ? hex(item.src) : formatSubfield(item.src)}->${dst}`;
  }
  if (typeof item.src === 'bigint') {
    const { field } = item.dst;
    return isWhole(item.dst)
      ? `${field.name}=${formatValue(field, item.src, noMask(field), names)}`
      : `${dst}=${hex(item.src)}`;
  }
  const same = item.src.field === item.dst.field && item.src.ofs === item.dst.ofs;
  return same ? dst : `${dst}=${formatSubfield(item.src)}`;
}

function format(a: Learn, names?: ReadonlyMap<number, string>): string {
  const s = a.spec;
  const parts = [`table=${s.table}`];
  if (s.idleTimeout) parts.push(`idle_timeout=${s.idleTimeout}`);
  if (s.hardTimeout) parts.push(`hard_timeout=${s.hardTimeout}`);
  if (s.finIdleTimeout) parts.push(`fin_idle_timeout=${s.finIdleTimeout}`);
  if (s.finHardTimeout) parts.push(`fin_hard_timeout=${s.finHardTimeout}`);
  if (s.priority !== DEFAULT_PRIORITY) parts.push(`priority=${s.priority}`);
  if (s.sendFlowRem) parts.push('send_flow_rem');
  if (s.deleteLearned) parts.push('delete_learned');
  if (s.cookie !== 0n) parts.push(`cookie=${hex(s.cookie)}`);
  if (s.limit) parts.push(`limit=${s.limit}`);
  if (s.resultDst) parts.push(`result_dst=${formatSubfield(s.resultDst)}`);
  return `learn(${[...parts, ...s.items.map((i) => formatItem(i, names))].join(',')})`;
}

function putItem(w: WireWriter, item: LearnItem): void {
  const bits = item.kind === 'output' ? item.src.bits : item.dst.bits;
  const constant = typeof item.src === 'bigint';
  w.u16(bits | SPEC[item.kind] | (constant ? SPEC.immediate : 0));
  if (typeof item.src === 'bigint') {
    const bytes = new Uint8Array(2 * Math.ceil(bits / 16));
    putBig(bytes, 0, bytes.length, item.src);
    w.bytes(bytes);
  } else {
    putHeader(w, item.src.field, 0);
    w.u16(item.src.ofs);
  }
  if (item.kind === 'output') return;
  putHeader(w, item.dst.field, 0);
  w.u16(item.dst.ofs);
}

function encode(a: Learn, w: WireWriter): void {
  const s = a.spec;
  const second = a.wire === 'learn2' || s.limit !== 0 || s.resultDst !== undefined;
  nx(w, second ? 45 : 16, () => {
    w.u16(s.idleTimeout);
    w.u16(s.hardTimeout);
    w.u16(s.priority);
    w.u64(s.cookie);
    const flags = (s.sendFlowRem ? FLAG.sendFlowRem : 0) | (s.deleteLearned ? FLAG.deleteLearned : 0);
    w.u16(flags | (s.resultDst ? FLAG.writeResult : 0));
    w.u8(s.table);
    w.u8(0);
    w.u16(s.finIdleTimeout);
    w.u16(s.finHardTimeout);
    if (second) {
      w.u32(s.limit);
      w.u16(s.resultDst?.ofs ?? 0);
      w.u16(0);
      if (s.resultDst) putHeader(w, s.resultDst.field, 0);
    }
    for (const item of s.items) putItem(w, item);
  });
}

function pullSubfield(r: WireReader, bits: number): Subfield {
  const field = pullShortHeader(r);
  const f = { field, ofs: r.u16(), bits };
  checkSource(f);
  return f;
}

function pullItem(r: WireReader, header: number): LearnItem {
  const bits = header & SPEC.bits;
  const kind = header & SPEC.kind;
  const constant = (header & SPEC.immediate) !== 0;
  argument(kind !== SPEC.kind && !(kind === SPEC.output && constant), 'learn has an unknown specification');
  const constantBytes = 2 * Math.ceil(bits / 16);
  const need = (constant ? constantBytes : 6) + (kind === SPEC.output ? 0 : 6);
  if (r.remaining < need) throw new UserError('a specification of learn is cut off', 'OFPBAC_BAD_LEN');
  const src = constant ? getBig(r.bytes(constantBytes), 0, constantBytes) : pullSubfield(r, bits);
  if (kind === SPEC.output && typeof src !== 'bigint') return { kind: 'output', src };
  const dst = pullSubfield(r, bits);
  const value = typeof src === 'bigint' ? src & lowBits(bits) : src;
  return { kind: kind === SPEC.load ? 'load' : 'match', dst, src: value };
}

function decode(outer: WireReader, second: boolean): Learn {
  const r = outer.sub(outer.remaining, 'OFPBAC_BAD_LEN');
  const s = emptySpec();
  const head = r.peek(30);
  if (second && (head[28] !== 0 || head[29] !== 0))
    throw new UserError('learn has reserved bytes', 'NXBAC_MUST_BE_ZERO');
  s.idleTimeout = r.u16();
  s.hardTimeout = r.u16();
  s.priority = r.u16();
  s.cookie = r.u64();
  const flags = r.u16();
  s.table = r.u8();
  argument(r.u8() === 0 && s.table !== 255, 'learn has a bad table or padding');
  s.finIdleTimeout = r.u16();
  s.finHardTimeout = r.u16();
  const known = FLAG.sendFlowRem | FLAG.deleteLearned | (second ? FLAG.writeResult : 0);
  argument((flags & ~known) === 0, 'learn has unknown flags');
  s.sendFlowRem = (flags & FLAG.sendFlowRem) !== 0;
  s.deleteLearned = (flags & FLAG.deleteLearned) !== 0;
  if (second) {
    s.limit = r.u32();
    const ofs = r.u16();
    r.skip(2);
    if (flags & FLAG.writeResult) {
      s.resultDst = { field: pullHeader(r), ofs, bits: 1 };
      checkDestination(s.resultDst);
    } else argument(ofs === 0, 'learn has an offset for no field');
  }
  const items: LearnItem[] = [];
  while (r.remaining >= 2) {
    const header = r.u16();
    if (header === 0) break;
    items.push(pullItem(r, header));
  }
  mustBeZero(r, 'OFPBAC_BAD_ARGUMENT');
  s.items = items;
  return { type: 'learn', spec: s, ...(second ? { wire: 'learn2' as const } : {}) };
}

/** Sources must be in the packets of this flow, destinations in those of the flow to be. */
function check(a: Learn, state: CheckState): undefined {
  const made = new Match();
  for (const item of a.spec.items) {
    if (typeof item.src !== 'bigint') checkSource(item.src, state);
    if (item.kind === 'output') continue;
    const learned = new CheckState(made, state.options, () => []);
    if (item.kind === 'load') checkDestination(item.dst, learned);
    else {
      checkSource(item.dst, learned);
      if (typeof item.src === 'bigint') addToMatch(made, item.dst, item.src);
    }
  }
  if (a.spec.resultDst) checkDestination(a.spec.resultDst, state);
  return undefined;
}

export const learn: ActionRow<Learn> = {
  type: 'learn',
  keywords: ['learn'],
  syntax: ['learn(argument...)'],
  doc: 'Adds or modifies a flow, made of constants and of fields of the packet.',
  parse(_key, arg, ctx) {
    const s = emptySpec();
    const items: LearnItem[] = [];
    for (const { key, arg: value } of splitItems(arg)) {
      if (Object.hasOwn(OPTIONS, key)) Object.assign(s, OPTIONS[key](value, ctx, arg));
      else items.push(parseItem(arg, key, value, ctx));
    }
    s.items = items;
    return { type: 'learn', spec: s };
  },
  format,
  encode,
  forms: [nxOpenForm(16, 32, (r) => decode(r, false)), nxOpenForm(45, 40, (r) => decode(r, true))],
  check,
  translate(a, x) {
    x.learn(a.spec);
    return undefined;
  },
};
