/** Asking for flows: each with its counters, or their sum. */
import type { Action } from '../../action/action.js';
import type { WireReader, WireWriter } from '../../action/context.js';
import type { Match } from '../../flow/match.js';
import { ask, nxAsk, nxTell, tell } from '../row.js';
import { byVersion, type Codec, listOf, u16Since } from '../schema.js';
import { readFlowActions, readFlowInstructions, writeFlowActions, writeFlowInstructions } from './actions.js';
import { readMatch10, readNxm, readOxm, writeMatch10, writeNxm, writeOxm, writeOxmAlways } from './match.js';
import { readOxs, writeOxs } from './oxs.js';
import { port10, port32 } from './port-bits.js';
import { sized } from './property.js';

const GROUP_ANY = 0xffffffff;

export interface FlowStatsRequest {
  readonly match: Match;
  readonly table: number;
  readonly outPort: number;
  readonly outGroup: number;
  readonly cookieFilter: bigint;
  readonly cookieMask: bigint;
}

const request10: Codec<FlowStatsRequest> = {
  read: (r) => {
    const match = readMatch10(r);
    const table = r.u8();
    r.skip(1);
    return { match, table, outPort: port10.read(r), outGroup: GROUP_ANY, cookieFilter: 0n, cookieMask: 0n };
  },
  write: (w, v) => {
    writeMatch10(w, v.match);
    w.u8(v.table);
    w.zeros(1);
    port10.write(w, v.outPort);
  },
};
const requestNx: Codec<FlowStatsRequest> = {
  read: (r) => {
    const outPort = port10.read(r);
    const length = r.u16();
    const table = r.u8();
    r.skip(3);
    const nxm = readNxm(r, length);
    const { match, cookie, cookieMask } = nxm;
    return { match, table, outPort, outGroup: GROUP_ANY, cookieFilter: cookie, cookieMask };
  },
  write: (w, v) => {
    port10.write(w, v.outPort);
    const at = w.length;
    w.u16(0);
    w.u8(v.table);
    w.zeros(3);
    w.patch16(at, writeNxm(w, v.match, v.cookieFilter, v.cookieMask));
  },
};
const request11: Codec<FlowStatsRequest> = {
  read: (r) => {
    const table = r.u8();
    r.skip(3);
    const outPort = port32.read(r);
    const outGroup = r.u32();
    r.skip(4);
    const cookie = r.u64();
    const cookieMask = r.u64();
    return { table, outPort, outGroup, cookieFilter: cookie & cookieMask, cookieMask, match: readOxm(r) };
  },
  write: (w, v) => {
    w.u8(v.table);
    w.zeros(3);
    port32.write(w, v.outPort);
    w.u32(v.outGroup);
    w.zeros(4);
    w.u64(v.cookieFilter);
    w.u64(v.cookieMask);
    writeOxm(w, v.match);
  },
};
const request = byVersion({ 1: request10, 2: request11 });

export interface FlowStats {
  readonly table: number;
  readonly priority: number;
  readonly match: Match;
  readonly actions: readonly Action[];
  readonly cookie: bigint;
  readonly durationSec: number;
  readonly durationNsec: number;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  /** Seconds; UNKNOWN (-1) where the form does not say. */
  readonly idleAge: number;
  readonly hardAge: number;
  readonly flags: number;
  readonly importance: number;
  /** -1n: unknown. */
  readonly packets: bigint;
  readonly bytes: bigint;
}
const since13 = u16Since(4);
const since14 = u16Since(5);
/** UNKNOWN of an age. */
const NOT_SAID = -1;
const MAX_U64 = 0xffffffffffffffffn;
const readCount = (r: WireReader) => {
  const v = r.u64();
  return v === MAX_U64 ? -1n : v;
};
const writeCount = (w: WireWriter, v: bigint) => w.u64(v < 0n ? MAX_U64 : v);

/** Runs `body` and puts the length of what it wrote into the two bytes it began with. */
function sizedOut(w: WireWriter, body: () => void): void {
  const start = w.length;
  w.u16(0);
  body();
  w.patch16(start, w.length - start);
}

const flow10: Codec<FlowStats> = {
  read: (reader) => {
    const r = sized(reader, 2);
    const table = r.u8();
    r.skip(1);
    const match = readMatch10(r, reader.lent);
    const durationSec = r.u32();
    const durationNsec = r.u32();
    const priority = r.u16();
    const idleTimeout = r.u16();
    const hardTimeout = r.u16();
    r.skip(6);
    const cookie = r.u64();
    const packets = readCount(r);
    const bytes = readCount(r);
    const actions = readFlowActions(r);
    return {
      table,
      priority,
      match,
      actions,
      cookie,
      durationSec,
      durationNsec,
      idleTimeout,
      hardTimeout,
      idleAge: NOT_SAID,
      hardAge: NOT_SAID,
      flags: 0,
      importance: 0,
      packets,
      bytes,
    };
  },
  write: (w, v) =>
    sizedOut(w, () => {
      w.u8(v.table);
      w.zeros(1);
      writeMatch10(w, v.match);
      w.u32(v.durationSec);
      w.u32(v.durationNsec);
      w.u16(v.priority);
      w.u16(v.idleTimeout);
      w.u16(v.hardTimeout);
      w.zeros(6);
      w.u64(v.cookie);
      writeCount(w, v.packets);
      writeCount(w, v.bytes);
      writeFlowActions(w, v.actions);
    }),
};

/** Ages come one higher, 0 being "not said". */
const writeAge = (w: WireWriter, age: number) => w.u16(age < 0 ? 0 : Math.min(age + 1, 0xffff));
const flowNx: Codec<FlowStats> = {
  read: (reader) => {
    const r = sized(reader, 2);
    const table = r.u8();
    r.skip(1);
    const durationSec = r.u32();
    const durationNsec = r.u32();
    const priority = r.u16();
    const idleTimeout = r.u16();
    const hardTimeout = r.u16();
    const length = r.u16();
    const idleAge = r.u16() - 1;
    const hardAge = r.u16() - 1;
    const cookie = r.u64();
    const packets = readCount(r);
    const bytes = readCount(r);
    const { match } = readNxm(r, length, reader.lent);
    const actions = readFlowActions(r);
    return {
      table,
      priority,
      match,
      actions,
      cookie,
      durationSec,
      durationNsec,
      idleTimeout,
      hardTimeout,
      idleAge,
      hardAge,
      flags: 0,
      importance: 0,
      packets,
      bytes,
    };
  },
  write: (w, v) =>
    sizedOut(w, () => {
      w.u8(v.table);
      w.zeros(1);
      w.u32(v.durationSec);
      w.u32(v.durationNsec);
      w.u16(v.priority);
      w.u16(v.idleTimeout);
      w.u16(v.hardTimeout);
      const at = w.length;
      w.u16(0);
      writeAge(w, v.idleAge);
      writeAge(w, v.hardAge);
      w.u64(v.cookie);
      writeCount(w, v.packets);
      writeCount(w, v.bytes);
      w.patch16(at, writeNxm(w, v.match, 0n, 0n));
      writeFlowActions(w, v.actions);
    }),
};
const flow11: Codec<FlowStats> = {
  read: (reader) => {
    const r = sized(reader, 2);
    const table = r.u8();
    r.skip(1);
    const durationSec = r.u32();
    const durationNsec = r.u32();
    const priority = r.u16();
    const idleTimeout = r.u16();
    const hardTimeout = r.u16();
    const flags = since13.read(r);
    const importance = since14.read(r);
    r.skip(2);
    const cookie = r.u64();
    const packets = readCount(r);
    const bytes = readCount(r);
    const match = readOxm(r, false, reader.lent);
    const actions = readFlowInstructions(r);
    return {
      table,
      priority,
      match,
      actions,
      cookie,
      durationSec,
      durationNsec,
      idleTimeout,
      hardTimeout,
      idleAge: NOT_SAID,
      hardAge: NOT_SAID,
      flags,
      importance,
      packets,
      bytes,
    };
  },
  write: (w, v) =>
    sizedOut(w, () => {
      w.u8(v.table);
      w.zeros(1);
      w.u32(v.durationSec);
      w.u32(v.durationNsec);
      w.u16(v.priority);
      w.u16(v.idleTimeout);
      w.u16(v.hardTimeout);
      since13.write(w, v.flags);
      since14.write(w, v.importance);
      w.zeros(2);
      w.u64(v.cookie);
      writeCount(w, v.packets);
      writeCount(w, v.bytes);
      writeOxmAlways(w, v.match);
      writeFlowInstructions(w, v.actions);
    }),
};
const flow15: Codec<FlowStats> = {
  read: (reader) => {
    const r = sized(reader, 2);
    r.skip(2);
    const table = r.u8();
    r.skip(1);
    const times = {
      priority: r.u16(),
      idleTimeout: r.u16(),
      hardTimeout: r.u16(),
      flags: r.u16(),
      importance: r.u16(),
    };
    const cookie = r.u64();
    const match = readOxm(r, false, reader.lent);
    const s = readOxs(r);
    const actions = readFlowInstructions(r);
    const { durationSec, durationNsec, packets, bytes } = s;
    return {
      table,
      ...times,
      cookie,
      match,
      durationSec,
      durationNsec,
      packets,
      bytes,
      idleAge: s.idle,
      hardAge: -1,
      actions,
    };
  },
  write: (w, v) =>
    sizedOut(w, () => {
      w.zeros(2);
      w.u8(v.table);
      w.zeros(1);
      w.u16(v.priority);
      w.u16(v.idleTimeout);
      w.u16(v.hardTimeout);
      w.u16(v.flags);
      w.u16(v.importance);
      w.u64(v.cookie);
      writeOxm(w, v.match);
      const { durationSec, durationNsec, packets, bytes } = v;
      writeOxs(w, { durationSec, durationNsec, idle: v.idleAge, packets, bytes, flows: -1 });
      writeFlowInstructions(w, v.actions);
    }),
};

export interface Aggregate {
  readonly packets: bigint;
  readonly bytes: bigint;
  readonly flows: number;
}
const aggregate10: Codec<Aggregate> = {
  read: (r) => {
    const v = { packets: readCount(r), bytes: readCount(r), flows: r.u32() };
    r.skip(4);
    return v;
  },
  write: (w, v) => {
    writeCount(w, v.packets);
    writeCount(w, v.bytes);
    w.u32(v.flows);
    w.zeros(4);
  },
};
const aggregate15: Codec<Aggregate> = {
  read: (r) => readOxs(r),
  write: (w, v) => writeOxs(w, { durationSec: -1, durationNsec: 0, idle: -1, ...v }),
};

export const flowStatsRows = [
  ask('flow_stats_request', 'OFPST_FLOW', [1, 6], 1, request),
  tell('flow_stats_reply', 'OFPST_FLOW', [1, 6], 1, listOf(byVersion({ 1: flow10, 2: flow11, 6: flow15 }))),
  nxAsk('flow_stats_request', 'NXST_FLOW', 0, requestNx),
  nxTell('flow_stats_reply', 'NXST_FLOW', 0, listOf(flowNx)),
  ask('aggregate_request', 'OFPST_AGGREGATE', [1, 6], 2, request),
  tell('aggregate_reply', 'OFPST_AGGREGATE', [1, 6], 2, byVersion({ 1: aggregate10, 6: aggregate15 })),
  nxAsk('aggregate_request', 'NXST_AGGREGATE', 1, requestNx),
  nxTell('aggregate_reply', 'NXST_AGGREGATE', 1, aggregate10),
] as const;
