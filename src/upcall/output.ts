/** Ports: real and reserved ones, patch wires to other bridges, and controllers. */
import { type Action, NO_METER } from '../action/action.js';
import { type DpAction, SAMPLE_ALWAYS } from '../datapath/action.js';
import { OFPP } from '../flow/field.js';
import { KEY_BYTES, OK } from '../flow/key.js';
import { METER } from '../flowtable/meters.js';
import type { Rule } from '../flowtable/rule.js';
import { get32, put32 } from '../lib/bytes.js';
import { DP_KEY_BYTES, K, LINE_BYTES } from '../packet/key.js';
import { enterPort, missed } from './entry.js';
import { tunnelOut } from './tunnel.js';
import { tunnelEnd } from './tunnel-end.js';
import { PORT_CONFIG, PORT_STATE, type PortView } from './view.js';
import type { Walk } from './walk.js';

/** Why a packet goes up: OFPR_ of 1.4, and two kinds of noMatch that controllers of different versions see differently. */
export const OFPR = {
  noMatch: 0,
  action: 1,
  invalidTtl: 2,
  actionSet: 3,
  group: 4,
  packetOut: 5,
  /** A table-miss flow of 1.3 sent it. */
  explicitMiss: 6,
  /** No flow at all matched: controllers below 1.3 get such packets. */
  implicitMiss: 7,
} as const;
const NO_USERDATA = new Uint8Array(0);
const LAST_TABLE = 253;

export function portIsUp(port: PortView | undefined): boolean {
  return port !== undefined && !(port.config & PORT_CONFIG.down) && !(port.state & PORT_STATE.linkDown);
}

/** Sends the current flow by a port, whatever port it is. */
export function emit(w: Walk, port: PortView): void {
  const { cut } = w;
  w.cut = 0;
  if (port.config & (PORT_CONFIG.noFwd | PORT_CONFIG.down)) {
    w.note(() =>
      port.config & PORT_CONFIG.noFwd ? '>> OFPPC_NO_FWD set, skipping output' : '>> port is down, skipping output',
    );
    return w.reject('port_down');
  }
  if (port.state & PORT_STATE.blocked) {
    w.note(() => '>> STP not in forwarding state, skipping output');
    return w.reject('cfm_stp_blocked');
  }
  if (get32(w.flow, K.packetType.offset) !== 0 && (port.tunnel?.config.layer ?? 'legacy_l2') === 'legacy_l2') {
    w.note(() => '>> Trying to send non-Ethernet packet through legacy L2 port. Dropping packet.');
    return w.reject('action_error');
  }
  if (port.patch || port.tunnel) w.standsAlone();
  if (port.patch) {
    if (port.tallies) w.count(port.tallies.tx);
    return patch(w, port.patch);
  }
  if (port.tunnel) return tunnelOut(w, port, port.tunnel, cut);
  if (tunnelEnd(w, port)) return;
  if (port.vport === 0) return w.reject('no_such_port');
  // The cut counts bytes of the packet before this output's own headers come on.
  if (cut > 0) w.out.push({ type: 'trunc', maxLen: cut });
  w.commit();
  w.out.push({ type: 'output', port: port.vport });
  w.sent = true;
  w.bridge.mirror?.(w, port, 'out');
}

/**
 * The same walk goes on in another bridge, where nothing is known of this one: no registers, no metadata, no tunnel, no tracking state.
 * What that bridge changes stays there: it got a copy.
 */
export function patch(w: Walk, peer: NonNullable<PortView['patch']>): void {
  if (!w.mayNest()) return;
  const { flow, bridge, inPort, table, rule, stack, actionSet, wasMpls, copyWasMpls, deepLabels, mirrored } = w;
  const saved = flow.slice();
  flow.fill(0, 3 * LINE_BYTES, DP_KEY_BYTES);
  flow.fill(0, DP_KEY_BYTES, KEY_BYTES);
  w.stack = [];
  w.actionSet = [];
  w.mirrored = 0;
  w.depth++;
  if (peer.port.tallies) w.count(peer.port.tallies.rx);
  w.enterBridge(peer.bridge, peer.port.number);
  enterPort(w, peer.port, false);
  w.input.tracer?.leave();
  w.finishList();
  w.depth--;
  w.input.tracer?.leave();
  flow.set(saved);
  w.bridge = bridge;
  w.inPort = inPort;
  w.table = table;
  w.rule = rule;
  w.stack = stack;
  w.actionSet = actionSet;
  w.wasMpls = wasMpls;
  w.copyWasMpls = copyWasMpls;
  w.mirrored = mirrored;
  w.deepLabels = deepLabels;
  // Its exit ends nothing here.
  w.ended = w.failed;
}

/** A port by number; that of arrival gets nothing back unless IN_PORT says so. */
function toPort(w: Walk, number: number): void {
  const port = w.bridge.port(number);
  if (!port) {
    w.note(() => '>> Nonexistent output port');
    w.reject('no_such_port');
  } else emit(w, port);
}

export function output(w: Walk, port: number, maxLen: number): void {
  switch (port) {
    case OFPP.inPort:
      return toPort(w, w.inPort);
    case OFPP.table:
      return w.pipelineStart();
    case OFPP.normal:
      w.standsAlone();
      return w.bridge.normal(w);
    case OFPP.flood:
      return flood(w, false);
    case OFPP.all:
      return flood(w, true);
    case OFPP.controller:
      return packetIn(w, { maxLen, reason: w.origin });
    case OFPP.none:
      return;
    default:
      if (port !== w.inPort) return toPort(w, port);
      w.note(() => '>> skipping output to input port');
      return w.reject('input_port');
  }
}

function flood(w: Walk, all: boolean): void {
  w.reject('no_recipient');
  for (const port of w.bridge.floodPorts()) {
    if (port.number === w.inPort || (!all && port.config & PORT_CONFIG.noFlood)) continue;
    emit(w, port);
  }
}

export function outputTrunc(w: Walk, port: number, maxLen: number): void {
  const number = port === OFPP.inPort ? w.inPort : port;
  const view = w.bridge.port(number);
  if (!view || view.vport === 0) {
    w.note(() => `>> output_trunc does not support port: ${number}`);
    return w.reject('no_such_port');
  }
  w.cut = maxLen;
  output(w, port, 0);
  w.cut = 0;
}

/** The next table has the packet, as OpenFlow 1.0 would have it. */
function lookOn(w: Walk): void {
  const rule = w.lookup(w.table + 1, w.inPort, 'miss');
  if (rule) w.runRule(rule, false);
  else missed(w);
  w.input.tracer?.leave();
}

/** The last table looked at had nothing for the packet. */
export function tableMiss(w: Walk): void {
  const how = w.bridge.missOf?.(w.table);
  if (how === 'drop') return;
  if (how === 'continue' && w.table < LAST_TABLE) return lookOn(w);
  if (!w.bridge.missToController) return;
  const { rule } = w;
  w.rule = undefined;
  packetIn(w, { reason: OFPR.implicitMiss });
  w.rule = rule;
}

export function controller(w: Walk, a: Extract<Action, { type: 'controller' }>): void {
  if (a.pause) {
    w.freezing = true;
    w.pause = a;
    return;
  }
  const meter = a.meterId === NO_METER ? undefined : w.bridge.meterId(a.meterId);
  const { maxLen, reason, controllerId, userdata } = a;
  packetIn(w, { maxLen, reason, controllerId, userdata, meter });
}

/** The flow for what no other flow takes, as OpenFlow 1.3 defines it. */
function isTableMiss(r: Rule): boolean {
  return r.priority === 0 && r.match.index.length === 0;
}

interface Up {
  /** OFPR. */
  readonly reason: number;
  /** Bytes of the frame; all of them unless it says. */
  readonly maxLen?: number;
  readonly controllerId?: number;
  readonly userdata?: Uint8Array;
  /** The datapath's number of the meter to pass; else it is the one for controllers, where there is one. */
  readonly meter?: number | undefined;
}

/** Sends the packet up as it is now, with what OpenFlow has to say about it kept under a number. */
export function packetIn(w: Walk, up: Up): void {
  const { maxLen = 0xffff, controllerId = 0, userdata = NO_USERDATA, meter = w.bridge.meterId(METER.controller) } = up;
  let { reason } = up;
  const arrival = w.bridge.port(w.inPort);
  if (reason === OFPR.action && w.rule && isTableMiss(w.rule)) reason = OFPR.explicitMiss;
  if (reason === OFPR.implicitMiss && arrival && arrival.config & PORT_CONFIG.noPacketIn) return w.reject('table_miss');
  w.commit();
  const cookie = w.rule?.cookie ?? w.lostCookie;
  const ofLines = w.flow.slice(DP_KEY_BYTES);
  // Controllers are not told of it, and what nobody is told makes no state of its own.
  put32(ofLines, OK.actsetOutput.offset - DP_KEY_BYTES, OFPP.unset);
  const stateId = w.input.states.intern(
    {
      bridge: w.bridge,
      ofLines,
      stack: [],
      actionSet: [],
      frames: [],
      mirrored: w.mirrored,
      table: w.table,
      cookie,
      userdata,
    },
    w.input.now,
  );
  w.t.states.push(stateId);
  const dontSend = !w.learns;
  const sent: DpAction = {
    type: 'userspace',
    cookie: { type: 'controller', stateId, maxLen, reason, controllerId, dontSend, continuation: false },
  };
  // Over the rate only this copy ends.
  w.out.push(
    meter === undefined
      ? sent
      : { type: 'sample', probability: SAMPLE_ALWAYS, actions: [{ type: 'meter', id: meter }, sent] },
  );
  w.sent = true;
}
