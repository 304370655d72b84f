import { DP_KEY_BYTES, DP_LINES, K, LINE_BYTES } from '../../packet/key.js';
import type { DatapathHandlers, Offload, Upcall } from '../datapath.js';
import { decodeCookie } from '../encode.js';
import { type NativeDatapath, OFFLOAD, SIZE_WRAP, UPCALL, UPCALL_TYPE } from '../native.js';

const pad8 = (n: number) => (n + 7) & ~7;
const LINE_WORDS = LINE_BYTES / 4;
/** Records whose room is given back at once: the worker asks for that line with each of its own. */
const GIVE_BACK = 16;
const NO_BYTES = new Uint8Array(0);

/** Reads a worker's upcall ring in place: handlers get views into it, and the room of records is given back once their handlers returned. */
export class UpcallRing {
  private readonly ring: ArrayBuffer;
  private readonly view: DataView;
  private readonly index: Uint32Array;
  private readonly mask: number;
  private readonly key: RingKey;

  constructor(
    native: NativeDatapath,
    private readonly worker: number,
  ) {
    this.ring = native.upcallRing(worker);
    this.view = new DataView(this.ring);
    this.index = native.upcallIndex(worker);
    this.mask = this.ring.byteLength - 1;
    this.key = new RingKey(this.ring);
  }

  /** Hands at most `max` records to the handlers; returns how many. */
  drain(handlers: DatapathHandlers, max: number): number {
    const head = Atomics.load(this.index, 0);
    const begin = this.index[1];
    let tail = begin;
    let n = 0;
    try {
      while (tail !== head && n < max) {
        const at = tail & this.mask;
        const size = this.view.getUint32(at, true);
        if (size === SIZE_WRAP) {
          tail = (tail + this.mask + 1 - at) >>> 0;
          continue;
        }
        tail = (tail + size) >>> 0;
        this.deliver(at, handlers);
        if (++n % GIVE_BACK === 0) Atomics.store(this.index, 1, tail);
      }
    } finally {
      if (tail !== begin) Atomics.store(this.index, 1, tail);
    }
    return n;
  }

  private deliver(at: number, handlers: DatapathHandlers): void {
    const v = this.view;
    const type = v.getUint8(at + UPCALL.type);
    const port = v.getUint32(at + UPCALL.port, true);
    if (type === UPCALL_TYPE.portEvent) return handlers.portEvent(port, v.getUint16(at + UPCALL.reason, true));
    const record = new RingUpcall(v, at, this.worker, this.key);
    if (type === UPCALL_TYPE.frame) return handlers.frame(port, record.frame, record.offload);
    handlers.upcall(record);
  }
}

/** A record's key in all of its lines, those that are not there zeros. The ring has only those that are. */
class RingKey {
  private readonly bytes = new Uint8Array(DP_KEY_BYTES);
  private readonly words = new Uint32Array(this.bytes.buffer);
  private readonly from: Uint32Array;
  private present = 0;

  constructor(ring: ArrayBuffer) {
    this.from = new Uint32Array(ring);
  }

  /** `at`: where the ring has it, a multiple of 8. */
  unpack(at: number): Uint8Array {
    const { words, from, present } = this;
    let read = at >> 2;
    for (let i = 0; i < LINE_WORDS; i++) words[i] = from[read++];
    const lines = this.bytes[K.lines.offset];
    if ((lines | present) === 0) return this.bytes;
    for (let n = 1; n < DP_LINES; n++) {
      const isThere = (lines >> (n - 1)) & 1;
      if (!isThere && !((present >> (n - 1)) & 1)) continue;
      for (let i = n * LINE_WORDS; i < (n + 1) * LINE_WORDS; i++) words[i] = isThere ? from[read++] : 0;
    }
    this.present = lines;
    return this.bytes;
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
  /** In memory that the next record's takes. */
  readonly key: Uint8Array;

  constructor(
    private readonly v: DataView,
    private readonly at: number,
    readonly worker: number,
    key: RingKey,
  ) {
    this.type = v.getUint8(at + UPCALL.type) === UPCALL_TYPE.miss ? 'miss' : 'action';
    this.port = v.getUint32(at + UPCALL.port, true);
    this.pending = v.getUint32(at + UPCALL.pending, true);
    this.frameLength = v.getUint32(at + UPCALL.frameLen, true);
    this.cookieLength = v.getUint32(at + UPCALL.cookieLen, true);
    const keyLength = v.getUint32(at + UPCALL.keyLen, true);
    this.cookieAt = at + UPCALL.header + keyLength;
    this.key = keyLength === 0 ? NO_BYTES : key.unpack(at + UPCALL.header);
  }

  get frame(): Uint8Array {
    if (this.type === 'miss') return NO_BYTES;
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
