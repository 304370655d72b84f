/** Tables of bytes → actions → bytes, run through both executors. */
import type { Test } from 'tap';
import { extract } from '../../../packet/extract.js';
import { DP_KEY_BYTES } from '../../../packet/key.js';
import { type DpAction, SET_KINDS, type SetKind } from '../../action.js';
import { NO_OFFLOAD, type Offload } from '../../datapath.js';
import { loadAddon } from '../../driver/load.js';
import { encodeActions, WordWriter } from '../../encode.js';
import { execute, type Sink } from '../execute.js';
import { newPacket } from '../packet.js';
import { hex, tcp, udp } from './frames.js';

const addon = loadAddon();
export const OUT: DpAction = { type: 'output', port: 1 };

interface Result {
  frame: string;
  offload: Offload;
}

export function plainly(frame: Uint8Array, actions: DpAction[], offload: Offload, vlans: number): Result[] {
  const out: Result[] = [];
  const sink: Sink = {
    output: (p) => {
      out.push({ frame: Buffer.from(p.frame).toString('hex'), offload: p.offload });
      return 0;
    },
    recirculate: () => {},
    drop: () => {},
    release: () => {},
    userspace: () => 0,
    meter: () => true,
    encapsulated: () => 0,
    arrive: () => 0,
    tally: () => {},
    random: () => 0,
  };
  const key = new Uint8Array(DP_KEY_BYTES);
  extract(frame, key, vlans);
  execute(sink, newPacket(frame, offload, 1), key, actions, vlans);
  return out;
}

export function natively(frame: Uint8Array, actions: DpAction[], o: Offload, vlans: number): Result[] {
  const w = new WordWriter();
  encodeActions(w, actions);
  const state = new Uint8Array(12);
  const v = new DataView(state.buffer);
  state[0] = o.flags;
  state[1] = o.gsoType;
  const FIELDS = [
    ['hdrLen', 2],
    ['gsoSize', 4],
    ['csumStart', 6],
    ['csumOffset', 8],
  ] as const;
  for (const [name, at] of FIELDS) v.setUint16(at, o[name], true);
  const key = new Uint8Array(DP_KEY_BYTES);
  extract(frame, key, vlans);
  const events = addon.executeForTest(frame, state, key, w.words.slice(0, w.length), vlans, new Uint32Array(1)) ?? [];
  return events
    .filter(([what]) => what === 'output')
    .map(([, , bytes, offload]) => {
      const d = new DataView(offload.buffer, offload.byteOffset);
      const [hdrLen, gsoSize, csumStart, csumOffset] = FIELDS.map(([, at]) => d.getUint16(at, true));
      return {
        frame: Buffer.from(bytes).toString('hex'),
        offload: { flags: offload[0], gsoType: offload[1], hdrLen, gsoSize, csumStart, csumOffset },
      };
    });
}

/** Whole bytes of a set, by place: `at` → hex of the value. */
export function set(kind: SetKind, places: Record<number, string>): DpAction {
  const value = new Uint8Array(SET_KINDS[kind]);
  const mask = new Uint8Array(SET_KINDS[kind]);
  for (const [at, bytes] of Object.entries(places)) {
    value.set(hex(bytes), Number(at));
    mask.fill(0xff, Number(at), Number(at) + hex(bytes).length);
  }
  return { type: 'set', kind, value, mask };
}

/** Bits of a set where the mask has ones. */
export function setBits(kind: SetKind, at: number, value: string, mask: string): DpAction {
  const a = set(kind, { [at]: value });
  if (a.type === 'set') a.mask.set(hex(mask), at);
  return a;
}

interface Options {
  offload?: Offload;
  after?: Offload;
  vlans?: number;
}
export type Row = [name: string, before: Uint8Array, actions: DpAction[], after: Uint8Array, options?: Options];

export function check(t: Test, rows: Row[]): void {
  for (const [name, before, actions, after, o = {}] of rows) {
    const offload = o.offload ?? NO_OFFLOAD;
    const want = { frame: Buffer.from(after).toString('hex'), offload: o.after ?? offload };
    const list = [...actions, OUT];
    t.same(plainly(before, list, offload, o.vlans ?? 2), [want], name);
    t.same(natively(before, list, offload, o.vlans ?? 2), [want], `${name}, natively`);
  }
}

export const IP = 0x0800;
export const IPV6 = 0x86dd;
export const U = udp(1000, 2000);
export const T = tcp(1000, 2000);

/** A frame whose transport checksum at `csumStart` is to be finished. */
export const unfinished = (csumStart: number, csumOffset: number): Offload => ({
  ...NO_OFFLOAD,
  flags: 1,
  csumStart,
  csumOffset,
});
