import { unreachable } from '../lib/errors.js';
import {
  type DpAction,
  OP,
  SET_KIND_NAMES,
  TUNNEL_KINDS,
  type TunnelFit,
  type TunnelFormat,
  type UserCookie,
} from './action.js';

/** Grows as needed; one may be kept and reset, so that encoding makes no garbage per flow. */
export class WordWriter {
  words = new Uint32Array(256);
  length = 0;

  reset(): void {
    this.length = 0;
  }

  push(word: number): void {
    if (this.length === this.words.length) {
      const bigger = new Uint32Array(this.words.length * 2);
      bigger.set(this.words);
      this.words = bigger;
    }
    this.words[this.length++] = word;
  }

  /** Bytes in order, padded with zeros to a word. */
  bytes(b: Uint8Array): void {
    for (let i = 0; i < b.length; i += 4) {
      this.push((b[i] | ((b[i + 1] ?? 0) << 8) | ((b[i + 2] ?? 0) << 16) | ((b[i + 3] ?? 0) << 24)) >>> 0);
    }
  }

  /** A view of what was written; valid until the next push. */
  view(): Uint8Array {
    return new Uint8Array(this.words.buffer, 0, this.length * 4);
  }
}

/**
 * Writes the binary form of src/datapath/action.ts. Payload words by op:
 * output: port · set: kind, byte length, value bytes, mask bytes · push_vlan: tpid << 16 | tci · push_mpls: lse, ethType ·
 * pop_mpls: whole << 16 | ethType · add_mpls: lse, whole << 16 | ethType · push_eth: addresses · push_nsh: byte length, header · recirc: id · hash: alg (0 l4, 1 sym_l4), basis · trunc: maxLen · clone: actions · sample: probability, actions ·
 * userspace: byte length of cookie, cookie bytes · check_pkt_len: length, words of the first list, greater list, lessEqual list ·
 * meter: id · drop: reason · tnl_push: port, out, kind | bare << 8 | cut << 9 | answer << 10 | keyed answer << 11 | mtu << 16, byte length, key of answers, header · tnl_pop: port, kind | TUNNEL_POP bits << 8, then two words an
 * option: class << 16 | type << 8 | length, offset << 16 | index.
 */
export function encodeActions(w: WordWriter, actions: readonly DpAction[]): void {
  for (const a of actions) {
    const start = w.length;
    w.push(0);
    encodePayload(w, a);
    w.words[start] = (OP[a.type] | ((w.length - start) << 16)) >>> 0;
  }
}

const withWhole = (a: { readonly ethType: number; readonly whole?: boolean }): number =>
  (a.whole ? 0x10000 : 0) | a.ethType;

function encodePayload(w: WordWriter, a: DpAction): void {
  switch (a.type) {
    case 'output':
      return w.push(a.port);
    case 'set':
      w.push(SET_KIND_NAMES.indexOf(a.kind));
      w.push(a.value.length);
      w.bytes(a.value);
      return w.bytes(a.mask);
    case 'push_vlan':
      return w.push(((a.tpid << 16) | a.tci) >>> 0);
    case 'pop_vlan':
    case 'pop_eth':
    case 'pop_nsh':
      return;
    case 'push_eth':
      return w.bytes(a.addresses);
    case 'push_nsh':
      w.push(a.header.length);
      return w.bytes(a.header);
    case 'push_mpls':
      w.push(a.lse);
      return w.push(a.ethType);
    case 'pop_mpls':
      return w.push(withWhole(a));
    case 'add_mpls':
      w.push(a.lse);
      return w.push(withWhole(a));
    case 'recirc':
      return w.push(a.id);
    case 'hash':
      w.push(a.alg === 'l4' ? 0 : 1);
      return w.push(a.basis);
    case 'trunc':
      return w.push(a.maxLen);
    case 'clone':
      return encodeActions(w, a.actions);
    case 'sample':
      w.push(a.probability);
      return encodeActions(w, a.actions);
    case 'userspace': {
      const cookie = encodeCookie(a.cookie);
      w.push(cookie.length);
      return w.bytes(cookie);
    }
    case 'check_pkt_len': {
      w.push(a.length);
      const at = w.length;
      w.push(0);
      encodeActions(w, a.greater);
      w.words[at] = w.length - at - 1;
      return encodeActions(w, a.lessEqual);
    }
    case 'meter':
      return w.push(a.id);
    case 'tnl_push':
      w.push(a.port);
      w.push(a.out);
      w.push((TUNNEL_KINDS[a.kind] | (a.bare ? 0x100 : 0) | fitBits(a.fit)) >>> 0);
      w.push(a.header.length);
      w.push(typeof a.fit?.answer === 'number' ? a.fit.answer : 0);
      return w.bytes(a.header);
    case 'tnl_pop':
      w.push(a.port);
      return encodeFormat(w, a.tunnel);
    case 'drop':
      return w.push(a.reason);
    default:
      return unreachable(a);
  }
}

function fitBits(fit: TunnelFit | undefined): number {
  if (!fit) return 0;
  const answer = fit.answer === undefined ? 0 : fit.answer === 'none' ? 0x400 : 0xc00;
  return (fit.cut ? 0x200 : 0) | answer | (fit.mtu << 16);
}

/** Bits above the kind. */
const TUNNEL_POP = { gbp: 1, gpe: 2, bare: 4 } as const;

function encodeFormat(w: WordWriter, f: TunnelFormat): void {
  const bits = (f.gbp ? TUNNEL_POP.gbp : 0) | (f.gpe ? TUNNEL_POP.gpe : 0) | (f.bare ? TUNNEL_POP.bare : 0);
  w.push(TUNNEL_KINDS[f.kind] | (bits << 8));
  for (const o of f.options) {
    w.push(((o.optionClass << 16) | (o.optionType << 8) | o.length) >>> 0);
    w.push(((o.offset << 16) | o.index) >>> 0);
  }
}

const COOKIE_TYPES = ['controller', 'slow_path', 'sflow', 'ipfix', 'flow_sample'] as const;

/** Cookie bytes, little-endian: u8 type, then by type. */
export function encodeCookie(c: UserCookie): Uint8Array {
  if (c.type === 'controller') {
    const v = new DataView(new ArrayBuffer(16));
    v.setUint8(0, 0);
    v.setUint8(1, (c.dontSend ? 1 : 0) | (c.continuation ? 2 : 0));
    v.setUint8(2, c.reason);
    v.setUint16(4, c.maxLen, true);
    v.setUint16(6, c.controllerId, true);
    v.setUint32(8, c.stateId, true);
    return new Uint8Array(v.buffer);
  }
  if (c.type === 'slow_path') {
    const v = new DataView(new ArrayBuffer(8));
    v.setUint8(0, 1);
    v.setUint32(4, c.reasons, true);
    return new Uint8Array(v.buffer);
  }
  const out = new Uint8Array(1 + c.data.length);
  out[0] = COOKIE_TYPES.indexOf(c.type);
  out.set(c.data, 1);
  return out;
}

/** The inverse of encodeCookie. Undefined when the bytes are not a cookie of ours. */
export function decodeCookie(b: Uint8Array): UserCookie | undefined {
  const v = new DataView(b.buffer, b.byteOffset, b.byteLength);
  if (b.length >= 12 && b[0] === 0) {
    return {
      type: 'controller',
      dontSend: (b[1] & 1) !== 0,
      continuation: (b[1] & 2) !== 0,
      reason: b[2],
      maxLen: v.getUint16(4, true),
      controllerId: v.getUint16(6, true),
      stateId: v.getUint32(8, true),
    };
  }
  if (b.length >= 8 && b[0] === 1) return { type: 'slow_path', reasons: v.getUint32(4, true) };
  const type = COOKIE_TYPES[b[0]];
  if (type === 'sflow' || type === 'ipfix' || type === 'flow_sample') return { type, data: b.slice(1) };
  return undefined;
}
