/** ICMP (RFC 792), and ICMPv6 (RFC 4443) whose header is the same and whose checksum has a pseudo-header. IGMP has the same shape. */
import { get32, put16, put32 } from '../../lib/bytes.js';
import { addBytes, finish } from '../checksum.js';
import type { Wire } from './wire.js';

export const ICMP = { type: 0, code: 1, checksum: 2, rest: 4, bytes: 8 } as const;
export const ICMP_TYPE = { echoReply: 0, unreachable: 3, echo: 8, timeExceeded: 11 } as const;
export const ICMPV6_TYPE = {
  unreachable: 1,
  tooBig: 2,
  timeExceeded: 3,
  echo: 128,
  echoReply: 129,
  routerSolicit: 133,
  routerAdvert: 134,
  neighborSolicit: 135,
  neighborAdvert: 136,
} as const;

export class IcmpView {
  constructor(
    readonly bytes: Uint8Array,
    readonly at: number,
  ) {}
  get type(): number {
    return this.bytes[this.at];
  }
  get code(): number {
    return this.bytes[this.at + ICMP.code];
  }
  /** The second word: id and sequence number of an echo, MTU of an error, flags of an advertisement. */
  get rest(): number {
    return get32(this.bytes, this.at + ICMP.rest);
  }
}

export function icmpView(bytes: Uint8Array, at: number, end = bytes.length): IcmpView | undefined {
  return end - at < ICMP.bytes ? undefined : new IcmpView(bytes, at);
}

export interface Icmp {
  readonly type: number;
  readonly code: number;
  /** The second word, unsigned. */
  readonly rest: number;
}

export const icmp: Wire<Icmp> = {
  parse(bytes, at, end) {
    const v = icmpView(bytes, at, end);
    return v && { type: v.type, code: v.code, rest: v.rest };
  },
  length: () => ICMP.bytes,
  emit(value, out, at) {
    out[at] = value.type;
    out[at + ICMP.code] = value.code;
    put16(out, at + ICMP.checksum, 0);
    put32(out, at + ICMP.rest, value.rest);
  },
  seal(out, at, end, pseudo) {
    put16(out, at + ICMP.checksum, 0);
    put16(out, at + ICMP.checksum, finish(addBytes(pseudo, out, at, end)));
  },
};
