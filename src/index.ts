/** The library: a switch inside a program. See src/switch/switch.ts for how it is used. */

export type { VlanMode, VlanSpec } from './bridge/vlan.js';
export type { Offload, PortCounters } from './datapath/datapath.js';
export { DROP_REASONS, type DropReasonName } from './datapath/drop-reasons.js';
export type { FlowMod } from './flowtable/flow-mod.js';
export { type Clock, VirtualClock } from './lib/clock.js';
export { UserError } from './lib/errors.js';
export {
  type AddPort,
  type FrameListener,
  Switch,
  SwitchBridge,
  type SwitchOptions,
  SwitchPort,
} from './switch/switch.js';
