/** UDP: RFC 768. */
import { get16, put16 } from '../../lib/bytes.js';
import { addBytes, finish, nonzero } from '../checksum.js';
import { PortsView } from './ports.js';
import type { Wire } from './wire.js';

export const UDP = { src: 0, dst: 2, length: 4, checksum: 6, bytes: 8 } as const;

export class UdpView extends PortsView {
  /** As it claims, header included; 0 in a jumbogram. */
  get length(): number {
    return get16(this.bytes, this.at + UDP.length);
  }
  /** 0: none. */
  get checksum(): number {
    return get16(this.bytes, this.at + UDP.checksum);
  }
}

export function udpView(bytes: Uint8Array, at: number, end = bytes.length): UdpView | undefined {
  return end - at < UDP.bytes ? undefined : new UdpView(bytes, at);
}

export interface Udp {
  readonly src: number;
  readonly dst: number;
  /** Header included. */
  readonly length: number;
}

export const udp: Wire<Udp> = {
  parse(bytes, at, end) {
    const v = udpView(bytes, at, end);
    return v && v.length >= UDP.bytes && v.length <= end - at
      ? { src: v.src, dst: v.dst, length: v.length }
      : undefined;
  },
  length: () => UDP.bytes,
  emit(value, out, at) {
    put16(out, at, value.src);
    put16(out, at + UDP.dst, value.dst);
    put16(out, at + UDP.length, value.length);
    put16(out, at + UDP.checksum, 0);
  },
  seal(out, at, end, pseudo) {
    put16(out, at + UDP.checksum, 0);
    put16(out, at + UDP.checksum, nonzero(finish(addBytes(pseudo, out, at, end))));
  },
};
