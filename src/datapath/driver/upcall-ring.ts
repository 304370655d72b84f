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
    const keyLen = v.getUint32(at + UPCALL.keyLen, true);
    const cookieLen = v.getUint32(at + UPCALL.cookieLen, true);
    const cookieAt = at + UPCALL.header + keyLen;
    const frameAt = cookieAt + pad8(cookieLen);
    const frame = new Uint8Array(this.ring, frameAt, v.getUint32(at + UPCALL.frameLen, true));
    const offload = this.offload(at + UPCALL.offload);
    if (type === UPCALL_TYPE.frame) return handlers.frame(port, frame, offload);
    const upcall: Upcall = {
      type: type === UPCALL_TYPE.miss ? 'miss' : 'action',
      worker: this.worker,
      port,
      key: new Uint8Array(this.ring, at + UPCALL.header, keyLen),
      frame,
      offload,
      pending: v.getUint32(at + UPCALL.pending, true),
      cookie: cookieLen === 0 ? undefined : decodeCookie(new Uint8Array(this.ring, cookieAt, cookieLen)),
      timeNs: readU64(v, at + UPCALL.timeNs),
    };
    handlers.upcall(upcall);
  }

  private offload(at: number): Offload {
    const v = this.view;
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
