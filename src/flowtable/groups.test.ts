import t from 'tap';
import type { Action } from '../action/action.js';
import { VirtualClock } from '../lib/clock.js';
import { UserError } from '../lib/errors.js';
import { Random } from '../lib/random.js';
import { BUCKET, type BucketSpec, GROUP, type GroupMod, Groups, NO_SELECTION, WATCH_NONE } from './groups.js';
import { METER, METER_FLAG, type MeterMod, Meters } from './meters.js';

const out = (port: number): Action => ({ type: 'output', port, maxLen: 0 });
const to = (id: number): Action => ({ type: 'group', id });

function bucket(id: number, change: Partial<BucketSpec> = {}): BucketSpec {
  return { id, weight: 0, watchPort: WATCH_NONE, watchGroup: GROUP.any, actions: [out(id)], ...change };
}

function mod(change: Partial<GroupMod> = {}): GroupMod {
  return {
    command: 'add',
    id: 1,
    type: 'all',
    selection: NO_SELECTION,
    buckets: [bucket(0), bucket(1)],
    commandBucket: BUCKET.all,
    ...change,
  };
}

function there<T>(x: T | undefined): T {
  if (x === undefined) throw new Error('not there');
  return x;
}

function errorOf(fn: () => void): string {
  try {
    fn();
  } catch (e) {
    if (e instanceof UserError) return e.ofError ?? '';
    throw e;
  }
  return '';
}

const setup = () => {
  const clock = new VirtualClock();
  const groups = new Groups(clock, 4);
  groups.mod(mod());
  groups.mod(mod({ id: 2, buckets: [bucket(0, { actions: [to(1)] })] }));
  return { clock, groups };
};

t.test('what is refused changes nothing', (t) => {
  const watch = { watchPort: 1 };
  const rows: [string, Partial<GroupMod>, string][] = [
    ['same number', {}, 'OFPGMFC_GROUP_EXISTS'],
    ['number too high', { id: GROUP.max + 1 }, 'OFPGMFC_INVALID_GROUP'],
    ['modify of none', { command: 'modify', id: 9 }, 'OFPGMFC_UNKNOWN_GROUP'],
    ['indirect of none', { id: 3, type: 'indirect', buckets: [] }, 'OFPGMFC_INVALID_GROUP'],
    ['indirect of two', { command: 'modify', type: 'indirect' }, 'OFPGMFC_INVALID_GROUP'],
    ['failover without a watch', { id: 3, type: 'ff' }, 'OFPGMFC_INVALID_GROUP'],
    ['all with a watch', { id: 3, buckets: [bucket(1, watch)] }, 'OFPGMFC_WATCH_UNSUPPORTED'],
    ['two buckets alike', { id: 3, buckets: [bucket(1), bucket(1)] }, 'OFPGMFC_BAD_BUCKET'],
    ['to itself', { id: 3, buckets: [bucket(1, { actions: [to(3)] })] }, 'OFPGMFC_LOOP'],
    ['in a ring', { command: 'modify', buckets: [bucket(1, { actions: [to(2)] })] }, 'OFPGMFC_LOOP'],
    ['bucket there', { command: 'insert_bucket', commandBucket: BUCKET.last }, 'OFPGMFC_BUCKET_EXISTS'],
    ['after none', { command: 'insert_bucket', commandBucket: 9, buckets: [bucket(7)] }, 'OFPGMFC_UNKNOWN_BUCKET'],
    ['into none', { command: 'insert_bucket', id: 9 }, 'OFPGMFC_UNKNOWN_GROUP'],
    ['bucket not there', { command: 'remove_bucket', commandBucket: 9 }, 'OFPGMFC_UNKNOWN_BUCKET'],
  ];
  const { groups } = setup();
  const before = JSON.stringify([...groups.all()], (_, v) => (typeof v === 'bigint' ? `${v}` : v));
  for (const [name, change, error] of rows)
    t.equal(
      errorOf(() => groups.mod(mod(change))),
      error,
      name,
    );
  t.equal(
    JSON.stringify([...groups.all()], (_, v) => (typeof v === 'bigint' ? `${v}` : v)),
    before,
  );
  t.equal(groups.version, 2);
  groups.mod(mod({ id: 3, buckets: [bucket(0, { actions: [to(77)] })] }));
  groups.mod(mod({ id: 4 }));
  t.equal(
    errorOf(() => groups.mod(mod({ id: 5 }))),
    'OFPGMFC_OUT_OF_GROUPS',
  );
  t.end();
});

t.test('buckets come and go; counters of those that stay, stay', (t) => {
  const { groups } = setup();
  const g = there(groups.get(1));
  groups.credit(g, [g.buckets[1]], 2, 120);
  const ids = () => g.buckets.map((b) => b.id);
  const rows: [Partial<GroupMod>, number[]][] = [
    [{ command: 'insert_bucket', commandBucket: 0, buckets: [bucket(5), bucket(6)] }, [0, 5, 6, 1]],
    [{ command: 'insert_bucket', commandBucket: BUCKET.first, buckets: [bucket(7)] }, [7, 0, 5, 6, 1]],
    [{ command: 'insert_bucket', commandBucket: BUCKET.last, buckets: [bucket(8)] }, [7, 0, 5, 6, 1, 8]],
    [{ command: 'remove_bucket', commandBucket: BUCKET.first }, [0, 5, 6, 1, 8]],
    [{ command: 'remove_bucket', commandBucket: BUCKET.last }, [0, 5, 6, 1]],
    [{ command: 'remove_bucket', commandBucket: 5 }, [0, 6, 1]],
  ];
  for (const [change, expected] of rows) {
    groups.mod(mod(change));
    t.same(ids(), expected);
  }
  t.match(g.buckets[2], { packets: 2, bytes: 120 });
  t.equal(g.generation, 6);
  groups.mod(mod({ command: 'modify' }));
  t.match(g, { packets: 0, live: true, generation: 7 });
  groups.mod(mod({ command: 'remove_bucket', commandBucket: BUCKET.all }));
  t.same(ids(), []);
  t.end();
});

t.test('deletion tells who went; deleting what is not there is no fault', (t) => {
  const { groups } = setup();
  const events: string[] = [];
  groups.listen((e) => events.push(`${e.kind} ${e.group.id} ${e.group.live}`));
  groups.mod(mod({ command: 'delete', id: 9 }));
  groups.mod(mod({ command: 'delete', id: GROUP.all }));
  groups.mod(mod({ command: 'add_or_modify', id: 2 }));
  groups.mod(mod({ command: 'add_or_modify', id: 2 }));
  t.same(events, ['removed 1 false', 'removed 2 false', 'added 2 true', 'modified 2 true']);
  t.equal(groups.size, 1);
  t.end();
});

t.test('liveness through ports and groups', (t) => {
  const groups = new Groups(new VirtualClock());
  const up = new Set([2]);
  const isUp = (port: number) => up.has(port);
  const ff = (id: number, ...buckets: BucketSpec[]) => groups.mod(mod({ id, type: 'ff', buckets }));
  ff(1, bucket(1, { watchPort: 1 }), bucket(2, { watchPort: 2 }));
  ff(2, bucket(1, { watchGroup: 1 }), bucket(2, { watchPort: 3 }));
  ff(3, bucket(1, { watchGroup: 4 }));
  ff(4, bucket(1, { watchGroup: 3 }));
  const first = (id: number) => groups.firstAlive(there(groups.get(id)), isUp)?.id;
  t.equal(first(1), 2);
  t.equal(first(2), 1);
  t.equal(first(3), undefined, 'a ring of watches is dead');
  groups.mod(mod({ id: 5, type: 'select', buckets: [bucket(1), bucket(2, { weight: 1, watchPort: 1 })] }));
  ff(6, bucket(1, { watchGroup: 5 }));
  t.equal(first(6), undefined, 'a bucket of weight 0 keeps no select group alive');
  up.add(1);
  t.equal(first(6), 1);
  up.delete(1);
  up.delete(2);
  up.add(3);
  t.equal(first(1), undefined);
  t.equal(first(2), 2);
  t.end();
});

t.test('groups that watch each other end in no time, and one that is up brings all up', (t) => {
  for (const type of ['ff', 'select'] as const) {
    const groups = new Groups(new VirtualClock());
    const n = 10;
    const buckets = Array.from({ length: n }, (_, i) => bucket(i, { weight: 1, watchGroup: i + 1, watchPort: 99 }));
    for (let id = 1; id <= n; id++) groups.mod(mod({ id, type, buckets }));
    const g = there(groups.get(1));
    let asked = 0;
    let told = 0;
    const dead = () => told++;
    const isUp = (up: boolean) => () => asked++ < 0 || up;
    t.equal(groups.firstAlive(g, isUp(false), dead), undefined);
    t.equal(groups.best(g, 7, isUp(false), { dead, scored: () => {} }), undefined);
    t.equal(groups.select(g, 7, isUp(false)), undefined);
    t.ok(asked < 100_000, `${asked} looks at the port`);
    t.ok(told < 100_000, `${told} notes`);
    // A group behind others that are dead when looked at from inside the ring.
    groups.mod(mod({ id: 11, type, buckets: [bucket(1, { weight: 1, watchPort: 98 })] }));
    groups.mod(
      mod({
        command: 'insert_bucket',
        id: 10,
        commandBucket: BUCKET.last,
        buckets: [bucket(77, { weight: 1, watchGroup: 11 })],
      }),
    );
    const only98 = (port: number) => port === 98;
    t.equal(groups.firstAlive(g, only98)?.id, 0);
    t.not(groups.best(g, 7, only98), undefined);
    t.not(groups.select(g, 7, only98), undefined);
  }
  t.end();
});

t.test('a chain of watches is followed as far as Open vSwitch does', (t) => {
  const groups = new Groups(new VirtualClock());
  for (let id = 1; id <= 140; id++) {
    groups.mod(mod({ id, type: 'ff', buckets: [bucket(1, id === 140 ? { watchPort: 1 } : { watchGroup: id + 1 })] }));
  }
  const first = (id: number) => groups.firstAlive(there(groups.get(id)), () => true)?.id;
  t.equal(first(12), undefined);
  t.equal(first(13), 1);
  t.end();
});

t.test('select: shares by weight, and little moves when a bucket goes', (t) => {
  const groups = new Groups(new VirtualClock());
  const weights = [1, 2, 0, 5];
  const buckets = weights.map((weight, i) => bucket(i, { weight, watchPort: i }));
  groups.mod(mod({ type: 'select', buckets }));
  const g = there(groups.get(1));
  const r = new Random(4);
  const share = [0, 0, 0, 0];
  let moved = 0;
  const n = 16_000;
  for (let i = 0; i < n; i++) {
    const hash = i % 2 ? r.u32() : i;
    const a = groups.select(g, hash, () => true)?.id ?? -1;
    share[a]++;
    const b = groups.select(g, hash, (port) => port !== 1)?.id ?? -1;
    if (a !== 1 && a !== b) moved++;
  }
  t.equal(moved, 0);
  for (const [i, w] of weights.entries())
    t.ok(Math.abs(share[i] / n - w / 8) < 0.02, `weight ${w}: ${share[i]} of ${n}`);
  t.equal(
    groups.select(g, 1, () => false),
    undefined,
  );
  t.end();
});

t.test('select by fields: 1 and 2 give 1/4 and 3/4, nothing goes to weight 0 or to what is down', (t) => {
  const groups = new Groups(new VirtualClock());
  groups.mod(mod({ type: 'select', buckets: [1, 2, 0].map((weight, i) => bucket(i, { weight, watchPort: i })) }));
  const g = there(groups.get(1));
  const r = new Random(5);
  const share = [0, 0, 0];
  const n = 8000;
  for (let i = 0; i < n; i++) share[groups.best(g, r.u32(), () => true)?.id ?? -1]++;
  t.ok(Math.abs(share[0] / n - 1 / 4) < 0.02, `${share[0]} of ${n}`);
  t.equal(share[2], 0);
  t.equal(groups.best(g, 7, (port) => port === 0)?.id, 0);
  t.equal(
    groups.best(g, 7, (port) => port === 2),
    undefined,
  );
  t.end();
});

t.test('meters', (t) => {
  const clock = new VirtualClock();
  const meters = new Meters(clock);
  const events: string[] = [];
  meters.listen((e) => events.push(`${e.kind} ${e.meter.id}`));
  const m = (change: Partial<MeterMod> = {}): MeterMod => ({
    command: 'add',
    id: 1,
    flags: METER_FLAG.kbps | METER_FLAG.stats,
    bands: [{ type: 'drop', rate: 100, burst: 0 }],
    ...change,
  });
  meters.mod(m());
  meters.mod(m({ id: METER.controller }));
  const rows: [Partial<MeterMod>, string][] = [
    [{}, 'OFPMMFC_METER_EXISTS'],
    [{ id: 0 }, 'OFPMMFC_INVALID_METER'],
    [{ id: METER.max + 1 }, 'OFPMMFC_INVALID_METER'],
    [{ id: METER.all }, 'OFPMMFC_INVALID_METER'],
    [{ id: 2, command: 'modify' }, 'OFPMMFC_UNKNOWN_METER'],
    [{ id: 2, flags: METER_FLAG.kbps | METER_FLAG.pktps }, 'OFPMMFC_BAD_FLAGS'],
    [{ id: 2, bands: [{ type: 'dscp_remark', rate: 1, burst: 0 }] }, 'OFPMMFC_BAD_BAND'],
    [{ id: 2, bands: [{ type: 'drop', rate: 0, burst: 0 }] }, 'OFPMMFC_BAD_RATE'],
    [{ id: 2, bands: new Array(9).fill({ type: 'drop', rate: 1, burst: 0 }) }, 'OFPMMFC_OUT_OF_BANDS'],
    [{ id: 2, command: 'delete' }, ''],
  ];
  for (const [change, error] of rows)
    t.equal(
      errorOf(() => meters.mod(m(change))),
      error,
      JSON.stringify(change),
    );
  const meter = there(meters.get(1));
  meters.mod(m({ command: 'modify', bands: [{ type: 'drop', rate: 5, burst: 0 }] }));
  t.match(meter, { bands: [{ rate: 5 }], live: true });
  meters.mod(m({ command: 'delete', id: METER.all }));
  t.same(events, ['added 1', `added ${METER.controller}`, 'modified 1', 'removed 1', `removed ${METER.controller}`]);
  t.equal(meters.size, 0);
  t.end();
});

t.test('all or nothing', (t) => {
  const { groups } = setup();
  const one = there(groups.get(1));
  groups.credit(one, one.buckets, 5, 500);
  const before = structuredClone([...groups.all()]);
  const fails = (): void =>
    groups.atomically(() => {
      groups.mod(mod({ command: 'delete', id: 1 }));
      groups.mod(mod({ id: 3 }));
      groups.mod(mod({ command: 'modify', id: 2, type: 'select' }));
      groups.credit(one, [], 1, 100);
      groups.mod(mod({ id: 3 }));
    });
  t.equal(errorOf(fails), 'OFPGMFC_GROUP_EXISTS');
  t.equal(groups.get(1), one, 'the same group, so that rules find it');
  t.ok(one.live);
  t.equal(one.packets, 6, 'packets stay counted');
  one.packets = 5;
  one.bytes = 500;
  t.same([...groups.all()], before, 'in the old order');
  groups.atomically(() => groups.mod(mod({ command: 'delete', id: 1 })));
  t.notOk(groups.get(1), 'kept where nothing fails');
  t.end();
});
