import { DP_KEY_BYTES, DP_LINES, LINE_BYTES } from '../../packet/key.js';
import type { DpAction } from '../action.js';
import type { MeterSpec, Offload } from '../datapath.js';
import { encodeActions, WordWriter } from '../encode.js';
import { COMMAND, EXECUTE, FLOW_PUT, NO_SLOT } from '../native.js';

const HEAD = 8;
const LINE_WORDS = LINE_BYTES / 4;
const pad8 = (n: number) => (n + 7) & ~7;

/** Commands for one worker, in the layout of COMMAND, gathered until they are submitted. */
export class CommandBuffer {
  bytes = new Uint8Array(4096);
  length = 0;
  private view = new DataView(this.bytes.buffer);
  private words = new Uint32Array(this.bytes.buffer);
  private readonly keyView = new WordView();
  private readonly maskView = new WordView();
  private readonly encoded = new WordWriter();
  /** What `encoded` holds: a flow and what waited for it get the same list, one after the other. */
  private encodedOf: readonly DpAction[] | undefined;
  /** A flow that was put last, and where in it what waits for the same may be named. */
  private readonly last = { end: -1, slot: 0, actions: undefined as readonly DpAction[] | undefined, payload: 0 };

  clear(): void {
    this.length = 0;
    this.last.end = -1;
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
    const maskWords = this.maskView.of(mask);
    const keyWords = this.keyView.of(key);
    for (let n = 0; n < DP_LINES; n++) {
      if (isZero(maskWords, n * LINE_WORDS)) continue;
      lines |= 1 << n;
      count++;
    }
    const actionBytes = this.encode(actions);
    const payload = this.begin(COMMAND.flowPut, 16 + count * LINE_BYTES * 2 + actionBytes);
    let at = payload;
    this.view.setUint32(at, slot, true);
    this.view.setUint16(at + 4, lines, true);
    this.view.setUint16(at + 6, FLOW_PUT.zeroed, true);
    this.view.setUint32(at + 8, actionBytes, true);
    at += 16;
    for (let part = 0; part < 2; part++) {
      const from = part === 0 ? keyWords : maskWords;
      for (let n = 0; n < DP_LINES; n++) {
        if (!((lines >> n) & 1)) continue;
        this.copyWords(at, from, n * LINE_WORDS, LINE_WORDS);
        at += LINE_BYTES;
      }
    }
    this.putActions(at);
    const { last } = this;
    last.end = this.length;
    last.slot = slot;
    last.actions = actions;
    last.payload = payload;
  }

  flowModify(slot: number, actions: readonly DpAction[]): void {
    const actionBytes = this.encode(actions);
    const at = this.begin(COMMAND.flowModify, 8 + actionBytes);
    this.view.setUint32(at, slot, true);
    this.view.setUint32(at + 4, actionBytes, true);
    this.putActions(at + 8);
  }

  flowDelete(slot: number): void {
    const at = this.begin(COMMAND.flowDelete, 8);
    this.view.setUint32(at, slot, true);
  }

  /** Right after `flowPut` of the same slot and actions it is a part of that command. */
  resume(pending: number, slot: number | undefined, actions: readonly DpAction[]): void {
    const { last } = this;
    if (last.end === this.length && last.slot === slot && last.actions === actions) {
      this.view.setUint16(last.payload + 6, FLOW_PUT.zeroed | FLOW_PUT.resumes, true);
      this.view.setUint32(last.payload + 12, pending, true);
      last.end = -1;
      return;
    }
    const actionBytes = this.encode(actions);
    const at = this.begin(COMMAND.resume, 16 + actionBytes);
    this.view.setUint32(at, pending, true);
    this.view.setUint32(at + 4, slot ?? NO_SLOT, true);
    this.view.setUint32(at + 8, actionBytes, true);
    this.putActions(at + 16);
  }

  /** `key`: DP_KEY_BYTES with the `lines` byte right. */
  execute(key: Uint8Array, frame: Uint8Array, offload: Offload, actions: readonly DpAction[], counted: boolean): void {
    const actionBytes = this.encode(actions);
    const keyAt = 40;
    const actionsAt = keyAt + key.length;
    const frameAt = actionsAt + pad8(actionBytes);
    const at = this.begin(COMMAND.execute, frameAt + frame.length);
    const k = new DataView(key.buffer, key.byteOffset, 8);
    this.view.setUint32(at, k.getUint32(0), true);
    this.view.setUint32(at + 4, k.getUint32(4), true);
    this.view.setUint32(at + 8, actionBytes, true);
    this.view.setUint32(at + 12, frame.length, true);
    this.offload(at + 16, offload);
    this.view.setUint32(at + 28, key.length, true);
    this.view.setUint32(at + 32, counted ? EXECUTE.counted : 0, true);
    this.bytes.set(key, at + keyAt);
    this.putActions(at + actionsAt);
    this.bytes.set(frame, at + frameAt);
  }

  inject(vport: number, frame: Uint8Array, offload: Offload): void {
    const at = this.begin(COMMAND.inject, 24 + frame.length);
    this.view.setUint32(at, vport, true);
    this.view.setUint32(at + 4, frame.length, true);
    this.offload(at + 8, offload);
    this.bytes.set(frame, at + 24);
  }

  meter(id: number, spec: MeterSpec | undefined): void {
    const bands = spec?.bands ?? [];
    let at = this.begin(COMMAND.meter, 16 + 8 * bands.length);
    this.view.setUint32(at, id, true);
    this.view.setUint32(at + 4, spec === undefined ? 0 : spec.unit === 'kbps' ? 1 : 2, true);
    this.view.setUint32(at + 8, bands.length, true);
    for (const band of bands) {
      at += 8;
      this.view.setUint32(at + 8, band.rate, true);
      this.view.setUint32(at + 12, band.burst, true);
    }
  }

  portState(vport: number, up: boolean): void {
    const at = this.begin(COMMAND.portState, 8);
    this.view.setUint32(at, vport, true);
    this.view.setUint32(at + 4, up ? 1 : 0, true);
  }

  portMtu(vport: number, mtu: number): void {
    const at = this.begin(COMMAND.portMtu, 8);
    this.view.setUint32(at, vport, true);
    this.view.setUint32(at + 4, mtu, true);
  }

  vlanLimit(tags: number): void {
    const at = this.begin(COMMAND.vlanLimit, 8);
    this.view.setUint32(at, tags, true);
  }

  upcallLimit(vport: number, rate: number, burst: number): void {
    const at = this.begin(COMMAND.upcallLimit, 16);
    this.view.setUint32(at, vport, true);
    this.view.setUint32(at + 4, rate, true);
    this.view.setUint32(at + 8, burst, true);
  }

  /** Fills `encoded`; returns its bytes. */
  private encode(actions: readonly DpAction[]): number {
    if (actions !== this.encodedOf) {
      this.encoded.reset();
      encodeActions(this.encoded, actions);
      this.encodedOf = actions;
    }
    return this.encoded.length * 4;
  }

  private putActions(at: number): void {
    this.copyWords(at, this.encoded.words, 0, this.encoded.length);
  }

  /** `at` is a multiple of 4. A loop, because a call of `set` costs more than these few words. */
  private copyWords(at: number, from: Uint32Array, start: number, count: number): void {
    const to = at >> 2;
    for (let i = 0; i < count; i++) this.words[to + i] = from[start + i];
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
    for (let w = at >> 2; w < (at + size) >> 2; w++) this.words[w] = 0;
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
      this.words = new Uint32Array(bigger.buffer);
    }
    return this.length;
  }
}

function isZero(words: Uint32Array, from: number): boolean {
  for (let i = from; i < from + LINE_WORDS; i++) if (words[i] !== 0) return false;
  return true;
}

/** The same bytes as words in host order; a copy where they do not stand on a word. Who gives many keys gives them in the same memory. */
class WordView {
  private bytes: Uint8Array | undefined;
  private words: Uint32Array = new Uint32Array(0);

  of(bytes: Uint8Array): Uint32Array {
    const isAligned = bytes.byteOffset % 4 === 0;
    if (isAligned && bytes === this.bytes) return this.words;
    const b = isAligned ? bytes : bytes.slice();
    this.words = new Uint32Array(b.buffer, b.byteOffset, DP_KEY_BYTES / 4);
    this.bytes = bytes;
    return this.words;
  }
}
