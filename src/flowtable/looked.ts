/**
 * All that a look-up went by, for who wants to know which other keys get the same answer under the same mask.
 *
 * A mask is a proof, and leaves out what was looked at on the way to it; and it is too much: a table with one rule for register 7 asks every key for the whole
 * register, but goes by no more than that it is not 7. So this is bits that another key has to have the same, and refusals that have to refuse it, too.
 */
import { KEY_WORDS } from '../flow/key.js';
import { finish, mix } from './mini.js';

/** "No rule here has these words": some words of the key, under masks, have a hash that is not known. */
export interface Refusal {
  readonly word: Uint8Array;
  readonly mask: Uint32Array;
  /** So many of them. */
  readonly end: number;
  knows(hash: number): boolean;
}

export class Looked {
  readonly bits = new Uint32Array(KEY_WORDS);
  readonly refusals: Refusal[] = [];

  reset(): void {
    this.bits.fill(0);
    this.refusals.length = 0;
  }
}

/** Is this key refused? */
export function refuses({ word, mask, end, knows }: Refusal, key: Uint32Array): boolean {
  let h = 0;
  for (let i = 0; i < end; i++) h = mix(h, key[word[i]] & mask[i]);
  return !knows(finish(h));
}
