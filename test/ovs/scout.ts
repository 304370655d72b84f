/**
 * Goes through the packets of a pipeline first, with weft alone, and says of each what the comparison has to know: whether OVS would do wrong with it
 * (docs/compatibility.md), and whether the order of its frames is nobody's.
 */
import { newKey } from '../../src/flow/key.js';
import { get32 } from '../../src/lib/bytes.js';
import { DP_KEY_BYTES, K } from '../../src/packet/key.js';
import type { Pipeline } from '../pipelines/random-pipeline.js';
import { Doubts, endsOvs } from './beyond.js';
import { Candidate, type World } from './candidate.js';
import { type Arrival, PORTS } from './frames.js';

/** Bytes of a frame that was not cut to less: a dummy port drops a shorter one, and with it whatever else waits there. */
const ETHERNET = 14;

export interface Foresight {
  /** A third tag, a copy or a way that waits, what a copy took away: OVS would send something else. A long action set that waits: it would end. */
  readonly beyondOvs: boolean;
  /** What a first packet does in another pass happens after the rest of its actions (the slow path is asked meanwhile), in OVS before them. */
  readonly comesBack: boolean;
}

class Scout extends Candidate {
  private beyondOvs = false;
  private comesBack = false;

  constructor(world: World, pipeline: Pipeline) {
    // What is translated is the same, and this one is made at once.
    super({ ...world, datapath: 'reference' }, pipeline);
    const { upcalls } = this.sw.core;
    const numbers = Array.from({ length: PORTS }, (_, i) => i + 1);
    const doubts = new Doubts();
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
        const frozen = states.get(recircId);
        doubts.begin(frozen);
        const { actions } = upcalls.explain({ bridge, inPort, key, frozen, tracer: doubts, learns: true });
        this.beyondOvs ||= doubts.about(actions, world.vlanLimit);
      }
      upcall(u);
    };
  }

  foresee(a: Arrival): Foresight {
    this.beyondOvs = this.comesBack = false;
    this.receive(a);
    // The next packet, too, is to be translated.
    this.sw.core.upcalls.removeAll();
    if (this.sent().some((frames) => frames.some((f) => f.length < 2 * ETHERNET))) this.beyondOvs = true;
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
