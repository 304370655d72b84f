/**
 * The datapath's flows as the slow path knows them: what each matches and does, what it was derived from, and what is to be told of its packets.
 *
 * Memory counts here (hundreds of thousands of flows), so a flow keeps only the words of its key that its mask looks at, and masks are shared:
 * few distinct ones exist. The same tables answer whether a flow is already there: several packets of one megaflow may come up before the first
 * decision reaches the datapath.
 */
import type { DpAction } from '../datapath/action.js';
import type { Datapath, FlowCounters } from '../datapath/datapath.js';
import { encodeActions, WordWriter } from '../datapath/encode.js';
import { newKey, words } from '../flow/key.js';
import { finish, mix } from '../flowtable/mini.js';
import type { Rule } from '../flowtable/rule.js';
import { DP_KEY_BYTES, updateLines } from '../packet/key.js';
import type { BucketHit, Translation } from './translation.js';
import type { BridgeView, MacEntry, SideEffect } from './view.js';

const DP_WORDS = DP_KEY_BYTES / 4;

/** A mask in the words it uses, and the flows that have it. */
export interface MaskShape {
  readonly index: Uint8Array;
  readonly mask: Uint32Array;
  readonly flows: Map<number, DpFlow>;
}

/** What a flow was derived from: arrays handed over by a translation. */
export interface Derivation {
  readonly rules: readonly Rule[];
  /** Generations of the rules at the time. */
  readonly generations: readonly number[];
  readonly bridges: readonly BridgeView[];
  readonly misses: readonly { readonly bridge: BridgeView; readonly table: number }[];
  readonly tables: Uint32Array;
  readonly visited: readonly BridgeView[];
  readonly macs: readonly MacEntry[];
  readonly macMisses: readonly string[];
  readonly states: readonly number[];
  readonly groups: readonly number[];
  readonly buckets: readonly BucketHit[];
  readonly effects: readonly SideEffect[];
}

export interface DpFlow {
  readonly slot: number;
  readonly shape: MaskShape;
  /** Masked key, word i belongs to shape.index[i]. */
  readonly values: Uint32Array;
  readonly hash: number;
  /** Next flow of the same shape and hash. */
  next: DpFlow | undefined;
  readonly bridge: BridgeView;
  /** OpenFlow port of arrival. */
  readonly inPort: number;
  actions: readonly DpAction[];
  from: Derivation;
  readonly created: number;
  /** Counters as last pushed back. */
  packets: number;
  bytes: number;
  used: number;
  tcpFlags: number;
  /** Place in the list of all flows. */
  place: number;
}

export interface MegaflowCounts {
  installed: number;
  deleted: number;
  modified: number;
  duplicates: number;
  full: number;
}

export class Megaflows {
  /** All flows, in no order: removal moves the last one into the gap. */
  readonly all: DpFlow[] = [];
  private readonly shapes = new Map<number, MaskShape[]>();
  private readonly free: number[] = [];
  private nextSlot = 0;
  private readonly key = newKey();
  private readonly keyWords = words(this.key);
  private readonly maskBytes = newKey();
  private readonly maskWords = words(this.maskBytes);
  private readonly left = new WordWriter();
  private readonly right = new WordWriter();
  readonly counts: MegaflowCounts = { installed: 0, deleted: 0, modified: 0, duplicates: 0, full: 0 };

  /** `limit`: flows at most. `onCounters` hears of packets of a flow that were not pushed back before. */
  constructor(
    private readonly dp: Datapath,
    readonly limit: number,
    private readonly hooks: {
      ref(state: number): void;
      unref(state: number): void;
      counted(flow: DpFlow, c: FlowCounters): void;
    },
  ) {}

  /**
   * Puts a translated flow into the datapath and returns it, or the one that is already there. Undefined: no room. `key` is that of the packet,
   * KEY_BYTES or DP_KEY_BYTES long.
   */
  install(t: Translation, key: Uint8Array, bridge: BridgeView, inPort: number, now: number): DpFlow | undefined {
    const full = words(t.mask);
    const shape = this.shapeOf(full);
    const packet = new Uint32Array(key.buffer, key.byteOffset, DP_WORDS);
    const { index, mask } = shape;
    const values = new Uint32Array(index.length);
    let h = 0;
    for (let i = 0; i < index.length; i++) {
      values[i] = packet[index[i]] & mask[i];
      h = mix(h, values[i]);
    }
    const hash = finish(h);
    const known = find(shape, hash, values);
    if (known) {
      this.counts.duplicates++;
      return known;
    }
    if (this.all.length >= this.limit) {
      this.counts.full++;
      return undefined;
    }
    const flow: DpFlow = {
      slot: this.free.pop() ?? this.nextSlot++,
      shape,
      values,
      hash,
      next: shape.flows.get(hash),
      bridge,
      inPort,
      actions: t.actions,
      from: derivation(t),
      created: now,
      packets: 0,
      bytes: 0,
      used: 0,
      tcpFlags: 0,
      place: this.all.length,
    };
    shape.flows.set(hash, flow);
    this.all.push(flow);
    for (const id of t.states) this.hooks.ref(id);
    this.put(flow);
    this.counts.installed++;
    return flow;
  }

  private put(flow: DpFlow): void {
    this.expand(flow);
    this.dp.flowPut(flow.slot, this.key, this.maskBytes, flow.actions);
  }

  /** The masked key of a flow; a view of scratch memory, valid until the next call. */
  expand(flow: DpFlow): { readonly key: Uint8Array; readonly mask: Uint8Array } {
    this.keyWords.fill(0);
    this.maskWords.fill(0);
    const { index, mask } = flow.shape;
    for (let i = 0; i < index.length; i++) {
      this.keyWords[index[i]] = flow.values[i];
      this.maskWords[index[i]] = mask[i];
    }
    updateLines(this.key);
    updateLines(this.maskBytes);
    return { key: this.key, mask: this.maskBytes };
  }

  /** A fresh translation of the flow: true when it still holds. Otherwise the flow is changed, or removed where it covers too much. */
  update(flow: DpFlow, t: Translation): boolean {
    const fresh = words(t.mask);
    this.expand(flow);
    for (let i = 0; i < DP_WORDS; i++) {
      if (fresh[i] & ~this.maskWords[i]) {
        this.remove(flow);
        return false;
      }
    }
    for (const id of t.states) this.hooks.ref(id);
    for (const id of flow.from.states) this.hooks.unref(id);
    flow.from = derivation(t);
    if (this.sameActions(flow.actions, t.actions)) return true;
    flow.actions = t.actions;
    this.dp.flowModify(flow.slot, flow.actions);
    this.counts.modified++;
    return false;
  }

  remove(flow: DpFlow): void {
    const { shape, hash } = flow;
    let at = shape.flows.get(hash);
    if (at === flow) {
      if (flow.next) shape.flows.set(hash, flow.next);
      else shape.flows.delete(hash);
    } else {
      while (at && at.next !== flow) at = at.next;
      if (at) at.next = flow.next;
    }
    const last = this.all.pop();
    if (last && last !== flow) {
      last.place = flow.place;
      this.all[flow.place] = last;
    }
    if (shape.flows.size === 0) this.forgetShape(shape);
    this.counts.deleted++;
    this.dp.flowDelete(flow.slot, (c) => {
      this.hooks.counted(flow, c);
      for (const id of flow.from.states) this.hooks.unref(id);
      this.free.push(flow.slot);
    });
  }

  counters(flow: DpFlow): FlowCounters {
    return this.dp.flowCounters(flow.slot);
  }

  get masks(): number {
    let n = 0;
    for (const list of this.shapes.values()) n += list.length;
    return n;
  }

  private sameActions(a: readonly DpAction[], b: readonly DpAction[]): boolean {
    this.left.reset();
    this.right.reset();
    encodeActions(this.left, a);
    encodeActions(this.right, b);
    if (this.left.length !== this.right.length) return false;
    for (let i = 0; i < this.left.length; i++) if (this.left.words[i] !== this.right.words[i]) return false;
    return true;
  }

  private shapeOf(mask: Uint32Array): MaskShape {
    let h = 0;
    let n = 0;
    for (let i = 0; i < DP_WORDS; i++) {
      if (mask[i] === 0) continue;
      h = mix(mix(h, i), mask[i]);
      n++;
    }
    const hash = finish(h);
    const list = this.shapes.get(hash);
    const known = list?.find((s) => sameMask(s, mask, n));
    if (known) return known;
    const index = new Uint8Array(n);
    const used = new Uint32Array(n);
    for (let i = 0, at = 0; i < DP_WORDS; i++) {
      if (mask[i] === 0) continue;
      index[at] = i;
      used[at++] = mask[i];
    }
    const shape: MaskShape = { index, mask: used, flows: new Map() };
    if (list) list.push(shape);
    else this.shapes.set(hash, [shape]);
    return shape;
  }

  private forgetShape(shape: MaskShape): void {
    for (const [hash, list] of this.shapes) {
      const at = list.indexOf(shape);
      if (at < 0) continue;
      list.splice(at, 1);
      if (list.length === 0) this.shapes.delete(hash);
      return;
    }
  }
}

function find(shape: MaskShape, hash: number, values: Uint32Array): DpFlow | undefined {
  for (let f = shape.flows.get(hash); f; f = f.next) {
    let i = 0;
    while (i < values.length && f.values[i] === values[i]) i++;
    if (i === values.length) return f;
  }
  return undefined;
}

function sameMask(s: MaskShape, mask: Uint32Array, n: number): boolean {
  if (s.index.length !== n) return false;
  for (let i = 0; i < n; i++) if (mask[s.index[i]] !== s.mask[i]) return false;
  return true;
}

function derivation(t: Translation): Derivation {
  return {
    rules: t.rules,
    generations: t.rules.map((r) => r.generation),
    bridges: t.bridges,
    misses: t.misses,
    tables: t.tables.slice(),
    visited: t.visited,
    macs: t.macs,
    macMisses: t.macMisses,
    states: t.states,
    groups: t.groups,
    buckets: t.buckets,
    effects: t.effects,
  };
}
