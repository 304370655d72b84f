/**
 * What a walk went by: the bits of the arriving packet that its course depends on.
 *
 * The mask says for which packets the decision holds, and a port that is copied to a register is part of it. But the walk itself may have gone by
 * much less: it takes the same course for every port, and only the masked key of the flow is another. Packets that agree in what the walk went by get
 * the same rules, the same mask and the same actions: the first decision is a precedent for the others (precedents.ts).
 *
 * So for each byte of the walk's flow it is known where it comes from: a byte of the packet, or nothing but what was gone by already: a constant. To copy
 * whole bytes to a register is to look at nothing; a question about the register is one about the packet's byte. Everything else that reads the flow looks at
 * it. Headers are the packet's own bytes or constants, never copies.
 *
 * Safe direction of error: to go by more than needed costs precedents; by less misdelivers. So a walk stands alone, without becoming a precedent, as soon as
 * anything reads the flow that does not say so here: actions speak for themselves (`precedent` in their row). Judge: every packet decided by precedent
 * is walked again by test/soundness and has to come out the same in every bit.
 */
import type { Subfield } from '../flow/field.js';
import { KEY_BYTES, newKey, words } from '../flow/key.js';
import { Looked } from '../flowtable/looked.js';
import { get16, lowBits } from '../lib/bytes.js';
import { DP_KEY_BYTES, FRAG, K, type Slot } from '../packet/key.js';
import { ETH, isMpls, PROTO } from './commit.js';
import { NOWHERE, PacketRefusal } from './refusal.js';

/** Says little, tells much apart, and everything that is not told here rests on it: which lines and headers there are. */
const ALWAYS: readonly Slot[] = [
  K.inPort,
  K.recircId,
  K.packetType,
  K.ethType,
  K.vlanTci,
  K.vlanTpid,
  K.vlan2Tci,
  K.vlan2Tpid,
  K.nwProto,
  K.nwFrag,
  K.lines,
];
/** Lines of a packet that came by no tunnel and was not tracked. */
const PLAIN_LINES = 3;
const DP_SLOTS: readonly Slot[] = Object.values(K);

/** Whole bytes of a field that fills its slot and means nothing but its bits. */
function isWhole({ field, ofs, bits }: Subfield): boolean {
  if (field.bits !== field.slot.bytes * 8 || field.shift !== 0 || field.implied !== 0) return false;
  if (field.valid !== lowBits(field.bits) || field.format === 'of_port' || field.tunMetadata !== undefined)
    return false;
  return ofs % 8 === 0 && bits % 8 === 0;
}

export class Witness {
  /** Bits of the arriving packet that were gone by. */
  readonly bits = newKey();
  readonly words = words(this.bits);
  /** For each byte of the flow, the packet's byte that it is a copy of. */
  private readonly from = new Int16Array(KEY_BYTES);
  /** Look-ups that refused the flow, as questions to the packet. */
  readonly refusals: PacketRefusal[] = [];
  /** Scratch for who asks others what they go by: empty between uses. */
  readonly looked = new Looked();
  readonly lookedBytes = new Uint8Array(this.looked.bits.buffer);
  /** No precedent comes of it. */
  alone = false;

  begin(key: Uint8Array): void {
    this.bits.fill(0);
    this.refusals.length = 0;
    const { from } = this;
    for (let i = 0; i < DP_KEY_BYTES; i++) from[i] = i;
    from.fill(NOWHERE, DP_KEY_BYTES);
    for (const s of ALWAYS) this.bits.fill(0xff, s.offset, s.offset + s.bytes);
    const type = get16(key, K.ethType.offset);
    // Rare, and with headers whose place in the key depends on more than their own bits.
    const plain = key[K.lines.offset] < 1 << (PLAIN_LINES - 1);
    this.alone = !plain || isMpls(type) || type === ETH.nsh || (key[K.nwFrag.offset] & FRAG.any) !== 0;
    if (key[K.nwProto.offset] === PROTO.icmpv6) this.look(K.tpSrc);
  }

  look(slot: Slot): void {
    for (let i = slot.offset; i < slot.offset + slot.bytes; i++) this.lookAt(i, 0xff);
  }

  private lookAt(i: number, bits: number): void {
    const at = this.from[i];
    if (at !== NOWHERE) this.bits[at] |= bits;
  }

  /** What a look-up left in `looked`, or a question about the flow in its bits; it is empty afterwards. */
  took(flow: Uint8Array): void {
    const { bits, refusals } = this.looked;
    for (let w = 0; w < bits.length; w++) {
      if (bits[w] === 0) continue;
      for (let i = 4 * w; i < 4 * w + 4; i++) this.lookAt(i, this.lookedBytes[i]);
    }
    for (const r of refusals) this.refusals.push(new PacketRefusal(r, flow, this.from));
    this.looked.reset();
  }

  /** A slot was written with a constant, or with what was looked at. */
  wrote(slot: Slot): void {
    this.from.fill(NOWHERE, slot.offset, slot.offset + slot.bytes);
  }

  /** Bits of a slot were written: `keep` has a byte for each of its bytes, with ones for bits that stay. */
  wroteSome(slot: Slot, keep: Uint8Array): void {
    for (let n = 0; n < slot.bytes; n++) {
      const i = slot.offset + n;
      if (keep[n] === 0xff) continue;
      this.lookAt(i, keep[n]);
      this.from[i] = NOWHERE;
    }
  }

  /** As `move` does it: whole bytes to a register are a copy, all else is looked at. */
  moved(src: Subfield, dst: Subfield): void {
    const from = src.field.slot;
    const to = dst.field.slot;
    if (!isWhole(src) || !isWhole(dst) || to.offset < DP_KEY_BYTES) {
      this.look(from);
      this.look(to);
      return this.wrote(to);
    }
    const bytes = src.bits >> 3;
    const end = ({ field: { slot }, ofs }: Subfield): number => slot.offset + slot.bytes - (ofs >> 3);
    this.from.copyWithin(end(dst) - bytes, end(src) - bytes, end(src));
  }

  /** What differs between the flow and the packet is made up for by actions: by all of a slot that is not the packet's any more. */
  commits(): void {
    const { from } = this;
    for (const s of DP_SLOTS) {
      let i = s.offset;
      while (i < s.offset + s.bytes && from[i] === i) i++;
      if (i === s.offset + s.bytes) continue;
      this.look(s);
      this.bits.fill(0xff, s.offset, s.offset + s.bytes);
    }
  }
}
