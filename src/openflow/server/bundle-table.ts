/**
 * The bundles that one peer has open. They hold memory for as long as the peer likes, so it may not like long: one that nothing is done with for ten
 * seconds ends, as in Open vSwitch, and all peers of a bridge together have so many bytes in bundles.
 */
import type { TunTable } from '../../flow/tun-table.js';
import type { FlowMod } from '../../flowtable/flow-mod.js';
import type { Clock } from '../../lib/clock.js';
import { ofError } from '../errors.js';
import { BundleQueue } from './bundle-queue.js';

const MAX_BUNDLES = 64;
const MAX_BYTES = 256 << 20;
const MAX_BYTES_OF_ALL = 512 << 20;
/** While all together take no more than this, flows are prepared when they are added. */
const MAX_BYTES_PREPARING = 128 << 20;
const IDLE_MS = 10_000;
/** What errors show of a message. */
const SHOWN = 64;

export interface Bundle {
  readonly flags: number;
  /** The request that opened it, or its start. */
  readonly opener: Uint8Array;
  readonly queue: BundleQueue;
  closed: boolean;
  /** Messages that cannot be undone. */
  others: number;
  usedAt: number;
}

/** Bytes of all peers of a bridge. */
export interface BundleMemory {
  bytes: number;
}

export class BundleTable {
  private readonly bundles = new Map<number, Bundle>();
  private cancel: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly memory: BundleMemory,
    /** A bundle has ended for want of use. */
    private readonly expired: (b: Bundle) => void,
  ) {}

  has(id: number): boolean {
    return this.bundles.has(id);
  }

  /** Using it puts off its end. */
  get(id: number): Bundle | undefined {
    const b = this.bundles.get(id);
    if (b) b.usedAt = this.clock.now();
    return b;
  }

  /** Throws with the OpenFlow error when there are too many. */
  open(id: number, flags: number, request: Uint8Array, tun: TunTable): Bundle {
    if (this.bundles.size >= MAX_BUNDLES) throw ofError('OFPBFC_OUT_OF_BUNDLES');
    const opener = new Uint8Array(request.subarray(0, SHOWN));
    const b = { flags, opener, queue: new BundleQueue(tun), closed: false, others: 0, usedAt: this.clock.now() };
    this.bundles.set(id, b);
    this.watch();
    return b;
  }

  /** Throws with the OpenFlow error when there is no room; the bundle is gone then. */
  add(id: number, b: Bundle, request: Uint8Array, addition?: { readonly mod: FlowMod; readonly tun: TunTable }): void {
    const before = b.queue.bytes;
    const isTooMuch = before + request.length > MAX_BYTES;
    if (isTooMuch || this.memory.bytes + request.length > MAX_BYTES_OF_ALL) {
      this.delete(id);
      throw ofError('OFPBFC_OUT_OF_BUNDLES');
    }
    b.queue.push(request, this.memory.bytes < MAX_BYTES_PREPARING ? addition : undefined);
    this.memory.bytes += b.queue.bytes - before;
  }

  delete(id: number): boolean {
    const b = this.bundles.get(id);
    if (!b) return false;
    this.memory.bytes -= b.queue.bytes;
    return this.bundles.delete(id);
  }

  /** The peer is gone. */
  close(): void {
    this.cancel?.();
    this.cancel = undefined;
    for (const id of [...this.bundles.keys()]) this.delete(id);
  }

  private watch(): void {
    if (this.cancel || this.bundles.size === 0) return;
    const oldest = Math.min(...[...this.bundles.values()].map((b) => b.usedAt));
    this.cancel = this.clock.after(Math.max(1, oldest + IDLE_MS - this.clock.now()), () => {
      this.cancel = undefined;
      for (const [id, b] of this.bundles) {
        if (this.clock.now() - b.usedAt < IDLE_MS) continue;
        this.delete(id);
        this.expired(b);
      }
      this.watch();
    });
  }
}
