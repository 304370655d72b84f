/** SCTP's common header: RFC 9260. Its checksum is CRC32-C over all, stored low byte first; there is no pseudo-header. */
import { get32, put16, put32 } from '../../lib/bytes.js';
import { crc32c } from '../crc32c.js';
import { PortsView } from './ports.js';
import type { Wire } from './wire.js';

export const SCTP = { src: 0, dst: 2, tag: 4, checksum: 8, bytes: 12 } as const;

export class SctpView extends PortsView {
  /** Verification tag. */
  get tag(): number {
    return get32(this.bytes, this.at + SCTP.tag);
  }
}

export function sctpView(bytes: Uint8Array, at: number, end = bytes.length): SctpView | undefined {
  return end - at < SCTP.bytes ? undefined : new SctpView(bytes, at);
}

export interface Sctp {
  readonly src: number;
  readonly dst: number;
  readonly tag: number;
}

export const sctp: Wire<Sctp> = {
  parse(bytes, at, end) {
    const v = sctpView(bytes, at, end);
    return v && { src: v.src, dst: v.dst, tag: v.tag };
  },
  length: () => SCTP.bytes,
  emit(value, out, at) {
    put16(out, at, value.src);
    put16(out, at + SCTP.dst, value.dst);
    put32(out, at + SCTP.tag, value.tag);
    put32(out, at + SCTP.checksum, 0);
  },
  seal(out, at, end) {
    put32(out, at + SCTP.checksum, 0);
    const crc = ~crc32c(0xffffffff, out.subarray(at, end));
    for (let i = 0; i < 4; i++) out[at + SCTP.checksum + i] = crc >>> (8 * i);
  },
};
