/** TCP: RFC 9293. */
import { get16, get32, put16, put32 } from '../../lib/bytes.js';
import { addBytes, finish } from '../checksum.js';
import { PortsView } from './ports.js';
import { take, type Wire } from './wire.js';

export const TCP = {
  src: 0,
  dst: 2,
  seq: 4,
  ack: 8,
  control: 12,
  window: 14,
  checksum: 16,
  urgent: 18,
  options: 20,
  bytes: 20,
} as const;
export const TCP_FLAG = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ece: 64, cwr: 128, ns: 256 } as const;

export class TcpView extends PortsView {
  get seq(): number {
    return get32(this.bytes, this.at + TCP.seq);
  }
  get ack(): number {
    return get32(this.bytes, this.at + TCP.ack);
  }
  get headerLength(): number {
    return (this.bytes[this.at + TCP.control] >> 4) * 4;
  }
  /** 12 bits. */
  get flags(): number {
    return get16(this.bytes, this.at + TCP.control) & 0xfff;
  }
  get window(): number {
    return get16(this.bytes, this.at + TCP.window);
  }
  get urgent(): number {
    return get16(this.bytes, this.at + TCP.urgent);
  }
}

/** Whole before `end`, options included. */
export function tcpView(bytes: Uint8Array, at: number, end = bytes.length): TcpView | undefined {
  if (end - at < TCP.bytes) return undefined;
  const v = new TcpView(bytes, at);
  return v.headerLength < TCP.bytes || v.headerLength > end - at ? undefined : v;
}

export interface Tcp {
  readonly src: number;
  readonly dst: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly window: number;
  readonly urgent: number;
  /** A multiple of 4 bytes, at most 40. */
  readonly options: Uint8Array;
}

export const tcp: Wire<Tcp> = {
  parse(bytes, at, end) {
    const v = tcpView(bytes, at, end);
    if (!v) return undefined;
    const { src, dst, seq, ack, flags, window, urgent } = v;
    return {
      src,
      dst,
      seq,
      ack,
      flags,
      window,
      urgent,
      options: take(bytes, at + TCP.options, v.headerLength - TCP.bytes),
    };
  },
  length: (value) => TCP.bytes + value.options.length,
  emit(value, out, at) {
    put16(out, at, value.src);
    put16(out, at + TCP.dst, value.dst);
    put32(out, at + TCP.seq, value.seq);
    put32(out, at + TCP.ack, value.ack);
    put16(out, at + TCP.control, ((5 + value.options.length / 4) << 12) | value.flags);
    put16(out, at + TCP.window, value.window);
    put16(out, at + TCP.checksum, 0);
    put16(out, at + TCP.urgent, value.urgent);
    out.set(value.options, at + TCP.options);
  },
  seal(out, at, end, pseudo) {
    put16(out, at + TCP.checksum, 0);
    put16(out, at + TCP.checksum, finish(addBytes(pseudo, out, at, end)));
  },
};
