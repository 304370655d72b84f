/** Messages kept as their bytes, one behind the other in large blocks: no object and no allocation for each. */
import { get16 } from '../../lib/bytes.js';

/** Many messages a block, and so large that the memory goes back to the system when the store goes. */
const BLOCK_BYTES = 1 << 20;
/** The first block: most bundles are small. */
const FIRST_BYTES = 1 << 16;

export class MessageStore {
  private readonly blocks: Block[] = [];
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

  /** Goes through them from the first on. */
  cursor(): MessageCursor {
    return new MessageCursor(this.blocks);
  }
}

interface Block {
  readonly data: Uint8Array;
  used: number;
}

/** Stands before the first message at first. */
export class MessageCursor {
  private block = 0;
  private at = 0;
  private end = 0;

  constructor(private readonly blocks: readonly Block[]) {}

  /** Goes on to the next message; false when there is none. */
  step(): boolean {
    if (this.block >= this.blocks.length) return false;
    if (this.end === this.blocks[this.block].used) {
      this.block++;
      this.end = 0;
      return this.step();
    }
    this.at = this.end;
    this.end += get16(this.blocks[this.block].data, this.at + 2);
    return true;
  }

  /** The message, in place: a view costs more than a step, and most are not looked at. */
  get bytes(): Uint8Array {
    return this.blocks[this.block].data.subarray(this.at, this.end);
  }
}
