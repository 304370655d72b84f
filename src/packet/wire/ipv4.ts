/** IPv4: RFC 791. */
import { get16, put16 } from '../../lib/bytes.js';
import { checksum } from '../checksum.js';
import { take, type Wire } from './wire.js';

export const IPV4 = {
  versionIhl: 0,
  tos: 1,
  totalLength: 2,
  id: 4,
  fragment: 6,
  ttl: 8,
  proto: 9,
  checksum: 10,
  src: 12,
  dst: 16,
  options: 20,
  bytes: 20,
} as const;
export const IPV4_DF = 0x4000;
export const IPV4_MF = 0x2000;

export class Ipv4View {
  constructor(
    readonly bytes: Uint8Array,
    readonly at: number,
  ) {}
  /** Bytes, options included. */
  get headerLength(): number {
    return (this.bytes[this.at] & 0x0f) * 4;
  }
  get tos(): number {
    return this.bytes[this.at + IPV4.tos];
  }
  get totalLength(): number {
    return get16(this.bytes, this.at + IPV4.totalLength);
  }
  get id(): number {
    return get16(this.bytes, this.at + IPV4.id);
  }
  get dontFragment(): boolean {
    return (get16(this.bytes, this.at + IPV4.fragment) & IPV4_DF) !== 0;
  }
  get moreFragments(): boolean {
    return (get16(this.bytes, this.at + IPV4.fragment) & IPV4_MF) !== 0;
  }
  /** In bytes. */
  get fragmentOffset(): number {
    return (get16(this.bytes, this.at + IPV4.fragment) & 0x1fff) * 8;
  }
  get ttl(): number {
    return this.bytes[this.at + IPV4.ttl];
  }
  get proto(): number {
    return this.bytes[this.at + IPV4.proto];
  }
  get src(): Uint8Array {
    return this.bytes.subarray(this.at + IPV4.src, this.at + IPV4.dst);
  }
  get dst(): Uint8Array {
    return this.bytes.subarray(this.at + IPV4.dst, this.at + IPV4.options);
  }
  /** Where the payload begins and ends, from the start of the bytes. */
  get payload(): number {
    return this.at + this.headerLength;
  }
  get end(): number {
    return this.at + this.totalLength;
  }
}

/** Whole before `end`, as are the options and the payload that the total length claims. */
export function ipv4View(bytes: Uint8Array, at: number, end = bytes.length): Ipv4View | undefined {
  if (end - at < IPV4.bytes) return undefined;
  const v = new Ipv4View(bytes, at);
  const { headerLength, totalLength } = v;
  return headerLength < IPV4.bytes || totalLength < headerLength || totalLength > end - at ? undefined : v;
}

export interface Ipv4 {
  /** 4 bytes each. */
  readonly src: Uint8Array;
  readonly dst: Uint8Array;
  readonly proto: number;
  readonly tos: number;
  readonly ttl: number;
  readonly id: number;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** Bytes, a multiple of 8. */
  readonly fragmentOffset: number;
  /** A multiple of 4 bytes, at most 40. */
  readonly options: Uint8Array;
  readonly totalLength: number;
}

export const ipv4: Wire<Ipv4> = {
  parse(bytes, at, end) {
    const v = ipv4View(bytes, at, end);
    if (!v || bytes[at] >> 4 !== 4) return undefined;
    return {
      src: take(v.src, 0, 4),
      dst: take(v.dst, 0, 4),
      proto: v.proto,
      tos: v.tos,
      ttl: v.ttl,
      id: v.id,
      dontFragment: v.dontFragment,
      moreFragments: v.moreFragments,
      fragmentOffset: v.fragmentOffset,
      options: take(bytes, at + IPV4.options, v.headerLength - IPV4.bytes),
      totalLength: v.totalLength,
    };
  },
  length: (value) => IPV4.bytes + value.options.length,
  emit(value, out, at) {
    const header = IPV4.bytes + value.options.length;
    out[at] = 0x40 | (header / 4);
    out[at + IPV4.tos] = value.tos;
    put16(out, at + IPV4.totalLength, value.totalLength);
    put16(out, at + IPV4.id, value.id);
    const flags = (value.dontFragment ? IPV4_DF : 0) | (value.moreFragments ? IPV4_MF : 0);
    put16(out, at + IPV4.fragment, flags | (value.fragmentOffset / 8));
    out[at + IPV4.ttl] = value.ttl;
    out[at + IPV4.proto] = value.proto;
    put16(out, at + IPV4.checksum, 0);
    out.set(value.src, at + IPV4.src);
    out.set(value.dst, at + IPV4.dst);
    out.set(value.options, at + IPV4.options);
    put16(out, at + IPV4.checksum, checksum(out, at, at + header));
  },
};
