/** How much of upkeep is done at a time. */

/** Flows translated again at each upkeep, in turn: all of 200,000 within three minutes at a cost of some milliseconds each time. */
export const CHECKED_FLOWS = 512;
/** Upkeep looks at one part of the flows at a time, so that no upcall waits long for it: at most so many parts. */
export const UPKEEP_PARTS = 8;

/** Fewer of few flows, since each part wakes us. */
export function partsFor(flows: number): number {
  return Math.min(UPKEEP_PARTS, Math.max(1, Math.ceil((flows * UPKEEP_PARTS) / CHECKED_FLOWS)));
}
