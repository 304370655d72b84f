/** Datapath actions as one line: for comparing and for reports. */
import type { DpAction } from '../../src/datapath/action.js';

export function actionsText(actions: readonly DpAction[]): string {
  return JSON.stringify(actions, (_k, v: unknown) => (v instanceof Uint8Array ? Buffer.from(v).toString('hex') : v));
}
