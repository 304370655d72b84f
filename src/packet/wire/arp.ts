/** ARP and RARP of IPv4 over Ethernet: RFC 826, 903. */
import { get16, put16 } from '../../lib/bytes.js';
import { take, type Wire } from './wire.js';

export const ARP = {
  hardware: 0,
  protocol: 2,
  hardwareBytes: 4,
  protocolBytes: 5,
  op: 6,
  sha: 8,
  spa: 14,
  tha: 18,
  tpa: 24,
  bytes: 28,
} as const;
export const ARP_OP = { request: 1, reply: 2, rarpRequest: 3, rarpReply: 4 } as const;

export class ArpView {
  constructor(
    readonly bytes: Uint8Array,
    readonly at: number,
  ) {}
  private part(at: number, n: number): Uint8Array {
    return this.bytes.subarray(this.at + at, this.at + at + n);
  }
  get op(): number {
    return get16(this.bytes, this.at + ARP.op);
  }
  get sha(): Uint8Array {
    return this.part(ARP.sha, 6);
  }
  get spa(): Uint8Array {
    return this.part(ARP.spa, 4);
  }
  get tha(): Uint8Array {
    return this.part(ARP.tha, 6);
  }
  get tpa(): Uint8Array {
    return this.part(ARP.tpa, 4);
  }
}

/** Undefined too for other hardware or protocols than Ethernet and IPv4. */
export function arpView(bytes: Uint8Array, at: number, end = bytes.length): ArpView | undefined {
  if (end - at < ARP.bytes) return undefined;
  const known = get16(bytes, at) === 1 && get16(bytes, at + 2) === 0x0800 && bytes[at + 4] === 6 && bytes[at + 5] === 4;
  return known ? new ArpView(bytes, at) : undefined;
}

export interface Arp {
  readonly op: number;
  /** Link addresses are 6 bytes, protocol addresses 4. */
  readonly sha: Uint8Array;
  readonly spa: Uint8Array;
  readonly tha: Uint8Array;
  readonly tpa: Uint8Array;
}

export const arp: Wire<Arp> = {
  parse(bytes, at, end) {
    const v = arpView(bytes, at, end);
    return (
      v && { op: v.op, sha: take(v.sha, 0, 6), spa: take(v.spa, 0, 4), tha: take(v.tha, 0, 6), tpa: take(v.tpa, 0, 4) }
    );
  },
  length: () => ARP.bytes,
  emit(value, out, at) {
    out.set([0, 1, 8, 0, 6, 4], at);
    put16(out, at + ARP.op, value.op);
    out.set(value.sha, at + ARP.sha);
    out.set(value.spa, at + ARP.spa);
    out.set(value.tha, at + ARP.tha);
    out.set(value.tpa, at + ARP.tpa);
  },
};
