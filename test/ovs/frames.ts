/** Frames that arrive, and what was sent. */
import { newKey } from '../../src/flow/key.js';
import { get16 } from '../../src/lib/bytes.js';
import type { Random } from '../../src/lib/random.js';
import { extract } from '../../src/packet/extract.js';
import { K } from '../../src/packet/key.js';
import { wellFormedFrame } from '../../src/packet/random.js';

export const PORTS = 4;

/** Something that happens between packets: a port goes down or comes up, or a flow goes. */
export type Change =
  | { readonly kind: 'port'; readonly port: number; readonly up: boolean }
  | { readonly kind: 'delete'; readonly flow: string };

export interface Arrival {
  readonly port: number;
  readonly frame: Uint8Array;
  /** What happened before. */
  readonly changes: readonly Change[];
}

/** How often a packet comes in where the last one did, if they may come together. */
const TRAIN = 0.85;

export interface ArrivalOptions {
  /** Of a pipeline in which things change; default: nothing does. At the end all ports are up. */
  readonly flows?: readonly string[];
  /** Packets come in trains, each by one port. */
  readonly trains?: boolean;
}

export function arrivals(r: Random, packets: number, { flows = [], trains = false }: ArrivalOptions = {}): Arrival[] {
  let down = 0;
  let last = 0;
  return Array.from({ length: packets }, (_, i) => {
    const changes: Change[] = [];
    if (flows.length > 0 && (r.chance(0.05) || (down !== 0 && r.chance(0.2)))) {
      const port = down || r.between(1, PORTS);
      changes.push({ kind: 'port', port, up: down !== 0 });
      down = down === 0 ? port : 0;
    }
    if (flows.length > 0 && r.chance(0.02)) changes.push({ kind: 'delete', flow: matchOf(r.pick(flows)) });
    if (i === packets - 1 && down !== 0) changes.push({ kind: 'port', port: down, up: true });
    let port = trains && last !== 0 && r.chance(TRAIN) ? last : r.between(1, PORTS);
    if (port === down) port = (port % PORTS) + 1;
    last = port;
    return { port, frame: usualFrame(r), changes };
  });
}

/** As del-flows --strict takes it. */
function matchOf(flow: string): string {
  return flow.slice(0, flow.indexOf(',actions='));
}

const MAX_FRAME = 1500;
const EXTENSIONS = [0, 43, 44, 51, 60];

/**
 * Of IP, not what OVS treats wrongly: protocol 0, of which it sets no other field; later fragments, into whose payload it writes checksums; extension
 * headers of IPv6, where it leaves checksums when it sets an address; neighbour discovery with one option twice, of which it sets the first.
 */
function isUsualIp(frame: Uint8Array, at: number): boolean {
  if (frame.length < at + 20) return false;
  if (frame[at] >> 4 === 4) return frame[at + 9] !== 0 && (get16(frame, at + 6) & 0x1fff) === 0;
  return frame[at] >> 4 === 6 && !EXTENSIONS.includes(frame[at + 6]) && !repeatsOption(frame, at);
}

/** Bytes of IPv6's header, and of ICMPv6's, NDP's target included. */
const IPV6 = 40;
const NDP = 24;

/** Is it neighbour discovery that says an address twice? */
function repeatsOption(frame: Uint8Array, at: number): boolean {
  const icmp = at + IPV6;
  if (frame[at + 6] !== 58 || (frame[icmp] !== 135 && frame[icmp] !== 136)) return false;
  const types: number[] = [];
  for (let o = icmp + NDP; o + 1 < frame.length && frame[o + 1] !== 0; o += 8 * frame[o + 1]) types.push(frame[o]);
  return new Set(types).size < types.length;
}

/**
 * Not what exceeds the MTU of a dummy port, nor what else OVS treats wrongly: a length in place of a type, over which it pushes labels; ARP operation
 * 0, of which it sets no other field, and 255, which it puts back as 65535; more labels than its key holds, of which it cannot pop one; NSH with one of the bits beside the MD type, where it
 * writes into context headers when it sets another field.
 */
function isUsual(frame: Uint8Array): boolean {
  const key = newKey();
  if (frame.length > MAX_FRAME || !extract(frame, key, 1)) return false;
  let at = 12;
  while (at + 4 < frame.length && isTag(get16(frame, at))) at += 4;
  const type = get16(frame, at);
  at += 2;
  switch (type) {
    case 0x0800:
    case 0x86dd:
      return isUsualIp(frame, at);
    case 0x0806:
    case 0x8035:
      return key[K.nwProto.offset] !== 0 && key[K.nwProto.offset] !== 255;
    case 0x8847:
    case 0x8848: {
      const first = at;
      while (at + 4 < frame.length && !(frame[at + 2] & 1)) at += 4;
      return at - first < 12 && isUsualIp(frame, at + 4);
    }
    case 0x894f:
      return frame.length < at + 3 || frame[at + 2] < 0x10;
    default:
      return type >= 0x600;
  }
}

function usualFrame(r: Random): Uint8Array {
  for (;;) {
    const frame = wellFormedFrame(r);
    if (isUsual(frame)) return frame;
  }
}

const isTag = (type: number): boolean => type === 0x8100 || type === 0x88a8;

/** What left each port: packet by packet, in order, or (of a packet that came back) in any order. */
export class Sent {
  readonly ports: string[][] = Array.from({ length: PORTS }, () => []);
  /** Where the frames of a packet begin and end at a port, when their order is nobody's. */
  private readonly loose: (readonly [port: number, from: number, to: number])[] = [];

  add(more: string[][], ordered: boolean): void {
    for (const [i, list] of this.ports.entries()) {
      const from = list.length;
      list.push(...more[i]);
      if (!ordered && list.length - from > 1) this.loose.push([i, from, list.length]);
    }
  }

  same(other: readonly (readonly string[])[]): boolean {
    return JSON.stringify(this.sorted(this.ports)) === JSON.stringify(this.sorted(other));
  }

  private sorted(lists: readonly (readonly string[])[]): string[][] {
    const out = lists.map((l) => [...l]);
    for (const [i, from, to] of this.loose) out[i].splice(from, to - from, ...out[i].slice(from, to).sort());
    return out;
  }
}
