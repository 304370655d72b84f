/** All groups, in the order in which they are measured and shown. */
import type { Group } from '../lib/row.js';
import { daemon } from './daemon.js';
import { explosion, newFlow, tap, veth, vethXdp } from './devices.js';
import { forward } from './forward.js';
import { micro } from './micro.js';
import { nsdi } from './nsdi.js';
import { tunnelTcp } from './tunnel-tcp.js';
import { workers } from './workers.js';

export const GROUPS: readonly Group[] = [
  forward,
  workers,
  veth,
  vethXdp,
  newFlow,
  tap,
  explosion,
  tunnelTcp,
  daemon,
  nsdi,
  micro,
];
