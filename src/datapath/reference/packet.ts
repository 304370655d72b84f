import type { Offload } from '../datapath.js';

/** Room that a native buffer has in front of a received frame (kHeadroom of native/packet/packet.h): pushes beyond it fail in both engines. */
export const HEADROOM = 192;

/** A packet on its way through the reference datapath; the twin of struct Packet in native/packet/packet.h. */
export interface Packet {
  /** Owned: actions write into it. */
  frame: Uint8Array;
  offload: Offload;
  /** Bytes that may still be pushed. */
  headroom: number;
  /** Block that the packet is counted on. */
  inPort: number;
  /** Bytes that the next output takes off the end. */
  trunc: number;
  /** Left by some port or went up by an action: its end is no drop. */
  delivered: boolean;
  /** False for copies: their end counts nothing. */
  counted: boolean;
  recircDepth: number;
}

/** A packet of its own with the bytes of `frame`, before any action. */
export function newPacket(frame: Uint8Array, offload: Offload, inPort: number): Packet {
  return {
    frame: frame.slice(),
    offload,
    headroom: HEADROOM,
    inPort,
    trunc: 0,
    delivered: false,
    counted: true,
    recircDepth: 0,
  };
}

/** What clone and a non-final output work on. */
export function copyPacket(p: Packet): Packet {
  return { ...p, frame: p.frame.slice(), delivered: false, counted: false };
}
