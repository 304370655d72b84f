/** Features, configuration, description, barrier, ports. */

import type { OfPort } from '../../bridge/of-bridge.js';
import { OFPP } from '../../flow/field.js';
import { N_TABLES } from '../../flowtable/flow-mod.js';
import { PORT_CONFIG, PORT_STATE } from '../../upcall/view.js';
import { ofError } from '../errors.js';
import { CAPABILITY, FRAG_MASK, INVALID_TTL_TO_CONTROLLER } from '../messages/basic.js';
import type { PhyPort, PortMod, PortStats } from '../messages/port.js';
import { changing, type Handlers } from './handler.js';
import type { Session } from './session.js';

/** The action types 0 to 11 of 1.0. */
const ACTIONS_10 = 0xfff;

/** The low 16 bits of a port's configuration that a version knows: NO_FLOOD and the spanning tree bits are of 1.0 alone. */
const CONFIG_10 = 0x7f;
const CONFIG_11 = 0x65;
const STATE_10 = 1;
const STATE_11 = 7;

/** Configuration and state with all bits, as OVS tells them: down means no link, and a link means live. */
export function shownBits(p: OfPort): { readonly config: number; readonly state: number } {
  const config = p.config | (p.deviceDown ? PORT_CONFIG.down : 0);
  const state = p.state & ~(PORT_STATE.linkDown | PORT_STATE.live);
  const noLink = (config & PORT_CONFIG.down) !== 0 || (p.state & PORT_STATE.linkDown) !== 0;
  return { config, state: state | (noLink ? PORT_STATE.linkDown : PORT_STATE.live) };
}

export function describePort(p: OfPort, version: number): PhyPort {
  const shown = shownBits(p);
  const bits = version === 1 ? [CONFIG_10, STATE_10] : [CONFIG_11, STATE_11];
  return {
    number: p.number,
    hwAddr: p.hwAddr,
    name: p.name,
    config: shown.config & bits[0],
    state: shown.state & bits[1],
    ...p.link,
  };
}

function portStats(p: OfPort): PortStats {
  const { durationMs, ...counters } = p.stats();
  const sec = Math.floor(durationMs / 1000);
  return {
    number: p.number,
    ...counters,
    durationSec: sec,
    durationNsec: Math.floor((durationMs - sec * 1000) * 1e6),
  };
}

function capabilities(version: number): number {
  const all = CAPABILITY.flowStats | CAPABILITY.tableStats | CAPABILITY.portStats | CAPABILITY.queueStats;
  if (version === 1) return all | CAPABILITY.arpMatchIp;
  const arp = version === 2 ? CAPABILITY.arpMatchIp : 0;
  return all | CAPABILITY.groupStats | arp | (version >= 5 ? CAPABILITY.bundles : 0);
}

function* choosePorts(all: Iterable<OfPort>, number: number): Generator<OfPort> {
  for (const p of all) if (number === OFPP.none || p.number === number) yield p;
}

/** Throws with the OpenFlow error. */
export function modifyPort(s: Session, v: PortMod): void {
  const port = s.bridge.port(v.number);
  if (!port) throw ofError('OFPPMFC_BAD_PORT');
  if (!v.hwAddr.every((b, i) => b === port.hwAddr[i])) throw ofError('OFPPMFC_BAD_HW_ADDR');
  const known = s.version === 1 ? CONFIG_10 : CONFIG_11;
  s.bridge.portMod(v.number, v.config & known, v.mask & known);
}

export const basicHandlers: Handlers = {
  features_request: (s) => {
    const version = s.version;
    s.reply('features_reply', {
      datapathId: s.bridge.datapathId,
      nBuffers: 0,
      nTables: N_TABLES,
      auxiliaryId: 0,
      capabilities: capabilities(version),
      actions: version === 1 ? ACTIONS_10 : 0,
      ports: version < 4 ? [...s.bridge.ports()].map((p) => describePort(p, version)) : [],
    });
  },
  get_config_request: (s) => {
    const ttl = s.invalidTtl && s.version < 4 ? INVALID_TTL_TO_CONTROLLER : 0;
    s.reply('get_config_reply', { flags: s.bridge.fragmentHandling | ttl, missSendLen: s.missSendLen });
  },
  set_config: (s, v) => {
    if (s.role !== 3) {
      const mode = v.flags & FRAG_MASK;
      // Reassembly is not offered: the mode stays as it is, as in OVS.
      if (mode !== 2 && mode !== s.bridge.fragmentHandling) s.bridge.fragmentHandling = mode;
    }
    s.invalidTtl = s.version < 4 && (v.flags & INVALID_TTL_TO_CONTROLLER) !== 0;
    s.missSendLen = v.missSendLen;
  },
  // The answer to a question of ours: that it came is all.
  echo_reply: () => {},
  barrier_request: (s) => s.reply('barrier_reply', {}),
  desc_request: (s) => s.reply('desc_reply', s.shared.description),
  port_desc_request: (s, v) => {
    const ports = choosePorts(s.bridge.ports(), v.number ?? OFPP.none);
    s.replyParts(
      'port_desc_reply',
      [...ports].map((p) => describePort(p, s.version)),
    );
  },
  port_stats_request: (s, v) => {
    s.replyParts('port_stats_reply', [...choosePorts(s.bridge.ports(), v.number)].map(portStats));
  },
  port_mod: changing(modifyPort),
};
