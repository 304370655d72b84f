import type { DatapathHandlers, Offload, Upcall } from '../datapath.js';
import { decodeCookie } from '../encode.js';
import { type NativeDatapath, OFFLOAD, SIZE_WRAP, UPCALL, UPCALL_TYPE } from '../native.js';

const pad8 = (n: number) => (n + 7) & ~7;

/** Reads a worker's upcall ring in place: handlers get views into it, and a record's room is given back once its handler returned. */
export class UpcallRing {
  private readonly ring: ArrayBuffer;
  private readonly view: DataView;
  private readonly index: Uint32Array;
  private readonly mask: number;

  constructor(
    native: NativeDatapath,
    private readonly worker: number,
  ) {
    this.ring = native.upcallRing(worker);
    this.view = new DataView(this.ring);
    this.index = native.upcallIndex(worker);
    this.mask = this.ring.byteLength - 1;
  }

  /** Hands at most `max` records to the handlers; returns how many. */
  drain(handlers: DatapathHandlers, max: number): number {
    const head = Atomics.load(this.index, 0);
    let tail = this.index[1];
    let n = 0;
    while (tail !== head && n < max) {
      const at = tail & this.mask;
      const size = this.view.getUint32(at, true);
      if (size === SIZE_WRAP) {
        tail = (tail + this.mask + 1 - at) >>> 0;
        Atomics.store(this.index, 1, tail);
        continue;
      }
      tail = (tail + size) >>> 0;
      n++;
      try {
        this.deliver(at, handlers);
      } finally {
        Atomics.store(this.index, 1, tail);
      }
    }
    return n;
  }

  private deliver(at: number, handlers: DatapathHandlers): void {
    const v = this.view;
    const type = v.getUint8(at + UPCALL.type);
    const port = v.getUint32(at + UPCALL.port, true);
    if (type === UPCALL_TYPE.portEvent) return handlers.portEvent(port, v.getUint16(at + UPCALL.reason, true));
    const record = new RingUpcall(v, at, this.worker);
    if (type === UPCALL_TYPE.frame) return handlers.frame(port, record.frame, record.offload);
    handlers.upcall(record);
  }
}

/** A record in place. What most misses are decided without is made when it is asked for: views of a ring are dear. */
class RingUpcall implements Upcall {
  readonly type: Upcall['type'];
  readonly port: number;
  readonly pending: number;
  readonly frameLength: number;
  private readonly cookieAt: number;
  private readonly cookieLength: number;

  constructor(
    private readonly v: DataView,
    private readonly at: number,
    readonly worker: number,
  ) {
    this.type = v.getUint8(at + UPCALL.type) === UPCALL_TYPE.miss ? 'miss' : 'action';
    this.port = v.getUint32(at + UPCALL.port, true);
    this.pending = v.getUint32(at + UPCALL.pending, true);
    this.frameLength = v.getUint32(at + UPCALL.frameLen, true);
    this.cookieLength = v.getUint32(at + UPCALL.cookieLen, true);
    this.cookieAt = at + UPCALL.header + v.getUint32(at + UPCALL.keyLen, true);
  }

  get key(): Uint8Array {
    const from = this.at + UPCALL.header;
    return new Uint8Array(this.v.buffer, from, this.cookieAt - from);
  }

  get frame(): Uint8Array {
    return new Uint8Array(this.v.buffer, this.cookieAt + pad8(this.cookieLength), this.frameLength);
  }

  get cookie(): Upcall['cookie'] {
    if (this.cookieLength === 0) return undefined;
    return decodeCookie(new Uint8Array(this.v.buffer, this.cookieAt, this.cookieLength));
  }

  get timeNs(): number {
    return readU64(this.v, this.at + UPCALL.timeNs);
  }

  get offload(): Offload {
    const { v } = this;
    const at = this.at + UPCALL.offload;
    return {
      flags: v.getUint8(at + OFFLOAD.flags),
      gsoType: v.getUint8(at + OFFLOAD.gsoType),
      hdrLen: v.getUint16(at + OFFLOAD.hdrLen, true),
      gsoSize: v.getUint16(at + OFFLOAD.gsoSize, true),
      csumStart: v.getUint16(at + OFFLOAD.csumStart, true),
      csumOffset: v.getUint16(at + OFFLOAD.csumOffset, true),
    };
  }
}

/** As a double: exact to 2^53, which counters and nanoseconds of a run do not reach. */
function readU64(v: DataView, at: number): number {
  return v.getUint32(at, true) + v.getUint32(at + 4, true) * 0x100000000;
}
