import { DP_LINES, LINE_BYTES } from '../../packet/key.js';
import type { DpAction } from '../action.js';
import type { Offload } from '../datapath.js';
import { encodeActions, WordWriter } from '../encode.js';
import { COMMAND, NO_SLOT } from '../native.js';

const HEAD = 8;
const pad8 = (n: number) => (n + 7) & ~7;

/** Commands for one worker, in the layout of COMMAND, gathered until they are submitted. */
export class CommandBuffer {
  bytes = new Uint8Array(4096);
  length = 0;
  private view = new DataView(this.bytes.buffer);
  private readonly actions = new WordWriter();

  clear(): void {
    this.length = 0;
  }

  /** Appends what another buffer holds from a position on. */
  append(other: CommandBuffer, from: number): void {
    const at = this.room(other.length - from);
    this.bytes.set(other.bytes.subarray(from, other.length), at);
    this.length = at + other.length - from;
  }

  flowPut(slot: number, key: Uint8Array, mask: Uint8Array, actions: readonly DpAction[]): void {
    let lines = 0;
    let count = 0;
    for (let n = 0; n < DP_LINES; n++) {
      if (isZero(mask, n * LINE_BYTES)) continue;
      lines |= 1 << n;
      count++;
    }
    const encoded = this.encode(actions);
    let at = this.begin(COMMAND.flowPut, 16 + count * LINE_BYTES * 2 + encoded.length);
    this.view.setUint32(at, slot, true);
    this.view.setUint16(at + 4, lines, true);
    this.view.setUint16(at + 6, 1, true);
    this.view.setUint32(at + 8, encoded.length, true);
    at += 16;
    for (const part of [key, mask]) {
      for (let n = 0; n < DP_LINES; n++) {
        if (!((lines >> n) & 1)) continue;
        this.bytes.set(part.subarray(n * LINE_BYTES, (n + 1) * LINE_BYTES), at);
        at += LINE_BYTES;
      }
    }
    this.bytes.set(encoded, at);
  }

  flowModify(slot: number, actions: readonly DpAction[]): void {
    const encoded = this.encode(actions);
    const at = this.begin(COMMAND.flowModify, 8 + encoded.length);
    this.view.setUint32(at, slot, true);
    this.view.setUint32(at + 4, encoded.length, true);
    this.bytes.set(encoded, at + 8);
  }

  flowDelete(slot: number): void {
    const at = this.begin(COMMAND.flowDelete, 8);
    this.view.setUint32(at, slot, true);
  }

  resume(pending: number, slot: number | undefined, actions: readonly DpAction[]): void {
    const encoded = this.encode(actions);
    const at = this.begin(COMMAND.resume, 16 + encoded.length);
    this.view.setUint32(at, pending, true);
    this.view.setUint32(at + 4, slot ?? NO_SLOT, true);
    this.view.setUint32(at + 8, encoded.length, true);
    this.bytes.set(encoded, at + 16);
  }

  /** `key`: DP_KEY_BYTES with the `lines` byte right. */
  execute(key: Uint8Array, frame: Uint8Array, offload: Offload, actions: readonly DpAction[], counted: boolean): void {
    const encoded = this.encode(actions);
    const keyAt = 40;
    const actionsAt = keyAt + key.length;
    const frameAt = actionsAt + pad8(encoded.length);
    const at = this.begin(COMMAND.execute, frameAt + frame.length);
    const k = new DataView(key.buffer, key.byteOffset, 8);
    this.view.setUint32(at, k.getUint32(0), true);
    this.view.setUint32(at + 4, k.getUint32(4), true);
    this.view.setUint32(at + 8, encoded.length, true);
    this.view.setUint32(at + 12, frame.length, true);
    this.offload(at + 16, offload);
    this.view.setUint32(at + 28, key.length, true);
    this.view.setUint32(at + 32, counted ? 1 : 0, true);
    this.bytes.set(key, at + keyAt);
    this.bytes.set(encoded, at + actionsAt);
    this.bytes.set(frame, at + frameAt);
  }

  inject(vport: number, frame: Uint8Array, offload: Offload): void {
    const at = this.begin(COMMAND.inject, 24 + frame.length);
    this.view.setUint32(at, vport, true);
    this.view.setUint32(at + 4, frame.length, true);
    this.offload(at + 8, offload);
    this.bytes.set(frame, at + 24);
  }

  meter(id: number, unit: 'kbps' | 'pktps', rate: number, burst: number): void {
    const at = this.begin(COMMAND.meter, 24);
    this.view.setUint32(at, id, true);
    this.view.setUint32(at + 4, rate === 0 ? 0 : unit === 'kbps' ? 1 : 2, true);
    this.view.setUint32(at + 8, rate, true);
    this.view.setUint32(at + 16, burst, true);
  }

  portState(vport: number, up: boolean): void {
    const at = this.begin(COMMAND.portState, 8);
    this.view.setUint32(at, vport, true);
    this.view.setUint32(at + 4, up ? 1 : 0, true);
  }

  upcallLimit(vport: number, rate: number, burst: number): void {
    const at = this.begin(COMMAND.upcallLimit, 16);
    this.view.setUint32(at, vport, true);
    this.view.setUint32(at + 4, rate, true);
    this.view.setUint32(at + 8, burst, true);
  }

  private encode(actions: readonly DpAction[]): Uint8Array {
    this.actions.reset();
    encodeActions(this.actions, actions);
    return this.actions.view();
  }

  private offload(at: number, o: Offload): void {
    this.view.setUint8(at, o.flags);
    this.view.setUint8(at + 1, o.gsoType);
    this.view.setUint16(at + 2, o.hdrLen, true);
    this.view.setUint16(at + 4, o.gsoSize, true);
    this.view.setUint16(at + 6, o.csumStart, true);
    this.view.setUint16(at + 8, o.csumOffset, true);
  }

  /** A zeroed command of this payload; returns where the payload stands. */
  private begin(type: number, payload: number): number {
    const size = pad8(HEAD + payload);
    const at = this.room(size);
    this.bytes.fill(0, at, at + size);
    this.view.setUint32(at, size, true);
    this.view.setUint32(at + 4, type, true);
    this.length = at + size;
    return at + HEAD;
  }

  private room(size: number): number {
    const need = this.length + size;
    if (need > this.bytes.length) {
      const bigger = new Uint8Array(2 ** Math.ceil(Math.log2(need)));
      bigger.set(this.bytes.subarray(0, this.length));
      this.bytes = bigger;
      this.view = new DataView(bigger.buffer);
    }
    return this.length;
  }
}

function isZero(bytes: Uint8Array, from: number): boolean {
  for (let i = from; i < from + LINE_BYTES; i++) if (bytes[i] !== 0) return false;
  return true;
}
