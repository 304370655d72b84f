import { UserError } from '../../lib/errors.js';
import { DP_KEY_BYTES, updateLines } from '../../packet/key.js';
import type { DpAction } from '../action.js';
import {
  type Datapath,
  type DatapathHandlers,
  type FlowCounters,
  type MeterCounters,
  type MeterSpec,
  NO_OFFLOAD,
  type Offload,
  type PortCounters,
} from '../datapath.js';
import { type DatapathConfig, LAYOUT_VERSION, type NativeDatapath, type PortConfig } from '../native.js';
import { checkConfig } from './check-config.js';
import { CommandBuffer } from './commands.js';
import { CountersArena, type WorkerCounters } from './counters.js';
import type { PortPaths, QueueMove } from './driver-types.js';
import { loadAddon } from './load.js';
import { Shortcuts } from './shortcuts.js';
import { UpcallRing } from './upcall-ring.js';

export const DEFAULT_CONFIG: Omit<DatapathConfig, 'layoutVersion'> = {
  workers: 1,
  manual: false,
  busy: false,
  maxFlows: 65536 * 4,
  maxPorts: 4096,
  upcallRingBytes: 8 << 20,
  commandRingBytes: 4 << 20,
  microflow: true,
  maxVlans: 1,
  buffers: 16384,
  pendingDepth: 64,
  seed: 1,
};

export type { PortPaths, QueueMove } from './driver-types.js';

/** Records handled before other work of the program gets its turn. */
const DRAIN_MAX = 1024;
/** Commands gathered before they are submitted, well under half of the smallest ring. */
const GATHER_BYTES = 1 << 16;

interface Owned {
  /** Of each queue. */
  readonly workers: number[];
  readonly kind: string;
}

interface Deletion {
  readonly slot: number;
  readonly done: (last: FlowCounters) => void;
  /** For each worker, the submission that holds the command. */
  readonly submission: readonly number[];
}

/**
 * The native engine as a Datapath. With `manual` it has no threads: `run` moves packets, `setClock` is the time. Otherwise workers run by
 * themselves and upcalls come on the event loop.
 *
 * Commands that handlers give during a drain are gathered and submitted once at its end: their answer (a flow, a resume) is one step for the worker.
 */
export class NativeDriver implements Datapath {
  /** Grows and shrinks with `steer`. */
  workers: number;
  workersEver = () => this.rings.length; // with those that rest now
  readonly config: DatapathConfig;
  readonly shortcuts: Shortcuts;
  private readonly native: NativeDatapath;
  private readonly rings: UpcallRing[];
  private readonly arena: CountersArena;
  private readonly buffers: CommandBuffer[];
  private readonly submitted: number[];
  private readonly owners = new Map<number, Owned>();
  /** Workers for the queues of a new port; one is asked for each queue. */
  place: (vport: number, queues: number) => readonly number[] = (vport, queues) =>
    Array.from({ length: queues }, (_, q) => (vport + q) % this.workers);
  private deletions: Deletion[] = [];
  private handlers: DatapathHandlers = { upcall() {}, frame() {}, portEvent() {} };
  private draining = false;
  private running = false;
  /** Without threads: commands wait for `run`. Not called for those that are given during it. */
  onWork: () => void = () => {};
  /** What `upcallLimit` is told of each port that is added. */
  upcallDefault = { rate: 0, burst: 0 };
  private closed = false;

  constructor(config: Partial<Omit<DatapathConfig, 'layoutVersion'>> = {}) {
    this.config = { ...DEFAULT_CONFIG, ...config, layoutVersion: LAYOUT_VERSION };
    checkConfig(this.config);
    this.native = new (loadAddon().Datapath)(this.config);
    this.shortcuts = new Shortcuts(this.native);
    this.workers = this.config.workers;
    const each = Array.from({ length: this.workers }, (_, w) => w);
    this.rings = each.map((w) => new UpcallRing(this.native, w));
    this.arena = new CountersArena(
      each.map((w) => this.native.counters(w)),
      this.native.kernelCounters(),
      this.config.maxPorts,
    );
    this.buffers = each.map(() => new CommandBuffer());
    this.submitted = each.map(() => 0);
    if (!this.config.manual) this.native.onUpcall(() => this.bell());
  }

  setHandlers(h: DatapathHandlers): void {
    this.handlers = h;
  }

  portAdd(vport: number, config: PortConfig): void {
    const workers = [...this.place(vport, config.kind === 'tap' ? config.queues : 1)];
    this.flushAll();
    try {
      workers.length = this.native.portAdd(vport, Uint32Array.from(workers), config);
    } catch (e) {
      throw new UserError(e instanceof Error ? e.message : String(e));
    }
    this.owners.set(vport, { workers, kind: config.kind });
    if (this.upcallDefault.rate > 0) this.upcallLimit(vport, this.upcallDefault.rate, this.upcallDefault.burst);
  }

  portRemove(vport: number): void {
    this.portsRemove([vport]);
  }

  portsRemove(vports: readonly number[]): void {
    for (const vport of vports) this.owner(vport);
    for (const vport of vports) this.owners.delete(vport);
    this.flushAll();
    this.native.portsRemove(Uint32Array.from(vports));
  }

  /** The worker of each of a port's receive queues; none: there is no such port. */
  queuesOf(vport: number): readonly number[] {
    return this.owners.get(vport)?.workers ?? [];
  }

  /** Cycles of a receive queue, by whatever worker, in breaths that were measured (`measured_cycles` of workers). */
  queueCycles(vport: number, queue: number): number {
    let n = 0;
    for (let w = 0; w < this.rings.length; w++) n += this.arena.queue(w, vport, queue);
    return n;
  }

  /** Ports whose queues are about to move: from here to `steer` what arrives waits in the kernel. */
  portsPause(vports: readonly number[]): void {
    this.flushAll();
    if (!this.closed) this.native.portsPause(Uint32Array.from(vports));
  }

  /**
   * So many workers as processors are named (-1: any) from here on, and these queues belong to others. Ports that were paused go on. A move of a port that is
   * gone is nothing. Returns the workers that could not be put on their processor.
   */
  steer(processors: readonly number[], moves: readonly QueueMove[]): number[] {
    if (this.closed) return [];
    this.flushAll();
    const before = this.workers;
    const real = moves.filter((m) => m.queue < this.queuesOf(m.vport).length);
    const triples = real.flatMap((m) => [m.vport, m.queue, m.worker]);
    const loose = this.native.steer(Int32Array.from(processors), Uint32Array.from(triples));
    this.workers = processors.length;
    for (const m of real) this.owner(m.vport).workers[m.queue] = m.worker;
    for (const { workers } of this.owners.values())
      workers.splice(0, workers.length, ...workers.map((w) => (w < this.workers ? w : 0)));
    for (let w = this.rings.length; w < this.workers; w++) {
      this.rings.push(new UpcallRing(this.native, w));
      this.arena.add(this.native.counters(w));
      this.submitted.push(0);
    }
    // Who rests is told nothing.
    this.buffers.length = Math.min(this.buffers.length, this.workers);
    while (this.buffers.length < this.workers) this.buffers.push(new CommandBuffer());
    if (this.workers !== before && !this.config.manual) this.bell();
    return [...loose];
  }

  /** By which way frames come and go; undefined where there is no choice. */
  portPaths(vport: number): PortPaths | undefined {
    const paths = this.native.portPaths(vport);
    if (!paths?.[0]) return undefined;
    const [receive, send, mode, shortfall] = paths;
    return { receive, send, mode, shortfall };
  }

  portState(vport: number, up: boolean): void {
    this.owner(vport);
    this.toAll((b) => b.portState(vport, up));
  }

  portMtu(vport: number, mtu: number): void {
    this.owner(vport);
    this.toAll((b) => b.portMtu(vport, mtu));
  }

  portCounters(vport: number): PortCounters {
    return this.arena.port(vport);
  }

  workerCounters(worker: number): WorkerCounters {
    return this.arena.worker(worker);
  }

  flowPut(slot: number, key: Uint8Array, mask: Uint8Array, actions: readonly DpAction[]): void {
    if (slot >= this.config.maxFlows) throw new UserError(`flow slot ${slot} is past ${this.config.maxFlows - 1}`);
    if (this.closed) return;
    for (const b of this.buffers) b.flowPut(slot, key, mask, actions);
    this.gathered();
  }

  flowModify(slot: number, actions: readonly DpAction[]): void {
    this.toAll((b) => b.flowModify(slot, actions));
  }

  flowDelete(slot: number, done: (last: FlowCounters) => void): void {
    // The numbers of the submissions that this command goes into, whether they leave now or at the end of a drain.
    const submission = this.submitted.map((n) => n + 1);
    this.deletions.push({ slot, done, submission });
    this.toAll((b) => b.flowDelete(slot));
  }

  flowCounters(slot: number): FlowCounters {
    return this.arena.flow(slot);
  }

  resume(worker: number, pending: number, slot: number | undefined, actions: readonly DpAction[]): void {
    if (this.closed || worker >= this.workers) return;
    this.buffers[worker].resume(pending, slot, actions);
    this.gathered();
  }

  execute(key: Uint8Array, frame: Uint8Array, offload: Offload, actions: readonly DpAction[], counted = true): void {
    const own = key.slice(0, DP_KEY_BYTES);
    updateLines(own);
    const inPort = new DataView(own.buffer).getUint32(0);
    const worker = this.owners.get(inPort)?.workers[0] ?? 0;
    this.to(worker, (b) => b.execute(own, frame, offload, actions, counted));
  }

  inject(vport: number, frame: Uint8Array, offload: Offload = NO_OFFLOAD): boolean {
    const owner = this.owner(vport);
    if (owner.kind !== 'memory') throw new UserError(`datapath port ${vport} is no memory port`);
    const worker = owner.workers[0];
    this.flush(worker);
    const b = this.buffers[worker];
    b.inject(vport, frame, offload);
    const taken = this.native.submit(worker, b.bytes, b.length);
    b.clear();
    if (taken) this.submitted[worker]++;
    return taken;
  }

  meterSet(id: number, spec: MeterSpec | undefined): void {
    this.to(0, (b) => b.meter(id, spec));
  }

  meterCounters(id: number): MeterCounters | undefined {
    const counts = this.closed ? new Float64Array(0) : this.native.meterCounts(id);
    if (counts.length === 0) return undefined;
    const pair = (i: number) => ({ packets: counts[2 * i], bytes: counts[2 * i + 1] });
    return { ...pair(0), bands: Array.from({ length: counts.length / 2 - 1 }, (_, i) => pair(i + 1)) };
  }

  vlanLimit(tags: number): void {
    this.toAll((b) => b.vlanLimit(tags));
  }

  upcallLimit(vport: number, rate: number, burst: number): void {
    this.owner(vport);
    this.toAll((b) => b.upcallLimit(vport, rate, burst));
  }

  setMicroflow(enabled: boolean): void {
    if (!this.closed) this.native.setMicroflow(enabled);
  }

  run(max = Number.POSITIVE_INFINITY): number {
    if (!this.config.manual || this.closed) return 0;
    const before = this.packets();
    this.running = true;
    try {
      for (let breath = 0; breath < max && !this.closed; breath++) {
        let work = 0;
        for (let w = 0; w < this.workers; w++) work += this.native.poll(w);
        if (this.drain(Number.POSITIVE_INFINITY) + work === 0) break;
      }
    } finally {
      this.running = false;
    }
    return this.packets() - before;
  }

  setClock(ms: number): void {
    if (!this.closed) this.native.setClock(Math.round(ms * 1e6));
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.native.close();
    this.owners.clear();
    for (const d of this.deletions.splice(0)) d.done(this.arena.flow(d.slot));
  }

  private owner(vport: number): Owned {
    const owner = this.owners.get(vport);
    if (!owner) throw new UserError(`datapath port ${vport} does not exist`);
    return owner;
  }

  private packets(): number {
    let n = 0;
    for (let w = 0; w < this.rings.length; w++) n += this.arena.worker(w).packets;
    return n;
  }

  private bell(): void {
    if (this.closed) return;
    let left = DRAIN_MAX;
    for (;;) {
      left -= this.drain(left);
      if (this.closed) return;
      if (left <= 0) {
        setImmediate(() => this.bell());
        return;
      }
      let more = false;
      for (let w = 0; w < this.rings.length; w++) if (this.native.rearm(w)) more = true;
      this.finishDeletions();
      if (!more || this.closed) return;
    }
  }

  /** Hands over what came up, then submits what the handlers said to it. Returns the number of records. */
  private drain(max: number): number {
    if (this.draining) return 0;
    this.draining = true;
    let n = 0;
    try {
      for (const ring of this.rings) if (n < max) n += ring.drain(this.handlers, max - n);
    } finally {
      this.draining = false;
      this.flushAll();
    }
    this.finishDeletions();
    return n;
  }

  private finishDeletions(): void {
    if (this.deletions.length === 0 || this.closed) return;
    const applied = this.submitted.map((_, w) => this.native.applied(w));
    const over = (d: Deletion) => d.submission.every((n, w) => w >= this.workers || ((applied[w] - n) | 0) >= 0);
    let n = 0;
    while (n < this.deletions.length && over(this.deletions[n])) n++;
    for (const d of this.deletions.splice(0, n)) {
      const last = this.arena.flow(d.slot);
      this.arena.clearFlow(d.slot);
      d.done(last);
    }
  }

  private to(worker: number, write: (b: CommandBuffer) => void): void {
    if (this.closed) return;
    write(this.buffers[worker]);
    if (!this.draining || this.buffers[worker].length > GATHER_BYTES) this.flush(worker);
  }

  private toAll(write: (b: CommandBuffer) => void): void {
    if (this.closed) return;
    const first = this.buffers[0];
    const from = first.length;
    write(first);
    for (let w = 1; w < this.workers; w++) this.buffers[w].append(first, from);
    if (!this.draining || first.length > GATHER_BYTES) this.flushAll();
  }

  /** Commands were written: outside a drain, or when they are many, they leave. */
  private gathered(): void {
    if (!this.draining || this.buffers.some((b) => b.length > GATHER_BYTES)) this.flushAll();
  }

  private flushAll(): void {
    for (let w = 0; w < this.workers; w++) this.flush(w);
  }

  /** A worker takes commands in each breath and never waits for us: a full ring soon has room. Without threads it breathes here. */
  private flush(worker: number): void {
    const b = this.buffers[worker];
    if (b.length === 0 || this.closed) return;
    while (!this.native.submit(worker, b.bytes, b.length)) {
      if (this.config.manual) this.native.poll(worker);
    }
    b.clear();
    this.submitted[worker] = (this.submitted[worker] + 1) | 0;
    if (this.config.manual && !this.running) this.onWork();
  }
}
