/** Actions that put a whole header around a packet or take one off: encap, decap, and the TTL of NSH. */

import { PROTOCOLS_OF } from '../../flow/protocols.js';
import { formatHex, get16, parseHex, put16 } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import type { ActionOf } from '../action.js';
import type { WireReader } from '../context.js';
import { type Code, numberForms, nx, nxOpenForm, putNumber } from '../emit.js';
import type { ActionRow } from '../row.js';
import { hex, parseU8, parseU16, splitItems } from '../text.js';

type Encap = ActionOf<'encap'>;
type Prop = Encap['props'][number];

/** Packet types: namespace above Ethernet type. */
const TYPES: ReadonlyMap<string, number> = new Map([
  ['ethernet', 0],
  ['nsh', 0x1894f],
  ['mpls', 0x18847],
  ['mpls_mc', 0x18848],
]);
const NAMES: ReadonlyMap<number, string> = new Map([...TYPES].map(([name, n]) => [n, name]));
/** Namespaces of packet types that OpenFlow has; all but 0 and 1 are of no use here. */
const NAMESPACES = 5;
const USE_NEXT_PROTO = 0xfffe;
const V13UP = [4, 6] as const;

/** Properties of NSH. */
const NSH_CLASS = 4;
const NSH_MD_TYPE = 1;
const NSH_TLV = 2;

function parseProp(key: string, value: string): Prop {
  if (key === 'md_type') {
    const md = parseU8(value, 'md_type');
    if (md !== 1 && md !== 2) throw new UserError('invalid md_type');
    return { class: NSH_CLASS, type: NSH_MD_TYPE, data: Uint8Array.of(md) };
  }
  if (key !== 'tlv') throw new UserError(`Invalid property: ${key}`);
  const parts = /^(0x[\da-f]+),(\d+),0x((?:[\da-f]{2})+)$/i.exec(value);
  if (!parts || value[1] !== 'x') throw new UserError(`Invalid NSH TLV header: ${value}`);
  const [, cls, type, text] = parts;
  const bytes = parseHex(text);
  // The property's length covers its padding.
  const data = new Uint8Array(Math.ceil((8 + bytes.length) / 8) * 8 - 4);
  put16(data, 0, parseU16(cls, 'tlv_class'));
  data[2] = parseU8(type, 'tlv_type');
  data[3] = bytes.length;
  data.set(bytes, 4);
  return { class: NSH_CLASS, type: NSH_TLV, data };
}

function formatProp(p: Prop): string {
  if (p.type === NSH_MD_TYPE) return `md_type=${p.data[0]}`;
  return `tlv(0x${get16(p.data, 0).toString(16).padStart(4, '0')},${p.data[2]},0x${formatHex(p.data.subarray(4, 4 + p.data[3])).replace(/^0+(?=.)/, '')})`;
}

function pullProp(r: WireReader): Prop {
  if (r.remaining < 4) throw new UserError('a property of encap is cut off', 'OFPBAC_BAD_LEN');
  const cls = r.u16();
  const type = r.u8();
  const length = r.u8();
  const padded = Math.ceil(length / 8) * 8;
  if (length < 5 || padded - 4 > r.remaining) throw new UserError('a property of encap is cut off', 'OFPBAC_BAD_LEN');
  const data = r.bytes(length - 4);
  r.skip(padded - length);
  const known = cls === NSH_CLASS && (type === NSH_MD_TYPE || type === NSH_TLV);
  if (!known) throw new UserError(`encap has an unknown property ${cls}:${type}`, 'NXBAC_UNKNOWN_ED_PROP');
  const sound = type === NSH_MD_TYPE ? data[0] === 1 || data[0] === 2 : data.length >= 4 && data[3] <= data.length - 4;
  if (!sound) throw new UserError('a property of encap has a bad value', 'NXBAC_BAD_ED_PROP');
  return { class: cls, type, data };
}

export const encap: ActionRow<Encap> = {
  type: 'encap',
  protocols: PROTOCOLS_OF.from13,
  keywords: ['encap'],
  syntax: ['encap(nsh([md_type=type][,tlv(class,type,value)]...))', 'encap(ethernet)', 'encap(mpls)', 'encap(mpls_mc)'],
  doc: 'Puts a header of this kind around the packet.',
  set: 'slot',
  parse(_key, arg) {
    const [item] = splitItems(arg);
    if (!item) throw new UserError(`Missing encap hdr: ${arg}`);
    const packetType = TYPES.get(item.key);
    if (packetType === undefined) throw new UserError(`Encap hdr not supported: ${item.arg}`);
    const props = item.key === 'nsh' ? splitItems(item.arg).map((i) => parseProp(i.key, i.arg)) : [];
    return { type: 'encap', packetType, hdrSize: 0, props };
  },
  format(a) {
    const props = a.props.length > 0 ? `(${a.props.map(formatProp).join(',')})` : '';
    return `encap(${NAMES.get(a.packetType) ?? 'UNKNOWN'}${props})`;
  },
  encode(a, w) {
    nx(w, 46, () => {
      w.u16(a.hdrSize);
      w.u32(a.packetType);
      for (const p of a.props) {
        const start = w.length;
        w.u16(p.class);
        w.u8(p.type);
        w.u8(4 + p.data.length);
        w.bytes(p.data);
        w.pad(start);
      }
    });
  },
  forms: [
    nxOpenForm(
      46,
      16,
      (r) => {
        const hdrSize = r.u16();
        const packetType = r.u32();
        if (!NAMES.has(packetType)) throw new UserError('encap of an unknown kind', 'NXBAC_BAD_HEADER_TYPE');
        const props: Prop[] = [];
        while (r.remaining > 0) props.push(pullProp(r));
        return { type: 'encap', packetType, hdrSize, props };
      },
      V13UP,
    ),
  ],
  check(a, state) {
    state.packetType = a.packetType;
    if (a.packetType >>> 16 === 1) state.ethType = a.packetType & 0xffff;
    if (!state.isIp()) state.ipProto = 0;
    return undefined;
  },
  translate: (a, x) => (x.encap(a) ? undefined : false),
};

function parseDecapType(arg: string): number {
  const [item] = splitItems(arg);
  if (!item) return USE_NEXT_PROTO;
  if (item.key !== 'packet_type') throw new UserError(`Invalid decap argument: ${item.key}`);
  const [ns, type] = splitItems(item.arg);
  if (ns?.key !== 'ns') throw new UserError('Missing packet_type attribute ns');
  const n = parseU16(ns.arg, 'ns');
  if (n >= NAMESPACES) throw new UserError(`Unsupported ns value: ${n}`);
  if (type?.key !== 'type') throw new UserError('Missing packet_type attribute type');
  return n * 0x10000 + parseU16(type.arg, 'type');
}

export const decap: ActionRow<ActionOf<'decap'>> = {
  type: 'decap',
  keywords: ['decap'],
  syntax: ['decap', 'decap(packet_type(ns=namespace,type=type))'],
  doc: 'Removes the outermost header of the packet.',
  set: 'slot',
  parse(_key, arg) {
    const packetType = parseDecapType(arg);
    return packetType === USE_NEXT_PROTO ? { type: 'decap' } : { type: 'decap', packetType };
  },
  format(a) {
    if (a.packetType === undefined) return 'decap()';
    return `decap(packet_type(ns=${a.packetType >>> 16},type=${hex(a.packetType & 0xffff)}))`;
  },
  encode(a, w) {
    nx(w, 47, () => {
      w.u16(0);
      w.u32(a.packetType ?? USE_NEXT_PROTO);
    });
  },
  forms: [
    nxOpenForm(
      47,
      16,
      (r) => {
        r.skip(2);
        const packetType = r.u32();
        if (r.remaining > 0) throw new UserError('decap takes no properties', 'NXBAC_UNKNOWN_ED_PROP');
        return packetType === USE_NEXT_PROTO ? { type: 'decap' } : { type: 'decap', packetType };
      },
      V13UP,
    ),
  ],
  check(_a, state) {
    if (state.isEthernet()) state.packetType = 0x10000 + state.ethType;
    else {
      // What comes out is known after decapsulation only: nothing that follows may depend on headers.
      state.packetType = 0xffffffff;
      state.ethType = 0xffff;
    }
    return undefined;
  },
  translate: (a, x) => (x.decap(a.packetType) ? undefined : false),
};

const DEC_NSH_TTL: readonly Code[] = [{ space: 'nx', number: 48, versions: V13UP }];
export const decNshTtl: ActionRow<ActionOf<'dec_nsh_ttl'>> = {
  type: 'dec_nsh_ttl',
  keywords: ['dec_nsh_ttl'],
  syntax: ['dec_nsh_ttl'],
  doc: 'Decrements the TTL of the NSH header.',
  set: 'slot',
  parse: () => ({ type: 'dec_nsh_ttl' }),
  format: () => 'dec_nsh_ttl',
  encode: (_a, w) => putNumber(w, DEC_NSH_TTL, 0),
  forms: numberForms<ActionOf<'dec_nsh_ttl'>>(DEC_NSH_TTL, 0, () => ({ type: 'dec_nsh_ttl' })),
  check(_a, state) {
    if (state.packetType !== 0x1894f && state.ethType !== 0x894f)
      state.inconsistent('dec_nsh_ttl needs a match on NSH');
    return undefined;
  },
  translate: (_a, x) => (x.decNshTtl() ? undefined : false),
};
