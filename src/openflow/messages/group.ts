/** Groups: changing them, their buckets, their counters. 1.5 tells buckets by id and with properties; Nicira brings that form to 1.0 to 1.4. */
import type { WireReader, WireWriter } from '../../action/context.js';
import { decodeOxmHeader, decodeOxmValue, encodeOxmEntry } from '../../flow/oxm.js';
import {
  BUCKET,
  type BucketSpec,
  GROUP,
  type GroupMod,
  type GroupType,
  NO_SELECTION,
  type Selection,
  WATCH_NONE,
} from '../../flowtable/groups.js';
import { ofError } from '../errors.js';
import { ask, msg, nx, nxAsk, nxTell, tell, type Versions } from '../row.js';
import { byVersion, type Codec, listOf, nothing, struct, u32 } from '../schema.js';
import { readActions, writeActions } from './actions.js';
import { readProperties, sized, writeProperty } from './property.js';

export const GROUP_TYPES: readonly GroupType[] = ['all', 'select', 'indirect', 'ff'];
const COMMANDS: readonly (readonly [number, GroupMod['command']])[] = [
  [0, 'add'],
  [1, 'modify'],
  [2, 'delete'],
  [3, 'insert_bucket'],
  [5, 'remove_bucket'],
  [0x8000, 'add_or_modify'],
];

/** Weight is undefined where the bucket has none, so that it can be told from 1. */
export interface WireBucket extends Omit<BucketSpec, 'weight'> {
  readonly weight: number;
}
const UNWATCHED = { watchPort: WATCH_NONE, watchGroup: GROUP.any } as const;

function readType(code: number): GroupType {
  const type = GROUP_TYPES[code];
  if (!type) throw ofError('OFPGMFC_BAD_TYPE');
  return type;
}

/** To 1.4: weight and watches in front, and no ids: buckets count from 0. */
function readBuckets11(r: WireReader, type: GroupType): WireBucket[] {
  const out: WireBucket[] = [];
  while (r.remaining > 0) {
    const b = sized(r, 2);
    const weight = b.u16();
    const head = { watchPort: b.u32(), watchGroup: b.u32() };
    b.skip(4);
    const actions = readActions(b, b.remaining);
    out.push({ id: out.length, weight: type === 'select' ? weight : 0, ...head, actions });
  }
  return out;
}

function writeBuckets11(w: WireWriter, buckets: readonly WireBucket[], type: GroupType): void {
  for (const b of buckets) {
    const start = w.length;
    w.u16(0);
    w.u16(type === 'select' ? b.weight : 0);
    w.u32(b.watchPort);
    w.u32(b.watchGroup);
    w.zeros(4);
    writeActions(w, b.actions);
    w.patch16(start, w.length - start);
  }
}

const PROPERTY = { weight: 0, watchPort: 1, watchGroup: 2 } as const;

function readBuckets15(r: WireReader, type: GroupType): WireBucket[] {
  const out: WireBucket[] = [];
  while (r.remaining > 0) {
    const b = sized(r, 2);
    const actionsLength = b.u16();
    const id = b.u32();
    const actions = readActions(b, actionsLength);
    let weight = type === 'select' ? 1 : 0;
    let watch: { watchPort: number; watchGroup: number } = UNWATCHED;
    readProperties(b, (kind, p) => {
      if (kind === PROPERTY.weight) weight = p.u16();
      else if (kind === PROPERTY.watchPort) watch = { ...watch, watchPort: p.u32() };
      else if (kind === PROPERTY.watchGroup) watch = { ...watch, watchGroup: p.u32() };
    });
    out.push({ id, weight, ...watch, actions });
  }
  return out;
}

function writeBuckets15(w: WireWriter, buckets: readonly WireBucket[], type: GroupType): void {
  for (const b of buckets) {
    const start = w.length;
    w.u16(0);
    w.u16(0);
    w.u32(b.id);
    const actions = w.length;
    writeActions(w, b.actions);
    w.patch16(start + 2, w.length - actions);
    if (type === 'select' && b.weight !== 1) {
      writeProperty(w, PROPERTY.weight, () => {
        w.u16(b.weight);
        w.zeros(2);
      });
    }
    if (b.watchPort !== WATCH_NONE) writeProperty(w, PROPERTY.watchPort, () => w.u32(b.watchPort));
    if (b.watchGroup !== GROUP.any) writeProperty(w, PROPERTY.watchGroup, () => w.u32(b.watchGroup));
    w.patch16(start, w.length - start);
  }
}

/** Netronome's property: how a select group chooses. */
const SELECTION = { experimenter: 0xffff, vendor: 0x154d, type: 1, method: 16 } as const;

function readSelection(r: WireReader): Selection {
  let selection = NO_SELECTION;
  readProperties(r, (kind, p) => {
    if (kind !== SELECTION.experimenter || p.u32() !== SELECTION.vendor || p.u32() !== SELECTION.type) return;
    p.skip(4);
    const method = Buffer.from(p.bytes(SELECTION.method)).toString('latin1').replace(/\0.*$/s, '');
    if (method !== '' && method !== 'hash' && method !== 'dp_hash') throw ofError('OFPBPC_BAD_VALUE');
    const param = p.u64();
    const bytes = p.bytes(p.remaining);
    const fields: { field: ReturnType<typeof decodeOxmHeader>['row']; mask: bigint }[] = [];
    for (let at = 0; at < bytes.length; ) {
      const entry = decodeOxmHeader(bytes, at);
      const v = decodeOxmValue(bytes, entry);
      fields.push({ field: entry.row, mask: v.value });
      at = entry.next;
    }
    selection = { method, param, fields };
  });
  return selection;
}

function writeSelection(w: WireWriter, s: Selection): void {
  if (s.method === '') return;
  writeProperty(w, SELECTION.experimenter, () => {
    w.u32(SELECTION.vendor);
    w.u32(SELECTION.type);
    w.zeros(4);
    const name = Buffer.from(s.method, 'latin1');
    w.bytes(name);
    w.zeros(SELECTION.method - name.length);
    w.u64(s.param);
    for (const f of s.fields) w.bytes(encodeOxmEntry(f.field, w.version < 3 ? 0 : w.version, f.mask));
  });
}

function readCommand(code: number): GroupMod['command'] {
  const found = COMMANDS.find(([n]) => n === code);
  if (!found) throw ofError('OFPGMFC_BAD_COMMAND');
  return found[1];
}
const commandCode = (name: GroupMod['command']) => COMMANDS.find(([, n]) => n === name)?.[0] ?? 0;

const mod11: Codec<GroupMod> = {
  read: (r) => {
    const command = readCommand(r.u16());
    if (command === 'insert_bucket' || command === 'remove_bucket') throw ofError('OFPGMFC_BAD_COMMAND');
    const type = readType(r.u8());
    r.skip(1);
    const id = r.u32();
    return { command, type, id, buckets: readBuckets11(r, type), selection: NO_SELECTION, commandBucket: BUCKET.all };
  },
  write: (w, v) => {
    w.u16(commandCode(v.command));
    w.u8(GROUP_TYPES.indexOf(v.type));
    w.zeros(1);
    w.u32(v.id);
    writeBuckets11(w, v.buckets, v.type);
  },
};
const mod15: Codec<GroupMod> = {
  read: (r) => {
    const command = readCommand(r.u16());
    const type = readType(r.u8());
    r.skip(1);
    const id = r.u32();
    const length = r.u16();
    r.skip(2);
    const commandBucket = r.u32();
    const buckets = readBuckets15(r.sub(length), type);
    return { command, type, id, buckets, commandBucket, selection: readSelection(r) };
  },
  write: (w, v) => {
    w.u16(commandCode(v.command));
    w.u8(GROUP_TYPES.indexOf(v.type));
    w.zeros(1);
    w.u32(v.id);
    const at = w.length;
    w.u16(0);
    w.zeros(2);
    w.u32(v.commandBucket);
    writeBuckets15(w, v.buckets, v.type);
    w.patch16(at, w.length - at - 8);
    writeSelection(w, v.selection);
  },
};

export type GroupDesc = Pick<GroupMod, 'id' | 'type' | 'buckets' | 'selection'>;
const desc11: Codec<GroupDesc> = {
  read: (outer) => {
    const r = sized(outer, 2);
    const type = readType(r.u8());
    r.skip(1);
    return { type, id: r.u32(), buckets: readBuckets11(r, type), selection: NO_SELECTION };
  },
  write: (w, v) => {
    const start = w.length;
    w.u16(0);
    w.u8(GROUP_TYPES.indexOf(v.type));
    w.zeros(1);
    w.u32(v.id);
    writeBuckets11(w, v.buckets, v.type);
    w.patch16(start, w.length - start);
  },
};
const desc15: Codec<GroupDesc> = {
  read: (outer) => {
    const r = sized(outer, 2);
    const type = readType(r.u8());
    r.skip(1);
    const id = r.u32();
    const length = r.u16();
    r.skip(6);
    const buckets = readBuckets15(r.sub(length), type);
    return { type, id, buckets, selection: readSelection(r) };
  },
  write: (w, v) => {
    const start = w.length;
    w.u16(0);
    w.u8(GROUP_TYPES.indexOf(v.type));
    w.zeros(1);
    w.u32(v.id);
    const at = w.length;
    w.u16(0);
    w.zeros(6);
    writeBuckets15(w, v.buckets, v.type);
    w.patch16(at, w.length - at - 8);
    writeSelection(w, v.selection);
    w.patch16(start, w.length - start);
  },
};

export interface GroupStats {
  readonly id: number;
  /** Flows and groups that send to it. */
  readonly references: number;
  readonly packets: bigint;
  readonly bytes: bigint;
  /** From 1.3 on. */
  readonly durationSec: number;
  readonly durationNsec: number;
  readonly buckets: readonly { readonly packets: bigint; readonly bytes: bigint }[];
}
function stats(timed: boolean): Codec<GroupStats> {
  return {
    read: (outer) => {
      const r = sized(outer, 2);
      r.skip(2);
      const head = { id: r.u32(), references: r.u32() };
      r.skip(4);
      const sum = { packets: r.u64(), bytes: r.u64() };
      const duration = timed ? { durationSec: r.u32(), durationNsec: r.u32() } : { durationSec: -1, durationNsec: 0 };
      const buckets: { packets: bigint; bytes: bigint }[] = [];
      while (r.remaining > 0) buckets.push({ packets: r.u64(), bytes: r.u64() });
      return { ...head, ...sum, ...duration, buckets };
    },
    write: (w, v) => {
      const start = w.length;
      w.u16(0);
      w.zeros(2);
      w.u32(v.id);
      w.u32(v.references);
      w.zeros(4);
      w.u64(v.packets);
      w.u64(v.bytes);
      if (timed) {
        w.u32(v.durationSec);
        w.u32(v.durationNsec);
      }
      for (const b of v.buckets) {
        w.u64(b.packets);
        w.u64(b.bytes);
      }
      w.patch16(start, w.length - start);
    },
  };
}

/** For each type of group, in their order. */
const four: Codec<readonly number[]> = {
  read: (r) => [r.u32(), r.u32(), r.u32(), r.u32()],
  write: (w, v) => {
    for (let i = 0; i < 4; i++) w.u32(v[i] ?? 0);
  },
};
const features = struct({ types: u32, capabilities: u32, maxGroups: four, actions: four });
const oneGroup: Codec<{ id?: number }> = {
  read: (r) => {
    const id = r.u32();
    r.skip(4);
    return { id };
  },
  write: (w, v) => {
    w.u32(v.id ?? GROUP.all);
    w.zeros(4);
  },
};
const all: Codec<{ id?: number }> = nothing;
/** What 1.1 to 1.4 have in the old form, Nicira's messages have in the new one. */
const OLD: Versions = [2, 5];
const WITH_NX: Versions = [1, 5];

export const groupRows = [
  msg('group_mod', 'OFPT_GROUP_MOD', OLD, 15, mod11),
  msg('group_mod', 'OFPT_GROUP_MOD', [6, 6], 15, mod15),
  nx('group_mod', 'NXT_GROUP_MOD', 31, mod15, WITH_NX),
  ask('group_desc_request', 'OFPST_GROUP_DESC', [2, 6], 7, byVersion<{ id?: number }>({ 2: all, 6: oneGroup })),
  tell('group_desc_reply', 'OFPST_GROUP_DESC', [2, 6], 7, listOf(byVersion({ 2: desc11, 6: desc15 }))),
  nxAsk('group_desc_request', 'NXST_GROUP_DESC', 8, oneGroup, WITH_NX),
  nxTell('group_desc_reply', 'NXST_GROUP_DESC', 8, listOf(desc15), WITH_NX),
  ask('group_stats_request', 'OFPST_GROUP', [2, 6], 6, oneGroup),
  tell('group_stats_reply', 'OFPST_GROUP', [2, 6], 6, listOf(byVersion({ 2: stats(false), 4: stats(true) }))),
  nxAsk('group_stats_request', 'NXST_GROUP', 7, oneGroup, WITH_NX),
  nxTell('group_stats_reply', 'NXST_GROUP', 7, listOf(stats(true)), WITH_NX),
  ask('group_features_request', 'OFPST_GROUP_FEATURES', [3, 6], 8, nothing),
  tell('group_features_reply', 'OFPST_GROUP_FEATURES', [3, 6], 8, features),
  nxAsk('group_features_request', 'NXST_GROUP_FEATURES', 9, nothing, [1, 2]),
  nxTell('group_features_reply', 'NXST_GROUP_FEATURES', 9, features, [1, 2]),
] as const;
