import { OFPR } from '../../upcall/output.js';

/** Which unasked messages a peer wants: a bitmap of reasons for each kind of message, for its role (a primary or equal, or a secondary). */
export interface AsyncMasks {
  packetIn: AsyncPair;
  portStatus: AsyncPair;
  flowRemoved: AsyncPair;
  roleStatus: AsyncPair;
  tableStatus: AsyncPair;
  requestForward: AsyncPair;
}
/** Bit n: reason n is wanted. */
export interface AsyncPair {
  primary: number;
  secondary: number;
}

export function defaultAsync(): AsyncMasks {
  const pair = (primary: number, secondary: number) => ({ primary, secondary });
  return {
    packetIn: pair(0x3b, 0),
    portStatus: pair(7, 7),
    flowRemoved: pair(0x3f, 0),
    roleStatus: pair(0, 0),
    tableStatus: pair(0, 0),
    requestForward: pair(0, 0),
  };
}

/** In the order of AsyncConfig.pairs. */
export function asyncPairs(m: AsyncMasks): readonly AsyncPair[] {
  return [m.packetIn, m.portStatus, m.flowRemoved, m.roleStatus, m.tableStatus, m.requestForward];
}

/** Before 1.4 one reason, "action", stood for what were later four. */
export function legacyPacketIn(mask: number): number {
  return (mask & 7) | (mask & (1 << OFPR.action) ? 0x38 : 0);
}

/** Reasons that a version knows, in the order of the pairs. */
export const ALL_REASONS = {
  to13: [7, 7, 0xf, 0, 0, 0],
  since14: [0x3f, 7, 0x3f, 7, 0x18, 3],
} as const;
