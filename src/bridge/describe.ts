/** What a bridge says of its tables to OpenFlow, and makes of the frames that it is sent over OpenFlow. */
import { newKey } from '../flow/key.js';
import type { FlowTable } from '../flowtable/table.js';
import { put32 } from '../lib/bytes.js';
import { UserError } from '../lib/errors.js';
import { extract } from '../packet/extract.js';
import { K } from '../packet/key.js';
import type { BridgeView } from '../upcall/view.js';
import type { OfTableStats } from './of-bridge.js';

export function describeTable(t: FlowTable): OfTableStats {
  const { id, name, maxEntries, lookups, matched, settings, vacancy } = t;
  return { table: id, name, active: t.engine.size, maxEntries, lookups, matched, settings, vacancy };
}

/** The key of a frame that a controller sends; `key` says what is not in the frame. Throws UserError. */
export function sentKey(bridge: BridgeView, frame: Uint8Array, inPort: number, key = newKey()): Uint8Array {
  put32(key, K.inPort.offset, bridge.port(inPort)?.vport ?? 0);
  if (extract(frame, key, bridge.maxVlans)) return key;
  throw new UserError('packet-out: the frame is shorter than an Ethernet header');
}
