/**
 * Writing a constant to a field, worked out once: rules do it for every packet that needs a decision, and values are bigints.
 * What it does to each bit of the slot is found by doing it to zeros and to ones.
 */
import type { Subfield } from './field.js';
import { markBits, writeBits } from './fields.js';
import { newKey } from './key.js';

export class ConstantWrite {
  /** For each byte of the slot, bits that stay as they are. */
  readonly keep: Uint8Array;
  private readonly put: Uint8Array;
  private readonly mark: Uint8Array;

  /** Not for tunnel options, which are noted beside their slot as well. `value` and `mask` as for writeBits. */
  constructor(
    readonly dst: Subfield,
    value: bigint,
    mask: bigint,
  ) {
    const { offset, bytes } = dst.field.slot;
    const [zeros, ones, marks] = [newKey(), newKey().fill(0xff), newKey()];
    for (const key of [zeros, ones]) writeBits(key, dst, value, mask);
    markBits(marks, dst);
    this.put = zeros.slice(offset, offset + bytes);
    this.keep = this.put.map((b, i) => b ^ ones[offset + i]);
    this.mark = marks.slice(offset, offset + bytes);
  }

  /** Into a flow, and what that looks at into its mask. */
  apply(flow: Uint8Array, mask: Uint8Array): void {
    const { keep, put, mark } = this;
    const at = this.dst.field.slot.offset;
    for (let i = 0; i < keep.length; i++) {
      flow[at + i] = (flow[at + i] & keep[i]) | put[i];
      mask[at + i] |= mark[i];
    }
  }
}

/** Bits of a port that is written are not all what they were or what is written: reserved numbers have 16 bits and 32. */
export const mayBeConstant = ({ field }: Subfield): boolean =>
  field.tunMetadata === undefined && field.format !== 'of_port';
