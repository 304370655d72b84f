/** Groups whose text is not a plain list of members: VLAN tags, MPLS label stacks, tunnels. */
import { get16, get32, isZero, put16, put32 } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import { type FlagNames, formatFlagsMasked, parseFlags } from '../../lib/flags.js';
import { K, LINE_BYTES, type Slot, TUN_FLAG, VLAN_CFI } from '../../packet/key.js';
import {
  formatMembers,
  formatValue,
  type Masked,
  type Member,
  type Place,
  parseMembers,
  parseNumber,
  parseValue,
  splitCall,
  splitItems,
} from './members.js';

/** "vid=5,pcp=3", with masks where they are partial; what is 0 and not looked at is left out. The tag's presence bit is 1 in text that does not say cfi=0. */
export function formatTci(tci: number, mask: number, verbose = false): string {
  const out: string[] = [];
  const vid = mask & 0xfff;
  const pcp = (mask >> 13) & 7;
  if (vid || verbose || tci & 0xfff) out.push(`vid=${tci & 0xfff}${vid === 0xfff ? '' : `/0x${vid.toString(16)}`}`);
  if (pcp || verbose || tci & 0xe000) out.push(`pcp=${(tci >> 13) & 7}${pcp === 7 ? '' : `/0x${pcp.toString(16)}`}`);
  if (mask & VLAN_CFI && (tci & VLAN_CFI) === 0) out.push('cfi=0');
  return out.join(',');
}

/** Value and mask of "vid=..,pcp=..,cfi=..". Throws UserError. */
export function parseTci(args: string): { value: number; mask: number } {
  let value = VLAN_CFI;
  let mask = VLAN_CFI;
  for (const item of splitItems(args)) {
    const [name, text] = item.split('=');
    const [v, k] = (text ?? '').split('/');
    const place = name === 'vid' ? ([0, 0xfff] as const) : name === 'pcp' ? ([13, 7] as const) : ([12, 1] as const);
    if (name !== 'vid' && name !== 'pcp' && name !== 'cfi') throw new UserError(`syntax error at ${item}`);
    const bits = place[1] << place[0];
    value = (value & ~bits) | (parseNumber(v, place[1]) << place[0]);
    mask = (mask & ~bits) | ((k === undefined ? place[1] : parseNumber(k, place[1])) << place[0]);
  }
  return { value: value & mask, mask };
}

/** Name, shift, bits, and whether the mask is written with "0x". */
const LSE = [
  ['label', 12, 0xfffff, true],
  ['tc', 9, 7, false],
  ['ttl', 0, 0xff, true],
  ['bos', 8, 1, false],
] as const;

/** "label=5,tc=0,ttl=64,bos=1"; with a partial mask every part has its own, as OVS writes it. */
export function formatLse(lse: number, mask = 0xffffffff): string {
  return LSE.map(([name, shift, bits, ox]) => {
    const v = (lse >>> shift) & bits;
    const m = ((mask >>> shift) & bits).toString(16);
    return mask === 0xffffffff ? `${name}=${v}` : `${name}=${v}/${ox ? `0x${m}` : m}`;
  }).join(',');
}

/** Label stack entries, outermost first. A second label= begins the next entry. Throws UserError. */
export function parseLses(args: string): { value: number; mask: number }[] {
  const out: { value: number; mask: number }[] = [];
  for (const item of splitItems(args)) {
    const [name, text] = item.split('=');
    const row = LSE.find(([n]) => n === name);
    if (!row || text === undefined) throw new UserError(`syntax error at ${item}`);
    if (name === 'label' || out.length === 0) out.push({ value: 0, mask: 0 });
    const [v, m] = text.split('/');
    const last = out[out.length - 1];
    const [, shift, bits] = row;
    // Masks are hexadecimal with or without "0x".
    const mask = m === undefined ? bits : Number.parseInt(m, 16) & bits;
    last.value = (last.value | ((parseNumber(v, bits) & mask) << shift)) >>> 0;
    last.mask = (last.mask | (mask << shift)) >>> 0;
  }
  return out;
}

/** The bit of a label that has none below it. */
const BOTTOM = 0x100;
export const MPLS_SLOTS: readonly Slot[] = [K.mplsLse0, K.mplsLse1, K.mplsLse2];

/** All labels that there are, if one of them is looked at. */
export function formatMplsKey(d: Masked): string {
  const isMasked = (s: Slot): boolean => !isZero(d.mask, s.offset, s.offset + 4);
  if (!d.verbose && !MPLS_SLOTS.some(isMasked)) return '';
  const bottom = MPLS_SLOTS.findIndex((s) => get32(d.value, s.offset) & BOTTOM);
  return MPLS_SLOTS.filter(
    (s, i) => isMasked(s) || i <= bottom || (bottom < 0 && !isZero(d.value, s.offset, s.offset + 4)),
  )
    .map((s) => formatLse(get32(d.value, s.offset), get32(d.mask, s.offset)))
    .join(',');
}

export function parseMplsKey(args: string, d: Masked): void {
  const entries = parseLses(args);
  if (entries.length > MPLS_SLOTS.length) throw new UserError(`more than ${MPLS_SLOTS.length} MPLS labels`);
  entries.forEach((e, i) => {
    put32(d.value, MPLS_SLOTS[i].offset, e.value);
    put32(d.mask, MPLS_SLOTS[i].offset, e.mask);
  });
}

export const TUNNEL_WORDS: FlagNames = { kind: 'tunnel', names: ['df', 'csum', 'key', 'oam', 'udp'] };

const TUNNEL: readonly Member[] = [
  { name: 'src', kind: 'ipv4', slot: K.tunSrc },
  { name: 'dst', kind: 'ipv4', slot: K.tunDst },
  { name: 'ipv6_src', kind: 'ipv6', slot: K.tunIpv6Src },
  { name: 'ipv6_dst', kind: 'ipv6', slot: K.tunIpv6Dst },
  { name: 'tos', kind: 'hex', slot: K.tunTos },
  { name: 'ttl', kind: 'dec', slot: K.tunTtl },
];
const GBP: readonly Member[] = [
  { name: 'id', kind: 'dec', slot: K.tunGbpId },
  { name: 'flags', kind: 'hex', slot: K.tunGbpFlags },
];
const ERSPAN: readonly Member[] = [
  { name: 'ver', kind: 'dec', slot: K.tunErspanVer },
  { name: 'idx', kind: 'hex', slot: K.tunErspanIdx, bits: 20 },
  { name: 'dir', kind: 'dec', slot: K.tunErspanDir },
  { name: 'hwid', kind: 'hex', slot: K.tunErspanHwid },
];
const GTPU: readonly Member[] = [
  { name: 'flags', kind: 'hex', slot: K.tunGtpuFlags },
  { name: 'msgtype', kind: 'dec', slot: K.tunGtpuMsgtype },
];

/** Where a tunnel slot stands in a `set` of kind tunnel: line 3, the tunnel bytes of line 2, lines 5 to 8. */
export function tunnelInSet(slot: Slot): Place {
  const { offset, bytes } = slot;
  const line = Math.floor(offset / LINE_BYTES);
  if (line === 3) return { offset: offset - 3 * LINE_BYTES, bytes };
  if (line === 2) return { offset: LINE_BYTES + offset - K.tunErspanIdx.offset, bytes };
  return { offset: LINE_BYTES + 9 + offset - K.tunMetadata.offset, bytes };
}

/** What stands in "tunnel(...)", '' when nothing is matched. `place` says where slots are; `options` is their text. */
export function formatTunnel(d: Masked, place: (s: Slot) => Place, options = ''): string {
  const at = (m: Member): Place => place(m.slot);
  const out: string[] = [];
  const id = place(K.tunId).offset;
  const words = place(K.tunFlags).offset;
  // A packet that is known to come without a key has none to tell of.
  const keyless = get16(d.mask, words) & ~get16(d.value, words) & TUN_FLAG.key && isZero(d.value, id, id + 8);
  if (!keyless && !isZero(d.mask, id, id + 8)) out.push(`tun_id=${wideHex(d, id, 8)}`);
  const plain = formatMembers(TUNNEL, d, at);
  if (plain) out.push(plain);
  const gbp = formatMembers(GBP, d, at);
  if (gbp) out.push(`vxlan(gbp(${gbp}))`);
  if (options) out.push(options);
  const erspan = formatMembers(ERSPAN, d, at);
  if (erspan) out.push(`erspan(${erspan})`);
  const gtpu = formatMembers(GTPU, d, at);
  if (gtpu) out.push(`gtpu(${gtpu})`);
  const mask = get16(d.mask, words);
  if (mask) out.push(`flags(${formatFlagsMasked(get16(d.value, words), mask, 0xffff, TUNNEL_WORDS)})`);
  return out.join(',');
}

/** Throws UserError. */
export function parseTunnel(args: string, d: Masked, place: (s: Slot) => Place): void {
  const at = (m: Member): Place => place(m.slot);
  for (const item of splitItems(args)) {
    if (item.startsWith('tun_id=')) parseWide(item.slice(7), d, place(K.tunId).offset, 8);
    else if (item.includes('=') && !item.includes('(')) parseMembers(TUNNEL, item, d, at);
    else parseTunnelPart(item, d, place, at);
  }
}

function parseTunnelPart(item: string, d: Masked, place: (s: Slot) => Place, at: (m: Member) => Place): void {
  const { name, args } = splitCall(item);
  if (name === 'flags') {
    const all = /^[+-]/.test(args ?? '');
    const f = parseFlags(args || '0', TUNNEL_WORDS);
    const offset = place(K.tunFlags).offset;
    put16(d.value, offset, f.value);
    put16(d.mask, offset, all ? f.mask : 0xffff);
  } else if (name === 'vxlan') {
    const inner = splitCall(args ?? '');
    if (inner.name !== 'gbp') throw new UserError(`syntax error at ${item}`);
    parseMembers(GBP, inner.args ?? '', d, at);
  } else if (name === 'erspan') parseMembers(ERSPAN, args ?? '', d, at);
  else if (name === 'gtpu') parseMembers(GTPU, args ?? '', d, at);
  else throw new UserError(`syntax error at ${item}`);
}

function bigAt(b: Uint8Array, at: number, bytes: number): bigint {
  let v = 0n;
  for (let i = at; i < at + bytes; i++) v = (v << 8n) | BigInt(b[i]);
  return v;
}

const bigHex = (v: bigint): string => (v === 0n ? '0' : `0x${v.toString(16)}`);

/** A number wider than 32 bits: "0x5", "0x5/0xff". */
export function wideHex(d: Masked, at: number, bytes: number): string {
  const mask = bigAt(d.mask, at, bytes);
  const text = bigHex(bigAt(d.value, at, bytes));
  return mask === (1n << BigInt(bytes * 8)) - 1n ? text : `${text}/${bigHex(mask)}`;
}

export function parseWide(text: string, d: Masked, at: number, bytes: number): void {
  const [value, mask] = text.split('/');
  const put = (b: Uint8Array, s: string): void => {
    if (!/^(0[xX][0-9a-fA-F]+|\d+)$/.test(s)) throw new UserError(`bad number "${text}"`);
    let v = BigInt(s);
    if (v >= 1n << BigInt(bytes * 8)) throw new UserError(`number too large: "${text}"`);
    for (let i = at + bytes - 1; i >= at; i--) {
      b[i] = Number(v & 0xffn);
      v >>= 8n;
    }
  };
  put(d.value, value);
  if (mask === undefined) d.mask.fill(0xff, at, at + bytes);
  else put(d.mask, mask);
}

/** A scalar in parentheses: "skb_mark(0x5/0xff)". */
export const formatScalar = formatValue;
export const parseScalar = parseValue;
