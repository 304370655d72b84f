/** IPv6 and its extension headers: RFC 8200, 4302. */
import { get16, get32, put16, put32 } from '../../lib/bytes.js';
import { IP_PROTO, take, type Wire } from './wire.js';

export const IPV6 = { flow: 0, payloadLength: 4, next: 6, hopLimit: 7, src: 8, dst: 24, bytes: 40 } as const;

export class Ipv6View {
  constructor(
    readonly bytes: Uint8Array,
    readonly at: number,
  ) {}
  get trafficClass(): number {
    return (get16(this.bytes, this.at) >> 4) & 0xff;
  }
  get label(): number {
    return get32(this.bytes, this.at) & 0xfffff;
  }
  get payloadLength(): number {
    return get16(this.bytes, this.at + IPV6.payloadLength);
  }
  /** Type of the header that follows: an extension or a transport. */
  get next(): number {
    return this.bytes[this.at + IPV6.next];
  }
  get hopLimit(): number {
    return this.bytes[this.at + IPV6.hopLimit];
  }
  get src(): Uint8Array {
    return this.bytes.subarray(this.at + IPV6.src, this.at + IPV6.dst);
  }
  get dst(): Uint8Array {
    return this.bytes.subarray(this.at + IPV6.dst, this.at + IPV6.bytes);
  }
  get payload(): number {
    return this.at + IPV6.bytes;
  }
  get end(): number {
    return this.payload + this.payloadLength;
  }
}

/** Whole before `end`, as is the payload that the length claims. */
export function ipv6View(bytes: Uint8Array, at: number, end = bytes.length): Ipv6View | undefined {
  if (end - at < IPV6.bytes) return undefined;
  const v = new Ipv6View(bytes, at);
  return v.payloadLength > end - at - IPV6.bytes ? undefined : v;
}

/** One extension header. `body` is all of it after the next-header byte, so that what is not known survives. */
export interface Extension {
  readonly type: number;
  /** 7 bytes or more; the first is the length byte (reserved in a fragment header). */
  readonly body: Uint8Array;
}

export interface Ipv6 {
  /** 16 bytes each. */
  readonly src: Uint8Array;
  readonly dst: Uint8Array;
  readonly trafficClass: number;
  /** 20 bits. */
  readonly label: number;
  readonly hopLimit: number;
  readonly extensions: readonly Extension[];
  /** What follows the last extension. */
  readonly proto: number;
  /** Extensions included. */
  readonly payloadLength: number;
}

export const isExtension = (proto: number): boolean =>
  proto === IP_PROTO.hopByHop ||
  proto === IP_PROTO.routing ||
  proto === IP_PROTO.fragment ||
  proto === IP_PROTO.ah ||
  proto === IP_PROTO.destination;

/** Bytes of the extension header of this type at `at`; its first 2 bytes are there. */
export function extensionLength(bytes: Uint8Array, at: number, type: number): number {
  if (type === IP_PROTO.fragment) return 8;
  return type === IP_PROTO.ah ? (bytes[at + 1] + 2) * 4 : (bytes[at + 1] + 1) * 8;
}

/** A later fragment ends the chain: what follows it is no header. */
function isLaterFragment(e: Extension): boolean {
  return e.type === IP_PROTO.fragment && (get16(e.body, 1) & 0xfff8) !== 0;
}

export const ipv6: Wire<Ipv6> = {
  parse(bytes, at, end) {
    const v = ipv6View(bytes, at, end);
    if (!v || bytes[at] >> 4 !== 6) return undefined;
    const extensions: Extension[] = [];
    let proto = v.next;
    let o = v.payload;
    while (isExtension(proto)) {
      if (v.end - o < 8) return undefined;
      const n = extensionLength(bytes, o, proto);
      if (n > v.end - o) return undefined;
      const e = { type: proto, body: take(bytes, o + 1, n - 1) };
      extensions.push(e);
      proto = bytes[o];
      o += n;
      if (isLaterFragment(e)) break;
    }
    return {
      src: take(v.src, 0, 16),
      dst: take(v.dst, 0, 16),
      trafficClass: v.trafficClass,
      label: v.label,
      hopLimit: v.hopLimit,
      extensions,
      proto,
      payloadLength: v.payloadLength,
    };
  },
  length: (value) => value.extensions.reduce<number>((n, e) => n + 1 + e.body.length, IPV6.bytes),
  emit(value, out, at) {
    put32(out, at, ((6 << 28) | (value.trafficClass << 20) | value.label) >>> 0);
    put16(out, at + IPV6.payloadLength, value.payloadLength);
    out[at + IPV6.next] = value.extensions[0]?.type ?? value.proto;
    out[at + IPV6.hopLimit] = value.hopLimit;
    out.set(value.src, at + IPV6.src);
    out.set(value.dst, at + IPV6.dst);
    let o = at + IPV6.bytes;
    value.extensions.forEach((e, i) => {
      out[o] = value.extensions[i + 1]?.type ?? value.proto;
      out.set(e.body, o + 1);
      o += 1 + e.body.length;
    });
  },
};

/** A fragment header. `offset` in bytes, a multiple of 8. */
export function fragmentExtension(offset: number, more: boolean, id: number): Extension {
  const body = new Uint8Array(7);
  put16(body, 1, offset | (more ? 1 : 0));
  put32(body, 3, id);
  return { type: IP_PROTO.fragment, body };
}
