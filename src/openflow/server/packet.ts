/** Packet-outs, and what the switch says unasked: packet-ins, flows removed, ports changed. */
import type { OfBridge, OfBridgeListener, OfPort, PacketIn } from '../../bridge/of-bridge.js';
import { OFPP } from '../../flow/field.js';
import { Match } from '../../flow/match.js';
import type { RemovedReason } from '../../flowtable/flow-mod.js';
import { FLOW_FLAG, type Rule } from '../../flowtable/rule.js';
import { get32 } from '../../lib/bytes.js';
import { extract } from '../../packet/extract.js';
import { K } from '../../packet/key.js';
import { OFPR } from '../../upcall/output.js';
import { ofError } from '../errors.js';
import { type Envelope, encode, MAX_MESSAGE } from '../message.js';
import { decodeContinuation, encodeContinuation } from '../messages/continuation.js';
import { inPortOf, NO_BUFFER, type PacketInMessage, type PacketOutMessage } from '../messages/packet.js';
import { type PhyPort, PORT_REASONS } from '../messages/port.js';
import { TABLE_REASONS } from '../messages/table.js';
import { describePort, shownBits } from './basic.js';
import { checked, describeRemoved } from './flow.js';
import { changing, type Handlers } from './handler.js';
import { arrivalOf, metadataOf } from './metadata.js';
import { PACKET_IN_FORMAT, ROLE, type Session } from './session.js';
import { describeTable } from './table.js';

/** Configuration that only 1.0 can say: no flooding, spanning tree. */
const ONLY_10 = 0x1a;
/** Wire versions. */
const OF13 = 4;
const OF14 = 5;
const OF15 = 6;
const MAX_U64 = 0xffffffffffffffffn;
/** Ports that a packet may come from besides real ones. */
const FROM: ReadonlySet<number> = new Set([OFPP.controller, OFPP.local, OFPP.none]);

/** Throws with the OpenFlow error. */
export function sendPacket(s: Session, v: PacketOutMessage): void {
  if (v.bufferId !== NO_BUFFER) throw ofError('OFPBRC_BUFFER_UNKNOWN');
  const inPort = inPortOf(v.metadata);
  if (inPort >= OFPP.max && !FROM.has(inPort)) throw ofError('OFPBRC_BAD_PORT');
  const pipeline = s.version >= OF15 ? v.metadata.value : undefined;
  s.bridge.packetOut(v.data, inPort, checked(s, v.actions, packetMatch(s, v)), pipeline);
}

/** All that is known of this one packet: what its actions are checked against, as a flow's are against its match. */
function packetMatch(s: Session, v: PacketOutMessage): Match {
  const m = new Match();
  m.value.set(v.metadata.value);
  m.mask.fill(0xff);
  // A frame that is too short has no fields.
  extract(v.data, m.value, s.bridge.maxVlans);
  return m;
}

export const packetHandlers: Handlers = { packet_out: changing(sendPacket), resume };

const isMiss = (reason: number): boolean =>
  reason === OFPR.noMatch || reason === OFPR.explicitMiss || reason === OFPR.implicitMiss;

/** As a version calls a reason: before 1.3 the flow for misses was a flow like others, and before 1.4 all that a flow does was "action". */
function reasonFor(reason: number, version: number): number {
  if (reason === OFPR.explicitMiss) return version >= OF13 ? OFPR.noMatch : OFPR.action;
  if (reason === OFPR.implicitMiss) return OFPR.noMatch;
  return version < OF14 && reason > OFPR.invalidTtl ? OFPR.action : reason;
}

/** Which bit of the async masks a reason is. */
function wants(s: Session, pair: { primary: number; secondary: number }, reason: number): boolean {
  const mask = s.role === ROLE.secondary ? pair.secondary : pair.primary;
  return ((mask >>> reason) & 1) === 1;
}

/** A peer on a management socket hears nothing unasked before it sets a length for packets that missed. */
export function listens(s: Session): boolean {
  return s.version !== 0 && (s.peer === 'primary' || s.missSendLen > 0);
}

/** From 1.3 on a packet that no flow matches is dropped; before, it goes to controllers. */
export function wantsMisses(s: Session): boolean {
  return s.version < OF13 && s.controllerId === 0;
}

function packetInName(s: Session): string | undefined {
  if (s.packetInFormat === PACKET_IN_FORMAT.nxt) return 'NXT_PACKET_IN';
  return s.packetInFormat === PACKET_IN_FORMAT.nxt2 ? 'NXT_PACKET_IN2' : undefined;
}

function wire(s: Session, p: PacketIn): Uint8Array | undefined {
  if (!p.continuation) return undefined;
  const at = { bridge: s.bridge.uuid, mirrors: 0, conntracked: false, odpPort: get32(p.key, K.inPort.offset) };
  return encodeContinuation({ ...p.continuation, ...at }, s.version);
}

/** Throws with the OpenFlow error: a continuation that is not of this bridge is stale. */
function resume(s: Session, v: PacketInMessage): void {
  const c = decodeContinuation(v.continuation ?? new Uint8Array(0), s.version, false);
  if (!c.bridge || Buffer.compare(c.bridge, s.bridge.uuid) !== 0) throw ofError('NXR_STALE');
  s.bridge.resume({ frame: v.data, key: v.metadata.value, continuation: c });
}

/** Shorter frames fit whatever is said beside them, but for 64 KB of userdata. */
const SURELY_FITS = 1 << 15;

/** A frame of up to 64 KB, as TCP makes them, may be too long with all that is said beside it: its end is left out then. */
function fitting(value: PacketInMessage, to: Envelope): PacketInMessage {
  const { data } = value;
  if (data.length + (value.userdata?.length ?? 0) < SURELY_FITS) return value;
  // With one byte: what is empty may be left out altogether.
  const beside = encode('packet_in', { ...value, data: data.subarray(0, 1) }, to).length;
  // Padding may grow by up to 7 bytes.
  const room = Math.max(0, MAX_MESSAGE - beside - 7);
  return data.length <= room
    ? value
    : { ...value, data: data.subarray(0, room), totalLen: Math.min(value.totalLen, 0xffff) };
}

function sendPacketIn(s: Session, p: PacketIn): void {
  if (!listens(s) || p.controllerId !== s.controllerId) return;
  if (p.reason === OFPR.implicitMiss && !wantsMisses(s)) return;
  const miss = isMiss(p.reason);
  const mask = p.reason === OFPR.invalidTtl && s.invalidTtl ? { primary: 7, secondary: 0 } : s.async.packetIn;
  if (!wants(s, mask, miss ? OFPR.noMatch : p.reason)) return;
  const to: Envelope = { version: s.version, xid: 0, name: packetInName(s) };
  const make = (): Uint8Array => {
    const metadata = metadataOf(p.key, s.bridge.tun);
    const value: PacketInMessage = {
      bufferId: NO_BUFFER,
      totalLen: p.totalLen,
      reason: reasonFor(p.reason, s.version),
      table: p.table,
      cookie: p.cookie,
      metadata,
      // Whole, whatever length was asked for: nothing is kept back here that a controller could name by a buffer.
      data: p.frame,
      userdata: p.userdata,
      ...(p.continuation && s.packetInFormat === PACKET_IN_FORMAT.nxt2 ? { continuation: wire(s, p) } : {}),
    };
    return encode('packet_in', fitting(value, to), to);
  };
  if (s.pacers) s.pacers[miss ? 0 : 1].offer(arrivalOf(p.key), make);
  else s.connection.sendUnasked(make);
}

/** Another became primary. */
export function demote(s: Session): void {
  s.role = ROLE.secondary;
  if (s.version < OF14 || !wants(s, s.async.roleStatus, 0)) return;
  const generation = s.shared.generation ?? MAX_U64;
  sendUnasked(s, (to) => encode('role_status', { role: s.role, reason: 0, generation }, to));
}

/** Bytes are made only for who takes them. */
function sendUnasked(s: Session, make: (to: Envelope) => Uint8Array): void {
  s.connection.sendUnasked(() => make({ version: s.version, xid: 0 }));
}

/** Members may be accessors of a class: a spread would lose them. */
function snapshot(p: OfPort): PhyPort {
  return { ...describePort(p, 1), ...shownBits(p) };
}

function sameTo(before: PhyPort, port: OfPort, version: number): boolean {
  const all = snapshot(port);
  if (before.name !== all.name || before.curr !== all.curr || before.currSpeed !== all.currSpeed) return false;
  if (version === 1) return before.config === all.config && ((before.state ^ all.state) & 1) === 0;
  return ((before.config ^ all.config) & ~ONLY_10) === 0 && before.state === all.state;
}

/** What the bridge tells goes to every session that wants it. */
export function broadcaster(sessions: Iterable<Session>, bridge: OfBridge): OfBridgeListener {
  /** Ports as they were last told: a change that a peer's version cannot see is not told to it. */
  const told = new Map<number, PhyPort>();
  for (const p of bridge.ports()) told.set(p.number, snapshot(p));
  return {
    packetIn: (p) => {
      for (const s of sessions) sendPacketIn(s, p);
    },
    flowRemoved: (rule: Rule, reason: RemovedReason) => {
      if (!(rule.flags & FLOW_FLAG.sendFlowRem)) return;
      const value = describeRemoved(rule, reason, bridge);
      for (const s of sessions) {
        if (!listens(s) || !wants(s, s.async.flowRemoved, value.reason)) continue;
        const name = s.version === 1 && s.nxm ? 'NXT_FLOW_REMOVED' : undefined;
        sendUnasked(s, (to) => encode('flow_removed', value, { ...to, name }));
      }
    },
    tableStatus: (table, why) => {
      const reason = TABLE_REASONS[why];
      for (const s of sessions) {
        if (s.version < OF14 || !listens(s) || !wants(s, s.async.tableStatus, reason)) continue;
        sendUnasked(s, (to) => encode('table_status', { reason, table: describeTable(table) }, to));
      }
    },
    portStatus: (port: OfPort, why) => {
      const reason = PORT_REASONS.indexOf(why);
      const before = why === 'modify' ? told.get(port.number) : undefined;
      if (why === 'delete') told.delete(port.number);
      else told.set(port.number, snapshot(port));
      for (const s of sessions) {
        if (before && sameTo(before, port, s.version)) continue;
        if (!listens(s) || !wants(s, s.async.portStatus, reason)) continue;
        sendUnasked(s, (to) => encode('port_status', { reason, port: describePort(port, s.version) }, to));
      }
    },
  };
}
