/**
 * Goes through the packets of a pipeline first, with weft alone, and says of each what the comparison has to know: whether OVS would do wrong with it
 * (docs/compatibility.md), and whether the order of its frames is nobody's.
 */
import { INNER_TAG } from '../../src/bridge/normal.js';
import type { DpAction, SetKind } from '../../src/datapath/action.js';
import { newKey } from '../../src/flow/key.js';
import { get32 } from '../../src/lib/bytes.js';
import { DP_KEY_BYTES, K } from '../../src/packet/key.js';
import { COPY_WAITS } from '../../src/upcall/branch.js';
import { COMES_BACK } from '../../src/upcall/commit.js';
import type { FrozenState } from '../../src/upcall/frozen.js';
import { CHOICE_WAITS } from '../../src/upcall/group.js';
import { DEEP_TAGS } from '../../src/upcall/rewrite.js';
import { FRAME_OF_LABELS, NO_ROOM, OTHER_HEADERS, TAG_INSIDE } from '../../src/upcall/wrap.js';
import type { Pipeline } from '../pipelines/random-pipeline.js';
import { Candidate, type World } from './candidate.js';
import { type Arrival, PORTS } from './frames.js';

export interface Foresight {
  /** A third tag, a copy or a way that waits, what a copy took away: OVS would send something else. A long action set that waits: it would end. */
  readonly beyondOvs: boolean;
  /** What a first packet does in another pass happens after the rest of its actions (the slow path is asked meanwhile), in OVS before them. */
  readonly comesBack: boolean;
}

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
function endsOvs(s: FrozenState): boolean {
  const left = s.frames.reduce((sum, f) => sum + f.actions.length - f.from, 0);
  return s.actionSet.length > 0 && left < 3 * s.actionSet.length;
}

/** Sets that look for no header behind tags. */
const IN_FRONT: ReadonlySet<SetKind> = new Set(['eth', 'vlan', 'skb_priority', 'skb_mark', 'tunnel']);

/**
 * Is something set in an IP header, or behind it, after the packet went up with a tag more than a key holds? OVS looks at it anew when it goes up, and
 * then takes the second tag for the end of Ethernet.
 */
function setsBesideIt(actions: readonly DpAction[], tagged = false, up = false): boolean {
  for (const a of actions) {
    if (a.type === 'push_vlan') tagged = true;
    else if (a.type === 'userspace') up ||= tagged;
    else if (a.type === 'set' && up && !IN_FRONT.has(a.kind)) return true;
    else if (listsOf(a).some((l) => setsBesideIt(l, tagged, up))) return true;
  }
  return false;
}

function listsOf(a: DpAction): (readonly DpAction[])[] {
  if (a.type === 'check_pkt_len') return [a.greater, a.lessEqual];
  return a.type === 'clone' || a.type === 'sample' ? [a.actions] : [];
}

class Scout extends Candidate {
  private beyondOvs = false;
  private comesBack = false;

  constructor(world: World, pipeline: Pipeline) {
    // What is translated is the same, and this one is made at once.
    super({ ...world, datapath: 'reference' }, pipeline);
    const { upcalls } = this.sw.core;
    const numbers = Array.from({ length: PORTS }, (_, i) => i + 1);
    const nothing = (): void => {};
    const tracer = {
      bridge: nothing,
      table: nothing,
      open: nothing,
      leave: nothing,
      action: nothing,
      step: nothing,
      note: (text: string) => {
        this.beyondOvs ||= WRONG.has(text);
      },
    };
    const { states } = upcalls;
    const intern = states.intern.bind(states);
    states.intern = (state, now) => {
      this.beyondOvs ||= endsOvs(state);
      return intern(state, now);
    };
    const upcall = upcalls.upcall.bind(upcalls);
    upcalls.upcall = (u) => {
      const recircId = get32(u.key, K.recircId.offset);
      this.comesBack ||= recircId !== 0;
      const { bridge } = this.bridge;
      const inPort = numbers.find((n) => bridge.port(n)?.vport === u.port) ?? 0;
      const key = newKey();
      key.set(u.key.subarray(0, DP_KEY_BYTES));
      if (u.type === 'miss') {
        const t = upcalls.explain({ bridge, inPort, key, frozen: states.get(recircId), tracer, learns: true });
        this.beyondOvs ||= world.vlanLimit === 1 && setsBesideIt(t.actions);
      }
      upcall(u);
    };
  }

  foresee(a: Arrival): Foresight {
    this.beyondOvs = this.comesBack = false;
    this.receive(a);
    // The next packet, too, is to be translated.
    this.sw.core.upcalls.removeAll();
    return { beyondOvs: this.beyondOvs, comesBack: this.comesBack };
  }
}

/** Of each packet; those that are beyond OVS do not reach the tables. */
export function foreseeAll(world: World, pipeline: Pipeline, frames: readonly Arrival[]): Foresight[] {
  const beyond = new Set<number>();
  for (;;) {
    const scout = new Scout(world, pipeline);
    const out: Foresight[] = [];
    const before = beyond.size;
    for (const [i, a] of frames.entries()) {
      for (const c of a.changes) scout.change(c);
      out.push(beyond.has(i) ? { beyondOvs: true, comesBack: false } : scout.foresee(a));
      if (out[i].beyondOvs) beyond.add(i);
    }
    scout.close();
    if (beyond.size === before) return out;
  }
}
