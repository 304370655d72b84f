import type { OfBridge } from '../../bridge/of-bridge.js';
import type { Clock } from '../../lib/clock.js';
import type { Description } from '../messages/basic.js';
import type { BundleMemory } from './bundle-table.js';

/** What all peers of one bridge share. */
export interface SwitchState {
  readonly bridge: OfBridge;
  readonly clock: Clock;
  /** OFPMP_DESC texts. */
  description: Description;
  /** Role requests: the greatest generation id seen, undefined before the first. */
  generation: bigint | undefined;
  /** What peers hold in bundles. */
  readonly bundleMemory: BundleMemory;
  /** Tells the peers whose role changed because another became primary. */
  demoteOthers(except: object): void;
}

export const DEFAULT_DESCRIPTION: Description = {
  manufacturer: 'Nicira, Inc.',
  hardware: 'Open vSwitch',
  software: '3.1.0',
  serial: 'None',
  datapath: 'None',
};
