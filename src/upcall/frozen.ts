/**
 * What a packet on its way back cannot carry itself.
 *
 * Problem: some actions need the packet as a later pass will see it (what stood under an MPLS label, a hash the datapath computes), and a
 * packet-in must say things the datapath does not know (registers, the rule's cookie). Idea: keep the state here under a number, and let the
 * packet carry the number: as recirc_id, or in the cookie of a userspace action. Equal states share a number, so that translating
 * the same flow again gives the same actions and nothing is installed anew.
 *
 * Life: each datapath flow that mentions a number holds it. Packets may be in flight when the last one lets go, so a state stays for a while.
 */
import type { Action } from '../action/action.js';
import type { Rule } from '../flowtable/rule.js';
import { formatHex } from '../lib/bytes.js';
import type { BridgeView } from './view.js';

/** The rest of an action list, and where it stands. */
export interface Frame {
  readonly actions: readonly Action[];
  readonly from: number;
  readonly table: number;
  readonly rule: Rule | undefined;
  /** Of the rule, where that is not known any more. */
  readonly cookie?: bigint;
}

export interface FrozenState {
  readonly bridge: BridgeView;
  /** OpenFlow lines of the key: registers, metadata, in_port. */
  readonly ofLines: Uint8Array;
  readonly stack: readonly StackItem[];
  readonly actionSet: readonly Action[];
  /** Innermost list first. Empty for a packet-in that does not go on. */
  readonly frames: readonly Frame[];
  /** Mirrors that have their copy. */
  readonly mirrored: number;
  /** Of the rule that sent the packet up. */
  readonly table: number;
  readonly cookie: bigint;
  readonly userdata: Uint8Array;
  /** Of a packet that is not Ethernet, which frames cannot say. */
  readonly packetType?: number;
}

export interface StackItem {
  readonly value: bigint;
  readonly bits: number;
}

interface Entry {
  readonly id: number;
  readonly text: string;
  readonly state: FrozenState;
  refs: number;
  /** When the last reference went; packets may still carry the number. */
  idleSince: number;
}

/** How long a state outlives its last flow: far longer than a packet waits in a queue. */
const LINGER_MS = 10_000;
const MAX_OUTPUTS = 4096;

export class FrozenStates {
  private readonly byId = new Map<number, Entry>();
  private readonly byText = new Map<string, Entry>();
  private readonly numbers = new WeakMap<Action | BridgeView, number>();
  private readonly outputs = new Map<string, Action>();
  private nextNumber = 1;
  private nextId = 1;

  get size(): number {
    return this.byId.size;
  }

  get(id: number): FrozenState | undefined {
    return this.byId.get(id)?.state;
  }

  /** The number of a state; equal states have one number. The caller holds it with `ref` if a flow will mention it. */
  intern(state: FrozenState, now: number): number {
    const text = this.describe(state);
    let e = this.byText.get(text);
    if (!e) {
      e = { id: this.nextId, text, state, refs: 0, idleSince: now };
      do this.nextId = this.nextId === 0xffffffff ? 1 : this.nextId + 1;
      while (this.byId.has(this.nextId));
      this.byId.set(e.id, e);
      this.byText.set(text, e);
    }
    if (e.refs === 0) e.idleSince = now;
    return e.id;
  }

  /** An output, cut where `maxLen` is not 0: the same object for the same one, so that states with it are equal. */
  output(port: number, maxLen: number): Action {
    const name = `${port} ${maxLen}`;
    const known = this.outputs.get(name);
    if (known) return known;
    const a: Action = maxLen > 0 ? { type: 'output_trunc', port, maxLen } : { type: 'output', port, maxLen };
    // With others in their place equal states have two numbers for a while.
    if (this.outputs.size >= MAX_OUTPUTS) this.outputs.clear();
    this.outputs.set(name, a);
    return a;
  }

  ref(id: number): void {
    const e = this.byId.get(id);
    if (e) e.refs++;
  }

  unref(id: number, now: number): void {
    const e = this.byId.get(id);
    if (e && --e.refs === 0) e.idleSince = now;
  }

  /** Forgets what no flow has mentioned for a while. */
  sweep(now: number): void {
    for (const e of this.byId.values()) {
      if (e.refs > 0 || now - e.idleSince < LINGER_MS) continue;
      this.byId.delete(e.id);
      this.byText.delete(e.text);
    }
  }

  /** Actions and bridges are compared by identity: a modified rule has others, and a bridge that was removed is not the next one of its name. */
  private numberOf(one: Action | BridgeView): number {
    let number = this.numbers.get(one);
    if (number === undefined) {
      number = this.nextNumber++;
      this.numbers.set(one, number);
    }
    return number;
  }

  private names(list: readonly Action[], from = 0): string {
    let text = '';
    for (let i = from; i < list.length; i++) text += `${this.numberOf(list[i])},`;
    return text;
  }

  private describe(s: FrozenState): string {
    const frames = s.frames.map((f) => `${this.names(f.actions, f.from)}${f.table}/${f.cookie ?? ''}`).join(' ');
    const stack = s.stack.map((i) => `${i.value}/${i.bits}`).join(' ');
    const parts = [
      formatHex(s.ofLines),
      frames,
      stack,
      this.names(s.actionSet),
      s.table,
      s.cookie,
      s.mirrored,
      s.packetType ?? 0,
    ];
    return `${parts.join('|')}|${formatHex(s.userdata)}|${this.numberOf(s.bridge)}`;
  }
}
