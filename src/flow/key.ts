/**
 * The pipeline's flow key: the datapath key (src/packet/key.ts), then two lines that only OpenFlow knows. One Uint8Array of KEY_BYTES; a
 * mask has the same shape. Lookups work on 32-bit words of it (KEY_WORDS), so keys and masks are made by `newKey`, which aligns them.
 */
import { getUint, putUint } from '../lib/bytes.js';
import { DP_KEY_BYTES, LINE_BYTES, type Slot } from '../packet/key.js';

export const KEY_BYTES = DP_KEY_BYTES + 2 * LINE_BYTES;
export const KEY_WORDS = KEY_BYTES / 4;

function of(at: number, bytes: number, name: string, doc: string): Slot {
  return { name, offset: DP_KEY_BYTES + at, bytes, doc };
}

/** Slots of lines 9 and 10. */
export const OK = {
  regs: of(0, 64, 'regs', 'reg0 to reg15, 4 bytes each; xreg and xxreg are views of them'),
  metadata: of(64, 8, 'metadata', ''),
  ofInPort: of(72, 4, 'of_in_port', 'OpenFlow port of arrival'),
  actsetOutput: of(76, 4, 'actset_output', 'output port in the action set, or OFPP_UNSET'),
  conjId: of(80, 4, 'conj_id', ''),
} as const;

/** A zeroed key or mask. Its buffer starts at byte 0, so `words(key)` is a plain view. */
export function newKey(): Uint8Array {
  return new Uint8Array(KEY_BYTES);
}

/** The same bytes as 32-bit words in host order: for masking, hashing and comparing, never for reading numbers. */
export function words(key: Uint8Array): Uint32Array {
  return new Uint32Array(key.buffer, key.byteOffset, key.byteLength >> 2);
}

/** Big-endian unsigned of 1, 2, 4 bytes at an offset (slot.bytes gives the width). */
export function getU(key: Uint8Array, slot: Slot): number {
  return getUint(key, slot.offset, slot.bytes);
}

export function setU(key: Uint8Array, slot: Slot, value: number): void {
  putUint(key, slot.offset, slot.bytes, value);
}

/** Sets every bit of a slot in a mask. */
export function unwildcard(mask: Uint8Array, slot: Slot): void {
  mask.fill(0xff, slot.offset, slot.offset + slot.bytes);
}
