/** Groups: changing them, what they are, what they counted, what they can do. Nicira's messages bring 1.5's forms to 1.0. */
import type { WireReader, WireWriter } from '../../action/context.js';
import type { FieldRow } from '../../flow/field.js';
import { BUCKET, type BucketSpec, GROUP, type GroupMod, type Selection, WATCH_NONE } from '../../flowtable/groups.js';
import { ofError } from '../errors.js';
import { ask, msg, nx, nxAsk, nxTell, tell } from '../row.js';
import { byVersion, type Codec, counter, listOf, nothing, pad, struct, u32 } from '../schema.js';
import { GROUP_TYPES, numbersOf, readBuckets, SELECT, writeBuckets } from './bucket.js';
import { sized } from './property.js';
import { inOrder, readSelection, writeSelection } from './selection.js';

export const GROUP_COMMAND = {
  add: 0,
  modify: 1,
  delete: 2,
  insert_bucket: 3,
  remove_bucket: 5,
  add_or_modify: 0x8000,
} as const satisfies Record<GroupMod['command'], number>;

/** `method` may be one that no switch knows: the switch says so. */
export interface WireSelection {
  readonly method: string;
  readonly param: bigint;
  readonly fields: readonly { readonly field: FieldRow; readonly mask: bigint }[];
}
export interface GroupDesc {
  readonly id: number;
  /** Index into GROUP_TYPES. */
  readonly type: number;
  readonly selection: WireSelection;
  readonly buckets: readonly BucketSpec[];
}
export interface GroupModMessage extends GroupDesc {
  /** GROUP_COMMAND. */
  readonly command: number;
  /** BUCKET.all where the form has none. */
  readonly commandBucket: number;
}

const NONE: WireSelection = { method: '', param: 0n, fields: [] };
const COMMANDS: ReadonlyMap<number, GroupMod['command']> = new Map(
  Object.entries(GROUP_COMMAND).map(([name, n]) => [n, name as GroupMod['command']]),
);

/** Which bucket a command may be about. */
function checkCommandBucket(command: number, bucket: number): void {
  const one = bucket <= BUCKET.max || bucket === BUCKET.first || bucket === BUCKET.last;
  const fits =
    command === GROUP_COMMAND.insert_bucket
      ? one
      : bucket === BUCKET.all || (command === GROUP_COMMAND.remove_bucket && one);
  if (!fits) throw ofError('OFPGMFC_BAD_BUCKET');
}

/** What is wrong whatever groups there are. */
function check(v: GroupModMessage): void {
  const type = GROUP_TYPES[v.type];
  if (type === undefined) throw ofError('OFPGMFC_BAD_TYPE');
  const inserts = v.command === GROUP_COMMAND.insert_bucket;
  const deletes = v.command === GROUP_COMMAND.delete;
  if (type === 'indirect' && !deletes && v.buckets.length !== 1) throw ofError('OFPGMFC_INVALID_GROUP');
  if (!COMMANDS.has(v.command)) throw ofError('OFPGMFC_BAD_COMMAND');
  if (v.command === GROUP_COMMAND.remove_bucket && v.buckets.length > 0) throw ofError('OFPGMFC_BAD_BUCKET');
  for (const b of v.buckets) {
    const watches = b.watchPort !== WATCH_NONE || b.watchGroup !== GROUP.any;
    if (b.weight !== 0 && type !== 'select' && !inserts) throw ofError('OFPGMFC_INVALID_GROUP');
    if (watches && (type === 'all' || type === 'indirect')) throw ofError('OFPGMFC_WATCH_UNSUPPORTED');
    if (!watches && type === 'ff') throw ofError('OFPGMFC_INVALID_GROUP');
  }
}

/** All in them is padded to 8 bytes. */
function checkLength(r: WireReader): void {
  if (r.remaining % 8 !== 0) throw ofError('OFPBRC_BAD_LEN');
}

const groupMod11: Codec<GroupModMessage> = {
  read: (r) => {
    checkLength(r);
    const command = r.u16();
    const type = r.u8();
    r.skip(1);
    const id = r.u32();
    const v = { command, type, id, commandBucket: BUCKET.all, selection: NONE, buckets: readBuckets(r, type) };
    if (r.version >= 4 && command === GROUP_COMMAND.delete && v.buckets.length > 0) {
      throw ofError('OFPGMFC_INVALID_GROUP');
    }
    check(v);
    return v;
  },
  write: (w, v) => {
    w.u16(v.command);
    w.u8(v.type);
    w.zeros(1);
    w.u32(v.id);
    writeBuckets(w, v.buckets, v.type);
  },
};
const groupMod15: Codec<GroupModMessage> = {
  read: (r) => {
    checkLength(r);
    const command = r.u16();
    const type = r.u8();
    r.skip(1);
    const id = r.u32();
    const length = r.u16();
    r.skip(2);
    const commandBucket = r.u32();
    checkCommandBucket(command, commandBucket);
    const buckets = readBuckets(r.sub(length), type);
    const selects = type === SELECT && (command < 2 || command === GROUP_COMMAND.add_or_modify);
    const v = { command, type, id, commandBucket, buckets, selection: readSelection(r, selects) };
    check(v);
    return v;
  },
  write: (w, v) => {
    w.u16(v.command);
    w.u8(v.type);
    w.zeros(1);
    w.u32(v.id);
    const at = w.length;
    w.u16(0);
    w.zeros(2);
    w.u32(v.commandBucket);
    const from = w.length;
    writeBuckets(w, v.buckets, v.type);
    w.patch16(at, w.length - from);
    if (v.selection.method !== '') writeSelection(w, v.selection);
  },
};

/** The message was read, or its text was, so its numbers stand for something. */
export function toGroupMod(v: GroupModMessage): GroupMod {
  const command = COMMANDS.get(v.command) ?? 'add';
  const { id, commandBucket } = v;
  const ids = numbersOf(v.buckets);
  const buckets = v.buckets.map((b, i) => (b.id === ids[i] ? b : { ...b, id: ids[i] }));
  // The order of the fields is part of the hash.
  const selection = { ...v.selection, fields: inOrder(v.selection.fields) } as Selection;
  return { command, id, type: GROUP_TYPES[v.type], selection, buckets, commandBucket };
}

const desc11: Codec<GroupDesc> = {
  read: (outer) => {
    const r = sized(outer, 2);
    const type = r.u8();
    r.skip(1);
    return { id: r.u32(), type, selection: NONE, buckets: readBuckets(r, type) };
  },
  write: (w, v) => writeDesc(w, v, () => writeBuckets(w, v.buckets, v.type)),
};
const desc15: Codec<GroupDesc> = {
  read: (outer) => {
    const r = sized(outer, 2);
    const type = r.u8();
    r.skip(1);
    const id = r.u32();
    const length = r.u16();
    r.skip(6);
    const buckets = readBuckets(r.sub(length), type);
    return { id, type, buckets, selection: readSelection(r, type === SELECT) };
  },
  write: (w, v) =>
    writeDesc(w, v, () => {
      const at = w.length;
      w.u16(0);
      w.zeros(6);
      const from = w.length;
      writeBuckets(w, v.buckets, v.type);
      w.patch16(at, w.length - from);
      if (v.selection.method !== '') writeSelection(w, v.selection);
    }),
};

function writeDesc(w: WireWriter, v: GroupDesc, rest: () => void): void {
  const start = w.length;
  w.u16(0);
  w.u8(v.type);
  w.zeros(1);
  w.u32(v.id);
  rest();
  w.patch16(start, w.length - start);
}

/** Before 1.5 every group is described, whichever was asked for. */
const descRequest = byVersion<{ id: number }>({
  1: struct({ id: u32, _pad: pad(4) }),
  2: { read: () => ({ id: GROUP.all }), write: () => {} },
  6: struct({ id: u32, _pad: pad(4) }),
});

export interface GroupStats {
  readonly id: number;
  /** Flows that name it. */
  readonly refCount: number;
  readonly packets: number;
  readonly bytes: number;
  /** UNKNOWN_DURATION before 1.3. */
  readonly durationSec: number;
  readonly durationNsec: number;
  readonly buckets: readonly { readonly packets: number; readonly bytes: number }[];
}
export const UNKNOWN_DURATION = 0xffffffff;
const BUCKET_COUNTERS = struct({ packets: counter, bytes: counter });
const duration = { durationSec: u32, durationNsec: u32 };
const counters = { _pad: pad(2), id: u32, refCount: u32, _pad2: pad(4), packets: counter, bytes: counter };
const plainStats = struct(counters);
const timedStats = struct({ ...counters, ...duration });

const timed = (version: number) => version === 1 || version >= 4;
const stats: Codec<GroupStats> = {
  read: (outer) => {
    const r = sized(outer, 2);
    const head = timed(r.version)
      ? timedStats.read(r)
      : { ...plainStats.read(r), durationSec: UNKNOWN_DURATION, durationNsec: UNKNOWN_DURATION };
    const buckets: { packets: number; bytes: number }[] = [];
    while (r.remaining > 0) buckets.push(BUCKET_COUNTERS.read(r));
    return { ...head, buckets };
  },
  write: (w, v) => {
    const start = w.length;
    w.u16(0);
    if (timed(w.version)) timedStats.write(w, v);
    else plainStats.write(w, v);
    for (const b of v.buckets) BUCKET_COUNTERS.write(w, b);
    w.patch16(start, w.length - start);
  },
};

export interface GroupFeatures {
  /** Bit n: GROUP_TYPES[n]. */
  readonly types: number;
  readonly capabilities: number;
  /** By type. */
  readonly maxGroups: readonly number[];
  /** By type: bit n for action number n of the version. */
  readonly actions: readonly number[];
}
const four = (r: WireReader): number[] => GROUP_TYPES.map(() => r.u32());
const features: Codec<GroupFeatures> = {
  read: (r) => ({ types: r.u32(), capabilities: r.u32(), maxGroups: four(r), actions: four(r) }),
  write: (w, v) => {
    for (const n of [v.types, v.capabilities, ...v.maxGroups, ...v.actions]) w.u32(n);
  },
};

const which = struct({ id: u32, _pad: pad(4) });
const OF10 = [1, 1] as const;

export const groupRows = [
  msg('group_mod', 'OFPT_GROUP_MOD', [2, 5], 15, groupMod11),
  msg('group_mod', 'OFPT_GROUP_MOD', [6, 6], 15, groupMod15),
  nx('group_mod', 'NXT_GROUP_MOD', 31, groupMod15, OF10),
  ask('group_stats_request', 'OFPST_GROUP', [2, 6], 6, which),
  tell('group_stats_reply', 'OFPST_GROUP', [2, 6], 6, listOf(stats)),
  nxAsk('group_stats_request', 'NXST_GROUP', 7, which, OF10),
  nxTell('group_stats_reply', 'NXST_GROUP', 7, listOf(stats), OF10),
  ask('group_desc_request', 'OFPST_GROUP_DESC', [2, 6], 7, descRequest),
  tell('group_desc_reply', 'OFPST_GROUP_DESC', [2, 6], 7, listOf(byVersion({ 2: desc11, 6: desc15 }))),
  nxAsk('group_desc_request', 'NXST_GROUP_DESC', 8, descRequest, OF10),
  nxTell('group_desc_reply', 'NXST_GROUP_DESC', 8, listOf(desc15), OF10),
  ask('group_features_request', 'OFPST_GROUP_FEATURES', [3, 6], 8, nothing),
  tell('group_features_reply', 'OFPST_GROUP_FEATURES', [3, 6], 8, features),
  nxAsk('group_features_request', 'NXST_GROUP_FEATURES', 9, nothing, [1, 2]),
  nxTell('group_features_reply', 'NXST_GROUP_FEATURES', 9, features, [1, 2]),
] as const;
