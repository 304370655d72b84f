/** A number that no other bridge has. */
import { createHash } from 'node:crypto';

/** From what tells bridges apart, so that the same switch has the same: in the form of a random one (RFC 4122, 4.4). */
export function uuidOf(name: string, datapathId: bigint): Uint8Array {
  const uuid = new Uint8Array(createHash('sha256').update(`${datapathId}/${name}`).digest().subarray(0, 16));
  uuid[6] = (uuid[6] & 0x0f) | 0x40;
  uuid[8] = (uuid[8] & 0x3f) | 0x80;
  return uuid;
}
