import type { FlowCounters, PortCounters } from '../datapath.js';
import { DROP_REASON_SLOTS, DROP_REASONS } from '../drop-reasons.js';
import { FLOW_COUNTERS, KERNEL_ARENA, MAX_QUEUES, PORT_COUNTERS, WORKER_COUNTERS } from '../native.js';

const WORKER_BLOCK = 64;
const PORT_BLOCK = PORT_COUNTERS.length + DROP_REASON_SLOTS;

export type WorkerCounters = Record<(typeof WORKER_COUNTERS)[number], number>;

/** One arena, and how many ports and flows have a place in it. */
class Blocks {
  private readonly halves: Uint32Array;
  private readonly queuesAt: number;
  private readonly flowsAt: number;

  constructor(
    arena: ArrayBuffer,
    private readonly ports: number,
    private readonly flows = Number.POSITIVE_INFINITY,
  ) {
    this.halves = new Uint32Array(arena);
    this.queuesAt = WORKER_BLOCK + ports * PORT_BLOCK;
    this.flowsAt = this.queuesAt + ports * MAX_QUEUES;
  }

  worker(i: number): number {
    return read(this.halves, i);
  }

  port(vport: number, i: number): number {
    return vport < this.ports ? read(this.halves, WORKER_BLOCK + vport * PORT_BLOCK + i) : 0;
  }

  queue(vport: number, i: number): number {
    return read(this.halves, this.queuesAt + vport * MAX_QUEUES + i);
  }

  addFlow(slot: number, to: { packets: number; bytes: number; usedMs: number; tcpFlags: number }): void {
    if (slot >= this.flows) return;
    const a = this.halves;
    const at = this.flowsAt + slot * FLOW_COUNTERS.length;
    // Each round asks for every flow there is, and most arenas never had a packet of it.
    if (a[at * 2] === 0 && a[at * 2 + 1] === 0) return;
    to.packets += read(a, at);
    to.bytes += read(a, at + 1);
    to.usedMs = Math.max(to.usedMs, Math.floor(read(a, at + 2) / 1e6));
    to.tcpFlags |= read(a, at + 3);
  }

  clearFlow(slot: number): void {
    if (slot >= this.flows) return;
    const at = this.flowsAt + slot * FLOW_COUNTERS.length;
    this.halves.fill(0, at * 2, (at + FLOW_COUNTERS.length) * 2);
  }
}

/**
 * The counters arenas of all workers and that of the kernel, read while those go on writing. What is asked for of a port or a flow is the sum over them; what the kernel
 * forwarded counts as the first worker's.
 */
export class CountersArena {
  private readonly workers: Blocks[] = [];
  private readonly kernel: Blocks;
  private arenas: readonly Blocks[] = [];

  constructor(
    workers: readonly ArrayBuffer[],
    kernel: ArrayBuffer,
    readonly maxPorts: number,
  ) {
    this.kernel = new Blocks(kernel, KERNEL_ARENA.ports, KERNEL_ARENA.flows);
    for (const a of workers) this.add(a);
  }

  /** The arena of one worker more. */
  add(arena: ArrayBuffer): void {
    this.workers.push(new Blocks(arena, this.maxPorts));
    this.arenas = [...this.workers, this.kernel];
  }

  /** Cycles of a receive queue in measured breaths of a worker. */
  queue(worker: number, vport: number, queue: number): number {
    return this.workers[worker].queue(vport, queue);
  }

  worker(worker: number): WorkerCounters {
    const kernel = worker === 0 ? this.kernel : undefined;
    const entries = WORKER_COUNTERS.map((name, i) => {
      return [name, this.workers[worker].worker(i) + (kernel?.worker(i) ?? 0)] as const;
    });
    return Object.fromEntries(entries) as WorkerCounters;
  }

  port(vport: number): PortCounters {
    const named = Object.fromEntries(PORT_COUNTERS.map((name, i) => [name, this.sum(vport, i)] as const));
    const drops = DROP_REASONS.map((_, i) => this.sum(vport, PORT_COUNTERS.length + i));
    return { ...(named as Omit<PortCounters, 'drops'>), drops };
  }

  flow(slot: number): FlowCounters {
    const out = { packets: 0, bytes: 0, usedMs: 0, tcpFlags: 0 };
    for (const a of this.arenas) a.addFlow(slot, out);
    return out;
  }

  /** For a slot that every worker has let go of. */
  clearFlow(slot: number): void {
    for (const a of this.arenas) a.clearFlow(slot);
  }

  private sum(vport: number, i: number): number {
    let n = 0;
    for (const a of this.arenas) n += a.port(vport, i);
    return n;
  }
}

/**
 * A u64 in two halves. The high one is read again, so that a carry between the two reads is noticed: by a load that the compiler takes for no other, which costs
 * as much as ten plain ones.
 */
function read(a: Uint32Array, at: number): number {
  for (;;) {
    const high = a[at * 2 + 1];
    const low = a[at * 2];
    if (Atomics.load(a, at * 2 + 1) === high) return high * 0x100000000 + low;
  }
}
