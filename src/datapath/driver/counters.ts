import type { FlowCounters, PortCounters } from '../datapath.js';
import { DROP_REASON_SLOTS, DROP_REASONS } from '../drop-reasons.js';
import { FLOW_COUNTERS, MAX_QUEUES, PORT_COUNTERS, WORKER_COUNTERS } from '../native.js';

const WORKER_BLOCK = 64;
const PORT_BLOCK = PORT_COUNTERS.length + DROP_REASON_SLOTS;

export type WorkerCounters = Record<(typeof WORKER_COUNTERS)[number], number>;

/** The counters arenas of all workers, read while the workers go on writing. What is asked for is the sum over workers. */
export class CountersArena {
  private readonly halves: Uint32Array[];
  private readonly queuesAt: number;
  private readonly flowsAt: number;

  constructor(
    arenas: readonly ArrayBuffer[],
    readonly maxPorts: number,
  ) {
    this.halves = arenas.map((a) => new Uint32Array(a));
    this.queuesAt = WORKER_BLOCK + maxPorts * PORT_BLOCK;
    this.flowsAt = this.queuesAt + maxPorts * MAX_QUEUES;
  }

  /** The arena of one worker more. */
  add(arena: ArrayBuffer): void {
    this.halves.push(new Uint32Array(arena));
  }

  /** Cycles of a receive queue in measured breaths of a worker. */
  queue(worker: number, vport: number, queue: number): number {
    return read(this.halves[worker], this.queuesAt + vport * MAX_QUEUES + queue);
  }

  worker(worker: number): WorkerCounters {
    const entries = WORKER_COUNTERS.map((name, i) => [name, read(this.halves[worker], i)] as const);
    return Object.fromEntries(entries) as WorkerCounters;
  }

  port(vport: number): PortCounters {
    const at = WORKER_BLOCK + vport * PORT_BLOCK;
    const named = Object.fromEntries(PORT_COUNTERS.map((name, i) => [name, this.sum(at + i)] as const));
    const drops = DROP_REASONS.map((_, i) => this.sum(at + PORT_COUNTERS.length + i));
    return { ...(named as Omit<PortCounters, 'drops'>), drops };
  }

  flow(slot: number): FlowCounters {
    const at = this.flowsAt + slot * FLOW_COUNTERS.length;
    const out = { packets: 0, bytes: 0, usedMs: 0, tcpFlags: 0 };
    for (const a of this.halves) {
      out.packets += read(a, at);
      out.bytes += read(a, at + 1);
      out.usedMs = Math.max(out.usedMs, Math.floor(read(a, at + 2) / 1e6));
      out.tcpFlags |= read(a, at + 3);
    }
    return out;
  }

  /** For a slot that every worker has let go of. */
  clearFlow(slot: number): void {
    const at = this.flowsAt + slot * FLOW_COUNTERS.length;
    for (const a of this.halves) a.fill(0, at * 2, (at + FLOW_COUNTERS.length) * 2);
  }

  private sum(at: number): number {
    let n = 0;
    for (const a of this.halves) n += read(a, at);
    return n;
  }
}

/** A u64 in two halves. The high one is read again, so that a carry between the two reads is noticed. */
function read(a: Uint32Array, at: number): number {
  for (;;) {
    const high = Atomics.load(a, at * 2 + 1);
    const low = Atomics.load(a, at * 2);
    if (Atomics.load(a, at * 2 + 1) === high) return high * 0x100000000 + low;
  }
}
