/** Connection tracking: ct, the nat inside of it, and ct_clear. Text, wire and consistency; a switch that cannot track refuses ct. */
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from '../../lib/address.js';
import { isZero } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import type { ActionOf } from '../action.js';
import type { WireReader, WireWriter } from '../context.js';
import { ALL, argument, type Code, numberForms, nx, nxOpenForm, putNumber } from '../emit.js';
import {
  checkSource,
  decodeOfsBits,
  encodeOfsBits,
  formatSubfield,
  parseSubfield,
  pullShortHeader,
  putHeader,
  subfieldOf,
} from '../fields.js';
import { encodeList, formatNested, parseNested } from '../list.js';
import type { ActionRow, ParseCtx } from '../row.js';
import { parseU16, splitItems } from '../text.js';
import { verifyActions } from '../verify.js';

type Ct = ActionOf<'ct'>;
type Nat = ActionOf<'nat'>;

const CT_FLAG = { commit: 1, force: 2 };
const NO_TABLE = 255;
const ALGS: ReadonlyMap<string, number> = new Map([
  ['ftp', 21],
  ['tftp', 69],
]);

function parseZone(text: string): Ct['zone'] {
  if (/^(0x[0-9a-f]+|\d+)$/i.test(text)) return parseU16(text, 'zone');
  return parseSubfield(text);
}

function parseCt(arg: string, ctx: ParseCtx): Ct {
  let a: Ct = { type: 'ct', commit: false, force: false, zone: 0, alg: 0, actions: [] };
  for (const { key, arg: value } of splitItems(arg)) {
    if (key === 'commit') a = { ...a, commit: true };
    else if (key === 'force') a = { ...a, force: true };
    else if (key === 'table') {
      const table = ctx.table(value);
      if (table === NO_TABLE) throw new UserError('invalid table 0xff');
      a = { ...a, table };
    } else if (key === 'zone') a = { ...a, zone: parseZone(value) };
    else if (key === 'alg') {
      const alg = ALGS.get(value);
      if (alg === undefined) throw new UserError(`invalid conntrack helper "${value}"`);
      a = { ...a, alg };
    } else if (key === 'nat') a = { ...a, actions: [...a.actions, parseNat(value)] };
    else if (key === 'exec') a = { ...a, actions: [...a.actions, ...parseNested(value, ctx, 'ct')] };
    else throw new UserError(`invalid argument to "ct" action: \`${key}'`);
  }
  if (a.force && !a.commit) throw new UserError('"force" flag requires "commit" flag.');
  return a;
}

/** Only nat without arguments may be there without commit. */
function needsCommit(a: Ct): boolean {
  return a.actions.some((n) => n.type !== 'nat' || n.kind !== undefined || n.persistent || n.hash || n.random || n.min);
}

export const ct: ActionRow<Ct> = {
  type: 'ct',
  keywords: ['ct'],
  syntax: ['ct([argument]...)', 'ct(commit[,argument]...)'],
  doc: 'Sends the packet through the connection tracker.',
  set: 'final',
  parse: (_key, arg, ctx) => parseCt(arg, ctx),
  format(a, names) {
    const parts: string[] = [];
    if (a.commit) parts.push('commit');
    if (a.force) parts.push('force');
    if (a.table !== undefined) parts.push(`table=${a.table}`);
    if (typeof a.zone !== 'number') parts.push(`zone=${formatSubfield(a.zone)}`);
    else if (a.zone !== 0) parts.push(`zone=${a.zone}`);
    const [first, ...rest] = a.actions;
    if (first?.type === 'nat') parts.push(formatNat(first));
    const exec = first?.type === 'nat' ? rest : a.actions;
    if (exec.length > 0) parts.push(`exec(${formatNested(exec, names)})`);
    const alg = [...ALGS].find(([, port]) => port === a.alg);
    if (a.alg !== 0) parts.push(`alg=${alg?.[0] ?? a.alg}`);
    return `ct(${parts.join(',')})`;
  },
  encode(a, w) {
    nx(w, 35, () => {
      w.u16((a.commit ? CT_FLAG.commit : 0) | (a.force ? CT_FLAG.force : 0));
      if (typeof a.zone === 'number') {
        w.u32(0);
        w.u16(a.zone);
      } else {
        putHeader(w, a.zone.field, 0);
        w.u16(encodeOfsBits(a.zone));
      }
      w.u8(a.table ?? NO_TABLE);
      w.zeros(3);
      w.u16(a.alg);
      encodeList(a.actions, w);
    });
  },
  forms: [
    nxOpenForm(35, 24, (r, ctx) => {
      const flags = r.u16();
      const commit = (flags & CT_FLAG.commit) !== 0;
      const force = (flags & CT_FLAG.force) !== 0;
      argument(commit || !force, 'ct with force needs commit');
      const zone = pullZone(r);
      const table = r.u8();
      r.skip(3);
      const alg = r.u16();
      const actions = ctx.nested(r);
      verifyActions(actions, { version: r.version, instructions: false, outer: 'ct' });
      const a: Ct = { type: 'ct', commit, force, zone, alg, actions, ...(table === NO_TABLE ? {} : { table }) };
      argument(commit || !needsCommit(a), 'ct needs commit for its actions');
      return a;
    }),
  ],
  check(a, state) {
    const invalid = (state.ctState & 0x10) !== 0;
    const wrongAlg = (a.alg === 21 && state.ipProto !== 6) || (a.alg === 69 && state.ipProto !== 17);
    if (!state.isIp() || (invalid && a.commit) || wrongAlg) {
      throw new UserError('ct needs a match on IP, and on the protocol of its helper', 'OFPBAC_MATCH_INCONSISTENT');
    }
    if (typeof a.zone !== 'number') checkSource(a.zone, state);
    if (state.options.takesCt?.() === false) {
      throw new UserError('ct: connections are not tracked', 'NXBAC_CT_DATAPATH_SUPPORT');
    }
    if (typeof a.zone !== 'number') return undefined;
    return { ...a, actions: state.nested(a.actions) };
  },
  translate(_a, x) {
    x.fail('action_error');
    return false;
  },
};

function pullZone(r: WireReader): Ct['zone'] {
  if (r.peek(4).every((b) => b === 0)) {
    r.skip(4);
    return r.u16();
  }
  const row = pullShortHeader(r);
  const zone = subfieldOf(row, decodeOfsBits(r.u16()));
  checkSource(zone);
  if (zone.bits !== 16) throw new UserError('a zone of ct has 16 bits', 'OFPBAC_BAD_SET_LEN');
  return zone;
}

const NAT_FLAG = { src: 1, dst: 2, persistent: 4, hash: 8, random: 16 };
const RANGE = { v4min: 1, v4max: 2, v6min: 4, v6max: 8, portMin: 16, portMax: 32 };

const NO_NAT: Nat = { type: 'nat', persistent: false, hash: false, random: false, portMin: 0, portMax: 0 };

/** "addr", "addr1-addr2", each with ":port" or ":port1-port2". IPv6 with ports stands in brackets. */
function parseRange(text: string): Pick<Nat, 'min' | 'max' | 'portMin' | 'portMax'> {
  if (text === '') return { portMin: 0, portMax: 0 };
  const v4 = /^([\d.]+)(?:-([\d.]+))?(?::(\d+)(?:-(\d+))?)?$/.exec(text);
  const v6 = v4
    ? null
    : /^\[?([0-9a-fA-F:.]+?)\]?(?:-\[?([0-9a-fA-F:.]+?)\]?)?(?:(?<=\]):(\d+)(?:-(\d+))?)?$/.exec(text);
  const m = v4 ?? v6;
  const parse = v4 ? parseIpv4 : parseIpv6;
  const min = m ? parse(m[1]) : undefined;
  const max = m?.[2] ? parse(m[2]) : undefined;
  const portMin = Number(m?.[3] ?? 0);
  const portMax = Number(m?.[4] ?? 0);
  const bad = !m || !min || (m[2] && (!max || before(max, min))) || portMin > 0xffff || portMax > 0xffff;
  if (bad || (m[4] && portMax < portMin)) throw new UserError(`invalid nat range "${text}"`);
  return { min, portMin, portMax, ...(max ? { max } : {}) };
}

function before(a: Uint8Array, b: Uint8Array): boolean {
  const i = a.findIndex((v, at) => v !== b[at]);
  return i >= 0 && a[i] < b[i];
}

function parseNat(arg: string): Nat {
  let a = NO_NAT;
  for (const { key, arg: value } of splitItems(arg)) {
    if (key === 'src' || key === 'dst') {
      if (a.kind && a.kind !== key) throw new UserError('May only specify one of "src" or "dst".');
      a = { ...a, kind: key, ...parseRange(value) };
    } else if (key === 'persistent' || key === 'hash' || key === 'random') a = { ...a, [key]: true };
    else throw new UserError(`invalid key "${key}" in "nat" argument`);
  }
  if (!a.kind && (a.persistent || a.hash || a.random)) throw new UserError('Flags allowed only with "src" or "dst".');
  if (a.hash && a.random) throw new UserError('Both "hash" and "random" are not allowed.');
  return a;
}

function formatRange(a: Nat, min: Uint8Array): string {
  const address = (b: Uint8Array): string => {
    if (b.length === 4) return formatIpv4(b);
    return a.portMin ? `[${formatIpv6(b)}]` : formatIpv6(b);
  };
  const max = a.max && (before(min, a.max) || before(a.max, min)) ? `-${address(a.max)}` : '';
  const ports = a.portMin ? `:${a.portMin}${a.portMax && a.portMax !== a.portMin ? `-${a.portMax}` : ''}` : '';
  return `=${address(min)}${max}${ports}`;
}

function formatNat(a: Nat): string {
  if (!a.kind) return 'nat';
  if (!a.min) return `nat(${a.kind})`;
  const flags = (['persistent', 'hash', 'random'] as const).filter((f) => a[f]).map((f) => `,${f}`);
  return `nat(${a.kind}${formatRange(a, a.min)}${flags.join('')})`;
}

function putNat(w: WireWriter, a: Nat): void {
  const v4 = a.min?.length === 4;
  let range = 0;
  const min = a.min && !isZero(a.min) ? a.min : undefined;
  const max = a.max && !isZero(a.max) ? a.max : undefined;
  if (min) range |= v4 ? RANGE.v4min : RANGE.v6min;
  if (max) range |= v4 ? RANGE.v4max : RANGE.v6max;
  if (a.portMin) range |= RANGE.portMin;
  if (a.portMax) range |= RANGE.portMax;
  nx(w, 36, () => {
    w.zeros(2);
    const kind = a.kind === 'src' ? NAT_FLAG.src : a.kind === 'dst' ? NAT_FLAG.dst : 0;
    const flags = (a.persistent ? NAT_FLAG.persistent : 0) | (a.hash ? NAT_FLAG.hash : 0);
    w.u16(kind | flags | (a.random ? NAT_FLAG.random : 0));
    w.u16(range);
    if (min) w.bytes(min);
    if (max) w.bytes(max);
    if (a.portMin) w.u16(a.portMin);
    if (a.portMax) w.u16(a.portMax);
  });
}

function pullNat(r: WireReader): Nat {
  r.skip(2);
  const flags = r.u16();
  const range = r.u16();
  const has = (bit: number): boolean => (range & bit) !== 0;
  const both = (a: number, b: number): boolean => (flags & a) !== 0 && (flags & b) !== 0;
  argument(
    flags < 32 && !both(NAT_FLAG.src, NAT_FLAG.dst) && !both(NAT_FLAG.hash, NAT_FLAG.random),
    'bad flags of nat',
  );
  const v4 = has(RANGE.v4min);
  const v6 = has(RANGE.v6min);
  argument(!(v4 && (v6 || has(RANGE.v6max))), 'nat has ranges of both families');
  argument((v4 || !has(RANGE.v4max)) && (v6 || !has(RANGE.v6max)), 'nat has half a range');
  argument((v4 || v6 || !has(RANGE.portMin)) && (has(RANGE.portMin) || !has(RANGE.portMax)), 'nat has half a range');
  const take = <T>(n: number, read: () => T): T => {
    argument(r.remaining >= n, 'nat is too short for its range');
    return read();
  };
  const size = v4 ? 4 : 16;
  const min = v4 || v6 ? take(size, () => r.bytes(size)) : undefined;
  const max = has(RANGE.v4max) || has(RANGE.v6max) ? take(size, () => r.bytes(size)) : undefined;
  const portMin = has(RANGE.portMin) ? take(2, () => r.u16()) : 0;
  const portMax = has(RANGE.portMax) ? take(2, () => r.u16()) : 0;
  argument(!min || !isZero(min), 'nat has an empty range');
  argument(!min || !max || !before(max, min), 'nat has a range that ends before it starts');
  argument(!has(RANGE.portMin) || portMin !== 0, 'nat has port 0');
  argument(!has(RANGE.portMax) || portMax >= portMin, 'nat has a range that ends before it starts');
  return {
    type: 'nat',
    ...(flags & NAT_FLAG.src ? { kind: 'src' as const } : flags & NAT_FLAG.dst ? { kind: 'dst' as const } : {}),
    persistent: (flags & NAT_FLAG.persistent) !== 0,
    hash: (flags & NAT_FLAG.hash) !== 0,
    random: (flags & NAT_FLAG.random) !== 0,
    ...(min ? { min } : {}),
    ...(max ? { max } : {}),
    portMin,
    portMax,
  };
}

export const nat: ActionRow<Nat> = {
  type: 'nat',
  keywords: ['nat'],
  syntax: ['nat', 'nat(type=addrs[:ports][,flag]...)'],
  doc: 'Inside of ct: translates addresses and ports of the connection.',
  parse: (_key, arg) => parseNat(arg),
  format: formatNat,
  encode: (a, w) => putNat(w, a),
  forms: [nxOpenForm(36, 16, pullNat)],
  check(a, state) {
    const family = a.min?.length === 4 ? 0x0800 : a.min ? 0x86dd : undefined;
    if (!state.isIp() || (family !== undefined && state.ethType !== family)) {
      throw new UserError('nat needs a match on the family of its range', 'OFPBAC_MATCH_INCONSISTENT');
    }
    return undefined;
  },
  translate(_a, x) {
    x.fail('action_error');
    return false;
  },
};

const CT_CLEAR: readonly Code[] = [{ space: 'nx', number: 43, versions: ALL }];
export const ctClear: ActionRow<ActionOf<'ct_clear'>> = {
  type: 'ct_clear',
  keywords: ['ct_clear'],
  syntax: ['ct_clear'],
  doc: 'Forgets what the connection tracker said of the packet.',
  set: 'final',
  parse: () => ({ type: 'ct_clear' }),
  format: () => 'ct_clear',
  encode: (_a, w) => putNumber(w, CT_CLEAR, 0),
  forms: numberForms<ActionOf<'ct_clear'>>(CT_CLEAR, 0, () => ({ type: 'ct_clear' })),
  // No packet has been tracked, so there is nothing to forget.
  translate: () => undefined,
};
