import { HEADER_BYTES } from './message.js';

/**
 * Cuts a byte stream into messages. What it holds back is less than one message (65,535 bytes) and the chunk it came in: a peer that sends
 * half a message, or one byte at a time, costs that and no more, and no byte is copied more than twice.
 */
export class Framer {
  private held: Uint8Array[] = [];
  private heldBytes = 0;
  /** Bytes that must be there before it is worth looking again. */
  private wanted = HEADER_BYTES;

  /**
   * Whole messages in what was held and `chunk`. A message is a view of a chunk, so the chunk's buffer must not be used again. Returns
   * undefined after a length below 8: the stream has lost its frame and nothing after it can be trusted.
   */
  push(chunk: Uint8Array): Uint8Array[] | undefined {
    if (this.heldBytes + chunk.length < this.wanted) {
      this.held.push(chunk);
      this.heldBytes += chunk.length;
      // One byte at a time would make a list of 65,535 arrays: join them now and then.
      if (this.held.length > 64) this.held = [Buffer.concat(this.held)];
      return [];
    }
    const data = this.held.length ? Buffer.concat([...this.held, chunk]) : chunk;
    const out: Uint8Array[] = [];
    let at = 0;
    this.wanted = HEADER_BYTES;
    while (data.length - at >= HEADER_BYTES) {
      const length = data[at + 2] * 256 + data[at + 3];
      if (length < HEADER_BYTES) return undefined;
      if (data.length - at < length) {
        this.wanted = length;
        break;
      }
      out.push(data.subarray(at, at + length));
      at += length;
    }
    this.held = at === data.length ? [] : [data.slice(at)];
    this.heldBytes = data.length - at;
    return out;
  }
}
