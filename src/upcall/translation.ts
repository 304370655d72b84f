/** What goes into a translation and what comes out of it. */
import type { Action } from '../action/action.js';
import type { DpAction } from '../datapath/action.js';
import { newKey, words } from '../flow/key.js';
import type { Bucket, Group, Groups } from '../flowtable/groups.js';
import type { Rule } from '../flowtable/rule.js';
import type { FrozenState, FrozenStates } from './frozen.js';
import type { BridgeView, Dependency, SideEffect, Tally, UnderlayView } from './view.js';
import type { Witness } from './witness.js';

/** Told of each step of a walk. Absent outside trace and explain, so it may be slow. */
export interface Tracer {
  /** The walk enters a bridge. What follows is nested in it, until the matching `leave` (which the first bridge has none of). */
  bridge(view: BridgeView): void;
  /** A look-up and its answer; nested as above. */
  table(table: number, rule: Rule | undefined): void;
  /** Something else that nests: an action set, or (a step of its list) a bucket. */
  open(text: string, isStep: boolean): void;
  leave(): void;
  action(a: Action): void;
  /** A line that stands as an action does. */
  step(text: string, isStep?: boolean): void;
  /** Begins with '->', or with '>>' for what may surprise, or stands between '>>>>' and '<<<<' for errors. */
  note(text: string): void;
}

export interface TranslateInput {
  readonly bridge: BridgeView;
  /** OpenFlow port of arrival; OFPP.none or OFPP.controller for a packet-out. */
  readonly inPort: number;
  /** DP_KEY_BYTES at least: not changed. */
  readonly key: Uint8Array;
  /** Milliseconds of the switch's clock. */
  readonly now: number;
  readonly states: FrozenStates;
  /** Instead of a look-up in table 0: a packet-out. */
  readonly actions?: readonly Action[];
  /** Instead of either: what the packet's recirc_id stands for. */
  readonly frozen?: FrozenState;
  readonly tracer?: Tracer;
  /** The effects will be applied although there is a tracer: the trace of a packet, not of a flow. */
  readonly learns?: boolean;
  readonly underlay?: UnderlayView | undefined;
  /** Is told what the walk goes by. */
  readonly witness?: Witness | undefined;
  /** The packet was for this machine, by the host's own stack: it can only be for a tunnel. `bridge` is any. */
  readonly host?: boolean;
}

/** A bucket that ran. */
export interface BucketHit {
  readonly groups: Groups;
  readonly group: Group;
  readonly buckets: readonly Bucket[];
}

/** Reasons for the slow path, printed as slow_path(...). */
export const SLOW = { controller: 1, action: 2 } as const;

/** One is kept and filled again for each packet; what is to last is copied out by the caller. */
export class Translation {
  actions: DpAction[] = [];
  /** KEY_BYTES; the OpenFlow lines are zero when done. */
  readonly mask = newKey();
  readonly maskWords = words(this.mask);
  /** Number of a drop reason when nothing is sent, else 0. */
  reason = 0;
  readonly effects: SideEffect[] = [];
  /** Rules that matched, in order of matching, each with the bridge it belongs to. */
  readonly rules: Rule[] = [];
  /** Their generations when they matched: effects that are applied later may change them. */
  readonly generations: number[] = [];
  readonly bridges: BridgeView[] = [];
  /** Bit t: table t of one of `visited` was looked at. */
  readonly tables = new Uint32Array(8);
  readonly visited: BridgeView[] = [];
  /** Tables that had no rule, with their bridges. */
  readonly misses: { readonly bridge: BridgeView; readonly table: number }[] = [];
  /** What decided beside rules. */
  readonly deps: Dependency[] = [];
  /** Numbers of frozen states that the actions mention. */
  readonly states: number[] = [];
  readonly buckets: BucketHit[] = [];
  /** Mirrors that got a copy. */
  readonly mirrors: Tally[] = [];

  private readonly lists: readonly unknown[][] = [
    this.effects,
    this.rules,
    this.generations,
    this.bridges,
    this.visited,
    this.misses,
    this.deps,
    this.states,
    this.buckets,
    this.mirrors,
  ];

  /** Lists are emptied, not replaced: whoever keeps one copies it. Actions are the exception, a new list each time. */
  reset(): void {
    this.actions = [];
    this.maskWords.fill(0);
    this.reason = 0;
    this.tables.fill(0);
    for (const list of this.lists) if (list.length > 0) list.length = 0;
  }
}

/** How an unknown destination is named: vlan * 2^48 + mac does not fit a number, so text of both. */
export function macMissKey(bridge: BridgeView, vlan: number, mac: number): string {
  return `${bridge.name}/${vlan}/${mac}`;
}
