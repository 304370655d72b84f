/** Packets between switch and controller. */
import type { Action } from '../../action/action.js';
import type { WireReader } from '../../action/context.js';
import { OFPP } from '../../flow/field.js';
import { field, readField, writeField } from '../../flow/fields.js';
import { Match } from '../../flow/match.js';
import { ANY, msg, nx } from '../row.js';
import { byVersion, type Codec, rest } from '../schema.js';
import { readActions, writeActions } from './actions.js';
import { readMetadata, readOxm, writeFields, writeNxm, writeOxm } from './match.js';
import { port10, port32 } from './port-bits.js';
import { readProperties, writeProperty } from './property.js';

export const NO_BUFFER = 0xffffffff;
const MAX_U64 = 0xffffffffffffffffn;

export interface PacketInMessage {
  readonly bufferId: number;
  /** Length of the packet; `data` may be less. */
  readonly totalLen: number;
  readonly reason: number;
  /** 255 where the form has none. */
  readonly table: number;
  /** All ones where unknown. */
  readonly cookie: bigint;
  /** What was known of the packet beside its bytes: port of arrival, registers, metadata, tunnel. */
  readonly metadata: Match;
  readonly data: Uint8Array;
  readonly userdata?: Uint8Array;
  /** Opaque to controllers; they give it back to resume. */
  readonly continuation?: Uint8Array;
}

const IN_PORT = field('in_port_oxm');

export function inPortOf(m: Match): number {
  return Number(readField(m.value, IN_PORT));
}

export function metadataOfPort(port: number): Match {
  const m = new Match();
  writeField(m.value, IN_PORT, BigInt(port));
  writeField(m.mask, IN_PORT, 0xffffffffn);
  return m;
}

const packetIn10: Codec<PacketInMessage> = {
  read: (r) => {
    const head = { bufferId: r.u32(), totalLen: r.u16() };
    const metadata = metadataOfPort(port10.read(r));
    const reason = r.u8();
    r.skip(1);
    return { ...head, metadata, reason, table: 255, cookie: MAX_U64, data: rest.read(r) };
  },
  write: (w, v) => {
    w.u32(v.bufferId);
    w.u16(v.totalLen);
    port10.write(w, inPortOf(v.metadata));
    w.u8(v.reason);
    w.zeros(1);
    w.bytes(v.data);
  },
};
const packetIn11: Codec<PacketInMessage> = {
  read: (r) => {
    const bufferId = r.u32();
    const metadata = metadataOfPort(port32.read(r));
    r.skip(4);
    return {
      bufferId,
      metadata,
      totalLen: r.u16(),
      reason: r.u8(),
      table: r.u8(),
      cookie: MAX_U64,
      data: rest.read(r),
    };
  },
  write: (w, v) => {
    w.u32(v.bufferId);
    port32.write(w, inPortOf(v.metadata));
    port32.write(w, inPortOf(v.metadata));
    w.u16(v.totalLen);
    w.u8(v.reason);
    w.u8(v.table);
    w.bytes(v.data);
  },
};
const packetIn12: Codec<PacketInMessage> = {
  read: (r) => {
    const head = { bufferId: r.u32(), totalLen: r.u16(), reason: r.u8(), table: r.u8() };
    const cookie = r.version >= 4 ? r.u64() : MAX_U64;
    const metadata = readOxm(r, true);
    r.skip(2);
    return { ...head, cookie, metadata, data: rest.read(r) };
  },
  write: (w, v) => {
    w.u32(v.bufferId);
    w.u16(v.totalLen);
    w.u8(v.reason);
    w.u8(v.table);
    if (w.version >= 4) w.u64(v.cookie);
    writeOxm(w, v.metadata);
    w.zeros(2);
    w.bytes(v.data);
  },
};
const packetInNx: Codec<PacketInMessage> = {
  read: (r) => {
    const head = { bufferId: r.u32(), totalLen: r.u16(), reason: r.u8(), table: r.u8(), cookie: r.u64() };
    const length = r.u16();
    r.skip(6);
    const metadata = readMetadata(r, length);
    r.skip(((8 - (length % 8)) % 8) + 2);
    return { ...head, metadata, data: rest.read(r) };
  },
  write: (w, v) => {
    w.u32(v.bufferId);
    w.u16(v.totalLen);
    w.u8(v.reason);
    w.u8(v.table);
    w.u64(v.cookie);
    const at = w.length;
    w.u16(0);
    w.zeros(6);
    w.patch16(at, writeNxm(w, v.metadata, 0n, 0n));
    w.zeros(2);
    w.bytes(v.data);
  },
};

/** Properties of NXT_PACKET_IN2. */
const PIN = {
  packet: 0,
  fullLen: 1,
  bufferId: 2,
  table: 3,
  cookie: 4,
  reason: 5,
  metadata: 6,
  userdata: 7,
  continuation: 8,
} as const;

const packetInNx2: Codec<PacketInMessage> = {
  read: (r) => {
    let v: PacketInMessage = {
      bufferId: NO_BUFFER,
      totalLen: 0,
      reason: 0,
      table: 0,
      cookie: MAX_U64,
      metadata: metadataOfPort(OFPP.none),
      data: new Uint8Array(0),
    };
    readProperties(r, (type, body) => {
      v = { ...v, ...readPin(type, body) };
    });
    return v.totalLen === 0 ? { ...v, totalLen: v.data.length } : v;
  },
  write: (w, v) => {
    writeProperty(w, PIN.packet, () => w.bytes(v.data));
    if (v.totalLen !== v.data.length) writeProperty(w, PIN.fullLen, () => w.u32(v.totalLen));
    if (v.bufferId !== NO_BUFFER) writeProperty(w, PIN.bufferId, () => w.u32(v.bufferId));
    writeProperty(w, PIN.table, () => w.u8(v.table));
    if (v.cookie !== MAX_U64) {
      writeProperty(w, PIN.cookie, () => {
        w.zeros(4);
        w.u64(v.cookie);
      });
    }
    writeProperty(w, PIN.reason, () => w.u8(v.reason));
    writeProperty(w, PIN.metadata, () => writeFields(w, v.metadata));
    if (v.userdata?.length) {
      const userdata = v.userdata;
      writeProperty(w, PIN.userdata, () => w.bytes(userdata));
    }
    if (v.continuation?.length) {
      const continuation = v.continuation;
      writeProperty(w, PIN.continuation, () => w.bytes(continuation));
    }
  },
};

function readPin(type: number, body: WireReader): Partial<PacketInMessage> {
  if (type === PIN.packet) return { data: rest.read(body) };
  if (type === PIN.fullLen) return { totalLen: body.u32() };
  if (type === PIN.bufferId) return { bufferId: body.u32() };
  if (type === PIN.table) return { table: body.u8() };
  if (type === PIN.cookie) {
    body.skip(4);
    return { cookie: body.u64() };
  }
  if (type === PIN.reason) return { reason: body.u8() };
  if (type === PIN.metadata) return { metadata: readMetadata(body, body.remaining) };
  // Empty ones are as good as none.
  if (body.remaining === 0 && (type === PIN.userdata || type === PIN.continuation)) return {};
  if (type === PIN.userdata) return { userdata: rest.read(body) };
  if (type === PIN.continuation) return { continuation: rest.read(body) };
  return {};
}

export interface PacketOutMessage {
  readonly bufferId: number;
  readonly metadata: Match;
  readonly actions: readonly Action[];
  readonly data: Uint8Array;
}
const packetOut10: Codec<PacketOutMessage> = {
  read: (r) => {
    const bufferId = r.u32();
    const metadata = metadataOfPort(port10.read(r));
    const actions = readActions(r, r.u16());
    return { bufferId, metadata, actions, data: rest.read(r) };
  },
  write: (w, v) => {
    w.u32(v.bufferId);
    port10.write(w, inPortOf(v.metadata));
    const at = w.length;
    w.u16(0);
    writeActions(w, v.actions);
    w.patch16(at, w.length - at - 2);
    w.bytes(v.data);
  },
};
const packetOut11: Codec<PacketOutMessage> = {
  read: (r) => {
    const bufferId = r.u32();
    const metadata = metadataOfPort(port32.read(r));
    const length = r.u16();
    r.skip(6);
    return { bufferId, metadata, actions: readActions(r, length), data: rest.read(r) };
  },
  write: (w, v) => {
    w.u32(v.bufferId);
    port32.write(w, inPortOf(v.metadata));
    const at = w.length;
    w.u16(0);
    w.zeros(6);
    writeActions(w, v.actions);
    w.patch16(at, w.length - at - 8);
    w.bytes(v.data);
  },
};
const packetOut15: Codec<PacketOutMessage> = {
  read: (r) => {
    const bufferId = r.u32();
    const length = r.u16();
    r.skip(2);
    const metadata = readOxm(r);
    return { bufferId, metadata, actions: readActions(r, length), data: rest.read(r) };
  },
  write: (w, v) => {
    w.u32(v.bufferId);
    const at = w.length;
    w.u16(0);
    w.zeros(2);
    writeOxm(w, v.metadata);
    const start = w.length;
    writeActions(w, v.actions);
    w.patch16(at, w.length - start);
    w.bytes(v.data);
  },
};

export const packetRows = [
  msg('packet_in', 'OFPT_PACKET_IN', ANY, 10, byVersion({ 1: packetIn10, 2: packetIn11, 3: packetIn12 })),
  nx('packet_in', 'NXT_PACKET_IN', 17, packetInNx),
  nx('packet_in', 'NXT_PACKET_IN2', 30, packetInNx2),
  nx('resume', 'NXT_RESUME', 28, packetInNx2),
  msg('packet_out', 'OFPT_PACKET_OUT', ANY, 13, byVersion({ 1: packetOut10, 2: packetOut11, 6: packetOut15 })),
] as const;
