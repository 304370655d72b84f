/** What is compared, a row each. */
import type { TwoSwitches } from '../two-switches.js';
import { type Comparison, compareTexts } from './compare.js';
import { compareGroupInstalls, compareGroupTexts } from './groups.js';
import { compareInstalls } from './install.js';
import { compareMeterInstalls, compareMeterTexts, FIRST_WITH_METERS } from './meters.js';

export interface Part {
  readonly things: 'flows' | 'groups' | 'meters';
  /** Of its lines: read by the programs, or sent to both switches. */
  readonly how: 'read' | 'sent';
  /** The first version that has them; 0 is 1.0. */
  readonly since: number;
  compare(two: TwoSwitches, version: number, count: number, seed: number): Promise<Comparison>;
}

export const PARTS: readonly Part[] = [
  { things: 'flows', how: 'read', since: 0, compare: (_two, v, n, seed) => compareTexts(v, n, seed) },
  { things: 'flows', how: 'sent', since: 0, compare: compareInstalls },
  { things: 'groups', how: 'read', since: 0, compare: (_two, v, n, seed) => compareGroupTexts(v, n, seed) },
  { things: 'groups', how: 'sent', since: 0, compare: compareGroupInstalls },
  {
    things: 'meters',
    how: 'read',
    since: FIRST_WITH_METERS,
    compare: (_two, v, n, seed) => compareMeterTexts(v, n, seed),
  },
  { things: 'meters', how: 'sent', since: FIRST_WITH_METERS, compare: compareMeterInstalls },
];
