/** A number that no other bridge has. */
import { createHash } from 'node:crypto';

/** Of what tells bridges apart when they are made. Made when first asked for: few ask, and it loads a library. */
export class Identity {
  private made: Uint8Array | undefined;

  constructor(
    private readonly name: string,
    private readonly datapathId: bigint,
  ) {}

  /** The same for the same switch: in the form of a random one (RFC 4122, 4.4). */
  get uuid(): Uint8Array {
    if (this.made) return this.made;
    const hash = createHash('sha256').update(`${this.datapathId}/${this.name}`).digest();
    const uuid = new Uint8Array(hash.subarray(0, 16));
    uuid[6] = (uuid[6] & 0x0f) | 0x40;
    uuid[8] = (uuid[8] & 0x3f) | 0x80;
    this.made = uuid;
    return uuid;
  }
}
