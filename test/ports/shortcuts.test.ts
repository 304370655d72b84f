/**
 * Flows that the kernel repeats by itself (native/port/shortcuts.h): it must send each frame where its key says, as our own extraction reads it, in order and counted; and
 * nothing any more once the flow or a port of it has changed.
 */
import '../support/isolate.js';

import t from 'tap';
import { Random } from '../../src/lib/random.js';
import { K, type Slot } from '../../src/packet/key.js';
import { randomFrame, wellFormedFrame } from '../../src/packet/random.js';
import { FRAME, hex, keyOf, MEETINGS, maskOf, refusal, SOURCE, Stage, warm } from './shortcut-stage.js';

const CHECKED = 4;

/** What IP carries, of a few ports, with now and then something that is not the common case. */
function carried(r: Random, proto: number, icmp: number): Buffer {
  const l4 = Buffer.alloc(proto === 6 ? 20 : 8);
  const types = icmp === 1 ? [0x0800, 0x0000, 0x0301] : [0x8000, 0x8100, 0x8700, 0x0100];
  l4.writeUInt16BE(proto === icmp ? r.pick(types) : r.between(1000, 1003), 0);
  l4.writeUInt16BE(r.between(1000, 1003), 2);
  if (proto === 6) l4.writeUInt16BE(r.pick([0x5010, 0x5002, 0x5018, 0x4010, 0x6010, 0x5110]), 12);
  return Buffer.concat([l4, Buffer.alloc(r.between(0, 60), 0x55)]);
}

function ipv4(r: Random): Buffer {
  const proto = r.pick([1, 6, 6, 17, 17, 47]);
  const data = carried(r, proto, 1);
  const options = r.chance(0.1) ? 4 : 0;
  const ip = Buffer.alloc(20 + options);
  ip[0] = 0x45 + options / 4;
  ip[1] = r.pick([0, 0, 0x2e, 3]);
  const length = ip.length + data.length;
  ip.writeUInt16BE(r.chance(0.1) ? r.pick([0, 20, 24, length - 1, length + 100]) : length, 2);
  ip.writeUInt16BE(r.chance(0.1) ? r.pick([0x2000, 0x0005, 0x2005, 0x4000]) : 0x4000, 6);
  ip[8] = r.pick([64, 64, 63, 1]);
  ip[9] = proto;
  ip.writeUInt32BE(0x0a000001 + r.between(0, 2), 12);
  ip.writeUInt32BE(0x0a000001 + r.between(0, 2), 16);
  return Buffer.concat([Buffer.of(8, 0), ip, data]);
}

function ipv6(r: Random): Buffer {
  const proto = r.pick([58, 6, 6, 17, 17, 44]);
  const data = carried(r, proto, 58);
  const ip = Buffer.alloc(40);
  ip.writeUInt32BE(0x60000000 + r.pick([0, 0, 0x0ff00000, 0x00345678]), 0);
  ip.writeUInt16BE(r.chance(0.1) ? r.pick([0, 7, data.length - 1, data.length + 100]) : data.length, 4);
  ip[6] = proto;
  ip[7] = r.pick([64, 64, 63, 1]);
  ip.writeUInt16BE(0xfd77, 8);
  ip[23] = r.between(1, 3);
  ip.writeUInt16BE(0xfd77, 24);
  ip[39] = r.between(1, 3);
  return Buffer.concat([Buffer.of(0x86, 0xdd), ip, data]);
}

function common(r: Random): Uint8Array {
  const tag = r.pick(['', '', '81002064', '81000001', '88a80064', '8100006481000005']);
  const link = Buffer.from(`02000000000${r.between(1, 3)}${SOURCE}${tag}`, 'hex');
  return Uint8Array.from(Buffer.concat([link, r.chance(0.5) ? ipv6(r) : ipv4(r)]));
}

function corpus(r: Random): Uint8Array[] {
  return Array.from({ length: 150 }, (_, i) => {
    const f = i % 3 ? common(r) : i % 2 ? wellFormedFrame(r) : randomFrame(r);
    const cut = f.subarray(0, 1400);
    const frame = new Uint8Array(Math.max(60, cut.length));
    frame.set(cut);
    frame.set(Buffer.from(SOURCE, 'hex'), 6);
    frame[0] &= 0xfe;
    return frame;
  });
}

t.test('each frame goes where its key says', { skip: refusal }, async (t) => {
  const stage = new Stage();
  t.teardown(() => stage.close());
  const r = new Random(5);
  const frames = corpus(r);
  const cases: readonly (readonly Slot[])[] = [
    [],
    [K.ethDst],
    [K.ethType],
    [K.vlanTci, K.vlanTpid],
    [K.nwSrc],
    [K.nwDst, K.nwProto],
    [K.nwTos],
    [K.nwTtl, K.nwFrag],
    [K.tpSrc],
    [K.tpDst, K.nwProto],
    [K.tcpFlags, K.nwProto],
    [K.ctState, K.pktMark, K.recircId, K.nwFrag],
    [K.ipv6Src, K.vlan2Tci, K.nwProto],
    [K.ethType, K.ipv6Dst, K.nwDst],
    [K.ipv6Label, K.nwProto, K.tpDst, K.ndTarget],
  ];
  let moved = 0;
  for (const fields of cases) {
    const what = fields.map((s) => s.name).join(', ') || 'nothing';
    const mask = maskOf(fields);
    const shape = (key: Uint8Array) => hex(key.map((b, i) => b & mask[i]));
    const slots = new Map<string, number>();
    for (const f of frames) {
      const key = keyOf(f);
      if (slots.has(shape(key))) continue;
      stage.dp.flowPut(slots.size, key, mask, [{ type: 'output', port: 2 + (slots.size % 2) }]);
      slots.set(shape(key), slots.size);
    }
    if (fields.length === 0) await warm(t, stage, frames[1]);
    // Flows are offered by and by; to stand in for traffic of hours, the commonest have their turn.
    const often = frames.filter((f) => (slots.get(shape(keyOf(f))) ?? 0) < CHECKED && (f[12] === 8 || f[12] === 0x86));
    for (let i = 0; i < MEETINGS * CHECKED; i++) {
      stage.send(often[i % often.length]);
      if (i % 16 === 0) await stage.settled();
    }
    await stage.settled();
    for (const n of [2, 3]) stage.came[n].length = 0;
    const expected: Record<number, string[]> = { 2: [], 3: [] };
    const before = stage.batches();
    for (const f of frames) {
      const slot = slots.get(shape(keyOf(f))) ?? 0;
      expected[2 + (slot % 2)].push(hex(f));
      stage.send(f);
    }
    t.ok(await stage.settled(), `${what}: all went`);
    t.same(stage.came, expected, `${what}: where they should, in order`);
    moved += frames.length - (stage.batches() - before);
    let counted = 0;
    for (const slot of slots.values())
      counted += await new Promise<number>((done) => stage.dp.flowDelete(slot, (c) => done(c.packets)));
    t.ok(counted >= frames.length, `${what}: flows count`);
  }
  t.ok(moved > frames.length, `${moved} of ${frames.length * cases.length} frames came to nobody's batch`);
  for (const port of [1, 2, 3]) {
    const c = stage.dp.portCounters(port);
    t.equal(c.rx_packets, c.forwarded + c.drops.reduce((a, b) => a + b, 0) + c.held, `port ${port}: conserved`);
  }
  t.equal(stage.dp.portCounters(1).rx_packets, stage.sent, 'each frame is counted once');
});

t.test('a change is a change', { skip: refusal }, async (t) => {
  const stage = new Stage();
  t.teardown(() => stage.close());
  const { dp } = stage;
  const put = (port: number) => stage.put(FRAME, port);
  const passes = (what: string, port: number | undefined) => stage.passes(t, what, FRAME, port);
  const shorten = (what: string) => stage.shorten(t, what, FRAME);
  put(2);
  await warm(t, stage, FRAME);
  await shorten('at first');
  dp.flowModify(0, [{ type: 'output', port: 3 }]);
  await passes('modified', 3);
  await shorten('modified');
  dp.portState(3, false);
  await passes('a port is down', undefined);
  dp.portState(3, true);
  await passes('up again', 3);
  await shorten('up again');
  dp.portState(1, false);
  await passes('the port of arrival is down', undefined);
  t.ok(stage.drops() > 0, 'which is counted');
  dp.portState(1, true);
  await shorten('that, too, is up again');
  dp.portMtu(3, 40);
  await passes('longer than the MTU', undefined);
  dp.portMtu(3, 1500);
  await shorten('not any more');
  put(2);
  await passes('put again', 2);
  await shorten('put again');
  dp.shortcuts.allow(false);
  t.same([...dp.shortcuts.slots()], [], 'none when there may be none');
  const before = stage.batches();
  await passes('by the worker', 2);
  t.ok(stage.batches() > before, 'who has them');
  dp.shortcuts.allow(true);
  await shorten('allowed again');
  t.same([...dp.shortcuts.slots()], [0], 'named');
  const last = await new Promise<number>((done) => dp.flowDelete(0, (c) => done(c.packets)));
  t.ok(last > 20, `deleted, after ${last} packets`);
  t.equal(dp.flowCounters(0).packets, 0, 'and its slot is clear');
  put(3);
  await passes('another in its slot', 3);
  t.equal(dp.flowCounters(0).packets, 10, 'which counts from nothing');
});
