/**
 * Capture files: classic pcap, both byte orders, micro- and nanoseconds. Written ones are little-endian with nanoseconds unless asked otherwise.
 * Only bytes here; opening files is the caller's.
 */
import { UserError } from '../lib/errors.js';

const MICRO = 0xa1b2c3d4;
const NANO = 0xa1b23c4d;
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
export const LINKTYPE_ETHERNET = 1;
/** Larger records are taken for damage: the longest frame of 65,535 bytes of IP, with room for tags and tunnels. */
const MAX_RECORD = 0x40000;

export interface PcapRecord {
  readonly seconds: number;
  readonly nanos: number;
  /** Bytes on the wire; `frame` may be shorter when the capture had a limit. */
  readonly wireLength: number;
  readonly frame: Uint8Array;
}

export interface PcapFile {
  readonly linkType: number;
  readonly nanoseconds: boolean;
  readonly records: readonly PcapRecord[];
  /** The file ends inside its last record, which is left out. */
  readonly cutOff: boolean;
}

/** Frames are views into `file`. Throws UserError when it is no capture or is damaged. */
export function readPcap(file: Uint8Array): PcapFile {
  const v = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < FILE_HEADER) throw new UserError('not a pcap file: shorter than its header');
  const big = v.getUint32(0, false);
  const little = big !== MICRO && big !== NANO;
  const magic = v.getUint32(0, little);
  if (magic === 0x0a0d0d0a) throw new UserError('this is a pcapng file; convert it with: editcap -F pcap IN OUT');
  if (magic !== MICRO && magic !== NANO) throw new UserError('not a pcap file: unknown magic number');
  const nanoseconds = magic === NANO;
  const records: PcapRecord[] = [];
  let at = FILE_HEADER;
  let cutOff = false;
  while (at < file.length) {
    if (file.length - at < RECORD_HEADER) {
      cutOff = true;
      break;
    }
    const captured = v.getUint32(at + 8, little);
    if (captured > MAX_RECORD) throw new UserError(`pcap record ${records.length + 1} claims ${captured} bytes`);
    if (captured > file.length - at - RECORD_HEADER) {
      cutOff = true;
      break;
    }
    records.push({
      seconds: v.getUint32(at, little),
      nanos: v.getUint32(at + 4, little) * (nanoseconds ? 1 : 1000),
      wireLength: v.getUint32(at + 12, little),
      frame: file.subarray(at + RECORD_HEADER, at + RECORD_HEADER + captured),
    });
    at += RECORD_HEADER + captured;
  }
  return { linkType: v.getUint32(20, little) & 0xffff, nanoseconds, records, cutOff };
}

/** The header that a file begins with. */
export function pcapHeader(nanoseconds = true, snapLength = MAX_RECORD, linkType = LINKTYPE_ETHERNET): Uint8Array {
  const v = new DataView(new ArrayBuffer(FILE_HEADER));
  v.setUint32(0, nanoseconds ? NANO : MICRO, true);
  v.setUint16(4, 2, true);
  v.setUint16(6, 4, true);
  v.setUint32(16, snapLength, true);
  v.setUint32(20, linkType, true);
  return new Uint8Array(v.buffer);
}

/** One record. `ms`: milliseconds since the epoch, fractions carry the rest. */
export function pcapRecord(ms: number, frame: Uint8Array, nanoseconds = true, wireLength = frame.length): Uint8Array {
  const out = new Uint8Array(RECORD_HEADER + frame.length);
  const v = new DataView(out.buffer);
  const seconds = Math.floor(ms / 1000);
  v.setUint32(0, seconds, true);
  v.setUint32(4, Math.floor((ms - seconds * 1000) * (nanoseconds ? 1e6 : 1e3)), true);
  v.setUint32(8, frame.length, true);
  v.setUint32(12, wireLength, true);
  out.set(frame, RECORD_HEADER);
  return out;
}

/** A whole file; record i is stamped i milliseconds after `startMs`. */
export function writePcap(frames: Iterable<Uint8Array>, startMs = 0, nanoseconds = true): Uint8Array {
  const parts = [pcapHeader(nanoseconds)];
  for (const f of frames) parts.push(pcapRecord(startMs + parts.length - 1, f, nanoseconds));
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}
