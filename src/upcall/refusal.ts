/** A look-up's "no rule here has these words", said of the walk's flow, as a question to the packet it was made of. */
import type { Refusal } from '../flowtable/looked.js';
import { finish, mix } from '../flowtable/mini.js';

/** Where a byte of the flow comes from that is a constant. */
export const NOWHERE = -1;

const littleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
/** How far a byte of a word, the n-th in memory, is from the word's low end. */
const shiftOf = (n: number): number => (littleEndian ? 8 * n : 24 - 8 * n);

export class PacketRefusal {
  /** For each word that is hashed: its constant bits, how many parts of the packet are in it, and of each part: its word, which bits of that, and how far to the left they go. */
  private readonly recipe: Int32Array;

  /** `from`: for each byte of the flow the packet's byte it is a copy of, or NOWHERE. */
  constructor(
    private readonly refusal: Refusal,
    flow: Uint8Array,
    from: Int16Array,
  ) {
    const { word, mask, end } = refusal;
    const recipe: number[] = [];
    for (let i = 0; i < end; i++) {
      let constant = 0;
      const parts: number[] = [];
      for (let n = 0; n < 4; n++) {
        const to = shiftOf(n);
        const bits = (mask[i] >>> to) & 0xff;
        const at = 4 * word[i] + n;
        const source = from[at];
        if (source === NOWHERE) constant |= (flow[at] & bits) << to;
        else if (bits !== 0) {
          const own = shiftOf(source & 3);
          parts.push(source >> 2, bits << own, to - own);
        }
      }
      recipe.push(constant, parts.length / 3, ...parts);
    }
    this.recipe = Int32Array.from(recipe);
  }

  /** Is a packet of this key refused, too? */
  holds(key: Uint32Array): boolean {
    const { recipe } = this;
    let h = 0;
    for (let i = 0; i < recipe.length; ) {
      let word = recipe[i];
      const end = i + 2 + 3 * recipe[i + 1];
      for (i += 2; i < end; i += 3) {
        const bits = key[recipe[i]] & recipe[i + 1];
        const left = recipe[i + 2];
        word |= left >= 0 ? bits << left : bits >>> -left;
      }
      h = mix(h, word);
    }
    return !this.refusal.knows(finish(h));
  }

  /** Is it the same for all packets of these bits? */
  isSettledBy(bits: Uint32Array): boolean {
    const { recipe } = this;
    for (let i = 0; i < recipe.length; ) {
      const end = i + 2 + 3 * recipe[i + 1];
      for (i += 2; i < end; i += 3) if (recipe[i + 1] & ~bits[recipe[i]]) return false;
    }
    return true;
  }
}
