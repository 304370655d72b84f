/**
 * The fixed match of OpenFlow 1.1: 88 bytes. Addresses and metadata have masks, whose ones say "any"; a word of wildcard bits does for the rest.
 * What it cannot say (IPv6, registers, tunnels) is left out.
 */

import { Reader, Writer } from '../../action/wire.js';
import { type FieldRow, OFPP } from '../../flow/field.js';
import { field, readField, writeField } from '../../flow/fields.js';
import { OK } from '../../flow/key.js';
import { Match } from '../../flow/match.js';
import { completeEthernet } from '../../flow/packet-type.js';
import { get16, put16 } from '../../lib/bytes.js';
import { K, type Slot, VLAN_CFI } from '../../packet/key.js';
import { ofError } from '../errors.js';

export const OF11_MATCH_BYTES = 88;

const WILD = {
  inPort: 1,
  vlan: 2,
  pcp: 4,
  type: 8,
  tos: 0x10,
  proto: 0x20,
  tpSrc: 0x40,
  tpDst: 0x80,
  mplsLabel: 0x100,
  mplsTc: 0x200,
} as const;
const VLAN = { none: 0xffff, any: 0xfffe } as const;
const DSCP = 0xfc;
const IN_PORT = field('in_port_oxm');
const FIRST_RESERVED_10 = 0xff00;
const MPLS_LABEL = field('mpls_label');
const MPLS_TC = field('mpls_tc');

/** Exact value of a slot. */
function put(m: Match, slot: Slot, bytes: Uint8Array): void {
  m.value.set(bytes, slot.offset);
  m.mask.fill(0xff, slot.offset, slot.offset + slot.bytes);
}

/** Value and a mask whose ones say "any". */
function putMasked(m: Match, slot: Slot, value: Uint8Array, any: Uint8Array): void {
  for (let i = 0; i < slot.bytes; i++) {
    m.mask[slot.offset + i] = ~any[i] & 0xff;
    m.value[slot.offset + i] = value[i] & ~any[i];
  }
}

function putField(m: Match, row: FieldRow, value: number): void {
  writeField(m.value, row, BigInt(value));
  writeField(m.mask, row, row.valid);
}

function putVlan(m: Match, wild: number, vid: number, pcp: number): void {
  let value = 0;
  let mask = 0;
  if (!(wild & WILD.vlan)) {
    if (vid === VLAN.none) mask = 0xffff;
    else {
      value = VLAN_CFI | (vid === VLAN.any ? 0 : vid & 0xfff);
      mask = vid === VLAN.any ? VLAN_CFI : VLAN_CFI | 0xfff;
    }
  }
  if (!(wild & WILD.pcp) && vid !== VLAN.none) {
    value |= VLAN_CFI | (pcp << 13);
    mask |= VLAN_CFI | 0xe000;
  }
  put16(m.value, K.vlanTci.offset, value);
  put16(m.mask, K.vlanTci.offset, mask);
}

const ICMP = 1;
/** Protocols whose ports, or ICMP type and code, it speaks of. */
const WITH_PORTS: readonly number[] = [ICMP, 6, 17, 132];
const isIp = (type: number) => type === 0x0800;
const isArp = (type: number) => type === 0x0806 || type === 0x8035;
const isMpls = (type: number) => type === 0x8847 || type === 0x8848;

/** All 88 bytes, type and length in front. Throws UserError. */
export function decodeOf11Match(b: Uint8Array): Match {
  const r = new Reader(b, 2, 'OFPBMC_BAD_LEN');
  r.skip(4);
  const m = new Match();
  const inPort = r.u32();
  const wild = r.u32();
  if (!(wild & WILD.inPort)) {
    // The reserved ones begin where 16 bits of 1.0 have room for them.
    if (inPort >= FIRST_RESERVED_10 && inPort < OFPP.max) throw ofError('OFPBMC_BAD_VALUE');
    putField(m, IN_PORT, inPort);
  }
  putMasked(m, K.ethSrc, r.bytes(6), r.bytes(6));
  putMasked(m, K.ethDst, r.bytes(6), r.bytes(6));
  const vid = r.u16();
  putVlan(m, wild, vid, r.u8());
  r.skip(1);
  const type = wild & WILD.type ? 0 : get16(r.peek(2), 0);
  const typeBytes = r.bytes(2);
  if (!(wild & WILD.type)) put(m, K.ethType, typeBytes);
  const tos = r.u8();
  const proto = r.u8();
  const addresses = [r.bytes(4), r.bytes(4), r.bytes(4), r.bytes(4)];
  const ports = [r.bytes(2), r.bytes(2)];
  if (isIp(type) || isArp(type)) {
    if (!(wild & WILD.tos) && isIp(type)) {
      if (tos & ~DSCP) throw ofError('OFPBMC_BAD_VALUE');
      m.value[K.nwTos.offset] = tos;
      m.mask[K.nwTos.offset] = DSCP;
    }
    if (!(wild & WILD.proto)) put(m, K.nwProto, Uint8Array.of(proto));
    putMasked(m, K.nwSrc, addresses[0], addresses[1]);
    putMasked(m, K.nwDst, addresses[2], addresses[3]);
    if (isIp(type) && !(wild & WILD.proto) && WITH_PORTS.includes(proto)) {
      const wide = (bit: number, port: Uint8Array) => !(wild & bit) && port[0] !== 0;
      if (proto === ICMP && (wide(WILD.tpSrc, ports[0]) || wide(WILD.tpDst, ports[1])))
        throw ofError('OFPBMC_BAD_FIELD');
      if (!(wild & WILD.tpSrc)) put(m, K.tpSrc, ports[0]);
      if (!(wild & WILD.tpDst)) put(m, K.tpDst, ports[1]);
    }
  }
  const label = r.u32();
  const tc = r.u8();
  r.skip(3);
  if (isMpls(type)) {
    if (!(wild & WILD.mplsLabel)) putField(m, MPLS_LABEL, label);
    if (!(wild & WILD.mplsTc)) putField(m, MPLS_TC, tc);
  }
  putMasked(m, OK.metadata, r.bytes(8), r.bytes(8));
  completeEthernet(m);
  return m;
}

export function encodeOf11Match(m: Match): Uint8Array {
  const w = new Writer(2);
  let wild = 0;
  const unless = (bit: number, slot: Slot): boolean => {
    const said = m.mask.subarray(slot.offset, slot.offset + slot.bytes).some((x) => x !== 0);
    if (!said) wild |= bit;
    return said;
  };
  const bytes = (slot: Slot) => m.value.subarray(slot.offset, slot.offset + slot.bytes);
  const masked = (slot: Slot): void => {
    w.bytes(bytes(slot));
    w.bytes(m.mask.slice(slot.offset, slot.offset + slot.bytes).map((x) => ~x & 0xff));
  };
  const tci = get16(m.value, K.vlanTci.offset);
  const tciMask = get16(m.mask, K.vlanTci.offset);
  w.u16(0);
  w.u16(OF11_MATCH_BYTES);
  w.u32(unless(WILD.inPort, OK.ofInPort) ? Number(readField(m.value, IN_PORT)) : 0);
  const at = w.length;
  w.u32(0);
  masked(K.ethSrc);
  masked(K.ethDst);
  if (!(tciMask & (VLAN_CFI | 0xfff))) wild |= WILD.vlan;
  if ((tciMask & 0xe000) !== 0xe000 || !(tci & VLAN_CFI)) wild |= WILD.pcp;
  const vid = wild & WILD.vlan ? 0 : !(tci & VLAN_CFI) ? VLAN.none : (tciMask & 0xfff) === 0 ? VLAN.any : tci & 0xfff;
  w.u16(vid);
  w.u8(wild & WILD.pcp ? 0 : tci >> 13);
  w.zeros(1);
  unless(WILD.type, K.ethType);
  w.bytes(bytes(K.ethType));
  if (!(m.mask[K.nwTos.offset] & DSCP)) wild |= WILD.tos;
  w.u8(m.value[K.nwTos.offset] & DSCP);
  unless(WILD.proto, K.nwProto);
  w.bytes(bytes(K.nwProto));
  masked(K.nwSrc);
  masked(K.nwDst);
  unless(WILD.tpSrc, K.tpSrc);
  w.bytes(bytes(K.tpSrc));
  unless(WILD.tpDst, K.tpDst);
  w.bytes(bytes(K.tpDst));
  const label = readField(m.mask, MPLS_LABEL) !== 0n;
  const tc = readField(m.mask, MPLS_TC) !== 0n;
  if (!label) wild |= WILD.mplsLabel;
  if (!tc) wild |= WILD.mplsTc;
  w.u32(label ? Number(readField(m.value, MPLS_LABEL)) : 0);
  w.u8(tc ? Number(readField(m.value, MPLS_TC)) : 0);
  w.zeros(3);
  masked(OK.metadata);
  w.patch16(at, wild >>> 16);
  w.patch16(at + 2, wild & 0xffff);
  return w.finish();
}
