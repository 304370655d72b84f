/** Packets that wait for a decision, by the exact key that no flow matched. */
import type { Packet } from './packet.js';

export interface Waiting {
  readonly number: number;
  readonly key: Uint8Array;
  readonly sinceMs: number;
  /** In order of arrival. */
  readonly packets: Packet[];
}

const nameOf = (key: Uint8Array): string => Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');

export class Pending {
  private readonly byKey = new Map<string, Waiting>();
  private readonly byNumber = new Map<number, Waiting>();
  private next = 1;

  find(key: Uint8Array): Waiting | undefined {
    return this.byKey.get(nameOf(key));
  }

  /** Keeps `key`. */
  add(key: Uint8Array, p: Packet, nowMs: number): Waiting {
    const w: Waiting = { number: this.next++, key, sinceMs: nowMs, packets: [p] };
    this.byKey.set(nameOf(key), w);
    this.byNumber.set(w.number, w);
    return w;
  }

  take(number: number): Waiting | undefined {
    const w = this.byNumber.get(number);
    if (w) {
      this.byNumber.delete(number);
      this.byKey.delete(nameOf(w.key));
    }
    return w;
  }

  /** From the oldest on. */
  all(): Waiting[] {
    return [...this.byNumber.values()];
  }
}
