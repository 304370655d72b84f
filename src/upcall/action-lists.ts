/**
 * Datapath action lists, one object for equal ones: many flows do the same, and a list with its sets costs several hundred bytes that the garbage
 * collector walks again and again.
 */
import type { DpAction } from '../datapath/action.js';
import { encodeActions, WordWriter } from '../datapath/encode.js';
import { finish, mix } from '../flowtable/mini.js';

/** Past it sharing starts over, which costs memory only. */
const MAX_LISTS = 4096;

interface Known {
  readonly actions: readonly DpAction[];
  /** As the datapath is told. */
  readonly words: Uint32Array;
}

export class ActionLists {
  private readonly byHash = new Map<number, Known>();
  /** The one that was shared last: flows come in runs of a kind. */
  private latest: Known | undefined;
  private readonly left = new WordWriter();
  private readonly right = new WordWriter();

  /** The list, or an earlier equal one. */
  share(actions: readonly DpAction[]): readonly DpAction[] {
    this.left.reset();
    encodeActions(this.left, actions);
    if (this.latest && this.isLeft(this.latest)) return this.latest.actions;
    let h = 0;
    for (let i = 0; i < this.left.length; i++) h = mix(h, this.left.words[i]);
    h = finish(h);
    const known = this.byHash.get(h);
    if (known && this.isLeft(known)) {
      this.latest = known;
      return known.actions;
    }
    if (this.byHash.size >= MAX_LISTS) this.byHash.clear();
    this.latest = { actions, words: this.left.words.slice(0, this.left.length) };
    this.byHash.set(h, this.latest);
    return actions;
  }

  private isLeft({ words }: Known): boolean {
    const { left } = this;
    if (words.length !== left.length) return false;
    for (let i = 0; i < words.length; i++) if (words[i] !== left.words[i]) return false;
    return true;
  }

  same(a: readonly DpAction[], b: readonly DpAction[]): boolean {
    if (a === b) return true;
    this.left.reset();
    encodeActions(this.left, a);
    return this.equalsLeft(b);
  }

  private equalsLeft(b: readonly DpAction[]): boolean {
    this.right.reset();
    encodeActions(this.right, b);
    if (this.left.length !== this.right.length) return false;
    for (let i = 0; i < this.left.length; i++) if (this.left.words[i] !== this.right.words[i]) return false;
    return true;
  }
}
