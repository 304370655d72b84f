/** How a packet comes into a bridge: by a port, or from a controller with actions of its own. */
import type { Action } from '../action/action.js';
import { FRAG, K } from '../packet/key.js';
import * as output from './output.js';
import { asFrame, tunnelIn } from './tunnel-end.js';
import { type PortView, refusalOf } from './view.js';
import type { Walk } from './walk.js';

/** True when the port takes nothing in. */
function refused(w: Walk, port: PortView | undefined, first: boolean): boolean {
  const refusal = port && refusalOf(port, first);
  if (refusal === undefined) return false;
  if (refusal !== '') w.note(() => refusal);
  w.reject('policy');
  return true;
}

/**
 * By a port of the current bridge: admission, then table 0, whose part of a trace stays open. `first`: it comes from outside. What comes in by a
 * patch port is no arrival to mirrors.
 */
export function enterPort(w: Walk, port: PortView | undefined, first: boolean): void {
  if (port?.tunnel) w.standsAlone();
  if (first && port?.tunnel) asFrame(w, port.tunnel);
  const rule = w.lookup(0, w.inPort, 'miss');
  w.topCookie = rule?.cookie ?? 0n;
  if (refused(w, port, first)) return;
  if (first && port?.tunnel && !tunnelIn(w, port)) return;
  if (first && port) w.bridge.mirror?.(w, port, 'in');
  if (rule) w.runRule(rule, false);
  else missed(w);
}

/** As if it came by the port it names. */
export function fromController(w: Walk, actions: readonly Action[]): void {
  const port = w.bridge.port(w.inPort);
  if (refused(w, port, true)) return;
  if (port) w.bridge.mirror?.(w, port, 'in');
  w.list(actions);
}

/** Nothing in the table for the packet, where that means something. */
export function missed(w: Walk): void {
  const { flow, bridge } = w;
  if ((flow[K.nwFrag.offset] & FRAG.any) !== 0 && bridge.fragmentHandling === 1) w.reject('policy');
  else output.tableMiss(w);
}
