/**
 * Splits a byte stream of JSON texts that follow each other without a mark (RFC 7047 section 4, and the control socket) into values.
 * A value ends where its outermost bracket closes; strings and their escapes are honoured. The scan keeps its place between chunks, and what is
 * held grows by doubling, so that a value of 100 MB in small pieces costs what it costs in one.
 */
import type { Account } from './budget.js';
import { type Json, MAX_DEPTH, parseJson } from './json.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export class JsonStream {
  private buffer = new Uint8Array(0);
  /** Bytes of `buffer` in use: the beginning of a value that has no end yet. */
  private used = 0;
  private depth = 0;
  private inString = false;
  private escaped = false;
  private readonly decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

  /** `limit`: bytes one value may have. `account`: what it may hold together with others. */
  constructor(
    private readonly limit: number,
    private readonly account?: Account,
  ) {}

  /** True when a value has begun and not ended. */
  get isMidway(): boolean {
    return this.depth > 0;
  }

  /**
   * Takes a chunk and returns the values that are now whole. Throws SyntaxError or TypeError when the bytes are not JSON objects or arrays in a row
   * in UTF-8, and RangeError when one value exceeds the limit; the stream is of no more use then, and must be ended.
   */
  push(chunk: Uint8Array): Json[] {
    const out: Json[] = [];
    let begin = 0;
    for (let i = 0; i < chunk.length; i++) {
      const c = chunk[i];
      if (this.inString) {
        if (this.escaped) this.escaped = false;
        else if (c === BACKSLASH) this.escaped = true;
        else if (c === QUOTE) this.inString = false;
      } else if (c === QUOTE && this.depth > 0) {
        this.inString = true;
      } else if (c === 0x7b || c === 0x5b) {
        if (this.depth++ === 0) begin = i;
        if (this.depth > MAX_DEPTH) throw new SyntaxError(`input exceeds maximum nesting depth ${MAX_DEPTH}`);
      } else if (c === 0x7d || c === 0x5d) {
        if (--this.depth < 0) throw new SyntaxError('a bracket closes that was not opened');
        if (this.depth === 0) {
          out.push(this.finish(chunk.subarray(begin, i + 1)));
          begin = i + 1;
        }
      } else if (this.depth === 0 && c > 0x20) {
        throw new SyntaxError('a value must be an object or an array');
      }
    }
    if (this.depth > 0) this.hold(chunk.subarray(begin));
    return out;
  }

  /** Gives back what is held. */
  end(): void {
    this.account?.set(0);
    this.buffer = new Uint8Array(0);
    this.used = 0;
  }

  private finish(tail: Uint8Array): Json {
    if (this.used === 0) {
      if (tail.length > this.limit) throw this.tooLong();
      return parseJson(this.decoder.decode(tail));
    }
    this.hold(tail);
    const text = this.decoder.decode(this.buffer.subarray(0, this.used));
    this.end();
    return parseJson(text);
  }

  private hold(bytes: Uint8Array): void {
    const need = this.used + bytes.length;
    if (need > this.limit) throw this.tooLong();
    if (need > this.buffer.length) {
      const size = Math.min(this.limit, Math.max(need, 2 * this.buffer.length));
      if (this.account?.set(size) === false) throw new RangeError('an unfinished message, the longest of too many');
      const larger = new Uint8Array(size);
      larger.set(this.buffer.subarray(0, this.used));
      this.buffer = larger;
    }
    this.buffer.set(bytes, this.used);
    this.used = need;
  }

  private tooLong(): RangeError {
    return new RangeError(`a value of more than ${this.limit} bytes`);
  }
}
