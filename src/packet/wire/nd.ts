/** Neighbor solicitation and advertisement: RFC 4861. Their ICMPv6 header is part of them. */
import { get32, put32 } from '../../lib/bytes.js';
import { ICMP, ICMPV6_TYPE, icmp } from './icmp.js';
import { take, type Wire } from './wire.js';

export const ND = { reserved: 4, target: 8, options: 24, bytes: 24 } as const;
export const ND_OPTION = { sourceLink: 1, targetLink: 2 } as const;

export class NdView {
  constructor(
    readonly bytes: Uint8Array,
    readonly at: number,
    /** End of the options. */
    readonly end: number,
  ) {}
  get type(): number {
    return this.bytes[this.at];
  }
  /** The flags word: router, solicited, override are its top bits. */
  get reserved(): number {
    return get32(this.bytes, this.at + ND.reserved);
  }
  get target(): Uint8Array {
    return this.bytes.subarray(this.at + ND.target, this.at + ND.options);
  }
  /** Link address of the first option of this type, if it has one of 6 bytes. */
  linkAddress(type: number): Uint8Array | undefined {
    for (let o = this.at + ND.options; this.end - o >= 8; o += this.bytes[o + 1] * 8) {
      const n = this.bytes[o + 1] * 8;
      if (n === 0 || n > this.end - o) return undefined;
      if (this.bytes[o] === type && n === 8) return this.bytes.subarray(o + 2, o + 8);
    }
    return undefined;
  }
}

export function ndView(bytes: Uint8Array, at: number, end = bytes.length): NdView | undefined {
  if (end - at < ND.bytes || bytes[at + ICMP.code] !== 0) return undefined;
  const type = bytes[at];
  const known = type === ICMPV6_TYPE.neighborSolicit || type === ICMPV6_TYPE.neighborAdvert;
  return known ? new NdView(bytes, at, end) : undefined;
}

export interface Nd {
  readonly type: typeof ICMPV6_TYPE.neighborSolicit | typeof ICMPV6_TYPE.neighborAdvert;
  readonly reserved: number;
  /** 16 bytes. */
  readonly target: Uint8Array;
  /** Options whole, in order: type, and the bytes after type and length (6 more than a multiple of 8). */
  readonly options: readonly { readonly type: number; readonly body: Uint8Array }[];
}

export const nd: Wire<Nd> = {
  parse(bytes, at, end) {
    const v = ndView(bytes, at, end);
    if (!v) return undefined;
    const options: { type: number; body: Uint8Array }[] = [];
    let o = at + ND.options;
    while (o < end) {
      const n = end - o < 8 ? 0 : bytes[o + 1] * 8;
      if (n === 0 || n > end - o) return undefined;
      options.push({ type: bytes[o], body: take(bytes, o + 2, n - 2) });
      o += n;
    }
    const type = v.type === ICMPV6_TYPE.neighborSolicit ? ICMPV6_TYPE.neighborSolicit : ICMPV6_TYPE.neighborAdvert;
    return { type, reserved: v.reserved, target: take(v.target, 0, 16), options };
  },
  length: (value) => value.options.reduce<number>((n, o) => n + 2 + o.body.length, ND.bytes),
  emit(value, out, at) {
    icmp.emit({ type: value.type, code: 0, rest: 0 }, out, at);
    put32(out, at + ND.reserved, value.reserved);
    out.set(value.target, at + ND.target);
    let o = at + ND.options;
    for (const option of value.options) {
      out[o] = option.type;
      out[o + 1] = (option.body.length + 2) / 8;
      out.set(option.body, o + 2);
      o += option.body.length + 2;
    }
  },
  seal: icmp.seal,
};
