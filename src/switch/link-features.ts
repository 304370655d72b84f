/** What a device says of its link, in the words of OpenFlow. As Open vSwitch has it: a speed that has no bit is "other", and the fastest supported mode is the most a port can. */
import type { LinkFeatures } from '../bridge/of-bridge.js';
import type { DeviceLink } from '../datapath/native.js';

/** OFPPF_ bits of 1.3 that are speeds: Mbit/s and duplex, slowest first. */
const SPEEDS: readonly (readonly [speed: number, duplex: 'half' | 'full', bit: number])[] = [
  [10, 'half', 1 << 0],
  [10, 'full', 1 << 1],
  [100, 'half', 1 << 2],
  [100, 'full', 1 << 3],
  [1000, 'half', 1 << 4],
  [1000, 'full', 1 << 5],
  [10_000, 'full', 1 << 6],
  [40_000, 'full', 1 << 7],
  [100_000, 'full', 1 << 8],
  [1_000_000, 'full', 1 << 9],
];
const OFPPF = { other: 1 << 10, copper: 1 << 11, fiber: 1 << 12, autoneg: 1 << 13 } as const;

/** ETHTOOL_LINK_MODE_ numbers by the OFPPF_ bit that they are. */
const MODES: readonly (readonly [bit: number, ...modes: number[]])[] = [
  [1 << 0, 0],
  [1 << 1, 1],
  [1 << 2, 2],
  [1 << 3, 3],
  [1 << 4, 4],
  [1 << 5, 5, 17, 41],
  [1 << 6, 12, 18, 19, 20, 42, 43, 44, 45, 46],
  [1 << 7, 23, 24, 25, 26],
  [1 << 8, 36, 37, 38, 39],
  [OFPPF.copper, 7],
  [OFPPF.fiber, 10],
  [OFPPF.autoneg, 6],
  [1 << 14, 13],
  [1 << 15, 14],
];

function features(modes: Uint32Array): number {
  const has = (n: number): boolean => ((modes[n >> 5] ?? 0) & (1 << (n & 31))) !== 0;
  return MODES.reduce((bits, [bit, ...numbers]) => (numbers.some(has) ? bits | bit : bits), 0);
}

function current(l: DeviceLink): number {
  let bits = l.speed === 0 ? 0 : OFPPF.other;
  for (const [speed, duplex, bit] of SPEEDS) if (speed === l.speed && duplex === (l.duplex || 'full')) bits = bit;
  if (l.connector !== '') bits |= OFPPF[l.connector];
  return l.autonegotiates ? bits | OFPPF.autoneg : bits;
}

export function linkFeatures(l: DeviceLink): LinkFeatures {
  const supported = features(l.supported);
  const fastest = SPEEDS.findLast(([, , bit]) => supported & bit);
  return {
    curr: current(l),
    advertised: features(l.advertised),
    supported,
    peer: features(l.peer),
    currSpeed: l.speed * 1000,
    maxSpeed: (fastest?.[0] ?? 0) * 1000,
  };
}
