/** Changing flows: flow_mod in its forms, and flow_removed. */
import type { Action } from '../../action/action.js';
import type { WireReader, WireWriter } from '../../action/context.js';
import type { Match } from '../../flow/match.js';
import type { FlowMod } from '../../flowtable/flow-mod.js';
import { FLOW_FLAG } from '../../flowtable/rule.js';
import { ofError } from '../errors.js';
import { ANY, msg, nx } from '../row.js';
import { byVersion, type Codec, u16Since } from '../schema.js';
import { readFlowActions, readFlowInstructions, writeActions, writeInstructions } from './actions.js';
import { readMatch10, readNxm, readOxm, writeMatch10, writeNxm, writeOxm } from './match.js';
import { readOxs, writeOxs } from './oxs.js';
import { port10, port32 } from './port-bits.js';

export const NO_BUFFER = 0xffffffff;
export const TABLE_ALL = 255;
/** The switch keeps it for itself. */
const TABLE_INTERNAL = 254;
const MAX_U64 = 0xffffffffffffffffn;
const GROUP_ANY = 0xffffffff;
const COMMANDS = ['add', 'modify', 'modify_strict', 'delete', 'delete_strict'] as const;

/** As it stands on the wire; `toFlowMod` gives it its meaning. */
export interface FlowModMessage {
  /** 1.0 forms: the upper byte is the table when NXT_FLOW_MOD_TABLE_ID is on. */
  readonly command: number;
  /** 1.1 and later; TABLE_ALL in 1.0 forms. */
  readonly table: number;
  readonly cookie: bigint;
  readonly cookieFilter: bigint;
  readonly cookieMask: bigint;
  readonly modifyCookie: boolean;
  readonly addsNew?: boolean | undefined;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly priority: number;
  readonly bufferId: number;
  readonly outPort: number;
  readonly outGroup: number;
  /** FLOW_FLAG bits. */
  readonly flags: number;
  readonly importance: number;
  readonly match: Match;
  readonly actions: readonly Action[];
}

/** Flags that a version knows, on the wire. Bit 2 is "emergency" in 1.0, which nobody has, and "reset counts" from 1.2 on. */
const KNOWN_FLAGS = [0, 3, 3, 7, 0x1f, 0x1f, 0x1f] as const;
const EMERGENCY_10 = 4;

function readFlags(flags: number, version: number, adding: boolean): number {
  if (version === 1 && flags & EMERGENCY_10) throw ofError('OFPFMFC_TABLE_FULL', 'there is no emergency flow table');
  if (flags & ~KNOWN_FLAGS[version]) throw ofError('OFPFMFC_BAD_FLAGS');
  // In 1.0 and 1.1 every addition starts its counters anew.
  return version < 3 && adding ? flags | FLOW_FLAG.resetCounts : flags;
}

const since14 = u16Since(5);
const wireFlags = (flags: number, version: number) => flags & KNOWN_FLAGS[version];

interface Tail {
  readonly command: number;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly priority: number;
  readonly bufferId: number;
  readonly outPort: number;
  readonly flags: number;
}
function readTail(r: WireReader): Tail {
  const command = r.u16();
  return {
    command,
    idleTimeout: r.u16(),
    hardTimeout: r.u16(),
    priority: r.u16(),
    bufferId: r.u32(),
    outPort: port10.read(r),
    flags: readFlags(r.u16(), 1, (command & 0xff) === 0),
  };
}

/** Joined by hand: spreading costs several times what reading does, and there may be 100,000 of these. */
function message10(
  t: Tail,
  match: Match,
  cookie: bigint,
  filter: CookieFilter,
  actions: readonly Action[],
): FlowModMessage {
  return {
    command: t.command,
    table: TABLE_ALL,
    cookie,
    cookieFilter: filter.cookie,
    cookieMask: filter.cookieMask,
    modifyCookie: cookie !== MAX_U64,
    idleTimeout: t.idleTimeout,
    hardTimeout: t.hardTimeout,
    priority: t.priority,
    bufferId: t.bufferId,
    outPort: t.outPort,
    outGroup: GROUP_ANY,
    flags: t.flags,
    importance: 0,
    match,
    actions,
  };
}
function writeTail(w: WireWriter, v: FlowModMessage): void {
  w.u16(v.command);
  w.u16(v.idleTimeout);
  w.u16(v.hardTimeout);
  w.u16(v.priority);
  w.u32(v.bufferId);
  port10.write(w, v.outPort);
  w.u16(wireFlags(v.flags, 1));
}

interface CookieFilter {
  readonly cookie: bigint;
  readonly cookieMask: bigint;
}
const ANY_COOKIE: CookieFilter = { cookie: 0n, cookieMask: 0n };

/** 1.0 has one cookie field: what to give. A modify with all ones leaves the cookie alone. */
const flowMod10: Codec<FlowModMessage> = {
  read: (r) => {
    const match = readMatch10(r, r.lent);
    const cookie = r.u64();
    const tail = readTail(r);
    return message10(tail, match, cookie, ANY_COOKIE, readFlowActions(r));
  },
  write: (w, v) => {
    writeMatch10(w, v.match);
    w.u64(v.cookie);
    writeTail(w, v);
    writeActions(w, v.actions);
  },
};

/** Nicira's form has the cookie to look for in the match. */
const flowModNx: Codec<FlowModMessage> = {
  read: (r) => {
    const cookie = r.u64();
    const tail = readTail(r);
    const length = r.u16();
    r.skip(6);
    const nxm = readNxm(r, length, r.lent);
    if (nxm.cookieMask !== 0n && (tail.command & 0xff) === 0) {
      throw ofError('NXBRC_NXM_INVALID', 'an addition sets a cookie and cannot match on one');
    }
    return message10(tail, nxm.match, cookie, nxm, readFlowActions(r));
  },
  write: (w, v) => {
    w.u64(v.cookie);
    writeTail(w, v);
    const at = w.length;
    w.u16(0);
    w.zeros(6);
    w.patch16(at, writeNxm(w, v.match, v.cookieFilter, v.cookieMask));
    writeActions(w, v.actions);
  },
};

/** From 1.1 on one field serves both: the cookie to give for an addition, the one to look for otherwise. */
const flowMod11: Codec<FlowModMessage> = {
  read: (r) => {
    const cookie = r.u64();
    const cookieMask = r.u64();
    const table = r.u8();
    const command = r.u8();
    const adds = command === 0 || (r.version === 2 && command <= 2 && cookieMask === 0n);
    return {
      table,
      command,
      cookie: adds ? cookie : MAX_U64,
      cookieFilter: adds ? 0n : cookie,
      cookieMask: adds ? 0n : cookieMask,
      modifyCookie: false,
      addsNew: adds && command !== 0,
      idleTimeout: r.u16(),
      hardTimeout: r.u16(),
      priority: r.u16(),
      bufferId: r.u32(),
      outPort: port32.read(r),
      outGroup: r.u32(),
      flags: readFlags(r.u16(), r.version, command === 0),
      importance: since14.read(r),
      match: readOxm(r, false, r.lent),
      actions: readFlowInstructions(r),
    };
  },
  write: (w, v) => {
    const adds = (v.command & 0xff) === 0;
    w.u64(adds ? v.cookie : v.cookieFilter);
    w.u64(adds ? 0n : v.cookieMask);
    w.u8(v.table);
    w.u8(v.command);
    w.u16(v.idleTimeout);
    w.u16(v.hardTimeout);
    w.u16(v.priority);
    w.u32(v.bufferId);
    port32.write(w, v.outPort);
    w.u32(v.outGroup);
    w.u16(wireFlags(v.flags, w.version));
    since14.write(w, v.importance);
    writeOxm(w, v.match);
    writeInstructions(w, v.actions);
  },
};

/** 1.1 has no name for all tables, and later versions not where a flow is added. Throws OFPFMFC_BAD_TABLE_ID. */
export function checkTable(v: FlowModMessage, version: number): void {
  if (version > 1 && v.table === TABLE_ALL && (COMMANDS[v.command] === 'add' || version === 2)) {
    throw ofError('OFPFMFC_BAD_TABLE_ID');
  }
}

/** Throws OFPFMFC_BAD_COMMAND. `tableIds`: the peer of 1.0 puts tables into commands. */
export function toFlowMod(v: FlowModMessage, version: number, tableIds: boolean): FlowMod {
  const inCommand = version === 1 && tableIds;
  const command = COMMANDS[inCommand ? v.command & 0xff : v.command];
  if (!command) throw ofError('OFPFMFC_BAD_COMMAND');
  let table = inCommand ? v.command >> 8 : v.table;
  checkTable(v, version);
  if (table === TABLE_ALL && command === 'add') table = 0;
  if (table === TABLE_INTERNAL) throw ofError('OFPBRC_EPERM');
  return {
    command,
    table,
    priority: v.priority,
    match: v.match,
    cookie: v.cookie,
    cookieFilter: v.cookieFilter,
    cookieMask: v.cookieMask,
    modifyCookie: v.modifyCookie,
    addsNew: v.addsNew,
    idleTimeout: v.idleTimeout,
    hardTimeout: v.hardTimeout,
    flags: v.flags,
    importance: v.importance,
    outPort: v.outPort,
    outGroup: v.outGroup,
    actions: v.actions,
  };
}

/** The message that says this. `tableIds` as above. */
export function fromFlowMod(m: FlowMod, version: number, tableIds: boolean): FlowModMessage {
  const command = COMMANDS.indexOf(m.command);
  if (version === 1) return { ...m, command: tableIds ? (m.table << 8) | command : command, bufferId: NO_BUFFER };
  // Only deletions may be for all tables.
  const table = m.table === TABLE_ALL && !m.command.startsWith('delete') ? 0 : m.table;
  return { ...m, table, command, bufferId: NO_BUFFER };
}

export const REMOVED_REASONS = [
  'idle_timeout',
  'hard_timeout',
  'delete',
  'group_delete',
  'meter_delete',
  'eviction',
] as const;

export interface FlowRemoved {
  readonly match: Match;
  readonly cookie: bigint;
  readonly priority: number;
  /** Index into REMOVED_REASONS. */
  readonly reason: number;
  /** TABLE_ALL where the form has no table. */
  readonly table: number;
  readonly durationSec: number;
  readonly durationNsec: number;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly packets: bigint;
  readonly bytes: bigint;
}
const removed10: Codec<FlowRemoved> = {
  read: (r) => {
    const match = readMatch10(r);
    const head = { cookie: r.u64(), priority: r.u16(), reason: r.u8() };
    r.skip(1);
    const times = { durationSec: r.u32(), durationNsec: r.u32(), idleTimeout: r.u16() };
    r.skip(2);
    return { match, ...head, ...times, table: TABLE_ALL, hardTimeout: 0, packets: r.u64(), bytes: r.u64() };
  },
  write: (w, v) => {
    writeMatch10(w, v.match);
    w.u64(v.cookie);
    w.u16(v.priority);
    w.u8(v.reason);
    w.zeros(1);
    w.u32(v.durationSec);
    w.u32(v.durationNsec);
    w.u16(v.idleTimeout);
    w.zeros(2);
    w.u64(v.packets);
    w.u64(v.bytes);
  },
};
/** The table comes one higher, so that 0 can mean "not said". */
const removedNx: Codec<FlowRemoved> = {
  read: (r) => {
    const head = { cookie: r.u64(), priority: r.u16(), reason: r.u8(), table: (r.u8() + 255) & 0xff };
    const times = { durationSec: r.u32(), durationNsec: r.u32(), idleTimeout: r.u16() };
    const length = r.u16();
    const counts = { packets: r.u64(), bytes: r.u64() };
    return { ...head, ...times, ...counts, hardTimeout: 0, match: readNxm(r, length).match };
  },
  write: (w, v) => {
    w.u64(v.cookie);
    w.u16(v.priority);
    w.u8(v.reason);
    w.u8((v.table + 1) & 0xff);
    w.u32(v.durationSec);
    w.u32(v.durationNsec);
    w.u16(v.idleTimeout);
    const at = w.length;
    w.u16(0);
    w.u64(v.packets);
    w.u64(v.bytes);
    w.patch16(at, writeNxm(w, v.match, 0n, 0n));
  },
};
const removed11: Codec<FlowRemoved> = {
  read: (r) => {
    const head = { cookie: r.u64(), priority: r.u16(), reason: r.u8(), table: r.u8() };
    const times = { durationSec: r.u32(), durationNsec: r.u32(), idleTimeout: r.u16(), hardTimeout: r.u16() };
    const counts = { packets: r.u64(), bytes: r.u64() };
    return { ...head, ...times, ...counts, match: readOxm(r) };
  },
  write: (w, v) => {
    w.u64(v.cookie);
    w.u16(v.priority);
    w.u8(v.reason);
    w.u8(v.table);
    w.u32(v.durationSec);
    w.u32(v.durationNsec);
    w.u16(v.idleTimeout);
    w.u16(v.hardTimeout);
    w.u64(v.packets);
    w.u64(v.bytes);
    writeOxm(w, v.match);
  },
};

/** 1.5 orders its members otherwise, and has counters and duration as a list of fields. */
const removed15: Codec<FlowRemoved> = {
  read: (r) => {
    const head = { table: r.u8(), reason: r.u8(), priority: r.u16(), idleTimeout: r.u16(), hardTimeout: r.u16() };
    const cookie = r.u64();
    const match = readOxm(r);
    const { durationSec, durationNsec, packets, bytes } = readOxs(r);
    return { ...head, cookie, match, durationSec, durationNsec, packets, bytes };
  },
  write: (w, v) => {
    w.u8(v.table);
    w.u8(v.reason);
    w.u16(v.priority);
    w.u16(v.idleTimeout);
    w.u16(v.hardTimeout);
    w.u64(v.cookie);
    writeOxm(w, v.match);
    writeOxs(w, { ...v, idle: -1, flows: -1 });
  },
};

export const flowModRows = [
  msg('flow_mod', 'OFPT_FLOW_MOD', ANY, 14, byVersion({ 1: flowMod10, 2: flowMod11 })),
  nx('flow_mod', 'NXT_FLOW_MOD', 13, flowModNx),
  msg('flow_removed', 'OFPT_FLOW_REMOVED', ANY, 11, byVersion({ 1: removed10, 2: removed11, 6: removed15 })),
  nx('flow_removed', 'NXT_FLOW_REMOVED', 14, removedNx),
] as const;
