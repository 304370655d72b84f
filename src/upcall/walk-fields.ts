/** What actions do to fields of the flow: bits that are read or written go into the mask, and the witness, where there is one, hears of it. */
import type { ConstantWrite } from '../flow/constant.js';
import type { Subfield } from '../flow/field.js';
import { copyBits, markBits, readBits, writeBits } from '../flow/fields.js';
import { OK } from '../flow/key.js';
import { checkPrereqs } from '../flow/prereqs.js';
import { get16, lowBits } from '../lib/bytes.js';
import { K, type Slot } from '../packet/key.js';
import { isIp } from './commit.js';
import { hashFields } from './hash-fields.js';
import { WalkState } from './walk-state.js';

const IP_HEADER: readonly Slot[] = [K.nwSrc, K.nwDst, K.nwTos, K.nwTtl, K.ipv6Src, K.ipv6Dst, K.ipv6Label];

export class WalkFields extends WalkState {
  read(f: Subfield): bigint {
    this.witness?.look(f.field.slot);
    markBits(this.mask, f);
    return readBits(this.flow, f);
  }

  /** Written bits are part of the mask: whether a `set` is needed depends on what the packet had. */
  write(f: Subfield, value: bigint, mask: bigint, from?: 'stack'): void {
    if (this.witness) {
      const { slot, tunMetadata } = f.field;
      if (tunMetadata !== undefined) this.standsAlone();
      if (f.bits !== slot.bytes * 8 || mask !== lowBits(f.bits)) this.witness.look(slot);
      this.witness.wrote(slot);
    }
    markBits(this.mask, f);
    if (from !== 'stack') this.markProtocol(f);
    writeBits(this.flow, f, value, mask);
    this.wrote(f);
  }

  writeConstant(c: ConstantWrite): void {
    this.witness?.wroteSome(c.dst.field.slot, c.keep);
    this.markProtocol(c.dst);
    c.apply(this.flow, this.mask);
    this.wrote(c.dst);
  }

  move(src: Subfield, dst: Subfield): void {
    if (this.witness) {
      if (src.field.tunMetadata !== undefined || dst.field.tunMetadata !== undefined) this.standsAlone();
      this.witness.moved(src, dst);
    }
    markBits(this.mask, src);
    markBits(this.mask, dst);
    this.markProtocol(dst);
    copyBits(this.flow, src, this.flow, dst);
    this.wrote(dst);
  }

  private wrote(f: Subfield): void {
    if (f.field.slot === OK.ofInPort) this.inPort = Number(readBits(this.flow, f));
  }

  /** As in OVS, a flow that changes an IP header is one of a protocol; but what comes off the stack is not asked. */
  private markProtocol(f: Subfield): void {
    if (!IP_HEADER.includes(f.field.slot) || !isIp(get16(this.flow, K.ethType.offset))) return;
    this.mask[K.nwProto.offset] = 0xff;
  }

  prerequisitesHold(f: Subfield): boolean {
    const { witness } = this;
    if (witness) {
      checkPrereqs(f.field.prereqs, this.flow, witness.lookedBytes);
      witness.took(this.flow);
    }
    return checkPrereqs(f.field.prereqs, this.flow, this.mask);
  }

  hashFields(fields: string, basis: number): number {
    return hashFields(fields, basis, this.flow, this.mask);
  }
}
