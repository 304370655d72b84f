/**
 * Groups: lists of buckets of actions, and how they change. What a packet does in one is src/upcall's; which bucket is its, is here.
 * A modified group stays the same object with a new `generation`; its own counters start again and kept buckets keep theirs, as in OVS.
 */
import type { Action } from '../action/action.js';
import type { FieldRow } from '../flow/field.js';
import type { Clock } from '../lib/clock.js';
import { UserError } from '../lib/errors.js';
import { murmurPair } from '../lib/hash.js';
import { someAction } from './actions.js';

/** Group numbers with a meaning of their own. `any` also stands for "no watch_group". */
export const GROUP = { max: 0xffffff00, all: 0xfffffffc, any: 0xffffffff } as const;
/** Places in a list of buckets, and all of it, in `commandBucket`. */
export const BUCKET = { max: 0xffffff00, first: 0xfffffffd, last: 0xfffffffe, all: 0xffffffff } as const;
/** "No watch_port". */
export const WATCH_NONE = 0xffffffff;

export type GroupType = 'all' | 'select' | 'indirect' | 'ff';

export interface BucketSpec {
  /** Unique in the group. Before OpenFlow 1.5 the decoder numbers them from 0. */
  readonly id: number;
  /** Share of a select group's traffic; 0 takes none. Only select groups have weights. */
  readonly weight: number;
  /** The bucket is live while this port is up, or that group has a live bucket. WATCH_NONE and GROUP.any: not watched. */
  readonly watchPort: number;
  readonly watchGroup: number;
  readonly actions: readonly Action[];
}

export interface Bucket extends BucketSpec {
  packets: number;
  bytes: number;
}

/** How a select group chooses: the Nicira selection_method property. The empty method is the switch's choice. */
export interface Selection {
  readonly method: '' | 'hash' | 'dp_hash';
  readonly param: bigint;
  /** In the order in which they are hashed. */
  readonly fields: readonly { readonly field: FieldRow; readonly mask: bigint }[];
}

export interface Group {
  readonly id: number;
  type: GroupType;
  buckets: readonly Bucket[];
  selection: Selection;
  /** Milliseconds of the switch's clock; a modification does not change it. */
  readonly created: number;
  packets: number;
  bytes: number;
  /** Grows with each modification. */
  generation: number;
  /** False once deleted. */
  live: boolean;
}

export interface GroupMod {
  readonly command: 'add' | 'modify' | 'add_or_modify' | 'delete' | 'insert_bucket' | 'remove_bucket';
  /** GROUP.all for a delete of all. */
  readonly id: number;
  readonly type: GroupType;
  readonly selection: Selection;
  readonly buckets: readonly BucketSpec[];
  /** For insert_bucket the bucket to insert after, or BUCKET.first or .last; for remove_bucket which, or BUCKET.all. */
  readonly commandBucket: number;
}

export const NO_SELECTION: Selection = { method: '', param: 0n, fields: [] };

/** Told of each bucket that `best` looks at, and of dead ones in groups that they watch. */
export interface Choice {
  readonly dead: (b: Bucket) => void;
  readonly scored: (b: Bucket, score: number) => void;
}

export type GroupListener = (event: { readonly kind: 'added' | 'modified' | 'removed'; readonly group: Group }) => void;

/** Of watch_group chains: what is deeper counts as dead, as in Open vSwitch. */
const MAX_CHAIN = 128;
/** How often in one question a trace is told again of buckets in a group that was found dead. Open vSwitch does so without end. */
const MAX_AGAIN = 256;

/** Does a bucket live? */
interface Question {
  readonly portIsUp: (port: number) => boolean;
  readonly dead?: (b: Bucket) => void;
  /** Groups in which the bucket now looked at is, and those found dead. */
  readonly above: Set<number>;
  readonly found: Set<number>;
  again: number;
}

function fault(ofError: string, what: string): never {
  throw new UserError(what, ofError);
}

export class Groups {
  private readonly groups = new Map<number, Group>();
  private readonly listeners = new Set<GroupListener>();
  private changes = 0;
  /** While `atomically` runs, from the first change on: what was there before, in order. */
  private saved: readonly { readonly group: Group; readonly was: Group }[] | undefined;
  private atomic = false;

  constructor(
    private readonly clock: Pick<Clock, 'now'>,
    private readonly maxGroups: number = GROUP.max,
  ) {}

  /** Grows with every change. */
  get version(): number {
    return this.changes;
  }

  get size(): number {
    return this.groups.size;
  }

  get(id: number): Group | undefined {
    return this.groups.get(id);
  }

  /** In order of addition. */
  all(): Iterable<Group> {
    return this.groups.values();
  }

  /** The returned function ends it. Who listens for removals also takes out the flows that use the group. */
  listen(listener: GroupListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Does what a group_mod says. Throws UserError with an OFPGMFC_ error; then nothing was changed. */
  mod(m: GroupMod): void {
    if (this.atomic) this.saved ??= [...this.groups.values()].map((group) => ({ group, was: { ...group } }));
    if (m.command === 'delete') return this.delete(m.id);
    if (m.id > GROUP.max) fault('OFPGMFC_INVALID_GROUP', `group ${m.id} is no group's number`);
    const old = this.groups.get(m.id);
    if (m.command === 'add' || (m.command === 'add_or_modify' && !old)) return this.add(m, old);
    if (!old) fault('OFPGMFC_UNKNOWN_GROUP', `there is no group ${m.id}`);
    if (m.command === 'insert_bucket') return this.change(old, old.type, inserted(old, m), old.selection);
    if (m.command === 'remove_bucket') return this.change(old, old.type, removed(old, m), old.selection);
    checkType(m);
    this.change(old, m.type, m.buckets.map(newBucket), m.selection);
    old.packets = 0;
    old.bytes = 0;
  }

  /** Runs changes of which all are kept or none: when `run` throws, the groups are as they were. Listeners hear of what was taken back as modified. */
  atomically(run: () => void): void {
    if (this.atomic) return run();
    this.atomic = true;
    try {
      run();
    } catch (e) {
      this.restore();
      throw e;
    } finally {
      this.atomic = false;
      this.saved = undefined;
    }
  }

  private restore(): void {
    const { saved } = this;
    if (!saved) return;
    const touched = new Set([...this.groups.values(), ...saved.map((s) => s.group)]);
    for (const group of this.groups.values()) group.live = false;
    this.groups.clear();
    for (const { group, was } of saved) {
      // Counters go on: packets were not taken back.
      const { packets, bytes } = group;
      Object.assign(group, was, { packets, bytes });
      this.groups.set(group.id, group);
    }
    for (const group of touched) this.tell('modified', group);
  }

  /** Adds packets that went through the group and these of its buckets. */
  credit(group: Group, buckets: Iterable<Bucket>, packets: number, bytes: number): void {
    group.packets += packets;
    group.bytes += bytes;
    for (const b of buckets) {
      b.packets += packets;
      b.bytes += bytes;
    }
  }

  /** Is what a bucket watches up? Without a watch it always is. */
  alive(bucket: Bucket, portIsUp: (port: number) => boolean, dead?: (b: Bucket) => void): boolean {
    return this.lives(bucket, { portIsUp, dead, above: new Set(), found: new Set(), again: dead ? MAX_AGAIN : 0 });
  }

  /**
   * Groups may watch each other, so there can be more ways through them than anybody could walk. A group that watches itself by way of others lives
   * by none of this, so one that is being looked at counts as dead further down; and what was found dead stays so to the end of the question: all
   * that could still make it live is above it, and is asked anyway. So each group is looked at once, but for what a trace is told again.
   */
  private lives(bucket: Bucket, q: Question): boolean {
    if (q.above.size >= MAX_CHAIN) return false;
    if (bucket.watchPort === WATCH_NONE && bucket.watchGroup === GROUP.any) return true;
    if (bucket.watchPort !== WATCH_NONE && q.portIsUp(bucket.watchPort)) return true;
    if (bucket.watchGroup === GROUP.any || q.above.has(bucket.watchGroup)) return false;
    const watched = this.groups.get(bucket.watchGroup);
    if (!watched || (q.found.has(watched.id) && q.again-- <= 0)) return false;
    // A bucket that takes no traffic keeps no group alive.
    const counts = (b: Bucket): boolean => watched.type !== 'select' || b.weight > 0;
    q.above.add(watched.id);
    for (const b of watched.buckets) {
      if (counts(b) && this.lives(b, q)) return true;
      q.dead?.(b);
    }
    q.above.delete(watched.id);
    q.found.add(watched.id);
    return false;
  }

  /** The first live bucket of a fast-failover group. */
  firstAlive(group: Group, portIsUp: (port: number) => boolean, dead?: (b: Bucket) => void): Bucket | undefined {
    for (const b of group.buckets) {
      if (this.alive(b, portIsUp, dead)) return b;
      dead?.(b);
    }
    return undefined;
  }

  /**
   * The bucket of a select group for traffic of this hash (any 32-bit number). Each live bucket draws a lot from the hash and its own
   * number, weighted so that shares are in proportion; the best lot wins. So when a bucket comes or goes, only its own share of traffic moves.
   */
  select(group: Group, hash: number, portIsUp: (port: number) => boolean): Bucket | undefined {
    let best: Bucket | undefined;
    let lot = Number.POSITIVE_INFINITY;
    for (const b of group.buckets) {
      if (b.weight === 0 || !this.alive(b, portIsUp)) continue;
      // Exponentially distributed with rate `weight`: the chance to be the smallest is weight / sum of weights.
      const mine = -Math.log((spread(hash, b.id) + 1) / 0x100000001) / b.weight;
      if (mine < lot) {
        best = b;
        lot = mine;
      }
    }
    return best;
  }

  /**
   * The bucket of a select group that hashes fields: the highest score, a hash times the weight, as in Open vSwitch, so that a flow has the same
   * bucket here as there. The price is that shares are not in proportion to weights (1 and 2 give 1/4 and 3/4).
   */
  best(group: Group, hash: number, portIsUp: (port: number) => boolean, told?: Choice): Bucket | undefined {
    let best: Bucket | undefined;
    let top = 0;
    for (const b of group.buckets) {
      if (b.weight === 0 || !this.alive(b, portIsUp, told?.dead)) {
        told?.dead(b);
        continue;
      }
      const score = (murmurPair(b.id, hash) & 0xffff) * b.weight;
      told?.scored(b, score);
      if (score < top) continue;
      best = b;
      top = score;
    }
    return best;
  }

  private add(m: GroupMod, old: Group | undefined): void {
    if (old) fault('OFPGMFC_GROUP_EXISTS', `group ${m.id} exists`);
    if (this.groups.size >= this.maxGroups)
      fault('OFPGMFC_OUT_OF_GROUPS', `there are ${this.maxGroups} groups already`);
    checkType(m);
    const buckets = m.buckets.map(newBucket);
    this.checkBuckets(m.id, buckets);
    const group: Group = {
      id: m.id,
      type: m.type,
      buckets,
      selection: m.selection,
      created: this.clock.now(),
      packets: 0,
      bytes: 0,
      generation: 0,
      live: true,
    };
    this.groups.set(m.id, group);
    this.tell('added', group);
  }

  private change(group: Group, type: GroupType, buckets: readonly Bucket[], selection: Selection): void {
    this.checkBuckets(group.id, buckets);
    group.type = type;
    group.buckets = buckets;
    group.selection = selection;
    group.generation++;
    this.tell('modified', group);
  }

  private delete(id: number): void {
    const doomed = id === GROUP.all ? [...this.groups.values()] : [this.groups.get(id)];
    for (const group of doomed) {
      if (!group) continue;
      this.groups.delete(group.id);
      group.live = false;
      this.tell('removed', group);
    }
  }

  private checkBuckets(id: number, buckets: readonly BucketSpec[]): void {
    const ids = new Set<number>();
    for (const b of buckets) {
      if (b.id > BUCKET.max) fault('OFPGMFC_BAD_BUCKET', `bucket ${b.id} is no bucket's number`);
      if (ids.has(b.id)) fault('OFPGMFC_BAD_BUCKET', `group ${id} would have two buckets ${b.id}`);
      ids.add(b.id);
    }
    if (this.leadsBack(id, buckets, new Set())) {
      fault('OFPGMFC_LOOP', `a packet in group ${id} would come back to it`);
    }
  }

  /** Do these buckets lead to group `id`, directly or through other groups? */
  private leadsBack(id: number, buckets: readonly BucketSpec[], seen: Set<number>): boolean {
    return buckets.some((b) =>
      someAction(b.actions, (a) => {
        if (a.type !== 'group') return false;
        if (a.id === id) return true;
        if (seen.has(a.id)) return false;
        seen.add(a.id);
        return this.leadsBack(id, this.groups.get(a.id)?.buckets ?? [], seen);
      }),
    );
  }

  private tell(kind: 'added' | 'modified' | 'removed', group: Group): void {
    this.changes++;
    for (const l of this.listeners) l({ kind, group });
  }
}

function newBucket(spec: BucketSpec): Bucket {
  return { ...spec, packets: 0, bytes: 0 };
}

/**
 * What a whole group must be. Bucket commands are not held to it, as in OVS, which looks at the type that the message names and not at that of the
 * group: they may leave an indirect group with another number of buckets, or put one that watches nothing into a fast failover group.
 */
function checkType(m: GroupMod): void {
  if (m.type === 'indirect' && m.buckets.length !== 1) {
    fault('OFPGMFC_INVALID_GROUP', `an indirect group has one bucket, not ${m.buckets.length}`);
  }
  for (const b of m.buckets) {
    const watches = b.watchPort !== WATCH_NONE || b.watchGroup !== GROUP.any;
    if (m.type === 'ff' && !watches)
      fault('OFPGMFC_INVALID_GROUP', 'a fast failover bucket needs watch_port or watch_group');
    if ((m.type === 'all' || m.type === 'indirect') && watches) {
      fault('OFPGMFC_WATCH_UNSUPPORTED', `buckets of a group of type ${m.type} cannot watch ports or groups`);
    }
  }
}

function inserted(group: Group, m: GroupMod): Bucket[] {
  let at = group.buckets.length;
  if (m.commandBucket === BUCKET.first) at = 0;
  else if (m.commandBucket !== BUCKET.last) at = bucketAt(group, m.commandBucket) + 1;
  const there = group.buckets.find((b) => m.buckets.some((n) => n.id === b.id));
  if (there) fault('OFPGMFC_BUCKET_EXISTS', `group ${group.id} has a bucket ${there.id}`);
  return [...group.buckets.slice(0, at), ...m.buckets.map(newBucket), ...group.buckets.slice(at)];
}

function removed(group: Group, m: GroupMod): Bucket[] {
  if (m.commandBucket === BUCKET.all) return [];
  if (m.commandBucket === BUCKET.first) return group.buckets.slice(1);
  if (m.commandBucket === BUCKET.last) return group.buckets.slice(0, -1);
  const at = bucketAt(group, m.commandBucket);
  return group.buckets.filter((_, i) => i !== at);
}

function bucketAt(group: Group, id: number): number {
  const at = group.buckets.findIndex((b) => b.id === id);
  if (at < 0) fault('OFPGMFC_UNKNOWN_BUCKET', `group ${group.id} has no bucket ${id}`);
  return at;
}

/** A hash of two numbers, 0 to 2^32 - 1. */
function spread(a: number, b: number): number {
  let x = (a ^ Math.imul(b + 1, 0x9e3779b9)) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}
