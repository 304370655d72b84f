/** Actions that make a frame longer or shorter. The C++ twin is native/action/push_pop.cc. */
import type { Offload } from '../datapath.js';
import { isMpls, isVlan, locate, u16 } from './headers.js';
import type { Packet } from './packet.js';

const TAG = 4;

export function put16(frame: Uint8Array, at: number, value: number): void {
  frame[at] = value >> 8;
  frame[at + 1] = value;
}

/** Offsets count from the first byte of the frame, so they move with what is pushed or popped in front of them. */
function shifted(o: Offload, by: number): Offload {
  const move = (v: number) => Math.max(0, v + by) & 0xffff;
  return {
    ...o,
    csumStart: o.flags & 1 ? move(o.csumStart) : o.csumStart,
    hdrLen: o.hdrLen === 0 ? 0 : move(o.hdrLen),
  };
}

/** New bytes at `at`, to be written. False: no headroom is left, and nothing changed. */
export function insert(p: Packet, at: number, bytes: number): boolean {
  if (p.headroom < bytes) return false;
  const frame = new Uint8Array(p.frame.length + bytes);
  frame.set(p.frame.subarray(0, at));
  frame.set(p.frame.subarray(at), at + bytes);
  p.frame = frame;
  p.headroom -= bytes;
  p.offload = shifted(p.offload, bytes);
  return true;
}

function insertTag(p: Packet, at: number, high: number, low: number): boolean {
  if (!insert(p, at, TAG)) return false;
  put16(p.frame, at, high);
  put16(p.frame, at + 2, low);
  return true;
}

export function remove(p: Packet, at: number, bytes: number): void {
  const frame = new Uint8Array(p.frame.length - bytes);
  frame.set(p.frame.subarray(0, at));
  frame.set(p.frame.subarray(at + bytes), at);
  p.frame = frame;
  p.headroom += bytes;
  p.offload = shifted(p.offload, -bytes);
}

/** False: no headroom. Bit 0x1000 of `tci` says "tagged" in keys and never goes on the wire. */
export function pushVlan(p: Packet, tpid: number, tci: number): boolean {
  return insertTag(p, 12, tpid, tci & 0xefff);
}

/** True when there was a tag. */
export function popVlan(p: Packet, vlans: number): boolean {
  if (vlans === 0 || p.frame.length < 18 || !isVlan(u16(p.frame, 12))) return false;
  remove(p, 12, TAG);
  return true;
}

/** The label goes between the link layer with its VLAN tags and what they carried. False: no headroom. */
export function pushMpls(p: Packet, vlans: number, lse: number, ethType: number): boolean {
  const { typeAt } = locate(p.frame, vlans);
  if (!insertTag(p, typeAt + 2, lse >>> 16, lse & 0xffff)) return false;
  put16(p.frame, typeAt, ethType);
  return true;
}

/** Without a whole label there is nothing to pop. */
export function popMpls(p: Packet, vlans: number, ethType: number): void {
  const { typeAt, type, l3 } = locate(p.frame, vlans);
  if (!isMpls(type) || p.frame.length - l3 < TAG) return;
  remove(p, l3, TAG);
  put16(p.frame, typeAt, ethType);
}
