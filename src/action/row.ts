/** What an action is: one row. Text, wire forms, consistency and translation of an action are here and nowhere else. */
import type { Action } from './action.js';
import type { CheckState } from './check-state.js';
import type { DecodeCtx, ParseCtx, Translator, WireReader, WireWriter } from './context.js';

/** Instructions of OpenFlow 1.1 and later in their order of execution; what is no instruction belongs to `apply_actions`. */
export const INSTRUCTIONS = [
  'meter',
  'apply_actions',
  'clear_actions',
  'write_actions',
  'write_metadata',
  'goto_table',
] as const;
export type InstructionName = (typeof INSTRUCTIONS)[number];

/**
 * Place in an action set (executed in src/upcall/action-set.ts). `slot`: one of its kind, before the others. `sequence`: all, in the order they were
 * written. `final`: one of them, last. Without: not allowed in a set.
 */
export type SetPlace = 'slot' | 'sequence' | 'final';

/** One way an action stands on the wire. `size` is the whole length with headers; `open` forms may be longer, by multiples of 8. */
export interface WireForm<A extends Action = Action> {
  /** `of`: the type is the number. `nx` and `onf`: an experimenter's subtype. */
  readonly space: 'of' | 'nx' | 'onf';
  readonly number: number;
  /** First and last OpenFlow wire version that has it (1 is 1.0, 6 is 1.5). */
  readonly from: number;
  readonly to: number;
  readonly size: number;
  readonly open: boolean;
  /** `r` holds what follows the header (4 bytes for `of`, 10 for the others), to the end of the action. */
  decode(r: WireReader, ctx: DecodeCtx): A;
}

/** One action, whole. `A` is the member of the union it is the row of. */
export interface ActionRow<A extends Action = Action> {
  readonly type: A['type'];
  /** Every keyword that starts it in text, e.g. ["mod_dl_src"]; `key` says which one was met. */
  readonly keywords: readonly string[];
  /** How it is written, and what it does in one sentence: docs/actions.md. */
  readonly syntax: readonly string[];
  readonly doc: string;
  /** The instruction it is, when it is one. */
  readonly instruction?: Exclude<InstructionName, 'apply_actions'>;
  readonly set?: SetPlace;
  /** Wire forms of flows that have it, where not all do. */
  readonly protocols?: number;
  /** `arg` is what stands after ":" or inside "(...)", as ovs-actions(7) writes it. May give another action than its own. Throws UserError. */
  parse(key: string, arg: string, ctx: ParseCtx): Action;
  /** The text ovs-ofctl prints. */
  format(a: A, names?: ReadonlyMap<number, string>): string;
  /** Wire form for an OpenFlow version (1 is 1.0, 4 is 1.3, 6 is 1.5): zero, one or several actions. */
  encode(a: A, w: WireWriter): void;
  /** Wire forms it is read from. */
  readonly forms: readonly WireForm<A>[];
  /** Does it fit the flow's match? Throws UserError, or returns the action with its notes filled in. */
  check?(a: A, state: CheckState): A | undefined;
  /**
   * All that it reads of the packet it reads through the Translator's fields, and what it does follows from that: packets that agree in it are decided alike
   * (src/upcall/witness.ts). Without it a decision with the action is one of its packet alone.
   */
  readonly precedent?: true;
  /** Effects on the packet being translated. False ends the list it stands in. */
  translate(a: A, x: Translator): false | undefined;
}

export type { DecodeCtx, ParseCtx, Translator, WireReader, WireWriter };
