/**
 * Splits a byte stream of JSON texts that follow each other without a mark (RFC 7047 section 4, and the control socket) into values.
 * A value ends where its outermost bracket closes; strings and their escapes are honoured. Nothing is parsed twice: the scan keeps its
 * place between chunks.
 */
export class JsonStream {
  private text = '';
  private at = 0;
  private depth = 0;
  private inString = false;
  private escaped = false;
  private readonly decoder = new TextDecoder('utf-8');

  /** `limit`: characters one value may have. */
  constructor(private readonly limit: number) {}

  /**
   * Takes a chunk and returns the values that are now whole. Throws SyntaxError when the bytes are not JSON objects or arrays in a row, and
   * RangeError when one value exceeds the limit; the stream is of no more use then.
   */
  push(chunk: Uint8Array): unknown[] {
    this.text += this.decoder.decode(chunk, { stream: true });
    const out: unknown[] = [];
    for (; this.at < this.text.length; this.at++) {
      const c = this.text.charCodeAt(this.at);
      if (this.inString) {
        if (this.escaped) this.escaped = false;
        else if (c === 0x5c) this.escaped = true;
        else if (c === 0x22) this.inString = false;
        continue;
      }
      if (c === 0x22 && this.depth > 0) this.inString = true;
      else if (c === 0x7b || c === 0x5b) this.depth++;
      else if (c === 0x7d || c === 0x5d) {
        if (--this.depth < 0) throw new SyntaxError('a bracket closes that was not opened');
        if (this.depth === 0) {
          out.push(JSON.parse(this.text.slice(0, this.at + 1)));
          this.text = this.text.slice(this.at + 1);
          this.at = -1;
        }
      } else if (this.depth === 0 && c > 0x20) {
        throw new SyntaxError('a value must be an object or an array');
      }
    }
    if (this.text.length > this.limit) throw new RangeError(`a value of more than ${this.limit} characters`);
    return out;
  }
}
