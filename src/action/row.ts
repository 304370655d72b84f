import type { Action } from './action.js';
import type { ParseCtx, Translator, WireReader, WireWriter } from './context.js';

/** One action, whole. `A` is the member of the union it is the row of. */
export interface ActionRow<A extends Action> {
  readonly type: A['type'];
  /** Every keyword that starts it in text, e.g. ["mod_dl_src"]; `key` says which one was met. */
  readonly keywords: readonly string[];
  /** `arg` is what stands after ":" or inside "(...)", as ovs-actions(7) writes it. Throws UserError. */
  parse(key: string, arg: string, ctx: ParseCtx): A;
  /** The text ovs-ofctl prints. */
  format(a: A, names?: ReadonlyMap<number, string>): string;
  /** Wire form for an OpenFlow version (1 is 1.0, 4 is 1.3, 6 is 1.5). */
  encode(a: A, w: WireWriter): void;
  /** Effects on the packet being translated. */
  translate(a: A, x: Translator): void;
}

export type { ParseCtx, Translator, WireReader, WireWriter };
