import type { Bridge } from '../bridge/bridge.js';
import type { OpenFlowServer } from '../openflow/server/server.js';
import type { Controllers } from './controllers.js';

/** A bridge and who is above it. */
export interface Served {
  readonly bridge: Bridge;
  readonly openflow: OpenFlowServer;
  readonly controllers: Controllers;
  readonly close: readonly (() => Promise<void>)[];
}
