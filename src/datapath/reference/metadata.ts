/** Actions on what the key holds beside the frame. The C++ twin is native/action/metadata.cc. */
import { K, LINE, LINE_BYTES, type Slot } from '../../packet/key.js';

export function writeLine(key: Uint8Array, line: number): void {
  const bit = 1 << (line - 1);
  if (key[K.lines.offset] & bit) return;
  key.fill(0, line * LINE_BYTES, (line + 1) * LINE_BYTES);
  key[K.lines.offset] |= bit;
}

function masked(key: Uint8Array, at: number, value: Uint8Array, mask: Uint8Array, from: number, n: number): void {
  for (let i = 0; i < n; i++) key[at + i] = (key[at + i] & ~mask[from + i]) | (value[from + i] & mask[from + i]);
}

export function setWord(key: Uint8Array, slot: Slot, value: Uint8Array, mask: Uint8Array): void {
  masked(key, slot.offset, value, mask, 0, 4);
}

export function put32(key: Uint8Array, slot: Slot, value: number): void {
  for (let i = 0; i < 4; i++) key[slot.offset + i] = value >>> (24 - 8 * i);
}

/** Line 3, the tunnel bytes of line 2, lines 5 to 8; see SET_KINDS.tunnel. A line is announced when a bit of it is written. */
const TUNNEL_PARTS = [
  { line: LINE.tunnel, at: LINE.tunnel * LINE_BYTES, bytes: 64 },
  { line: LINE.l2, at: K.tunErspanIdx.offset, bytes: 9 },
  ...[0, 1, 2, 3].map((n) => ({
    line: LINE.tunMetadata + n,
    at: (LINE.tunMetadata + n) * LINE_BYTES,
    bytes: LINE_BYTES,
  })),
];

export function setTunnel(key: Uint8Array, value: Uint8Array, mask: Uint8Array): void {
  let from = 0;
  for (const { line, at, bytes } of TUNNEL_PARTS) {
    if (mask.subarray(from, from + bytes).some((b) => b !== 0)) {
      writeLine(key, line);
      masked(key, at, value, mask, from, bytes);
    }
    from += bytes;
  }
}
