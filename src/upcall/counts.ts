/** What the slow path counts of its own work. */
export interface UpcallCounts {
  misses: number;
  packetIns: number;
  /** Packets whose decision was not kept: the table of flows was full. */
  unkept: number;
  retranslated: number;
  /** Packets made by a controller. */
  executed: number;
  /** Packets, without those of their flow behind them, for which a tunnel's next hop did not answer in time or too many others waited. */
  unresolved: number;
  /** Misses whose port had brought as many masks as it may: their flows are of everything that the packet had. */
  excess: number;
  /** Misses that were decided as an earlier one. */
  repeated: number;
}

export function newCounts(): UpcallCounts {
  return {
    misses: 0,
    packetIns: 0,
    unkept: 0,
    retranslated: 0,
    executed: 0,
    unresolved: 0,
    excess: 0,
    repeated: 0,
  };
}
