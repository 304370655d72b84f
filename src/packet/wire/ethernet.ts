/** Ethernet II: RFC 894. */
import { get16, put16 } from '../../lib/bytes.js';
import { take, type Wire } from './wire.js';

export const ETHERNET = { dst: 0, src: 6, type: 12, bytes: 14 } as const;

export class EthernetView {
  constructor(
    readonly bytes: Uint8Array,
    readonly at: number,
  ) {}
  get dst(): Uint8Array {
    return this.bytes.subarray(this.at, this.at + 6);
  }
  get src(): Uint8Array {
    return this.bytes.subarray(this.at + ETHERNET.src, this.at + ETHERNET.type);
  }
  get type(): number {
    return get16(this.bytes, this.at + ETHERNET.type);
  }
  set type(v: number) {
    put16(this.bytes, this.at + ETHERNET.type, v);
  }
}

export function ethernetView(bytes: Uint8Array, at = 0, end = bytes.length): EthernetView | undefined {
  return end - at < ETHERNET.bytes ? undefined : new EthernetView(bytes, at);
}

export interface Ethernet {
  /** 6 bytes each. */
  readonly dst: Uint8Array;
  readonly src: Uint8Array;
  /** Below 0x600 it is the length of an 802.3 frame. */
  readonly type: number;
}

export const ethernet: Wire<Ethernet> = {
  parse(bytes, at, end) {
    const v = ethernetView(bytes, at, end);
    return v && { dst: take(v.dst, 0, 6), src: take(v.src, 0, 6), type: v.type };
  },
  length: () => ETHERNET.bytes,
  emit(value, out, at) {
    out.set(value.dst, at + ETHERNET.dst);
    out.set(value.src, at + ETHERNET.src);
    put16(out, at + ETHERNET.type, value.type);
  },
};
