/** What can be set of a table, by its controllers (table_mod and table features) and by its owner (a Flow_Table record). */
import type { FieldRow, Subfield } from '../flow/field.js';

/** What becomes of packets that no flow matches, as OpenFlow 1.1 and 1.2 can say it. */
export const MISS = ['controller', 'continue', 'drop'] as const;
export type Miss = (typeof MISS)[number];

/** In percent of the table: events come when less than `down` is free, and when more than `up` is again. */
export interface Vacancy {
  readonly down: number;
  readonly up: number;
}

/** The owner's part: what a Flow_Table record says. What is left out is as it is without a record. */
export interface TableOwner {
  readonly name?: string;
  /** Flows at most. */
  readonly flowLimit?: number;
  /** What happens to a flow for a full table. Default: it is refused. */
  readonly overflow?: 'refuse' | 'evict';
  /** Eviction takes from the largest group of flows with the same values of these bits. Empty: all flows are one group. */
  readonly groups?: readonly Subfield[];
  /** Fields for prefix look-up. All that can have tries do, so this is kept and changes nothing. */
  readonly prefixes?: readonly FieldRow[];
}

export interface TableSettings {
  /** The controllers' name for it, which the owner's goes before. */
  readonly name: string;
  readonly evict: boolean;
  readonly vacancy: Vacancy | undefined;
  readonly miss: Miss;
  readonly owner: TableOwner;
}

export const DEFAULT_SETTINGS: TableSettings = {
  name: '',
  evict: false,
  vacancy: undefined,
  miss: 'controller',
  owner: {},
};
export const DEFAULT_LIMIT = 1_000_000;
