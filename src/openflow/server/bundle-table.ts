/**
 * The bundles that one peer has open. They hold memory for as long as the peer likes, so it may not like long: one that nothing is done with for ten
 * seconds ends, as in Open vSwitch, and all peers of a bridge together have so many bytes in bundles.
 */
import type { Clock } from '../../lib/clock.js';
import { ofError } from '../errors.js';
import { MessageStore } from './message-store.js';

const MAX_BUNDLES = 64;
const MAX_BYTES = 256 << 20;
const MAX_BYTES_OF_ALL = 512 << 20;
const IDLE_MS = 10_000;
/** What errors show of a message. */
const SHOWN = 64;

export interface Bundle {
  readonly flags: number;
  /** The request that opened it, or its start. */
  readonly opener: Uint8Array;
  readonly messages: MessageStore;
  closed: boolean;
  /** Messages other than flow_mods. */
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
  open(id: number, flags: number, request: Uint8Array): Bundle {
    if (this.bundles.size >= MAX_BUNDLES) throw ofError('OFPBFC_OUT_OF_BUNDLES');
    const opener = new Uint8Array(request.subarray(0, SHOWN));
    const b = { flags, opener, messages: new MessageStore(), closed: false, others: 0, usedAt: this.clock.now() };
    this.bundles.set(id, b);
    this.watch();
    return b;
  }

  /** Throws with the OpenFlow error when there is no room; the bundle is gone then. */
  add(id: number, b: Bundle, message: Uint8Array): void {
    const isTooMuch = b.messages.bytes + message.length > MAX_BYTES;
    if (isTooMuch || this.memory.bytes + message.length > MAX_BYTES_OF_ALL) {
      this.delete(id);
      throw ofError('OFPBFC_OUT_OF_BUNDLES');
    }
    b.messages.push(message);
    this.memory.bytes += message.length;
  }

  delete(id: number): boolean {
    const b = this.bundles.get(id);
    if (!b) return false;
    this.memory.bytes -= b.messages.bytes;
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
