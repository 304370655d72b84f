/** Roles, wishes for unasked messages, Nicira's switches for formats. */
import { ofError } from '../errors.js';
import type { AsyncConfig } from '../messages/controller.js';
import { ALL_REASONS, type AsyncMasks, asyncPairs, legacyPacketIn } from './async-masks.js';
import type { Handlers } from './handler.js';
import { PACKET_IN_FORMAT, ROLE, type Session } from './session.js';

const NO_GENERATION = 0xffffffffffffffffn;

/** A role is older than what was seen when the signed distance is negative: generation ids wrap. */
function isStale(generation: bigint, seen: bigint): boolean {
  return BigInt.asIntN(64, generation - seen) < 0n;
}

function changeRole(s: Session, role: number, generation: bigint | undefined): void {
  if (role < ROLE.noChange || role > ROLE.secondary) throw ofError('OFPRRFC_BAD_ROLE');
  if (role === ROLE.noChange) return;
  if (generation !== undefined && role !== ROLE.equal) {
    if (s.shared.generation !== undefined && isStale(generation, s.shared.generation)) throw ofError('OFPRRFC_STALE');
    s.shared.generation = generation;
  }
  if (role === ROLE.primary) s.shared.demoteOthers(s);
  s.role = role;
}

function setAsync(masks: AsyncMasks, config: AsyncConfig, version: number): void {
  asyncPairs(masks).forEach((pair, i) => {
    const [primary, secondary] = config.pairs[i] ?? [];
    const widen = i === 0 && version < 5 ? legacyPacketIn : (mask: number) => mask;
    if (primary !== undefined) pair.primary = widen(primary);
    if (secondary !== undefined) pair.secondary = widen(secondary);
  });
}

export const controllerHandlers: Handlers = {
  role_request: (s, v, name) => {
    changeRole(s, v.role, v.generation);
    const generation = s.shared.generation ?? NO_GENERATION;
    s.reply('role_reply', { role: s.role, generation }, name.replace('REQUEST', 'REPLY'));
  },
  get_async_request: (s) => {
    const reasons = ALL_REASONS[s.version >= 5 ? 'since14' : 'to13'];
    const pairs = asyncPairs(s.async).map((p, i) => [p.primary & reasons[i], p.secondary & reasons[i]] as const);
    s.reply('get_async_reply', { pairs });
  },
  set_async: (s, v, name) => setAsync(s.async, v, name.endsWith('2') ? 5 : name.startsWith('NXT') ? 4 : s.version),
  set_flow_format: (s, v) => {
    // 0 is plain OpenFlow 1.0, 2 is NXM.
    if (v.format !== 0 && v.format !== 2) throw ofError('OFPBRC_EPERM');
    s.nxm = v.format === 2;
  },
  flow_mod_table_id: (s, v) => {
    s.tableIds = v.set !== 0;
  },
  set_packet_in_format: (s, v) => {
    if (v.format > PACKET_IN_FORMAT.nxt2) throw ofError('OFPBRC_EPERM');
    s.packetInFormat = v.format;
  },
  flow_age: () => {},
  set_controller_id: (s, v) => {
    s.controllerId = v.controllerId;
  },
};
