/**
 * The reference datapath: the whole fast path in plain TypeScript, for every check of the native one and for use without the addon. It has
 * one worker and no thread; `run` moves packets.
 *
 * A breath takes up to a batch from each port, looks each packet up and executes; then upcalls and frames go to the handlers, in the order in
 * which they came up. What handlers install or resume acts at once.
 */
import { UserError } from '../../lib/errors.js';
import { Random } from '../../lib/random.js';
import { extract } from '../../packet/extract.js';
import { DP_KEY_BYTES, K } from '../../packet/key.js';
import type { DpAction, UserCookie } from '../action.js';
import {
  type Datapath,
  type DatapathHandlers,
  type FlowCounters,
  type MeterCounters,
  type MeterSpec,
  NO_OFFLOAD,
  type Offload,
  type PortCounters,
  type TunnelCounter,
} from '../datapath.js';
import { DROP } from '../drop-reasons.js';
import { type DatapathConfig, LIMITS, type PortConfig } from '../native.js';
import { Meter, UpcallBucket } from './buckets.js';
import { execute, type Sink } from './execute.js';
import { bytesOf } from './fit.js';
import { type Flow, FlowTable, newKey, takes } from './flow-table.js';
import { put32 } from './metadata.js';
import { newPacket, type Packet } from './packet.js';
import { Pending } from './pending.js';
import { Ports } from './ports.js';

const BATCH = 32;

export type ReferenceConfig = Pick<DatapathConfig, 'maxFlows' | 'maxVlans' | 'pendingDepth' | 'seed'>;

const DEFAULTS: ReferenceConfig = { maxFlows: 65536, maxVlans: 1, pendingDepth: 64, seed: 1 };
const NO_HANDLERS: DatapathHandlers = { upcall() {}, frame() {}, portEvent() {} };
const NO_COUNTERS: FlowCounters = { packets: 0, bytes: 0, usedMs: 0, tcpFlags: 0 };

/** Whether they send packets up, at any depth. */
function asksUp(actions: readonly DpAction[]): boolean {
  return actions.some((a) => {
    switch (a.type) {
      case 'userspace':
        return true;
      case 'clone':
      case 'sample':
        return asksUp(a.actions);
      case 'check_pkt_len':
        return asksUp(a.greater) || asksUp(a.lessEqual);
      default:
        return false;
    }
  });
}

export class ReferenceDatapath implements Datapath, Sink {
  readonly workers = 1;
  private readonly config: ReferenceConfig;
  private readonly draws: Random;
  private readonly table = new FlowTable();
  private readonly ports = new Ports();
  private readonly pending = new Pending();
  private readonly meters = new Map<number, Meter>();
  private handlers = NO_HANDLERS;
  private nowMs = 0;
  /** What goes to the handlers at the end of the breath. */
  private up: (() => void)[] = [];
  private maxVlans: number;

  constructor(config: Partial<ReferenceConfig> = {}) {
    this.config = { ...DEFAULTS, ...config };
    this.maxVlans = this.config.maxVlans;
    this.draws = new Random(this.config.seed);
  }

  setHandlers(h: DatapathHandlers): void {
    this.handlers = h;
  }

  portAdd(vport: number, config: PortConfig): void {
    this.ports.add(vport, config);
  }

  portRemove(vport: number): void {
    this.ports.remove(vport);
  }

  portsRemove(vports: readonly number[]): void {
    for (const vport of vports) this.portRemove(vport);
  }

  portState(vport: number, up: boolean): void {
    this.ports.get(vport).up = up;
  }

  portMtu(vport: number, mtu: number): void {
    this.ports.get(vport).mtu = mtu;
  }

  portCounters(vport: number): PortCounters {
    const block = this.ports.block(vport);
    return { ...block, drops: [...block.drops] };
  }

  flowPut(slot: number, key: Uint8Array, mask: Uint8Array, actions: readonly DpAction[]): void {
    if (slot >= this.config.maxFlows) throw new UserError(`flow slot ${slot} is past ${this.config.maxFlows - 1}`);
    const flow = this.table.put(slot, key, mask, actions);
    if (actions.every((a) => a.type === 'drop') || asksUp(actions)) return;
    // What comes after would overtake what waits.
    for (const w of this.pending.all().slice(0, LIMITS.mostReleased)) {
      if (takes(flow, w.key)) this.resume(0, w.number, slot, actions);
    }
  }

  flowModify(slot: number, actions: readonly DpAction[]): void {
    const flow = this.table.get(slot);
    if (flow) flow.actions = actions;
  }

  flowDelete(slot: number, done: (last: FlowCounters) => void): void {
    done(this.table.delete(slot)?.counters ?? NO_COUNTERS);
  }

  flowCounters(slot: number): FlowCounters {
    return { ...(this.table.get(slot)?.counters ?? NO_COUNTERS) };
  }

  resume(_worker: number, pending: number, slot: number | undefined, actions: readonly DpAction[]): void {
    const waiting = this.pending.take(pending);
    if (!waiting) return;
    const flow = slot === undefined ? undefined : this.table.get(slot);
    for (const p of waiting.packets) {
      if (p.counted) this.ports.block(p.inPort).held--;
      if (flow) this.count(flow, p, waiting.key);
      execute(this, p, waiting.key.slice(), actions, this.maxVlans);
    }
  }

  execute(key: Uint8Array, frame: Uint8Array, offload: Offload, actions: readonly DpAction[], counted = true): void {
    const inPort = new DataView(key.buffer, key.byteOffset).getUint32(K.inPort.offset);
    const p = counted ? this.received(inPort, frame, offload) : newPacket(frame, { ...offload }, inPort);
    p.counted = counted;
    const own = newKey();
    own.set(key.subarray(0, DP_KEY_BYTES));
    if (extract(p.frame, own, this.maxVlans)) execute(this, p, own, actions, this.maxVlans);
    else this.drop(p, DROP.too_short);
  }

  inject(vport: number, frame: Uint8Array, offload: Offload = NO_OFFLOAD): boolean {
    const port = this.ports.get(vport);
    if (port.config.kind !== 'memory') throw new UserError(`datapath port ${vport} is no memory port`);
    port.arrived.push({ frame: frame.slice(), offload });
    return true;
  }

  meterSet(id: number, spec: MeterSpec | undefined): void {
    if (!spec) this.meters.delete(id);
    else this.meters.set(id, new Meter(spec, this.nowMs));
  }

  meterCounters(id: number): MeterCounters | undefined {
    return this.meters.get(id)?.counters;
  }

  vlanLimit(tags: number): void {
    this.maxVlans = tags;
  }

  upcallLimit(vport: number, rate: number, burst: number): void {
    this.ports.get(vport).upcalls = rate === 0 ? undefined : new UpcallBucket(rate, burst, this.nowMs);
  }

  run(max = Number.POSITIVE_INFINITY): number {
    let moved = 0;
    for (let breath = 0; breath < max; breath++) {
      const took = this.receive();
      moved += took;
      this.expire();
      const up = this.up;
      this.up = [];
      for (const deliver of up) deliver();
      if (took === 0 && up.length === 0) break;
    }
    return moved;
  }

  setClock(ms: number): void {
    this.nowMs = ms;
  }

  close(): void {
    for (const [vport] of this.ports.entries()) this.ports.remove(vport);
    for (const w of this.pending.all()) this.abandon(w.number, DROP.shutdown);
  }

  // What the executor asks for.

  output(p: Packet, port: number): number {
    const why = this.ports.refuses(port, p.frame, p.offload);
    if (why !== 0) {
      if (why !== DROP.no_such_port) this.ports.block(port).tx_dropped++;
      this.drop(p, why);
      return why;
    }
    const block = this.ports.block(port);
    block.tx_packets++;
    block.tx_bytes += p.frame.length;
    if (this.ports.get(port).config.kind === 'memory') {
      const { frame, offload } = p;
      this.up.push(() => this.handlers.frame(port, frame, offload));
    }
    this.release(p);
    return 0;
  }

  recirculate(p: Packet, key: Uint8Array, id: number): void {
    if (p.recircDepth >= LIMITS.recirculations) return this.drop(p, DROP.recirc_limit);
    p.recircDepth++;
    put32(key, K.recircId, id);
    this.process(p, key);
  }

  drop(p: Packet, reason: number): void {
    if (!p.counted) return;
    const block = this.ports.block(p.inPort);
    if (p.delivered) block.forwarded++;
    else block.drops[reason]++;
  }

  release(p: Packet): void {
    if (p.counted) this.ports.block(p.inPort).forwarded++;
  }

  userspace(p: Packet, key: Uint8Array, cookie: UserCookie): number {
    if (!this.mayAsk(p)) return DROP.upcall_rate;
    this.sendUp('action', p, key.slice(), 0, cookie);
    return 0;
  }

  encapsulated(_p: Packet, port: number, bytes: number): number {
    const block = this.ports.block(port);
    block.tx_packets++;
    block.tx_bytes += bytes;
    const at = this.ports.find(port);
    return at ? at.tunnelled++ : 0;
  }

  tally(port: number, counter: TunnelCounter, n: number): void {
    this.ports.block(port)[counter] += n;
  }

  arrive(p: Packet, port: number, bytes: number): number {
    const to = this.ports.find(port);
    if (!to) return DROP.no_such_port;
    if (!to.up) return DROP.port_down;
    if (p.counted) this.ports.block(p.inPort).forwarded++;
    p.counted = true;
    p.delivered = false;
    p.inPort = port;
    const block = this.ports.block(port);
    block.rx_packets++;
    block.rx_bytes += bytes;
    return 0;
  }

  meter(id: number, bytes: number): boolean {
    return this.meters.get(id)?.pass(bytes, this.nowMs) ?? true;
  }

  random(): number {
    return this.draws.u32();
  }

  // The way in.

  private receive(): number {
    let took = 0;
    for (const [vport, port] of this.ports.entries()) {
      for (const { frame, offload } of port.arrived.splice(0, BATCH)) {
        took++;
        const p = this.received(vport, frame, offload);
        const key = newKey();
        put32(key, K.inPort, vport);
        if (port.up) this.process(p, key);
        else this.drop(p, DROP.port_down);
      }
    }
    return took;
  }

  /** A new packet, counted as received. */
  private received(vport: number, frame: Uint8Array, offload: Offload): Packet {
    const p = newPacket(frame, { ...offload }, vport);
    const block = this.ports.block(vport);
    block.rx_packets++;
    block.rx_bytes += frame.length;
    return p;
  }

  /** `key` holds metadata. */
  private process(p: Packet, key: Uint8Array): void {
    if (!extract(p.frame, key, this.maxVlans)) return this.drop(p, DROP.too_short);
    const flow = this.table.lookup(key);
    if (!flow) return this.miss(p, key);
    this.count(flow, p, key);
    execute(this, p, key, flow.actions, this.maxVlans);
  }

  private count({ counters }: Flow, p: Packet, key: Uint8Array): void {
    counters.packets++;
    counters.bytes += bytesOf(p.frame, key);
    counters.usedMs = this.nowMs;
    counters.tcpFlags |= (key[K.tcpFlags.offset] << 8) | key[K.tcpFlags.offset + 1];
  }

  private miss(p: Packet, key: Uint8Array): void {
    const waiting = this.pending.find(key);
    if (waiting) {
      if (waiting.packets.length >= this.config.pendingDepth) return this.drop(p, DROP.pending_full);
      waiting.packets.push(p);
    } else {
      if (!this.mayAsk(p)) return this.drop(p, DROP.upcall_rate);
      const { number } = this.pending.add(key, p, this.nowMs);
      this.sendUp('miss', p, key.slice(), number, undefined);
    }
    if (p.counted) this.ports.block(p.inPort).held++;
  }

  private mayAsk(p: Packet): boolean {
    return this.ports.find(p.inPort)?.upcalls?.pass(this.nowMs) ?? true;
  }

  private sendUp(
    type: 'miss' | 'action',
    p: Packet,
    key: Uint8Array,
    pending: number,
    cookie: UserCookie | undefined,
  ): void {
    const { offload, inPort: port } = p;
    const frame = type === 'miss' ? new Uint8Array(0) : p.frame.slice();
    const frameLength = p.frame.length;
    const timeNs = this.nowMs * 1e6;
    this.up.push(() => {
      this.handlers.upcall({
        type,
        worker: 0,
        port,
        key,
        frame,
        frameLength,
        offload,
        pending,
        cookie,
        timeNs,
      });
    });
  }

  private expire(): void {
    for (const w of this.pending.all()) {
      if (this.nowMs - w.sinceMs > LIMITS.pendingTimeoutMs) this.abandon(w.number, DROP.pending_timeout);
    }
  }

  private abandon(number: number, why: number): void {
    for (const p of this.pending.take(number)?.packets ?? []) {
      if (p.counted) this.ports.block(p.inPort).held--;
      this.drop(p, why);
    }
  }
}
