/** The linear megaflow table: the first flow installed that matches wins. (The pipeline makes flows that do not overlap.) */
import { DP_KEY_BYTES, K } from '../../packet/key.js';
import type { DpAction } from '../action.js';
import type { FlowCounters } from '../datapath.js';

export interface Flow {
  readonly slot: number;
  /** Indexes of the words where the mask has a one, with mask and key there. */
  readonly words: readonly { readonly at: number; readonly mask: number; readonly value: number }[];
  actions: readonly DpAction[];
  readonly counters: FlowCounters;
}

/** A key that can be read as words. */
export const newKey = (): Uint8Array => new Uint8Array(DP_KEY_BYTES);
const wordsOf = (key: Uint8Array): Uint32Array => new Uint32Array(key.buffer, key.byteOffset, DP_KEY_BYTES / 4);

/** The first DP_KEY_BYTES of a key or mask, without the byte that says which lines are there: it is no field. */
function matched(bytes: Uint8Array): Uint32Array {
  const copy = newKey();
  copy.set(bytes.subarray(0, DP_KEY_BYTES));
  copy[K.lines.offset] = 0;
  return wordsOf(copy);
}

/** `key` begins at an address that is a multiple of 4. */
export function takes(f: Flow, key: Uint8Array): boolean {
  const k = wordsOf(key);
  return f.words.every((w) => (k[w.at] & w.mask) >>> 0 === w.value);
}

export class FlowTable {
  private flows: Flow[] = [];
  private readonly bySlot = new Map<number, Flow>();

  /** Takes the place of a flow in the same slot; as a match it is then the newest. */
  put(slot: number, key: Uint8Array, mask: Uint8Array, actions: readonly DpAction[]): Flow {
    this.delete(slot);
    const k = matched(key);
    const words = [...matched(mask)].flatMap((m, at) => (m === 0 ? [] : [{ at, mask: m, value: (k[at] & m) >>> 0 }]));
    const flow = { slot, words, actions, counters: { packets: 0, bytes: 0, usedMs: 0, tcpFlags: 0 } };
    this.flows.push(flow);
    this.bySlot.set(slot, flow);
    return flow;
  }

  get(slot: number): Flow | undefined {
    return this.bySlot.get(slot);
  }

  delete(slot: number): Flow | undefined {
    const flow = this.bySlot.get(slot);
    if (flow) {
      this.bySlot.delete(slot);
      this.flows = this.flows.filter((f) => f !== flow);
    }
    return flow;
  }

  /** `key` begins at an address that is a multiple of 4. */
  lookup(key: Uint8Array): Flow | undefined {
    return this.flows.find((f) => takes(f, key));
  }
}
