/**
 * Whole keys of packets, for people to see: what a flow leaves open is shown as the packet had it that brought the flow. The slow path itself asks only for
 * what masks look at. There may be hundreds of thousands, so keys lie line by line in blocks, those lines only that a packet has; most have one.
 */
import { DP_KEY_BYTES, K, LINE_BYTES } from '../packet/key.js';

const LINE_WORDS = LINE_BYTES / 4;
/** Lines of a block, a power of two. */
const BLOCK_BITS = 10;
const BLOCK_LINES = 1 << BLOCK_BITS;
const MORE_LINES = DP_KEY_BYTES / LINE_BYTES - 1;
const LINES_WORD = K.lines.offset >> 2;
const LINES_BYTE = K.lines.offset & 3;

/** The `lines` byte in the word that holds it, which is in host order. */
const shift = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? LINES_BYTE * 8 : (3 - LINES_BYTE) * 8;
const linesOf = (word: number): number => (word >>> shift) & ((1 << MORE_LINES) - 1);

export class KeyStore {
  private readonly blocks: { readonly words: Uint32Array; readonly next: Int32Array }[] = [];
  private free = -1;
  private used = 0;

  /** Lines in use. */
  lines = 0;

  /** Keeps a key, in words; the answer is where. */
  keep(key: Uint32Array): number {
    const more = linesOf(key[LINES_WORD]);
    let at = -1;
    for (let n = MORE_LINES; n >= 0; n--) if (n === 0 || more & (1 << (n - 1))) at = this.line(key, n, at);
    return at;
  }

  private line(key: Uint32Array, n: number, next: number): number {
    let at = this.free;
    if (at >= 0) this.free = this.blockOf(at).next[at & (BLOCK_LINES - 1)];
    else at = this.used++;
    if (at >> BLOCK_BITS === this.blocks.length) {
      this.blocks.push({ words: new Uint32Array(BLOCK_LINES * LINE_WORDS), next: new Int32Array(BLOCK_LINES) });
    }
    const { words, next: chain } = this.blockOf(at);
    const i = at & (BLOCK_LINES - 1);
    chain[i] = next;
    for (let w = 0; w < LINE_WORDS; w++) words[i * LINE_WORDS + w] = key[n * LINE_WORDS + w];
    this.lines++;
    return at;
  }

  private blockOf(line: number): { readonly words: Uint32Array; readonly next: Int32Array } {
    return this.blocks[line >> BLOCK_BITS];
  }

  /** Writes the key that was kept there into `into`, words of DP_KEY_BYTES. */
  read(at: number, into: Uint32Array): void {
    into.fill(0);
    let more = 0;
    for (let line = at, n = 0; line >= 0; n++) {
      if (n > 0 && !(more & (1 << (n - 1)))) continue;
      const { words, next } = this.blockOf(line);
      const i = line & (BLOCK_LINES - 1);
      into.set(words.subarray(i * LINE_WORDS, (i + 1) * LINE_WORDS), n * LINE_WORDS);
      if (n === 0) more = linesOf(into[LINES_WORD]);
      line = next[i];
    }
  }

  forget(at: number): void {
    for (let line = at; line >= 0; ) {
      const { next } = this.blockOf(line);
      const i = line & (BLOCK_LINES - 1);
      const after = next[i];
      next[i] = this.free;
      this.free = line;
      this.lines--;
      line = after;
    }
  }
}
