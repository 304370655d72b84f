/** The header of RFC 8300: version 0, flags, TTL, length; MD type, next protocol; service path; then metadata by MD type. */
import { put16, put32 } from '../lib/bytes.js';

export interface Nsh {
  /** 2 bits. */
  readonly flags: number;
  /** 6 bits. */
  readonly ttl: number;
  readonly mdType: number;
  readonly nextProtocol: number;
  /** Service path << 8 | service index. */
  readonly path: number;
  /** MD type 1: 16 bytes. MD type 2: options, a multiple of 4 bytes, at most 244. */
  readonly metadata: Uint8Array;
}

export function nshBytes(h: Nsh): Uint8Array {
  const b = new Uint8Array(8 + h.metadata.length);
  put16(b, 0, ((h.flags & 3) << 12) | ((h.ttl & 0x3f) << 6) | (b.length / 4));
  b[2] = h.mdType;
  b[3] = h.nextProtocol;
  put32(b, 4, h.path);
  b.set(h.metadata, 8);
  return b;
}

/** Of a whole header, as nshBytes gives it. */
export function readNsh(b: Uint8Array): Nsh {
  const first = (b[0] << 8) | b[1];
  const path = ((b[4] << 24) | (b[5] << 16) | (b[6] << 8) | b[7]) >>> 0;
  return {
    flags: (first >> 12) & 3,
    ttl: (first >> 6) & 0x3f,
    mdType: b[2],
    nextProtocol: b[3],
    path,
    metadata: b.subarray(8),
  };
}
