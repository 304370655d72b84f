import type { Action } from '../action/action.js';
import { OFPP } from '../flow/field.js';
import { Match } from '../flow/match.js';
import type { Rule } from './rule.js';

export const TABLE_ALL = 255;
/** Tables 0 to 253 are the pipeline's; 254 is internal. */
export const N_TABLES = 254;

/** A flow_mod, free of any OpenFlow version. */
export interface FlowMod {
  readonly command: 'add' | 'modify' | 'modify_strict' | 'delete' | 'delete_strict';
  /** TABLE_ALL: every table, for deletes and modifies. */
  readonly table: number;
  readonly priority: number;
  readonly match: Match;
  /** For add: the flow's. For modify: the new cookie when `modifyCookie`. */
  readonly cookie: bigint;
  /** For modify and delete: only flows whose cookie & cookieMask === cookieFilter & cookieMask. 0 takes all. */
  readonly cookieFilter: bigint;
  readonly cookieMask: bigint;
  /** For modify: take over `cookie`; then, when no cookie is filtered by and no rule met, a modify adds one (OpenFlow 1.0 and 1.1, learn). */
  readonly modifyCookie: boolean;
  /** For modify: add one in that case without taking over cookies otherwise (OpenFlow 1.1). */
  readonly addsNew?: boolean | undefined;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly flags: number;
  readonly importance: number;
  /** For deletes: only flows with an output to this port; OFPP.none takes all. Likewise the group; OFPG_ANY 0xffffffff. */
  readonly outPort: number;
  readonly outGroup: number;
  readonly actions: readonly Action[];
  /** For modify: throws UserError when the actions lead nowhere. Asked only when there is a flow to give them to. */
  readonly check?: () => void;
}

/** What rules to list or count. */
export interface FlowFilter {
  readonly table: number;
  /** Loose: rules at least as specific as this. With `strictPriority` only those of exactly this match and priority. */
  readonly match: Match;
  readonly strictPriority?: number;
  readonly cookieFilter: bigint;
  readonly cookieMask: bigint;
  readonly outPort: number;
  readonly outGroup: number;
}

/** Takes every flow that users see. */
export function everyFlow(): FlowFilter {
  const all = { cookieFilter: 0n, cookieMask: 0n, outPort: OFPP.none, outGroup: 0xffffffff };
  return { table: TABLE_ALL, match: new Match(), ...all };
}

export type RemovedReason = 'idle_timeout' | 'hard_timeout' | 'delete' | 'group_delete' | 'meter_delete' | 'eviction';

/** Called for each change, in order, after it is visible to look-ups. */
export type RuleListener = (
  event:
    | { readonly kind: 'added'; readonly rule: Rule; readonly replaced?: Rule }
    /** `before` is the rule's own `actions` where those did not change (a renewal: only times, counters or the cookie did). */
    | { readonly kind: 'modified'; readonly rule: Rule; readonly before: readonly Action[] }
    | { readonly kind: 'removed'; readonly rule: Rule; readonly reason: RemovedReason },
) => void;
