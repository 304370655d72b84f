/**
 * A miss comes up; a decision goes down. And everything that keeps decisions right afterwards: revalidation when the tables change,
 * statistics pushed back, flows that nobody uses any more.
 *
 * Everything here happens on one thread, so a translation sees tables that stand still. Effects of a packet are applied right after its translation
 * and before the next one; what they change (a learned address) marks flows as stale, and `settle` translates those again. Until then
 * the datapath may forward a few packets by the old decision, as a hardware switch does.
 */
import type { DpAction } from '../datapath/action.js';
import type { Datapath, FlowCounters, Upcall } from '../datapath/datapath.js';
import { DROP } from '../datapath/drop-reasons.js';
import { KEY_BYTES, newKey, words } from '../flow/key.js';
import { get16, get32, put16 } from '../lib/bytes.js';
import { UserError } from '../lib/errors.js';
import { ETH_HEADER } from '../packet/extract.js';
import { DP_KEY_BYTES, K } from '../packet/key.js';
import { Changes } from './changes.js';
import { continuationOf } from './continuation.js';
import { newCounts } from './counts.js';
import { creditRules, NO_DETAILS } from './derivation.js';
import { FrozenStates } from './frozen.js';
import { narrow } from './mask-shapes.js';
import { type DpFlow, Megaflows } from './megaflows.js';
import { type Precedent, Precedents } from './precedents.js';
import { type TraceNames, traceText } from './trace.js';
import { type TranslateInput, Translation } from './translation.js';
import type { Arrival, PortFinder, UnderlayView } from './view.js';
import { Walk } from './walk.js';
import type { Witness } from './witness.js';

type ControllerCookie = Extract<Upcall['cookie'], { type: 'controller' }>;

export interface UpcallOptions {
  /** Datapath flows at most; as many slots as the datapath has, or fewer. */
  readonly maxFlows: number;
  /** Milliseconds without a packet after which a flow is removed. OVS's max-idle. */
  readonly maxIdle: number;
}

export const UPCALL_DEFAULTS: UpcallOptions = { maxFlows: 65536, maxIdle: 10_000 };

/** What a miss is decided by. */
interface Miss extends Pick<Upcall, 'worker' | 'port' | 'pending' | 'key' | 'frameLength'> {
  /** When it came up first. */
  readonly since?: number;
}
type Unresolved = Required<Miss>;

/** How long a packet waits for a link address: the datapath forgets it soon after. */
const RESOLVE_MS = 1500;
const MAX_UNRESOLVED = 256;

export class Upcalls {
  readonly states = new FrozenStates();
  readonly changes = new Changes();
  readonly flows: Megaflows;
  readonly counts = newCounts();
  private readonly walk = new Walk();
  private readonly t = new Translation();
  private readonly precedents = new Precedents();
  private readonly key = newKey();
  private readonly keyWords = words(this.key);
  private readonly options: UpcallOptions;
  /** Flows that `settle` is to translate again. */
  private touched: DpFlow[] = [];
  /** Where `check` is in the list of flows. */
  private cursor = 0;
  /** Time as of the current batch of work. */
  private now = 0;

  constructor(
    private readonly dp: Datapath,
    private readonly clock: { now(): number },
    private readonly find: PortFinder,
    options: Partial<UpcallOptions> = {},
  ) {
    this.options = { ...UPCALL_DEFAULTS, ...options };
    this.flows = new Megaflows(dp, this.options.maxFlows, {
      ref: (id) => this.states.ref(id),
      unref: (id) => this.states.unref(id, this.now),
      counted: (flow, c) => this.credit(flow, c),
    });
  }

  /** Flows put in or changed past the tables, not judged yet. */
  private readonly byHand = new Set<DpFlow>();
  /** Flows stay as they are, whatever changes: for who looks into the datapath. */
  paused = false;

  /** Flows take the packet that brought them and those like it in every bit. */
  exact = false;
  /** Of rounds over all flows: how many there were on average (each round counts as much as all before) and at most, and the time of the last one. */
  readonly rounds = { average: 0, most: 0, lastMs: 0 };
  private roundMs = 0;

  /** Packets that no flow takes are dropped undecided: the tables are not as they should be yet. */
  holding = false;

  /** Handler of the datapath. */
  upcall(u: Upcall): void {
    this.now = this.clock.now();
    if (u.type === 'miss') this.miss(u);
    else {
      const { cookie } = u;
      if (cookie?.type === 'controller') this.packetIn(u, cookie.stateId, cookie);
    }
  }

  /** What carries tunnels, for translations; set by who has some. */
  underlay: UnderlayView | undefined;
  /** Packets that wait for the link address of a tunnel's next hop; those behind them wait in the datapath. */
  private unresolved: Unresolved[] = [];

  /** Tries again what waited for link addresses, and gives up what has waited too long. */
  retry(): void {
    if (this.unresolved.length === 0) return;
    const waiting = this.unresolved;
    this.unresolved = [];
    this.now = this.clock.now();
    for (const u of waiting) this.miss(u, this.now - u.since < RESOLVE_MS);
  }

  private miss(u: Miss, mayWait = true): void {
    if (u.since === undefined) this.counts.misses++;
    const { key } = u;
    const recircId = get32(key, K.recircId.offset);
    const at = this.find(u.port, key);
    const frozen = recircId === 0 ? undefined : this.states.get(recircId);
    if (!at || this.holding || (recircId !== 0 && !frozen)) {
      const reason = this.holding ? DROP.policy : at ? DROP.recirc_unknown : this.strange(u.port);
      this.dp.resume(u.worker, u.pending, undefined, [{ type: 'drop', reason }]);
      return;
    }
    const { t } = this;
    // Own memory: the record's may be unaligned, and is gone after the call.
    this.key.set(key.length > DP_KEY_BYTES ? key.subarray(0, DP_KEY_BYTES) : key);
    const mayRepeat = recircId === 0 && !this.exact;
    const precedent = mayRepeat ? this.precedents.find(this.keyWords, this.changes.version) : undefined;
    if (precedent) return this.repeat(u, precedent);
    const witness = mayRepeat && !at.host ? this.precedents.witness : undefined;
    this.walk.run(this.input(at, this.key, frozen, witness), t);
    const excess = this.flows.isExcess(t.maskWords, u.port);
    if (excess) this.exceeds(u.port);
    if (excess || this.exact) narrow(t.maskWords, this.key);
    const flags = get16(this.key, K.tcpFlags.offset);
    if (t.reason === DROP.tunnel_neighbor && mayWait && this.unresolved.length < MAX_UNRESOLVED) {
      for (const e of t.effects) if (e.kind === 'solicit') e.bridge.apply(e, this.now, flags);
      const { worker, port, pending, since = this.now } = u;
      const { frameLength } = u;
      this.unresolved.push({ worker, port, pending, since, key: this.key.slice(0, DP_KEY_BYTES), frameLength });
      return;
    }
    if (t.reason === DROP.tunnel_neighbor) this.counts.unresolved++;
    // It belongs to the rules that decided, whatever becomes of the flow until the datapath has counted it.
    const bytes = this.bytesOf(u);
    creditRules(t, t, 1, bytes, this.now);
    for (const e of t.effects) e.bridge.apply(e, this.now, flags);
    const { installed } = this.flows.counts;
    const flow = this.flows.install(t, this.keyWords, u.port, this.now);
    const isNew = this.flows.counts.installed !== installed;
    if (flow && isNew && witness && !excess) this.precedents.keep(this.keyWords, flow);
    // A new flow's list is equal and shared, so that it is put into words once for many.
    this.answer(u, flow, flow && isNew ? flow.actions : t.actions, bytes);
  }

  private repeat(u: Miss, p: Precedent): void {
    this.counts.repeated++;
    const bytes = this.bytesOf(u);
    creditRules(p.path, NO_DETAILS, 1, bytes, this.now);
    this.answer(u, this.flows.repeat(p, this.keyWords, this.now), p.actions, bytes);
  }

  /** Without the room for an Ethernet header that it has not. */
  private bytesOf(u: Miss): number {
    return u.frameLength - (get32(this.key, K.packetType.offset) === 0 ? 0 : ETH_HEADER);
  }

  private answer(u: Miss, flow: DpFlow | undefined, actions: readonly DpAction[], bytes: number): void {
    if (flow) {
      flow.packets++;
      flow.bytes += bytes;
      flow.missedPackets++;
      flow.missedBytes += bytes;
    } else this.counts.unkept++;
    this.dp.resume(u.worker, u.pending, flow?.slot, actions);
  }

  /** Hears of each packet that would have brought a mask more than its port may. */
  onExcess: (port: number) => void = () => {};

  private exceeds(port: number): void {
    this.counts.excess++;
    this.onExcess(port);
  }

  /** Why a packet belongs to no port. */
  private strange(vport: number): number {
    return this.underlay?.isBacker(vport) ? DROP.tunnel_port : DROP.shutdown;
  }

  private input(at: Arrival, key: Uint8Array, frozen: TranslateInput['frozen'], witness?: Witness): TranslateInput {
    const { now, states, underlay } = this;
    const bridge = frozen?.bridge ?? at.bridge;
    return { bridge, inPort: at.port.number, key, now, states, frozen, underlay, witness, host: at.host ?? false };
  }

  private packetIn(u: Upcall, stateId: number, c: ControllerCookie): void {
    const state = this.states.get(stateId);
    if (!state) return;
    this.counts.packetIns++;
    const key = new Uint8Array(KEY_BYTES);
    key.set(u.key.length > DP_KEY_BYTES ? u.key.subarray(0, DP_KEY_BYTES) : u.key);
    key.set(state.ofLines, DP_KEY_BYTES);
    const { maxLen, reason, controllerId } = c;
    const { table, cookie, userdata, bridge } = state;
    const continuation = c.continuation ? continuationOf(state) : undefined;
    bridge.packetIn({ frame: u.frame, key, maxLen, reason, controllerId, table, cookie, userdata, continuation });
  }

  /** Translates without any consequence: what would happen to such a packet now. The result is valid until the next translation. */
  explain(input: Omit<TranslateInput, 'now' | 'states'>): Translation {
    this.now = this.clock.now();
    this.walk.run({ ...input, now: this.now, states: this.states, underlay: this.underlay }, this.t);
    return this.t;
  }

  /** What ofproto/trace prints for such a packet. With `learns` its effects are applied. */
  trace(input: Omit<TranslateInput, 'now' | 'states' | 'tracer'>, names?: TraceNames): string {
    const { bridge, inPort } = input;
    const key = input.key.slice();
    // A tag that was described, not seen, is a usual one.
    if (key[K.vlanTci.offset] & 0x10 && get16(key, K.vlanTpid.offset) === 0) put16(key, K.vlanTpid.offset, 0x8100);
    return traceText({
      bridge,
      inPort,
      key,
      names,
      ruleCookie: (id) => this.states.get(id)?.cookie,
      run: (tracer) => {
        const t = this.explain({ ...input, key, tracer });
        if (input.learns) for (const e of t.effects) e.bridge.apply(e, this.now, get16(key, K.tcpFlags.offset));
        return { t, walk: this.walk };
      },
    });
  }

  /** Translates a packet made by a controller, applies what it learns, counts it and sends it. `key` is what `execute` takes. */
  packetOut(input: Omit<TranslateInput, 'now' | 'states'>, frame: Uint8Array, offload: Upcall['offload']): void {
    const t = this.explain(input);
    const flags = get16(input.key, K.tcpFlags.offset);
    for (const e of t.effects) e.bridge.apply(e, this.now, flags);
    creditRules(t, t, 1, frame.length, this.now);
    this.counts.executed++;
    this.dp.execute(input.key, frame, offload, t.actions);
  }

  /** Changes wait for `settle`, or it has not come through all flows yet. */
  get unsettled(): boolean {
    return !this.paused && (this.touched.length > 0 || this.changes.any);
  }

  /** Translates again what a change since the last time may have touched: `most` flows, and others with the next call. True when there was something to do. */
  settle(most = Number.POSITIVE_INFINITY): boolean {
    if (!this.unsettled) return false;
    this.now = this.clock.now();
    if (this.touched.length === 0) this.touched = this.flows.touched(this.changes.take());
    const { touched } = this;
    for (let n = 0; n < most; n++) {
      const flow = touched.pop();
      if (!flow) break;
      if (this.flows.has(flow)) this.revalidate(flow);
    }
    return true;
  }

  /** Translates `n` flows again, others each time: the safety net, in small pieces. Returns how many were not right. */
  check(n: number): number {
    this.now = this.clock.now();
    const { all } = this.flows;
    let wrong = 0;
    if (this.paused) return 0;
    this.judgeByHand();
    // What a known change has touched is for `settle` to find, and no fault.
    for (let k = Math.min(n, all.length); k > 0 && all.length > 0 && !this.unsettled; k--) {
      this.cursor = this.cursor > 0 ? Math.min(this.cursor, all.length) - 1 : all.length - 1;
      if (!this.revalidate(all[this.cursor], true)) wrong++;
    }
    return wrong;
  }

  /** Translates everything again: the safety net, and what a change of ports asks for. Returns how many flows were not right. */
  sweep(): number {
    this.now = this.clock.now();
    this.changes.take();
    this.touched = [];
    const { all } = this.flows;
    let wrong = 0;
    for (let i = all.length - 1; i >= 0; i--) if (!this.revalidate(all[i])) wrong++;
    return wrong;
  }

  private revalidate(flow: DpFlow, unchanged = false): boolean {
    const { key } = this.flows.expand(flow);
    const at = this.find(get32(key, K.inPort.offset), key);
    const recircId = get32(key, K.recircId.offset);
    const frozen = recircId === 0 ? undefined : this.states.get(recircId);
    if (!at || (recircId !== 0 && !frozen)) {
      this.flows.remove(flow);
      // A later pass outlives the flows that led to it by a while: no fault.
      return at !== undefined;
    }
    this.counts.retranslated++;
    this.key.set(key);
    // Packets so far belong to the rules that sent them, not to those that will send the next ones.
    this.credit(flow, this.flows.counters(flow));
    // What they taught may have changed the tables just now: that is for `settle`.
    if (unchanged && this.unsettled) return true;
    this.walk.run(this.input(at, this.key, frozen), this.t);
    // What a changed MTU makes too long is told; everything else waits for a packet.
    for (const e of this.t.effects) if (e.kind === 'narrow') e.bridge.apply(e, this.now, 0);
    return this.flows.update(flow, this.t, unchanged);
  }

  /**
   * Pushes packets counted since the last time to rules, tables and learned addresses, and removes flows that had none for long. `part` of `parts`:
   * a share of the flows only, so that nothing waits long for it.
   */
  pushStatistics(part = 0, parts = 1): void {
    const began = this.clock.now();
    this.now = began;
    if (this.paused) return;
    this.judgeByHand();
    const { all } = this.flows;
    const from = Math.floor((all.length * part) / parts);
    for (let i = Math.floor((all.length * (part + 1)) / parts) - 1; i >= from; i--) {
      const flow = all[i];
      this.credit(flow, this.flows.counters(flow));
      if (this.now - Math.max(flow.used, flow.created) >= this.options.maxIdle) this.flows.remove(flow);
    }
    this.states.sweep(this.now);
    this.endRound(this.clock.now() - began, part + 1 === parts);
  }

  private endRound(ms: number, isLast: boolean): void {
    this.roundMs += ms;
    if (!isLast) return;
    const { rounds } = this;
    const n = this.flows.all.length;
    rounds.average = (rounds.average + n) / 2;
    rounds.most = Math.max(rounds.most, n);
    rounds.lastMs = this.roundMs;
    this.roundMs = 0;
  }

  /**
   * A flow as somebody wants it, or other actions for one: `pushStatistics` translates it and sets it right. Throws UserError when the datapath does not
   * take it.
   */
  putByHand(known: DpFlow | undefined, key: Uint8Array, mask: Uint8Array, actions: readonly DpAction[]): void {
    if (known) this.flows.setActions(known, actions);
    const flow = known ?? this.flows.installBare(key, mask, actions, this.clock.now());
    if (!flow) throw new UserError('the table of flows is full');
    this.byHand.add(flow);
  }

  private judgeByHand(): void {
    for (const flow of this.byHand) if (this.flows.has(flow)) this.revalidate(flow);
    this.byHand.clear();
  }

  private credit(flow: DpFlow, c: FlowCounters): void {
    const packets = c.packets - flow.packets;
    if (packets <= 0) return;
    const bytes = c.bytes - flow.bytes;
    flow.packets = c.packets;
    flow.bytes = c.bytes;
    flow.used = Math.floor(c.usedMs);
    flow.tcpFlags = c.tcpFlags;
    creditRules(flow.path, flow.details, packets, bytes, c.usedMs);
    for (const e of flow.details.effects) e.bridge.apply(e, c.usedMs, c.tcpFlags);
  }

  removeAll(): void {
    const { all } = this.flows;
    for (let i = all.length - 1; i >= 0; i--) this.flows.remove(all[i]);
  }
}
