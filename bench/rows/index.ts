/** All groups, in the order in which they are measured and shown. */
import type { Group } from '../lib/row.js';
import { tap, veth } from './devices.js';
import { forward } from './forward.js';

export const GROUPS: readonly Group[] = [forward, veth, tap];
