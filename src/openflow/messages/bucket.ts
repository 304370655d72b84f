/** Buckets of groups: one form from 1.1 to 1.4, and one with properties in 1.5, which Nicira's messages for 1.0 share. */
import type { WireReader, WireWriter } from '../../action/context.js';
import { OFPP } from '../../flow/field.js';
import { BUCKET, type BucketSpec, GROUP, WATCH_NONE } from '../../flowtable/groups.js';
import { ofError } from '../errors.js';
import { readActions, writeActions } from './actions.js';
import { readProperties, unknownProperty, writeProperty } from './property.js';

/** Group types by number. */
export const GROUP_TYPES = ['all', 'select', 'indirect', 'ff'] as const;
export const SELECT = 1;

const HEAD_11 = 16;
const HEAD_15 = 8;
const PROPERTY = { weight: 0, watchPort: 1, watchGroup: 2 } as const;

/** Does the version know numbers of buckets? */
export function hasBucketIds(version: number): boolean {
  return version === 1 || version >= 6;
}

function checkWatchPort(port: number): number {
  if (port >= 0xff00 && port < OFPP.max) throw ofError('OFPGMFC_BAD_WATCH');
  return port;
}

function readBucket11(outer: WireReader, id: number): BucketSpec {
  if (outer.remaining < HEAD_11) throw ofError('OFPGMFC_BAD_BUCKET');
  const length = outer.u16();
  if (length < HEAD_11 || length - 2 > outer.remaining) throw ofError('OFPGMFC_BAD_BUCKET');
  const r = outer.sub(length - 2);
  const weight = r.u16();
  const watchPort = r.u32();
  const watchGroup = r.u32();
  r.skip(4);
  const actions = readActions(r, r.remaining);
  return { id, weight, watchPort: checkWatchPort(watchPort), watchGroup, actions };
}

function writeBucket11(w: WireWriter, b: BucketSpec): void {
  const start = w.length;
  w.u16(0);
  w.u16(b.weight);
  w.u32(b.watchPort);
  w.u32(b.watchGroup);
  w.zeros(4);
  writeActions(w, b.actions);
  w.patch16(start, w.length - start);
}

function readBucket15(outer: WireReader, type: number): BucketSpec {
  if (outer.remaining < HEAD_15) throw ofError('OFPGMFC_BAD_BUCKET');
  const length = outer.u16();
  if (length < HEAD_15 || length - 2 > outer.remaining) throw ofError('OFPGMFC_BAD_BUCKET');
  const r = outer.sub(length - 2);
  const actionsLength = r.u16();
  const id = r.u32();
  if (actionsLength > r.remaining) throw ofError('OFPGMFC_BAD_BUCKET');
  const actions = readActions(r, actionsLength);
  let weight = type === SELECT ? 1 : 0;
  let watchPort: number = WATCH_NONE;
  let watchGroup: number = GROUP.any;
  readProperties(r, (property, body) => {
    if (property === PROPERTY.weight) weight = body.u16();
    else if (property === PROPERTY.watchPort) watchPort = body.u32();
    else if (property === PROPERTY.watchGroup) watchGroup = body.u32();
    else throw unknownProperty(property, body);
  });
  checkWatchPort(watchPort);
  if (id > BUCKET.max) throw ofError('OFPGMFC_BAD_BUCKET');
  return { id, weight, watchPort, watchGroup, actions };
}

function writeBucket15(w: WireWriter, b: BucketSpec, id: number, type: number): void {
  const start = w.length;
  w.u16(0);
  w.u16(0);
  w.u32(id);
  const from = w.length;
  writeActions(w, b.actions);
  w.patch16(start + 2, w.length - from);
  // One for another type is that of a bucket to insert: the message does not say the type of its group.
  if (type === SELECT || b.weight !== 0) {
    // Its own padding counts, as in the specification.
    writeProperty(w, PROPERTY.weight, () => {
      w.u16(b.weight);
      w.zeros(2);
    });
  }
  if (b.watchPort !== WATCH_NONE) writeProperty(w, PROPERTY.watchPort, () => w.u32(b.watchPort));
  if (b.watchGroup !== GROUP.any) writeProperty(w, PROPERTY.watchGroup, () => w.u32(b.watchGroup));
  w.patch16(start, w.length - start);
}

/** All that is in `r`. Before 1.5 buckets are numbered from 0. */
export function readBuckets(r: WireReader, type: number): BucketSpec[] {
  const buckets: BucketSpec[] = [];
  const numbered = hasBucketIds(r.version);
  while (r.remaining > 0) buckets.push(numbered ? readBucket15(r, type) : readBucket11(r, buckets.length));
  if (new Set(buckets.map((b) => b.id)).size < buckets.length) throw ofError('OFPGMFC_BAD_BUCKET');
  return buckets;
}

/**
 * Buckets without a number (BUCKET.all) get the lowest ones that none of those behind the first of them has. Those before it are not asked, as
 * with ovs-ofctl: the switch then refuses the number that is there twice.
 */
export function numbersOf(buckets: readonly BucketSpec[]): number[] {
  const first = buckets.findIndex((b) => b.id > BUCKET.max);
  const used = new Set(first < 0 ? [] : buckets.slice(first).map((b) => b.id));
  let next = 0;
  return buckets.map((b) => {
    if (b.id <= BUCKET.max) return b.id;
    while (used.has(next)) next++;
    return next++;
  });
}

export function writeBuckets(w: WireWriter, buckets: readonly BucketSpec[], type: number): void {
  if (!hasBucketIds(w.version)) {
    for (const b of buckets) writeBucket11(w, b);
    return;
  }
  const ids = numbersOf(buckets);
  buckets.forEach((b, i) => {
    writeBucket15(w, b, ids[i], type);
  });
}
