/** Messages kept as their bytes, one behind the other in large blocks: no object and no allocation for each. */
import { get16 } from '../../lib/bytes.js';

/** Many messages a block, and so large that the memory goes back to the system when the store goes. */
const BLOCK_BYTES = 1 << 20;
/** The first block: most bundles are small. */
const FIRST_BYTES = 1 << 16;

export class MessageStore {
  private readonly blocks: { readonly data: Uint8Array; used: number }[] = [];
  /** Of all messages. */
  bytes = 0;

  /** Copies a whole message, whose header says its right length. */
  push(message: Uint8Array): void {
    let block = this.blocks.at(-1);
    if (!block || block.used + message.length > block.data.length) {
      // A Buffer, as what comes from sockets is: the code that reads messages is compiled for one kind of array.
      block = { data: Buffer.allocUnsafeSlow(block ? BLOCK_BYTES : FIRST_BYTES), used: 0 };
      this.blocks.push(block);
    }
    block.data.set(message, block.used);
    block.used += message.length;
    this.bytes += message.length;
  }

  *[Symbol.iterator](): Generator<Uint8Array> {
    for (const { data, used } of this.blocks) {
      for (let at = 0; at < used; ) {
        const end = at + get16(data, at + 2);
        yield data.subarray(at, end);
        at = end;
      }
    }
  }
}
