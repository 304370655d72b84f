/** Packets with which OVS does wrong, as docs/compatibility.md argues: told by what weft itself does with them. */
import type { Action } from '../../src/action/action.js';
import { INNER_TAG } from '../../src/bridge/normal.js';
import type { DpAction, SetKind } from '../../src/datapath/action.js';
import { COPY_WAITS } from '../../src/upcall/branch.js';
import { COMES_BACK } from '../../src/upcall/commit.js';
import type { FrozenState } from '../../src/upcall/frozen.js';
import { CHOICE_WAITS } from '../../src/upcall/group.js';
import { DEEP_TAGS } from '../../src/upcall/rewrite.js';
import type { Tracer } from '../../src/upcall/translation.js';
import { FRAME_OF_LABELS, NO_ROOM, OTHER_HEADERS, TAG_INSIDE } from '../../src/upcall/wrap.js';

/** A third tag, a copy or a way that waits, what a copy took away. */
const WRONG: ReadonlySet<string> = new Set([
  DEEP_TAGS,
  COPY_WAITS,
  FRAME_OF_LABELS,
  CHOICE_WAITS,
  COMES_BACK,
  NO_ROOM,
  OTHER_HEADERS,
  TAG_INSIDE,
  INNER_TAG,
]);

/** Is the action set longer in bytes than what is left of lists? Its actions may be three times as long as one of those. */
export function endsOvs(s: FrozenState): boolean {
  const left = s.frames.reduce((sum, f) => sum + f.actions.length - f.from, 0);
  return s.actionSet.length > 0 && left < 3 * s.actionSet.length;
}

/** Sets that look for no header behind tags. */
const IN_FRONT: ReadonlySet<SetKind> = new Set(['eth', 'vlan', 'skb_priority', 'skb_mark', 'tunnel']);

/**
 * Is something set in an IP header, or behind it, after the packet went up with it under one of the `covers`: labels, or a tag more than a key holds?
 * OVS looks at the packet anew when it goes up, then takes the second tag for the end of Ethernet, and forgets where what is under labels begins.
 */
function setsBesideIt(actions: readonly DpAction[], covers: Covers, covered = false, up = false): boolean {
  for (const a of actions) {
    if (covers.has(a.type)) covered = true;
    else if (a.type === 'userspace') up ||= covered;
    else if (a.type === 'set' && up && !IN_FRONT.has(a.kind)) return true;
    else if (listsOf(a).some((l) => setsBesideIt(l, covers, covered, up))) return true;
  }
  return false;
}

type Covers = ReadonlySet<DpAction['type']>;
/** By the number of tags that a key holds. The generator pushes two. */
const COVERS: Readonly<Record<1 | 2, Covers>> = {
  1: new Set(['push_mpls', 'add_mpls', 'push_vlan']),
  2: new Set(['push_mpls', 'add_mpls']),
};

function listsOf(a: DpAction): (readonly DpAction[])[] {
  if (a.type === 'check_pkt_len') return [a.greater, a.lessEqual];
  return a.type === 'clone' || a.type === 'sample' ? [a.actions] : [];
}

const comesAgain = (actions: readonly DpAction[]): boolean =>
  actions.some((a) => a.type === 'recirc' || listsOf(a).some(comesAgain));

/** Looks on while a packet is translated. */
export class Doubts implements Tracer {
  private wrong = false;
  /** Lists of several levels are left of an earlier pass: to OVS they are one. */
  private flat = false;
  private inBucket = false;
  private bucketExits = false;
  /** The way depends on the packet's length; each is walked. */
  private split = false;

  /** `frozen`: what is left of earlier passes. */
  begin(frozen: FrozenState | undefined): void {
    this.wrong = this.inBucket = this.bucketExits = this.split = false;
    this.flat = frozen !== undefined && frozen.frames.length > 1;
  }

  /** Once the translation is there. */
  about(actions: readonly DpAction[], vlanLimit: 1 | 2): boolean {
    // What a bucket that ran into an exit had left OVS takes for what the next pass is to do.
    return this.wrong || (this.bucketExits && comesAgain(actions)) || setsBesideIt(actions, COVERS[vlanLimit]);
  }

  open(text: string): void {
    this.inBucket ||= text.startsWith('bucket');
  }

  action(a: Action): void {
    this.bucketExits ||= this.inBucket && a.type === 'exit';
    this.split ||= a.type === 'check_pkt_larger';
    this.wrong ||= this.split && (this.flat || a.type === 'learn');
  }

  note(text: string): void {
    this.wrong ||= WRONG.has(text) || (this.flat && text.endsWith('TTL exception'));
  }

  bridge(): void {}
  table(): void {}
  leave(): void {}
  step(): void {}
}
