/** Watching flows: 1.4's flow monitor, and the forms it has as Nicira's and ONF's extensions. */
import type { Action } from '../../action/action.js';
import type { WireReader, WireWriter } from '../../action/context.js';
import { Match } from '../../flow/match.js';
import { ofError, VENDOR } from '../errors.js';
import { ANY, ask, nx, nxAsk, nxTell, tell } from '../row.js';
import { type Codec, listOf, struct, u32 } from '../schema.js';
import { readActions, readInstructions, writeActions, writeInstructions } from './actions.js';
import { readNxm, readOxm, writeNxm, writeOxm } from './match.js';
import { port10, port32 } from './port-bits.js';
import { sized } from './property.js';

/** What to be told of; `own`: the watcher's own changes in full, too. */
export const MONITOR = { initial: 1, add: 2, delete: 4, modify: 8, actions: 16, own: 32 } as const;
/** 1.4 has "no abbreviation" where the others have "own", and that one higher. */
const OWN_14 = 0x40;
const COMMON = 0x1f;

export interface MonitorRequest {
  readonly id: number;
  readonly flags: number;
  readonly outPort: number;
  readonly outGroup: number;
  readonly table: number;
  readonly match: Match;
}
const GROUP_ANY = 0xffffffff;
const requestNx: Codec<MonitorRequest> = {
  read: (r) => {
    const head = { id: r.u32(), flags: r.u16(), outPort: port10.read(r) };
    const length = r.u16();
    const table = r.u8();
    r.skip(5);
    return { ...head, table, outGroup: GROUP_ANY, match: readNxm(r, length).match };
  },
  write: (w, v) => {
    w.u32(v.id);
    w.u16(v.flags);
    port10.write(w, v.outPort);
    const at = w.length;
    w.u16(0);
    w.u8(v.table);
    w.zeros(5);
    w.patch16(at, writeNxm(w, v.match, 0n, 0n));
  },
};
const requestOnf: Codec<MonitorRequest> = {
  read: (r) => {
    const head = { id: r.u32(), flags: r.u16() };
    r.skip(2);
    const outPort = port32.read(r);
    const table = r.u8();
    r.skip(3);
    return { ...head, outPort, table, outGroup: GROUP_ANY, match: readOxm(r) };
  },
  write: (w, v) => {
    w.u32(v.id);
    w.u16(v.flags);
    const at = w.length;
    w.u16(0);
    port32.write(w, v.outPort);
    w.u8(v.table);
    w.zeros(3);
    w.patch16(at, writeOxm(w, v.match));
  },
};
const request14: Codec<MonitorRequest> = {
  read: (r) => {
    const head = { id: r.u32(), outPort: port32.read(r), outGroup: r.u32() };
    const bits = r.u16();
    const flags = (bits & COMMON) | (bits & OWN_14 ? MONITOR.own : 0);
    const table = r.u8();
    if (r.u8() !== 0) throw ofError('OFPMOFC_BAD_COMMAND');
    return { ...head, flags, table, match: readOxm(r) };
  },
  write: (w, v) => {
    w.u32(v.id);
    port32.write(w, v.outPort);
    w.u32(v.outGroup);
    w.u16((v.flags & COMMON) | (v.flags & MONITOR.own ? OWN_14 : 0));
    w.u8(v.table);
    w.u8(0);
    writeOxm(w, v.match);
  },
};

export type UpdateEvent = 'initial' | 'added' | 'deleted' | 'modified' | 'abbrev' | 'paused' | 'resumed';
const EVENTS_NX: readonly UpdateEvent[] = ['added', 'deleted', 'modified', 'abbrev'];
const EVENTS_14: readonly UpdateEvent[] = ['initial', 'added', 'deleted', 'modified', 'abbrev', 'paused', 'resumed'];

export interface FlowUpdate {
  readonly event: UpdateEvent;
  /** Of the change, when abbreviated. */
  readonly xid: number;
  /** Why it was deleted: index into REMOVED_REASONS. */
  readonly reason: number;
  readonly table: number;
  readonly priority: number;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly cookie: bigint;
  readonly match: Match;
  readonly actions: readonly Action[];
}
const BRIEF = { reason: 0, table: 0, priority: 0, idleTimeout: 0, hardTimeout: 0, cookie: 0n, actions: [] } as const;
const brief = (event: UpdateEvent, xid: number): FlowUpdate => ({ event, xid, ...BRIEF, match: new Match() });

function eventAt(list: readonly UpdateEvent[], code: number): UpdateEvent {
  const event = list[code];
  if (!event) throw ofError('OFPBRC_BAD_LEN');
  return event;
}

function sizedOut(w: WireWriter, body: () => void): void {
  const start = w.length;
  w.u16(0);
  body();
  w.patch16(start, w.length - start);
}

/** Nicira's form, and ONF's, which has OXM and instructions in it. */
function updateNx(oxm: boolean): Codec<FlowUpdate> {
  return {
    read: (outer) => {
      const r = sized(outer, 2);
      const event = eventAt(EVENTS_NX, r.u16());
      if (event === 'abbrev') return brief(event, r.u32());
      const head = { reason: r.u16(), priority: r.u16(), idleTimeout: r.u16(), hardTimeout: r.u16() };
      const length = r.u16();
      const table = r.u8();
      r.skip(1);
      const cookie = r.u64();
      const match = oxm ? readOxm(r) : readNxm(r, length).match;
      const actions = oxm ? readInstructions(r, r.remaining) : readActions(r, r.remaining);
      return { event, xid: 0, ...head, table, cookie, match, actions };
    },
    write: (w, v) =>
      sizedOut(w, () => {
        w.u16(EVENTS_NX.indexOf(v.event === 'initial' ? 'added' : v.event));
        if (v.event === 'abbrev') return w.u32(v.xid);
        w.u16(v.reason);
        w.u16(v.priority);
        w.u16(v.idleTimeout);
        w.u16(v.hardTimeout);
        const at = w.length;
        w.u16(0);
        w.u8(v.table);
        w.zeros(1);
        w.u64(v.cookie);
        w.patch16(at, oxm ? writeOxm(w, v.match) : writeNxm(w, v.match, 0n, 0n));
        if (oxm) writeInstructions(w, v.actions);
        else writeActions(w, v.actions);
      }),
  };
}
const update14: Codec<FlowUpdate> = {
  read: (outer: WireReader) => {
    const r = sized(outer, 2);
    const event = eventAt(EVENTS_14, r.u16());
    if (event === 'abbrev') return brief(event, r.u32());
    if (event === 'paused' || event === 'resumed') {
      r.skip(4);
      return brief(event, 0);
    }
    const head = { table: r.u8(), reason: r.u8(), idleTimeout: r.u16(), hardTimeout: r.u16(), priority: r.u16() };
    r.skip(4);
    const cookie = r.u64();
    const match = readOxm(r);
    return { event, xid: 0, ...head, cookie, match, actions: readInstructions(r, r.remaining) };
  },
  write: (w, v) =>
    sizedOut(w, () => {
      w.u16(EVENTS_14.indexOf(v.event));
      if (v.event === 'abbrev') return w.u32(v.xid);
      if (v.event === 'paused' || v.event === 'resumed') return w.zeros(4);
      w.u8(v.table);
      w.u8(v.reason);
      w.u16(v.idleTimeout);
      w.u16(v.hardTimeout);
      w.u16(v.priority);
      w.zeros(4);
      w.u64(v.cookie);
      writeOxm(w, v.match);
      writeInstructions(w, v.actions);
    }),
};

const ONF_MONITOR = 1870;
const cancel = struct({ id: u32 });

export const monitorRows = [
  nxAsk('monitor_request', 'NXST_FLOW_MONITOR', 2, listOf(requestNx), [1, 3]),
  nxTell('monitor_reply', 'NXST_FLOW_MONITOR', 2, listOf(updateNx(false)), [1, 3]),
  { ...nxAsk('monitor_request', 'ONFST_FLOW_MONITOR', ONF_MONITOR, listOf(requestOnf), [4, 4]), vendor: VENDOR.onf },
  { ...nxTell('monitor_reply', 'ONFST_FLOW_MONITOR', ONF_MONITOR, listOf(updateNx(true)), [4, 4]), vendor: VENDOR.onf },
  ask('monitor_request', 'OFPST_FLOW_MONITOR', [5, 6], 16, listOf(request14)),
  tell('monitor_reply', 'OFPST_FLOW_MONITOR', [5, 6], 16, listOf(update14)),
  nx('monitor_cancel', 'NXT_FLOW_MONITOR_CANCEL', 21, cancel, ANY),
] as const;
