/** Actions that choose among links or ports by a hash of the packet: multipath, bundle, bundle_load. */
import { OFPP } from '../../flow/field.js';
import { UserError } from '../../lib/errors.js';
import { murmurPair } from '../../lib/hash.js';
import type { ActionOf } from '../action.js';
import type { Translator, WireReader } from '../context.js';
import { argument, nx, nxForm, nxOpenForm } from '../emit.js';
import {
  checkDestination,
  decodeOfsBits,
  encodeOfsBits,
  formatSubfield,
  lowBits,
  needsLongHeader,
  parseSubfield,
  pullShortHeader,
  putHeader,
  subfieldOf,
} from '../fields.js';
import { checkOutputPort, formatPort, port16, port32, tryPort } from '../ports.js';
import type { ActionRow, ParseCtx } from '../row.js';
import { parseLeading, splitWords } from '../text.js';
import { noteValue } from './move.js';

/** What is hashed; the number on the wire is the index. */
const HASH_FIELDS = [
  'eth_src',
  'symmetric_l4',
  'symmetric_l3l4',
  'symmetric_l3l4+udp',
  'nw_src',
  'nw_dst',
  'symmetric_l3',
];
const MULTIPATH_ALGORITHMS = ['modulo_n', 'hash_threshold', 'hrw', 'iter_hash'];
const BUNDLE_ALGORITHMS = ['active_backup', 'hrw'];
const MAX_MEMBERS = 2048;
/** Header of NXM_OF_IN_PORT: members are 16-bit ports. */
const MEMBER_TYPE = 0x00000002;

function indexOf(list: readonly string[], word: string, refusal: string): number {
  const i = list.indexOf(word.toLowerCase());
  if (i < 0) throw new UserError(refusal);
  return i;
}

function iterHash(hash: number, nLinks: number, arg: number): number {
  let modulo = arg;
  if (modulo < nLinks || modulo >>> 1 > nLinks) modulo = 2 ** Math.ceil(Math.log2(nLinks));
  for (let i = 0; ; i++) {
    const link = murmurPair(hash, i) % modulo;
    if (link < nLinks) return link;
  }
}

/** Past so many links, hrw costs too much. */
const HRW_MAX = 64;

function chooseLink(hash: number, algorithm: string, nLinks: number, arg: number): number {
  if (algorithm === 'modulo_n') return hash % nLinks;
  if (algorithm === 'hash_threshold')
    return nLinks === 1 ? 0 : Math.floor(hash / (Math.floor(0xffffffff / nLinks) + 1));
  if (algorithm === 'iter_hash' || nLinks > HRW_MAX) return iterHash(hash, nLinks, algorithm === 'iter_hash' ? arg : 0);
  let best = 0;
  for (let i = 1; i < nLinks; i++) if (murmurPair(hash, i) > murmurPair(hash, best)) best = i;
  return best;
}

export const multipath: ActionRow<ActionOf<'multipath'>> = {
  type: 'multipath',
  keywords: ['multipath'],
  syntax: ['multipath(fields,basis,algorithm,n_links,arg,dst)'],
  doc: 'Hashes the packet, chooses one of so many links by it and writes its number to a field.',
  parse(_key, arg) {
    const words = splitWords(arg, /[, ]/);
    if (words.length < 6) throw new UserError(`${arg}: not enough arguments to multipath action`);
    const [fields, basis, algorithm, links, extra, dstText] = words;
    const f = indexOf(HASH_FIELDS, fields, `${arg}: unknown fields \`${fields}'`);
    const alg = indexOf(MULTIPATH_ALGORITHMS, algorithm, `${arg}: unknown algorithm \`${algorithm}'`);
    const nLinks = parseLeading(links);
    if (nLinks < 1 || nLinks > 65536) {
      throw new UserError(`${arg}: n_links ${nLinks} is not in valid range 1 to 65536`);
    }
    const dst = shortField(arg, dstText);
    if (dst.bits < 16 && nLinks > 1 << dst.bits) {
      throw new UserError(
        `${arg}: ${dst.bits}-bit destination field has ${1 << dst.bits} possible values, less than specified n_links ${nLinks}`,
      );
    }
    return {
      type: 'multipath',
      fields: HASH_FIELDS[f],
      basis: parseLeading(basis) & 0xffff,
      algorithm: MULTIPATH_ALGORITHMS[alg],
      nLinks,
      arg: parseLeading(extra) >>> 0,
      dst,
    };
  },
  format: (a) => `multipath(${a.fields},${a.basis},${a.algorithm},${a.nLinks},${a.arg},${formatSubfield(a.dst)})`,
  encode(a, w) {
    nx(w, 10, () => {
      w.u16(HASH_FIELDS.indexOf(a.fields));
      w.u16(a.basis);
      w.u16(0);
      w.u16(MULTIPATH_ALGORITHMS.indexOf(a.algorithm));
      w.u16(a.nLinks - 1);
      w.u32(a.arg);
      w.u16(0);
      w.u16(encodeOfsBits(a.dst));
      putHeader(w, a.dst.field, 0);
    });
  },
  forms: [
    nxForm(10, 32, (r) => {
      const fields = HASH_FIELDS[r.u16()];
      const basis = r.u16();
      r.skip(2);
      const algorithm = MULTIPATH_ALGORITHMS[r.u16()];
      const nLinks = r.u16() + 1;
      const arg = r.u32();
      r.skip(2);
      const range = decodeOfsBits(r.u16());
      const dst = subfieldOf(pullShortHeader(r), range);
      argument(fields !== undefined && algorithm !== undefined, 'multipath has unknown fields or algorithm');
      argument(2 ** dst.bits >= nLinks, `multipath has too few bits for ${nLinks} links`);
      checkDestination(dst);
      return { type: 'multipath', fields, basis, algorithm, nLinks, arg, dst };
    }),
  ],
  check(a, state) {
    checkDestination(a.dst, state);
    return undefined;
  },
  translate(a, x) {
    const link = chooseLink(x.hashFields(a.fields, a.basis), a.algorithm, a.nLinks, a.arg);
    const value = BigInt(link) & lowBits(a.dst.bits);
    x.write(a.dst, value, lowBits(a.dst.bits));
    noteValue(x, a.dst);
    return undefined;
  },
};

/** A field that has a 4-byte header. */
function shortField(arg: string, text: string) {
  const dst = parseSubfield(text);
  if (needsLongHeader(dst.field)) throw new UserError(`${arg}: experimenter OXM field '${text}' not supported`);
  return dst;
}

type Bundle = ActionOf<'bundle'>;

function parseBundle(key: string, arg: string, ctx: ParseCtx): Bundle {
  const load = key === 'bundle_load';
  const words = splitWords(arg, /[, ]/);
  const at = load ? 5 : 4;
  const [fields, basis, algorithm, memberType] = words;
  if (words.length <= at) throw new UserError(`${arg}: not enough arguments to bundle action`);
  const [delimiter, first = ''] = words[at].split(':');
  if (!/^(members|slaves)$/i.test(delimiter)) {
    throw new UserError(`${arg}: missing member delimiter, expected \`members', got \`${delimiter}'`);
  }
  const f = indexOf(HASH_FIELDS, fields, `${arg}: unknown fields \`${fields}'`);
  const alg = indexOf(BUNDLE_ALGORITHMS, algorithm, `${arg}: unknown algorithm \`${algorithm}'`);
  if (memberType.toLowerCase() !== 'ofport') throw new UserError(`${arg}: unknown member_type \`${memberType}'`);
  const ports = [first, ...words.slice(at + 1)]
    .map((t) => t.replace(/[[\]]/g, ''))
    .filter((t) => t !== '')
    .slice(0, MAX_MEMBERS)
    .map((t) => {
      const port = tryPort(ctx, t);
      if (port === undefined) throw new UserError(`${t}: bad port number`);
      return port;
    });
  const a = { fields: HASH_FIELDS[f], basis: parseLeading(basis) & 0xffff, algorithm: BUNDLE_ALGORITHMS[alg], ports };
  return { type: 'bundle', ...a, ...(load ? { dst: shortField(arg, words[4]) } : {}) };
}

function decodeBundle(r: WireReader, load: boolean): Bundle {
  const algorithm = BUNDLE_ALGORITHMS[r.u16()];
  const fields = HASH_FIELDS[r.u16()];
  const basis = r.u16();
  const memberType = r.u32();
  const n = r.u16();
  const range = r.u16();
  const header = r.peek(4);
  const dst = load ? subfieldOf(pullShortHeader(r), decodeOfsBits(range)) : undefined;
  if (!load) {
    argument(range === 0 && header.every((b) => b === 0), 'bundle has a destination');
    r.skip(4);
  }
  const zero = r.u32();
  if (r.remaining < 2 * n) throw new UserError('bundle is too short for its members', 'OFPBAC_BAD_LEN');
  argument(zero === 0, 'reserved bytes of bundle are not zero');
  argument(fields !== undefined && algorithm !== undefined, 'bundle has unknown fields or algorithm');
  argument(n <= MAX_MEMBERS && memberType === MEMBER_TYPE, 'bundle has unknown or too many members');
  argument(!dst || dst.bits >= 16, 'bundle_load needs 16 bits at least');
  const ports = Array.from({ length: n }, () => port32(r.u16()));
  const a: Bundle = { type: 'bundle', fields, basis, algorithm, ports, ...(dst ? { dst } : {}) };
  checkMembers(a);
  if (dst) checkDestination(dst);
  return a;
}

function checkMembers(a: Bundle): void {
  for (const p of a.ports) {
    if (p === OFPP.controller) throw new UserError('CONTROLLER cannot be in a bundle', 'OFPBAC_BAD_OUT_PORT');
    if (p !== OFPP.none) checkOutputPort(p);
  }
}

/** The member to use, or NONE when none of them is up. */
function chooseMember(a: Bundle, x: Translator): number {
  if (a.algorithm === 'active_backup') return a.ports.find((p) => x.portIsUp(p)) ?? OFPP.none;
  const hash = x.hashFields(a.fields, a.basis);
  let best: number = OFPP.none;
  let weight = -1;
  a.ports.forEach((p, i) => {
    const mine = murmurPair(i, hash);
    if (mine > weight && x.portIsUp(p)) {
      best = p;
      weight = mine;
    }
  });
  return best;
}

export const bundle: ActionRow<Bundle> = {
  type: 'bundle',
  keywords: ['bundle', 'bundle_load'],
  syntax: [
    'bundle(fields,basis,algorithm,ofport,members:port...)',
    'bundle_load(fields,basis,algorithm,ofport,dst,members:port...)',
  ],
  doc: 'Hashes the packet, chooses a port that is up by it, and outputs to it or writes its number to a field.',
  parse: parseBundle,
  format(a, names) {
    const dst = a.dst ? `${formatSubfield(a.dst)},` : '';
    const ports = a.ports.map((p) => formatPort(p, names)).join(',');
    return `${a.dst ? 'bundle_load' : 'bundle'}(${a.fields},${a.basis},${a.algorithm},ofport,${dst}members:${ports})`;
  },
  encode(a, w) {
    nx(w, a.dst ? 13 : 12, () => {
      w.u16(BUNDLE_ALGORITHMS.indexOf(a.algorithm));
      w.u16(HASH_FIELDS.indexOf(a.fields));
      w.u16(a.basis);
      w.u32(MEMBER_TYPE);
      w.u16(a.ports.length);
      w.u16(a.dst ? encodeOfsBits(a.dst) : 0);
      if (a.dst) putHeader(w, a.dst.field, 0);
      else w.u32(0);
      w.u32(0);
      for (const p of a.ports) w.u16(port16(p));
    });
  },
  forms: [nxOpenForm(12, 32, (r) => decodeBundle(r, false)), nxOpenForm(13, 32, (r) => decodeBundle(r, true))],
  check(a, state) {
    if (a.dst) checkDestination(a.dst, state);
    checkMembers(a);
    return undefined;
  },
  translate(a, x) {
    const port = chooseMember(a, x);
    if (a.dst) {
      const value = BigInt(port16(port)) & lowBits(a.dst.bits);
      x.write(a.dst, value, lowBits(a.dst.bits));
      noteValue(x, a.dst);
    } else if (port !== OFPP.none) x.output(port, 0);
    return undefined;
  },
};
