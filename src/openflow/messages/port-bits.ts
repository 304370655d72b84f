/** Numbers of ports and feature bits: OpenFlow 1.0 has its own, weft uses those of 1.3 inside. */
import { OFPP } from '../../flow/field.js';
import { type Codec, mapped, u16, u32 } from '../schema.js';

const RESERVED_10 = 0xff00;
const RESERVED_OFFSET = OFPP.max - RESERVED_10;

/** 16-bit port of 1.0: its reserved numbers, 0xff00 and up, are the low halves of the later ones. */
export const port10: Codec<number> = mapped(
  u16,
  (p) => (p >= RESERVED_10 ? p + RESERVED_OFFSET : p),
  (p) => (p >= OFPP.max ? p - RESERVED_OFFSET : p & 0xffff),
);
export const port32: Codec<number> = u32;

/** OFPPF_ bits: 1.0 stops at 10 Gb (bit 6) and then has medium, autonegotiation and pause; later versions have four more speeds between. */
const SPEEDS = 0x7f;
const MEDIUM_10 = 0xf80;
const SHIFT = 4;
export const phyFeatures: Codec<number> = mapped(
  u32,
  (v) => (v & SPEEDS) | ((v & MEDIUM_10) << SHIFT),
  (v) => (v & SPEEDS) | ((v >>> SHIFT) & MEDIUM_10),
);
