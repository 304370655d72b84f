/** Frames to send: by template (one UDP or TCP flow a frame) or out of a capture. */
import { readFileSync } from 'node:fs';
import { UserError } from '../../lib/errors.js';
import { addBytes, checksum, finish, nonzero, pseudoSum } from '../../packet/checksum.js';
import { readPcap } from '../../packet/pcap.js';
import { parseIp, parseMacOrFail } from './parse.js';

/** Bytes of a stamp: native/pktgen/generator.h. */
export const STAMP_BYTES = 18;

export interface Template {
  readonly kind: 'udp' | 'tcp';
  /** Ethernet frame length with its 4-byte check sequence, as testers count: 64 is the smallest. */
  readonly size: number;
  readonly flows: number;
  readonly srcMac: string;
  readonly dstMac: string;
  readonly srcIp: string;
  readonly dstIp: string;
  readonly vlan?: number;
}

export interface Frames {
  readonly frames: Uint8Array[];
  readonly flows: Uint32Array;
  readonly stamps: Int32Array;
  readonly nFlows: number;
}

/** Flow i has source address srcIp + i / 60000 and source port 1024 + i % 60000. */
export function fromTemplate(t: Template): Frames {
  const frames: Uint8Array[] = [];
  const stamps = new Int32Array(t.flows);
  for (let i = 0; i < t.flows; i++) {
    const made = build(t, i);
    frames.push(made.frame);
    stamps[i] = made.payload + STAMP_BYTES <= made.frame.length ? made.payload : -1;
  }
  return { frames, flows: Uint32Array.from(frames.keys()), stamps, nFlows: t.flows };
}

function build(t: Template, flow: number): { frame: Uint8Array; payload: number } {
  const src = parseIp(t.srcIp);
  const dst = parseIp(t.dstIp);
  if (src.length !== dst.length) throw new UserError(`${t.srcIp} and ${t.dstIp} are not of one family`);
  const v4 = src.length === 4;
  const l2 = t.vlan === undefined ? 14 : 18;
  const l3 = v4 ? 20 : 40;
  const l4 = t.kind === 'udp' ? 8 : 20;
  const frame = new Uint8Array(Math.max(t.size - 4, l2 + l3 + l4));
  const v = new DataView(frame.buffer);
  frame.set(parseMacOrFail(t.dstMac), 0);
  frame.set(parseMacOrFail(t.srcMac), 6);
  if (t.vlan !== undefined) v.setUint32(12, (0x8100 << 16) | t.vlan);
  v.setUint16(l2 - 2, v4 ? 0x0800 : 0x86dd);
  addTo(src, Math.floor(flow / 60000));
  const proto = t.kind === 'udp' ? 17 : 6;
  const ipLen = frame.length - l2;
  if (v4) {
    v.setUint8(l2, 0x45);
    v.setUint16(l2 + 2, ipLen);
    v.setUint16(l2 + 4, flow & 0xffff);
    v.setUint8(l2 + 8, 64);
    v.setUint8(l2 + 9, proto);
    frame.set(src, l2 + 12);
    frame.set(dst, l2 + 16);
    v.setUint16(l2 + 10, checksum(frame, l2, l2 + 20));
  } else {
    v.setUint8(l2, 0x60);
    v.setUint16(l2 + 4, ipLen - 40);
    v.setUint8(l2 + 6, proto);
    v.setUint8(l2 + 7, 64);
    frame.set(src, l2 + 8);
    frame.set(dst, l2 + 24);
  }
  const at = l2 + l3;
  v.setUint16(at, 1024 + (flow % 60000));
  v.setUint16(at + 2, 2000);
  if (t.kind === 'udp') v.setUint16(at + 4, frame.length - at);
  else v.setUint32(at + 12, 0x50100400);
  // A stamp changes in every frame: UDP over IPv4 goes without a checksum. IPv6 and TCP are sent with one that the stamp falsifies; no switch looks.
  if (!(t.kind === 'udp' && v4)) {
    const sum = addBytes(pseudoSum(src, dst, proto, frame.length - at), frame, at);
    v.setUint16(at + (t.kind === 'udp' ? 6 : 16), nonzero(finish(sum)));
  }
  return { frame, payload: at + l4 };
}

function addTo(address: Uint8Array, n: number): void {
  let carry = n;
  for (let i = address.length - 1; i >= 0 && carry > 0; i--) {
    carry += address[i];
    address[i] = carry & 0xff;
    carry = Math.floor(carry / 256);
  }
}

/** The frames of a capture as they are, unstamped: loss is then known only as the difference of counts. */
export function fromPcap(path: string): Frames {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (e) {
    throw new UserError(`cannot read ${path}: ${e instanceof Error ? e.message : e}`);
  }
  const frames = readPcap(bytes).records.map((r) => r.frame.slice());
  if (frames.length === 0) throw new UserError(`${path} holds no frame`);
  return { frames, flows: new Uint32Array(frames.length), stamps: new Int32Array(frames.length).fill(-1), nFlows: 1 };
}
