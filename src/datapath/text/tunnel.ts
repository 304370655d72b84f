/**
 * Text of tnl_push: "tnl_port(4789),header(size=50,type=4,eth(dst=..,src=..,dl_type=0x0800),ipv4(src=..,dst=..,proto=17,tos=0,ttl=64,frag=0x4000),
 * udp(src=0,dst=4789,csum=0x0),vxlan(flags=0x8000000,vni=0x7b)),out_port(100)".
 *
 * What a header has and text does not say is as every packet's header has it: version and length of IP, the UDP length, a checksum of zero. "bare" is
 * ours: a header that goes around a packet without its Ethernet header says what that packet is, which is a type in the header; Geneve's has
 * no word in the text of Open vSwitch, so "proto" is ours, too. So is "mtu(1500)" or "mtu(1500,cut)" at the end, where it is known what the tunnel's
 * way takes.
 */
import { formatIpv4, formatIpv6, formatMac, parseIpv4, parseIpv6, parseMac } from '../../lib/address.js';
import { formatHex, get16, get32, isZero, parseHex, put16, put32 } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import { K } from '../../packet/key.js';
import { IP_PROTO } from '../../packet/wire/wire.js';
import { type DpAction, isGre, TUNNEL_KINDS, type TunnelKind, type TunnelOptionPlace } from '../action.js';
import { type Masked, parseNumber, splitItems } from './members.js';
import { wideHex } from './special.js';

type Push = Extract<DpAction, { type: 'tnl_push' }>;

const ETH = 14;
const ETHERNET_INSIDE = 0x6558;
const GRE = { checksum: 0x8000, key: 0x2000, sequence: 0x1000 } as const;
const MAX_HEADER = 512;

const hex = (v: number): string => `0x${v.toString(16)}`;
const hexOrZero = (v: number): string => (v === 0 ? '0' : hex(v));

export function formatPush(a: Push, portName: (vport: number) => string): string {
  const { header: h } = a;
  const v6 = get16(h, 12) === 0x86dd;
  const l4 = ETH + (v6 ? 40 : 20);
  const type = get16(h, 12).toString(16).padStart(4, '0');
  const eth = `eth(dst=${formatMac(h, 0)},src=${formatMac(h, 6)},dl_type=0x${type})`;
  const rest = [eth, v6 ? ipv6Text(h) : ipv4Text(h), ...(isGre(a.kind) ? [greText(h, l4)] : udpText(h, l4, a.kind))];
  return `tnl_push(tnl_port(${portName(a.port)}),header(size=${h.length},type=${TUNNEL_KINDS[a.kind]},${rest.join(',')}),out_port(${portName(a.out)})${fitText(a)})`;
}

function fitText({ fit }: Push): string {
  if (!fit) return '';
  return `,mtu(${fit.mtu}${fit.cut ? ',cut' : ''}${fit.answer === undefined ? '' : `,in_key=${fit.answer}`})`;
}

function ipv4Text(h: Uint8Array): string {
  return `ipv4(src=${formatIpv4(h, ETH + 12)},dst=${formatIpv4(h, ETH + 16)},proto=${h[ETH + 9]},tos=${hexOrZero(h[ETH + 1])},ttl=${h[ETH + 8]},frag=${hex(get16(h, ETH + 6))})`;
}

function ipv6Text(h: Uint8Array): string {
  const first = get32(h, ETH);
  return `ipv6(src=${formatIpv6(h, ETH + 8)},dst=${formatIpv6(h, ETH + 24)},label=${first & 0xfffff},proto=${h[ETH + 6]},tclass=${hex((first >>> 20) & 0xff)},hlimit=${h[ETH + 7]})`;
}

function udpText(h: Uint8Array, at: number, kind: TunnelKind): string[] {
  const udp = `udp(src=${get16(h, at)},dst=${get16(h, at + 2)},csum=${hex(get16(h, at + 6))})`;
  const vni = hex(get32(h, at + 12) >>> 8);
  if (kind === 'vxlan') return [udp, `vxlan(flags=${hex(get32(h, at + 8))},vni=${vni})`];
  const bits = h[at + 9];
  const options = optionsText(h, at + 16);
  const proto = get16(h, at + 10);
  return [
    udp,
    `geneve(${bits & 0x80 ? 'oam,' : ''}${bits & 0x40 ? 'crit,' : ''}${proto === ETHERNET_INSIDE ? '' : `proto=${hex(proto)},`}vni=${vni}${options ? `,options(${options})` : ''})`,
  ];
}

function optionText(optionClass: number, optionType: number, length: number, data: string): string {
  return `{class=${hexOrZero(optionClass)},type=${hexOrZero(optionType)},len=${length}${data}}`;
}

/** The options of a key of which something is matched, '' where nothing is. What a packet has beside them is not known to its flow. */
export function formatOptions(d: Masked, options: readonly TunnelOptionPlace[]): string {
  let out = '';
  const seen = new Set<number>();
  for (const { optionClass, optionType, length, offset, index } of options) {
    if (seen.has(index)) continue;
    seen.add(index);
    const at = K.tunMetadata.offset + offset;
    const isMatched = !isZero(d.mask, at, at + length);
    const present = K.tunMdPresent.offset + 7 - (index >> 3);
    if (!isMatched && (d.mask[present] & d.value[present] & (1 << (index & 7))) === 0) continue;
    out += optionText(optionClass, optionType, length, isMatched ? `,${wideHex(d, at, length)}` : '');
  }
  return out === '' ? '' : `geneve(${out})`;
}

function optionsText(h: Uint8Array, from: number): string {
  let out = '';
  for (let at = from; at < h.length; ) {
    const length = (h[at + 3] & 0x1f) * 4;
    const data = formatHex(h.subarray(at + 4, at + 4 + length)).replace(/^0+(?=.)/, '');
    out += optionText(get16(h, at), h[at + 2], length, length ? `,0x${data}` : '');
    at += 4 + length;
  }
  return out;
}

function greText(h: Uint8Array, at: number): string {
  const flags = get16(h, at);
  const words: string[] = [];
  let field = at + 4;
  const next = (name: string, bytes: number): void => {
    words.push(`,${name}=${hex(bytes === 2 ? get16(h, field) : get32(h, field))}`);
    field += 4;
  };
  if (flags & GRE.checksum) next('csum', 2);
  if (flags & GRE.key) next('key', 4);
  if (flags & GRE.sequence) next('seq', 4);
  return `gre((flags=${hex(flags)},proto=${hex(get16(h, at + 2))})${words.join('')})`;
}

/** A list of "name=value", words without a value, and calls, by name. */
function fields(args: string | undefined): Map<string, string> {
  const out = new Map<string, string>();
  for (const item of splitItems(args ?? '')) {
    const m = /^([a-z_]+\d?)(?:=(.*)|\((.*)\))?$/s.exec(item);
    if (!m) throw new UserError(`syntax error at ${item}`);
    out.set(m[1], m[2] ?? m[3] ?? '');
  }
  return out;
}

function need<T>(value: T | undefined, item: string): T {
  if (value === undefined) throw new UserError(`syntax error at ${item}`);
  return value;
}

/** Throws UserError. `vport` reads a number or name. */
export function parsePush(args: string, item: string, vport: (text: string) => number): Push {
  const parts = fields(args);
  const inside = fields(need(parts.get('header'), item));
  const number = (name: string, most: number): number => parseNumber(need(inside.get(name), item), most);
  const type = number('type', 255);
  const kind = need(
    (Object.keys(TUNNEL_KINDS) as TunnelKind[]).find((k) => TUNNEL_KINDS[k] === type),
    item,
  );
  const h = new Uint8Array(number('size', MAX_HEADER));
  const l4 = ETH + (inside.has('ipv6') ? 40 : 20);
  if (h.length < l4 + 4 || (!isGre(kind) && h.length < l4 + 16)) throw new UserError(`size is too small in ${item}`);
  parseOuter(h, inside, item);
  const bare = isGre(kind) ? parseGre(h, l4, need(inside.get('gre'), item), item) : parseUdp(h, l4, inside, kind, item);
  const port = vport(need(parts.get('tnl_port'), item));
  const out = vport(need(parts.get('out_port'), item));
  const fit = parseFit(parts.get('mtu'), item);
  return { type: 'tnl_push', port, kind, bare, header: h, out, ...(fit ? { fit } : {}) };
}

function parseFit(text: string | undefined, item: string): Push['fit'] {
  if (text === undefined) return undefined;
  const [mtu, ...words] = text.split(',');
  const cut = words[0] === 'cut';
  const key = words[cut ? 1 : 0];
  if (words.length > (cut ? 2 : 1) || (key !== undefined && !key.startsWith('in_key=')))
    throw new UserError(`"cut" and "in_key=" are all that may follow the MTU in ${item}`);
  const answer = key?.slice('in_key='.length);
  const fit = { mtu: parseNumber(mtu, 0xffff), cut };
  if (answer === undefined) return fit;
  return { ...fit, answer: answer === 'none' ? 'none' : parseNumber(answer, 0xffffffff) };
}

function parseOuter(h: Uint8Array, inside: Map<string, string>, item: string): void {
  const eth = fields(need(inside.get('eth'), item));
  h.set(need(parseMac(need(eth.get('dst'), item)), item), 0);
  h.set(need(parseMac(need(eth.get('src'), item)), item), 6);
  put16(h, 12, parseNumber(need(eth.get('dl_type'), item), 0xffff));
  const v6 = inside.get('ipv6');
  const ip = fields(v6 ?? need(inside.get('ipv4'), item));
  const number = (name: string, most: number): number => parseNumber(need(ip.get(name), item), most);
  const parse = v6 === undefined ? parseIpv4 : parseIpv6;
  const at = ETH + (v6 === undefined ? 12 : 8);
  const src = need(parse(need(ip.get('src'), item)), item);
  h.set(src, at);
  h.set(need(parse(need(ip.get('dst'), item)), item), at + src.length);
  if (v6 === undefined) {
    h[ETH] = 0x45;
    h[ETH + 1] = number('tos', 0xff);
    put16(h, ETH + 6, number('frag', 0xffff));
    h[ETH + 8] = number('ttl', 0xff);
    h[ETH + 9] = number('proto', 0xff);
  } else {
    put32(h, ETH, (0x60000000 | (number('tclass', 0xff) << 20) | number('label', 0xfffff)) >>> 0);
    h[ETH + 6] = number('proto', 0xff);
    h[ETH + 7] = number('hlimit', 0xff);
  }
  if (h[ETH + (v6 === undefined ? 9 : 6)] !== (inside.has('gre') ? IP_PROTO.gre : IP_PROTO.udp)) {
    throw new UserError(`the protocol is not the tunnel's in ${item}`);
  }
}

function parseGre(h: Uint8Array, at: number, args: string, item: string): boolean {
  const m = need(/^\(flags=([^,]+),proto=([^)]+)\)(?:,(.*))?$/.exec(args) ?? undefined, item);
  const flags = parseNumber(m[1], 0xffff);
  const proto = parseNumber(m[2], 0xffff);
  const rest = fields(m[3]);
  put16(h, at, flags);
  put16(h, at + 2, proto);
  let field = at + 4;
  for (const [bit, name] of [
    [GRE.checksum, 'csum'],
    [GRE.key, 'key'],
    [GRE.sequence, 'seq'],
  ] as const) {
    if (!(flags & bit)) continue;
    const v = parseNumber(need(rest.get(name), item), name === 'csum' ? 0xffff : 0xffffffff);
    if (field + 4 > h.length) throw new UserError(`size is too small in ${item}`);
    put32(h, field, name === 'csum' ? v * 0x10000 : v);
    field += 4;
  }
  if (field !== h.length) throw new UserError(`size is not that of the header in ${item}`);
  return proto !== ETHERNET_INSIDE;
}

function parseUdp(h: Uint8Array, at: number, inside: Map<string, string>, kind: TunnelKind, item: string): boolean {
  const udp = fields(need(inside.get('udp'), item));
  for (const [name, offset] of [
    ['src', 0],
    ['dst', 2],
    ['csum', 6],
  ] as const) {
    put16(h, at + offset, parseNumber(need(udp.get(name), item), 0xffff));
  }
  const tunnel = fields(need(inside.get(kind), item));
  const vni = parseNumber(need(tunnel.get('vni'), item), 0xffffff);
  put32(h, at + 12, vni * 256);
  if (kind === 'vxlan') {
    put32(h, at + 8, parseNumber(need(tunnel.get('flags'), item), 0xffffffff));
    if (h.length !== at + 16) throw new UserError(`size is not that of the header in ${item}`);
    return (h[at + 8] & 0x04) !== 0 && h[at + 11] !== 3;
  }
  parseOptions(h, at + 16, tunnel.get('options') ?? '', item);
  h[at + 8] = (h.length - at - 16) / 4;
  h[at + 9] = (tunnel.has('oam') ? 0x80 : 0) | (tunnel.has('crit') ? 0x40 : 0);
  const proto = tunnel.get('proto');
  put16(h, at + 10, proto === undefined ? ETHERNET_INSIDE : parseNumber(proto, 0xffff));
  return get16(h, at + 10) !== ETHERNET_INSIDE;
}

function parseOptions(h: Uint8Array, from: number, text: string, item: string): void {
  let at = from;
  for (const option of text === '' ? [] : text.slice(1, -1).split('}{')) {
    const m = need(/^class=([^,]+),type=([^,]+),len=([^,]+)(?:,0x([0-9a-fA-F]+))?$/.exec(option) ?? undefined, item);
    const length = parseNumber(m[3], 124);
    const data = parseHex((m[4] ?? '').padStart(length * 2, '0'));
    if (at + 4 + length > h.length || data.length !== length || length % 4 !== 0) {
      throw new UserError(`options do not fit in ${item}`);
    }
    put16(h, at, parseNumber(m[1], 0xffff));
    h[at + 2] = parseNumber(m[2], 0xff);
    h[at + 3] = length / 4;
    h.set(data, at + 4);
    at += 4 + length;
  }
  if (at !== h.length) throw new UserError(`size is not that of the header in ${item}`);
}
