/**
 * What is in a bundle, in order. Each request that added a message is kept as its bytes, for errors speak of it. What most of them are, an
 * addition of a flow, is kept ready as well, so that it is read once; the others, which are few, are read again when they are applied.
 */
import type { TunTable } from '../../flow/tun-table.js';
import type { FlowMod } from '../../flowtable/flow-mod.js';
import { PreparedFlows } from '../../flowtable/prepared.js';
import { type MessageCursor, MessageStore } from './message-store.js';

/** What a prepared flow takes beside its message, roughly: a rule, and seven words of a match. */
const PREPARED_BYTES = 250;

export class BundleQueue {
  private readonly messages = new MessageStore();
  private readonly flows = new PreparedFlows();
  /** Numbers of the messages that `flows` are of, ascending. */
  private readonly prepared: number[] = [];
  private count = 0;

  /** `tun`: what the tunnel options are that prepared flows name. */
  constructor(private readonly tun: TunTable) {}

  /** Memory it takes. */
  get bytes(): number {
    return this.messages.bytes + this.prepared.length * PREPARED_BYTES;
  }

  /** `addition`: the flow it adds, if it is nothing else and `tun` is what it was read with. */
  push(request: Uint8Array, addition?: { readonly mod: FlowMod; readonly tun: TunTable }): void {
    if (addition?.tun === this.tun) {
      this.flows.push(addition.mod);
      this.prepared.push(this.count);
    }
    this.messages.push(request);
    this.count++;
  }

  /**
   * Calls `addition` or `other` for each in turn. `tun`: of the bridge now; when it is another one, nothing that was prepared is good. When they
   * throw, `fault` is told of the request.
   */
  each(tun: TunTable, to: QueueVisitor): void {
    const ready = tun === this.tun ? this.prepared : [];
    const at: MessageCursor = this.messages.cursor();
    try {
      for (let n = 0, taken = 0; at.step(); n++) {
        if (ready[taken] !== n) to.other(at.bytes);
        else {
          taken++;
          to.addition?.(this.flows);
        }
      }
    } catch (e) {
      to.fault?.(at.bytes);
      throw e;
    }
  }
}

export interface QueueVisitor {
  /** To be taken, once. Without this it is passed over. */
  addition?(flows: PreparedFlows): void;
  /** A request. */
  other(request: Uint8Array): void;
  fault?(request: Uint8Array): void;
}
