/**
 * The datapath's flows as the slow path knows them: what each matches and does, what it was derived from, and what is to be told of its packets.
 *
 * Memory counts here (hundreds of thousands of flows), so a flow keeps only the words of its key that its mask looks at, and masks are shared:
 * few distinct ones exist. The same tables answer whether a flow is already there: several packets of one megaflow may come up before the first
 * decision reaches the datapath.
 */
import type { DpAction } from '../datapath/action.js';
import type { Datapath, FlowCounters } from '../datapath/datapath.js';
import { newKey, words } from '../flow/key.js';
import { finish, mix } from '../flowtable/mini.js';
import { DP_KEY_BYTES, K } from '../packet/key.js';
import { ActionLists } from './action-lists.js';
import type { ChangeSet } from './changes.js';
import { Dependents } from './dependents.js';
import { type Details, details, NO_DETAILS, NO_PATH, type Path, Paths } from './derivation.js';
import { KeyStore } from './key-store.js';
import { type MaskShape, MaskShapes } from './mask-shapes.js';
import type { Precedent } from './precedents.js';
import { effective } from './same-effect.js';
import type { Translation } from './translation.js';

const DP_WORDS = DP_KEY_BYTES / 4;

export interface DpFlow {
  readonly slot: number;
  readonly shape: MaskShape;
  /** Where the shape keeps the masked key. */
  readonly row: number;
  /** Where the whole key is kept of the packet that brought it. */
  readonly whole: number;
  actions: readonly DpAction[];
  path: Path;
  details: Details;
  readonly created: number;
  /** Counters as last pushed back. */
  packets: number;
  bytes: number;
  used: number;
  tcpFlags: number;
  /** Of these, packets that came up because there was no flow yet: tools do not count them as the flow's. */
  missedPackets: number;
  missedBytes: number;
  /** Place in the list of all flows, and among those of its way. */
  place: number;
  pathPlace: number;
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
  private readonly shapes = new MaskShapes();
  private readonly free: number[] = [];
  private nextSlot = 0;
  /** Scratch: the masked key of the flow expanded last. */
  readonly key = newKey();
  private readonly keyWords = words(this.key);
  private readonly maskBytes = newKey();
  private readonly maskWords = words(this.maskBytes);
  private readonly values = new Uint32Array(DP_WORDS);
  /** Whose words `key` and `maskBytes` hold. */
  private expanded: MaskShape | undefined;
  private readonly packets = new KeyStore();
  /** Scratch: the whole key shown last. */
  private readonly wholeKey = newKey();
  private readonly lists = new ActionLists();
  private readonly paths = new Paths();
  private readonly dependents = new Dependents();
  readonly counts: MegaflowCounts = { installed: 0, deleted: 0, modified: 0, duplicates: 0, full: 0 };

  /** Flows at most; no more than `limit` of the constructor, whose slots the datapath has. */
  limit: number;

  /** `counted` hears of packets of a flow that were not pushed back before. */
  constructor(
    private readonly dp: Datapath,
    private readonly slots: number,
    private readonly hooks: {
      ref(state: number): void;
      unref(state: number): void;
      counted(flow: DpFlow, c: FlowCounters): void;
    },
  ) {
    this.limit = slots;
  }

  /** Another limit; those that are past it stay until they are idle. */
  setLimit(limit: number): void {
    this.limit = Math.min(limit, this.slots);
  }

  /**
   * Puts a translated flow into the datapath and returns it, or the one that is already there. Undefined: no room. `key`: the packet's words; `port`: where it
   * came in.
   */
  install(t: Translation, key: Uint32Array, port: number, now: number): DpFlow | undefined {
    const shape = this.shapes.of(t.maskWords, port);
    const hash = this.masked(shape, key);
    const known = this.known(shape, hash);
    if (known || this.refuses()) return known;
    for (const id of t.states) this.hooks.ref(id);
    const own = { actions: this.lists.share(t.actions), path: this.paths.share(t), details: details(t) };
    return this.put(shape, hash, key, own, now);
  }

  /** As `install`, of what an earlier translation came to. */
  repeat({ shape, actions, path }: Precedent, key: Uint32Array, now: number): DpFlow | undefined {
    const hash = this.masked(shape, key);
    const known = this.known(shape, hash);
    if (known || this.refuses()) return known;
    return this.put(shape, hash, key, { actions, path, details: NO_DETAILS }, now);
  }

  /** The flow that has what `masked` left in `values`: another packet brought it while this one was on its way up. */
  private known(shape: MaskShape, hash: number): DpFlow | undefined {
    const flow = shape.find(hash, this.values);
    if (flow) this.counts.duplicates++;
    return flow;
  }

  /** One flow more is one too many. */
  private refuses(): boolean {
    if (this.all.length < this.limit) return false;
    this.counts.full++;
    return true;
  }

  /** A flow that no translation stands behind, derived from nothing. Undefined: no room. */
  installBare(key: Uint8Array, mask: Uint8Array, actions: readonly DpAction[], now: number): DpFlow | undefined {
    if (this.all.length >= this.limit) return undefined;
    const shape = this.shapes.of(wordsOf(mask));
    const packet = words(keyBytes(key));
    const hash = this.masked(shape, packet);
    const own = { actions: this.lists.share(actions), path: NO_PATH, details: NO_DETAILS };
    return this.put(shape, hash, packet, own, now);
  }

  /** Other actions for a flow, whatever it was derived from. */
  setActions(flow: DpFlow, actions: readonly DpAction[]): void {
    flow.actions = this.lists.share(actions);
    this.dp.flowModify(flow.slot, flow.actions);
    this.counts.modified++;
  }

  /** The flow that takes a packet of this key. */
  match(key: Uint8Array): DpFlow | undefined {
    const packet = wordsOf(key);
    for (const shape of this.shapes.all()) {
      const found = shape.find(this.masked(shape, packet), this.values);
      if (found) return found;
    }
    return undefined;
  }

  /** The flow of this very key and mask. */
  exact(key: Uint8Array, mask: Uint8Array): DpFlow | undefined {
    const shape = this.shapes.find(wordsOf(mask));
    return shape?.find(this.masked(shape, wordsOf(key)), this.values);
  }

  /** Leaves the masked words in `values`; the answer is their hash. */
  private masked({ index, mask }: MaskShape, key: Uint32Array): number {
    const { values } = this;
    let h = 0;
    for (let i = 0; i < index.length; i++) {
      const v = (key[index[i]] & mask[i]) >>> 0;
      values[i] = v;
      h = mix(h, v);
    }
    return finish(h);
  }

  /** What `masked` left in `values` becomes a flow. */
  private put(
    shape: MaskShape,
    hash: number,
    packet: Uint32Array,
    { actions, path, details }: Pick<DpFlow, 'actions' | 'path' | 'details'>,
    now: number,
  ): DpFlow {
    const flow: DpFlow = {
      slot: this.free.pop() ?? this.nextSlot++,
      shape,
      row: shape.nextRow,
      whole: this.packets.keep(packet),
      actions,
      path,
      details,
      // Whole numbers: fractions would cost each flow an object a number.
      created: Math.floor(now),
      packets: 0,
      bytes: 0,
      used: 0,
      tcpFlags: 0,
      missedPackets: 0,
      missedBytes: 0,
      place: this.all.length,
      pathPlace: 0,
    };
    this.dependents.add(flow);
    shape.add(hash, this.values, flow);
    this.all.push(flow);
    this.expand(flow);
    this.dp.flowPut(flow.slot, this.key, this.maskBytes, flow.actions);
    this.counts.installed++;
    return flow;
  }

  /** The masked key of a flow; a view of scratch memory, valid until the next call. */
  expand(flow: DpFlow): { readonly key: Uint8Array; readonly mask: Uint8Array } {
    const { shape, row } = flow;
    const { index, mask } = shape;
    if (this.expanded !== shape) {
      this.keyWords.fill(0);
      this.maskWords.fill(0);
      for (let i = 0; i < index.length; i++) this.maskWords[index[i]] = mask[i];
      this.maskBytes[K.lines.offset] = shape.lines;
      this.expanded = shape;
    }
    for (let i = 0; i < index.length; i++) this.keyWords[index[i]] = shape.word(row, i);
    // A line that the mask looks at may as well count as present: absent ones are all zeros.
    this.key[K.lines.offset] = shape.lines;
    return this;
  }

  /** What tools are shown: the key of the packet that brought the flow, and the mask; valid until the next call of this or `expand`. */
  shown(flow: DpFlow): { readonly key: Uint8Array; readonly mask: Uint8Array } {
    this.packets.read(flow.whole, words(this.wholeKey).subarray(0, DP_WORDS));
    return { key: this.wholeKey, mask: this.expand(flow).mask };
  }

  get mask(): Uint8Array {
    return this.maskBytes;
  }

  /**
   * A fresh translation of the flow: true when it still holds. Otherwise the flow is changed, or removed where it covers too much.
   *
   * The fresh walk started from the masked key, so it may have ruled a rule out by another field than the first walk did, under a mask that
   * is as sound but not a part of ours. `unchanged`: nothing the flow depends on is known to have changed, so that equal actions are
   * proof enough (or such as differ in spelling only: the mask may have changed with rules beside its way); otherwise the flow goes, and its next
   * packet brings a new one.
   */
  update(flow: DpFlow, t: Translation, unchanged: boolean): boolean {
    this.expand(flow);
    for (let i = 0; i < DP_WORDS; i++) {
      if (t.maskWords[i] & ~this.maskWords[i]) {
        if (unchanged && this.sameEffect(flow, t)) return true;
        this.remove(flow);
        return false;
      }
    }
    for (const id of t.states) this.hooks.ref(id);
    for (const id of flow.details.states) this.hooks.unref(id);
    this.dependents.remove(flow);
    flow.path = this.paths.share(t);
    flow.details = details(t);
    this.dependents.add(flow);
    if (unchanged ? this.sameEffect(flow, t) : this.lists.same(flow.actions, t.actions)) return true;
    flow.actions = this.lists.share(t.actions);
    this.dp.flowModify(flow.slot, flow.actions);
    this.counts.modified++;
    return false;
  }

  /** Of the flow that was expanded last. */
  private sameEffect(flow: DpFlow, t: Translation): boolean {
    if (this.lists.same(flow.actions, t.actions)) return true;
    const mask = this.mask.map((b, i) => b | t.mask[i]);
    const plain = (a: readonly DpAction[]) => effective(a, this.key, mask);
    return this.lists.same(plain(flow.actions), plain(t.actions));
  }

  remove(flow: DpFlow): void {
    const { shape } = flow;
    shape.remove(flow);
    const last = this.all.pop();
    if (last && last !== flow) {
      last.place = flow.place;
      this.all[flow.place] = last;
    }
    this.dependents.remove(flow);
    this.packets.forget(flow.whole);
    if (shape.size === 0) this.shapes.forget(shape);
    this.counts.deleted++;
    this.dp.flowDelete(flow.slot, (c) => {
      this.hooks.counted(flow, c);
      for (const id of flow.details.states) this.hooks.unref(id);
      this.free.push(flow.slot);
    });
  }

  /** Flows that may not be right any more, in a list of the caller's. */
  touched(changes: ChangeSet): DpFlow[] {
    return changes.everything ? this.all.slice() : this.dependents.touched(changes);
  }

  /** False: it was removed. */
  has(flow: DpFlow): boolean {
    return this.all[flow.place] === flow;
  }

  counters(flow: DpFlow): FlowCounters {
    return this.dp.flowCounters(flow.slot);
  }

  get masks(): number {
    return this.shapes.count;
  }

  /** That packets of a port brought. */
  masksOf(port: number): number {
    return this.shapes.broughtBy(port);
  }

  /** Would the datapath get one mask more for these packets of a port, which has brought as many as it may? */
  isExcess(mask: Uint32Array, port: number): boolean {
    return this.shapes.isSpent(port) && !this.shapes.find(mask);
  }
}

function keyBytes(key: Uint8Array): Uint8Array {
  const own = newKey();
  own.set(key.subarray(0, DP_KEY_BYTES));
  return own;
}

/** A key's words, in memory of its own: what comes from elsewhere may lie anywhere. */
function wordsOf(key: Uint8Array): Uint32Array {
  const own = keyBytes(key);
  // Which lines are there is no part of what is matched.
  own[K.lines.offset] = 0;
  return words(own);
}
