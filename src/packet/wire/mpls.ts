/** One MPLS label stack entry: RFC 3032, 5462. */
import { get32, put32 } from '../../lib/bytes.js';
import type { Wire } from './wire.js';

export const MPLS = { lse: 0, bytes: 4 } as const;

export class MplsView {
  constructor(
    readonly bytes: Uint8Array,
    readonly at: number,
  ) {}
  get lse(): number {
    return get32(this.bytes, this.at);
  }
  set lse(v: number) {
    put32(this.bytes, this.at, v);
  }
}

export function mplsView(bytes: Uint8Array, at: number, end = bytes.length): MplsView | undefined {
  return end - at < MPLS.bytes ? undefined : new MplsView(bytes, at);
}

export interface Mpls {
  /** 20 bits. */
  readonly label: number;
  /** 3 bits. */
  readonly tc: number;
  readonly bottom: boolean;
  readonly ttl: number;
}

export const mpls: Wire<Mpls> = {
  parse(bytes, at, end) {
    const v = mplsView(bytes, at, end);
    return v && { label: v.lse >>> 12, tc: (v.lse >>> 9) & 7, bottom: (v.lse & 0x100) !== 0, ttl: v.lse & 0xff };
  },
  length: () => MPLS.bytes,
  emit(value, out, at) {
    put32(out, at, ((value.label << 12) | (value.tc << 9) | (value.bottom ? 0x100 : 0) | value.ttl) >>> 0);
  },
};
