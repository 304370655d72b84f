/**
 * The parts of a datapath flow's text that look alike: "ipv4(src=10.0.0.1/255.0.0.0,proto=6,frag=no)". A group is a list of members; each member
 * knows its place in the key and in the layout of a `set` action, so that one table serves flows and actions, printing and reading.
 */
import { formatIpv4, formatIpv6, formatMac, parseIpv4, parseIpv6, parseMac, prefixMask } from '../../lib/address.js';
import { getUint, isOnes, isZero, putUint } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import { K, type Slot } from '../../packet/key.js';

export type MemberKind = 'mac' | 'ipv4' | 'ipv6' | 'dec' | 'hex' | 'hex4' | 'frag';

export interface Member {
  readonly name: string;
  readonly kind: MemberKind;
  readonly slot: Slot;
  /** Offset and bytes in the layout of a set; absent where a set cannot have it. */
  readonly set?: readonly [offset: number, bytes: number];
  /** Bits that exist, where those are fewer than the bytes hold. */
  readonly bits?: number;
}

export interface Place {
  readonly offset: number;
  readonly bytes: number;
}

export const inKey = (m: Member): Place => m.slot;
export function inSet(m: Member): Place | undefined {
  return m.set && { offset: m.set[0], bytes: m.set[1] };
}

function part(slot: Slot, at: number, bytes: number): Slot {
  return { ...slot, offset: slot.offset + at, bytes };
}

const ports = (): Member[] => [
  { name: 'src', kind: 'dec', slot: K.tpSrc, set: [0, 2] },
  { name: 'dst', kind: 'dec', slot: K.tpDst, set: [2, 2] },
];
const icmp = (): Member[] => [
  { name: 'type', kind: 'dec', slot: part(K.tpSrc, 1, 1), set: [0, 1] },
  { name: 'code', kind: 'dec', slot: part(K.tpDst, 1, 1), set: [1, 1] },
];

/** By the word before the parenthesis. */
export const GROUPS = {
  eth: [
    { name: 'src', kind: 'mac', slot: K.ethSrc, set: [6, 6] },
    { name: 'dst', kind: 'mac', slot: K.ethDst, set: [0, 6] },
  ],
  ipv4: [
    { name: 'src', kind: 'ipv4', slot: K.nwSrc, set: [0, 4] },
    { name: 'dst', kind: 'ipv4', slot: K.nwDst, set: [4, 4] },
    { name: 'proto', kind: 'dec', slot: K.nwProto, set: [8, 1] },
    { name: 'tos', kind: 'hex', slot: K.nwTos, set: [9, 1] },
    { name: 'ttl', kind: 'dec', slot: K.nwTtl, set: [10, 1] },
    { name: 'frag', kind: 'frag', slot: K.nwFrag, set: [11, 1], bits: 2 },
  ],
  ipv6: [
    { name: 'src', kind: 'ipv6', slot: K.ipv6Src, set: [0, 16] },
    { name: 'dst', kind: 'ipv6', slot: K.ipv6Dst, set: [16, 16] },
    { name: 'label', kind: 'hex', slot: K.ipv6Label, set: [32, 4], bits: 20 },
    { name: 'proto', kind: 'dec', slot: K.nwProto, set: [36, 1] },
    { name: 'tclass', kind: 'hex', slot: K.nwTos, set: [37, 1] },
    { name: 'hlimit', kind: 'dec', slot: K.nwTtl, set: [38, 1] },
    { name: 'frag', kind: 'frag', slot: K.nwFrag, set: [39, 1], bits: 2 },
  ],
  tcp: ports(),
  udp: ports(),
  sctp: ports(),
  icmp: icmp(),
  icmpv6: icmp(),
  arp: [
    { name: 'sip', kind: 'ipv4', slot: K.nwSrc, set: [0, 4] },
    { name: 'tip', kind: 'ipv4', slot: K.nwDst, set: [4, 4] },
    { name: 'op', kind: 'dec', slot: K.nwProto, set: [8, 2] },
    { name: 'sha', kind: 'mac', slot: K.arpSha, set: [10, 6] },
    { name: 'tha', kind: 'mac', slot: K.arpTha, set: [16, 6] },
  ],
  nd: [
    { name: 'target', kind: 'ipv6', slot: K.ndTarget, set: [0, 16] },
    { name: 'sll', kind: 'mac', slot: K.arpSha, set: [16, 6] },
    { name: 'tll', kind: 'mac', slot: K.arpTha, set: [22, 6] },
  ],
  nd_ext: [
    { name: 'nd_reserved', kind: 'hex', slot: K.ndReserved, set: [0, 4] },
    { name: 'nd_options_type', kind: 'dec', slot: K.ndOptionsType, set: [4, 1] },
  ],
  nsh: [
    { name: 'flags', kind: 'dec', slot: K.nshFlags, set: [0, 1] },
    { name: 'ttl', kind: 'dec', slot: K.nshTtl, set: [1, 1] },
    { name: 'mdtype', kind: 'dec', slot: K.nshMdtype, set: [2, 1] },
    { name: 'np', kind: 'dec', slot: K.nshNp, set: [3, 1] },
    { name: 'spi', kind: 'hex', slot: part(K.nshPath, 0, 3), set: [4, 3] },
    { name: 'si', kind: 'dec', slot: part(K.nshPath, 3, 1), set: [7, 1] },
    { name: 'c1', kind: 'hex', slot: K.nshC1, set: [8, 4] },
    { name: 'c2', kind: 'hex', slot: K.nshC2, set: [12, 4] },
    { name: 'c3', kind: 'hex', slot: K.nshC3, set: [16, 4] },
    { name: 'c4', kind: 'hex', slot: K.nshC4, set: [20, 4] },
  ],
  ct_tuple4: [
    { name: 'src', kind: 'ipv4', slot: part(K.ctSrc, 0, 4) },
    { name: 'dst', kind: 'ipv4', slot: part(K.ctDst, 0, 4) },
    { name: 'proto', kind: 'dec', slot: K.ctNwProto },
    { name: 'tp_src', kind: 'dec', slot: K.ctTpSrc },
    { name: 'tp_dst', kind: 'dec', slot: K.ctTpDst },
  ],
  ct_tuple6: [
    { name: 'src', kind: 'ipv6', slot: K.ctSrc },
    { name: 'dst', kind: 'ipv6', slot: K.ctDst },
    { name: 'proto', kind: 'dec', slot: K.ctNwProto },
    { name: 'tp_src', kind: 'dec', slot: K.ctTpSrc },
    { name: 'tp_dst', kind: 'dec', slot: K.ctTpDst },
  ],
  packet_type: [
    { name: 'ns', kind: 'dec', slot: part(K.packetType, 0, 2) },
    { name: 'id', kind: 'hex', slot: part(K.packetType, 2, 2) },
  ],
} as const satisfies Record<string, readonly Member[]>;

export type GroupName = keyof typeof GROUPS;

/** The group of that name, as plain members. */
export function group(name: GroupName): readonly Member[] {
  return GROUPS[name];
}

export function isGroup(name: string): name is GroupName {
  return Object.hasOwn(GROUPS, name);
}

/** A value and a mask of the same layout. */
export interface Masked {
  readonly value: Uint8Array;
  readonly mask: Uint8Array;
  /** Say also what is not matched, with its mask of zeros. */
  readonly verbose?: boolean;
}

const hexOf = (v: number): string => (v === 0 ? '0' : `0x${v.toString(16)}`);

const NUMBER: Partial<Record<MemberKind, (v: number) => string>> = {
  dec: String,
  hex: hexOf,
  hex4: (v) => `0x${v.toString(16).padStart(4, '0')}`,
};

const ADDRESS = {
  mac: { format: formatMac, parse: parseMac },
  ipv4: { format: formatIpv4, parse: parseIpv4 },
  ipv6: { format: formatIpv6, parse: parseIpv6 },
} as const;

const FRAG_WORDS: readonly (readonly [word: string, mask: number, value: number])[] = [
  ['no', 3, 0],
  ['first', 3, 1],
  ['later', 3, 3],
  ['yes', 1, 1],
  ['not_later', 2, 0],
  ['no', 1, 0],
  ['later', 2, 2],
];

function allOf(m: Pick<Member, 'bits'>, bytes: number): number {
  return 2 ** (m.bits ?? bytes * 8) - 1;
}

/** "name=value/mask", or '' where the mask is zero. */
export function formatValue(m: Pick<Member, 'kind' | 'bits'>, d: Masked, p: Place): string {
  const { offset, bytes } = p;
  const end = offset + bytes;
  if (isZero(d.mask, offset, end) && (!d.verbose || m.kind === 'frag')) return '';
  if (m.kind === 'mac' || m.kind === 'ipv4' || m.kind === 'ipv6') {
    const { format } = ADDRESS[m.kind];
    const text = format(d.value, offset);
    return isOnes(d.mask, offset, end) ? text : `${text}/${maskText(m.kind, d.mask, offset, bytes)}`;
  }
  const value = getUint(d.value, offset, bytes);
  const mask = getUint(d.mask, offset, bytes);
  const all = allOf(m, bytes);
  if (m.kind === 'frag') {
    const known = FRAG_WORDS.find(([, k, v]) => k === (mask & 3) && v === (value & mask & 3));
    return known?.[0] ?? `error: ${hexOf(value)}`;
  }
  const text = (NUMBER[m.kind] ?? String)(value);
  if ((mask & all) >>> 0 === all) return text;
  return `${text}/${m.kind === 'hex4' ? `0x${mask.toString(16).padStart(4, '0')}` : hexOf(mask)}`;
}

/** OVS writes masks of addresses as addresses, also when they are prefixes. */
function maskText(kind: 'mac' | 'ipv4' | 'ipv6', mask: Uint8Array, offset: number, _bytes: number): string {
  return ADDRESS[kind].format(mask, offset);
}

/** "src=..,dst=.." of the members whose mask is not zero. */
export function formatMembers(members: readonly Member[], d: Masked, place: (m: Member) => Place | undefined): string {
  let s = '';
  for (const m of members) {
    const p = place(m);
    const text = p ? formatValue(m, d, p) : '';
    if (text) s += `${s ? ',' : ''}${m.name}=${text}`;
  }
  return s;
}

/** Decimal or hexadecimal. Throws UserError. */
export function parseNumber(text: string, max = 0xffffffff): number {
  const v = /^(0[xX][0-9a-fA-F]+|\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (!(v <= max)) throw new UserError(`bad number "${text}"`);
  return v;
}

/** Reads "value" or "value/mask" into its place. Throws UserError. */
export function parseValue(m: Pick<Member, 'kind' | 'bits'>, text: string, d: Masked, p: Place): void {
  const { offset, bytes } = p;
  const slash = text.indexOf('/');
  const head = slash < 0 ? text : text.slice(0, slash);
  const tail = slash < 0 ? undefined : text.slice(slash + 1);
  if (m.kind === 'mac' || m.kind === 'ipv4' || m.kind === 'ipv6') {
    const value = ADDRESS[m.kind].parse(head);
    const mask = tail === undefined ? new Uint8Array(bytes).fill(0xff) : parseAddressMask(m.kind, tail, bytes);
    if (!value || !mask) throw new UserError(`bad address "${text}"`);
    d.value.set(value, offset);
    d.mask.set(mask, offset);
    return;
  }
  const all = allOf(m, bytes);
  if (m.kind === 'frag') {
    const known = FRAG_WORDS.find(([word]) => word === text);
    if (!known) throw new UserError(`unknown fragment type "${text}"`);
    putUint(d.mask, offset, bytes, known[1]);
    putUint(d.value, offset, bytes, known[2]);
    return;
  }
  putUint(d.value, offset, bytes, parseNumber(head, all));
  putUint(d.mask, offset, bytes, tail === undefined ? all : parseNumber(tail));
}

function parseAddressMask(kind: 'mac' | 'ipv4' | 'ipv6', text: string, bytes: number): Uint8Array | undefined {
  if (kind === 'mac' || !/^\d+$/.test(text)) return ADDRESS[kind].parse(text);
  const n = Number(text);
  return n <= bytes * 8 ? prefixMask(n, bytes) : undefined;
}

/** Reads "src=..,dst=..". Throws UserError for a name that the group does not have. */
export function parseMembers(
  members: readonly Member[],
  args: string,
  d: Masked,
  place: (m: Member) => Place | undefined,
): void {
  for (const item of splitItems(args)) {
    const equals = item.indexOf('=');
    const m = members.find((x) => x.name === item.slice(0, equals));
    const p = m && place(m);
    if (!m || !p) throw new UserError(`syntax error at ${item}`);
    parseValue(m, item.slice(equals + 1), d, p);
  }
}

/** Parts of a list between commas that are not inside parentheses or braces; empty parts are left out. */
export function splitItems(text: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = text[i];
    if (c === '(' || c === '{') depth++;
    else if (c === ')' || c === '}') depth--;
    if (depth < 0) throw new UserError(`syntax error at ${text.slice(i)}`);
    if (i === text.length || (c === ',' && depth === 0)) {
      const item = text.slice(start, i).trim();
      if (item) out.push(item);
      start = i + 1;
    }
  }
  if (depth !== 0) throw new UserError(`unmatched "(" in ${text}`);
  return out;
}

/** "name(args)" or a word alone. */
export function splitCall(item: string): { readonly name: string; readonly args: string | undefined } {
  const open = item.indexOf('(');
  if (open < 0) return { name: item, args: undefined };
  if (!item.endsWith(')')) throw new UserError(`syntax error at ${item}`);
  return { name: item.slice(0, open), args: item.slice(open + 1, -1) };
}
