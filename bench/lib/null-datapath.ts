/** A datapath that nobody stands behind: commands are put into words, as for a worker, and thrown away. What is left of a decision is the deciding thread's own part. */
import type { DpAction } from '../../src/datapath/action.js';
import type { Datapath, DatapathHandlers, FlowCounters, PortCounters, Upcall } from '../../src/datapath/datapath.js';
import { NO_OFFLOAD } from '../../src/datapath/datapath.js';
import { CommandBuffer } from '../../src/datapath/driver/commands.js';

const NOTHING: FlowCounters = { packets: 0, bytes: 0, usedMs: 0, tcpFlags: 0 };
/** As much as the driver gathers. */
const GATHER_BYTES = 64 * 1024;

export class NullDatapath implements Datapath {
  readonly workers = 1;
  readonly buffer = new CommandBuffer();
  handlers: DatapathHandlers | undefined;

  setHandlers(h: DatapathHandlers): void {
    this.handlers = h;
  }

  portAdd(): void {}
  portRemove(): void {}
  portsRemove(): void {}
  portState(): void {}
  portMtu(): void {}
  portCounters(): PortCounters {
    throw new Error('nobody counts here');
  }

  flowPut(slot: number, key: Uint8Array, mask: Uint8Array, actions: readonly DpAction[]): void {
    this.buffer.flowPut(slot, key, mask, actions);
  }

  flowModify(slot: number, actions: readonly DpAction[]): void {
    this.buffer.flowModify(slot, actions);
  }

  flowDelete(slot: number, done: (last: FlowCounters) => void): void {
    this.buffer.flowDelete(slot);
    this.sent();
    done(NOTHING);
  }

  flowCounters(): FlowCounters {
    return NOTHING;
  }

  resume(_worker: number, pending: number, slot: number | undefined, actions: readonly DpAction[]): void {
    this.buffer.resume(pending, slot, actions);
    this.sent();
  }

  private sent(): void {
    if (this.buffer.length > GATHER_BYTES) this.buffer.clear();
  }

  execute(): void {}
  inject(): boolean {
    return false;
  }
  meterSet(): void {}
  meterCounters(): undefined {}
  vlanLimit(): void {}
  upcallLimit(): void {}
  run(): number {
    return 0;
  }
  setClock(): void {}
  close(): void {}

  /** A miss, whose key the reader of a ring has put where it puts each. */
  miss(port: number, key: Uint8Array): void {
    this.handlers?.upcall(new Miss(port, key));
  }
}

class Miss implements Upcall {
  readonly type = 'miss';
  readonly worker = 0;
  readonly frameLength = 60;
  readonly offload = NO_OFFLOAD;
  readonly timeNs = 0;
  readonly pending = 7;

  constructor(
    readonly port: number,
    readonly key: Uint8Array,
  ) {}

  get frame(): Uint8Array {
    return new Uint8Array(0);
  }
}
