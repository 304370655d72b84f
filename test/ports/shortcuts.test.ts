/**
 * Flows that the kernel repeats by itself (native/port/shortcuts.h): it must send each frame where its key says, as our own extraction reads it, in order and counted; and
 * nothing any more once the flow or a port of it has changed. The switch has three devices; the other ends of their veth pairs are a second datapath, by which frames are
 * sent and seen.
 */
import '../support/isolate.js';

import { existsSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { labRefusal, NetLab, until } from '../../src/cli/lab/netlab.js';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { NO_OFFLOAD } from '../../src/datapath/datapath.js';
import { NativeDriver } from '../../src/datapath/driver/native-driver.js';
import { type PortConfig, plainPort } from '../../src/datapath/native.js';
import { Random } from '../../src/lib/random.js';
import { extract } from '../../src/packet/extract.js';
import { DP_KEY_BYTES, K, type Slot } from '../../src/packet/key.js';
import { randomFrame, wellFormedFrame } from '../../src/packet/random.js';

const noKernel = existsSync('/sys/kernel/btf/vmlinux') ? undefined : 'the kernel has no type information';
const refusal = labRefusal() ?? needPrograms({ ip: 'iproute2' }) ?? noKernel;
const MEMORY: PortConfig = { ...plainPort('memory'), offload: true };
const SYSTEM: PortConfig = { ...MEMORY, kind: 'system' };
const SOURCE = '0200000000aa';
/** Batches before a flow is looked at are 61, and it must have been met 32 times. */
const MEETINGS = 80;
const CHECKED = 4;

const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');

function keyOf(frame: Uint8Array): Uint8Array {
  const key = new Uint8Array(DP_KEY_BYTES);
  extract(frame, key, 1);
  new DataView(key.buffer).setUint32(K.inPort.offset, 1);
  return key;
}

/** IPv4 of a few hosts and ports, with now and then something that is not the common case. */
function common(r: Random): Uint8Array {
  const proto = r.pick([1, 6, 6, 17, 17, 47]);
  const l4 = Buffer.alloc(proto === 6 ? 20 : 8);
  l4.writeUInt16BE(proto === 1 ? r.pick([0x0800, 0x0000, 0x0301]) : r.between(1000, 1003), 0);
  l4.writeUInt16BE(r.between(1000, 1003), 2);
  if (proto === 6) l4.writeUInt16BE(r.pick([0x5010, 0x5002, 0x5018, 0x4010, 0x6010, 0x5110]), 12);
  const data = Buffer.alloc(r.between(0, 60), 0x55);
  const options = r.chance(0.1) ? 4 : 0;
  const ip = Buffer.alloc(20 + options);
  ip[0] = 0x45 + options / 4;
  ip[1] = r.pick([0, 0, 0x2e, 3]);
  const length = ip.length + l4.length + data.length;
  ip.writeUInt16BE(r.chance(0.1) ? r.pick([0, 20, 24, length - 1, length + 100]) : length, 2);
  ip.writeUInt16BE(r.chance(0.1) ? r.pick([0x2000, 0x0005, 0x2005, 0x4000]) : 0x4000, 6);
  ip[8] = r.pick([64, 64, 63, 1]);
  ip[9] = proto;
  ip.writeUInt32BE(0x0a000001 + r.between(0, 2), 12);
  ip.writeUInt32BE(0x0a000001 + r.between(0, 2), 16);
  const tag = r.pick(['', '', '81002064', '81000001', '88a80064', '8100006481000005']);
  const link = Buffer.from(`02000000000${r.between(1, 3)}${SOURCE}${tag}0800`, 'hex');
  return Uint8Array.from(Buffer.concat([link, ip, l4, data]));
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

class Stage {
  readonly lab = new NetLab('wfs');
  readonly dp = new NativeDriver({ maxFlows: 1024 });
  readonly tester = new NativeDriver({ manual: true, maxFlows: 16 });
  /** What left by ports 2 and 3, in hex. */
  readonly came: Readonly<Record<number, string[]>> = { 2: [], 3: [] };
  sent = 0;
  private seen = 0;

  constructor() {
    this.dp.shortcuts.allow(true);
    writeFileSync('/proc/sys/net/ipv6/conf/default/disable_ipv6', '1');
    for (const n of [1, 2, 3]) {
      this.lab.veth(`wfs-a${n}`, `wfs-b${n}`);
      this.dp.portAdd(n, { ...SYSTEM, device: `wfs-a${n}` });
      this.tester.portAdd(n, { ...SYSTEM, device: `wfs-b${n}`, programs: false, rxBytes: 1 << 20 });
      this.tester.portAdd(10 + n, MEMORY);
    }
    const wire = (slot: number, from: number, to: number) => {
      const key = new Uint8Array(DP_KEY_BYTES);
      new DataView(key.buffer).setUint32(K.inPort.offset, from);
      this.tester.flowPut(slot, key, maskOf([]), [{ type: 'output', port: to }]);
    };
    wire(0, 11, 1);
    wire(1, 2, 12);
    wire(2, 3, 13);
    this.dp.setHandlers({ upcall() {}, frame() {}, portEvent() {} });
    this.tester.setHandlers({
      upcall() {},
      portEvent() {},
      frame: (port, f) => {
        this.seen++;
        if (hex(f.subarray(6, 12)) === SOURCE) this.came[port - 10].push(hex(f));
      },
    });
  }

  send(frame: Uint8Array): void {
    this.tester.inject(11, frame, NO_OFFLOAD);
    this.tester.run();
    this.sent++;
  }

  /** All that was sent is counted, and what left was seen. */
  settled(): Promise<boolean> {
    return until(async () => {
      this.tester.run();
      const c = this.dp.portCounters(1);
      const left = this.dp.portCounters(2).tx_packets + this.dp.portCounters(3).tx_packets;
      const ended = c.forwarded + c.drops.reduce((a, b) => a + b, 0);
      return c.rx_packets >= this.sent && ended >= c.rx_packets && this.seen >= left;
    }, 20_000);
  }

  /** Batches that the worker had from devices. */
  batches(): number {
    return this.dp.workerCounters(0).batches;
  }

  close(): void {
    this.dp.close();
    this.tester.close();
    this.lab.close();
  }
}

function maskOf(fields: readonly Slot[]): Uint8Array {
  const mask = new Uint8Array(DP_KEY_BYTES);
  for (const s of [K.inPort, ...fields]) mask.fill(0xff, s.offset, s.offset + s.bytes);
  return mask;
}

async function warm(t: Test, stage: Stage, frame: Uint8Array): Promise<void> {
  const short = () => /shortcuts/.test(stage.dp.portPaths(1)?.receive ?? '');
  const busy = until(async () => {
    for (let i = 0; i < 50; i++) stage.send(frame);
    await stage.settled();
    return short();
  }, 20_000);
  t.ok(await busy, `ways: ${stage.dp.portPaths(1)?.receive}`);
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
    const often = frames.filter((f) => (slots.get(shape(keyOf(f))) ?? 0) < CHECKED && f[12] === 8);
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
  const { dp, came } = stage;
  const frame = Uint8Array.from(
    Buffer.from(
      `020000000001${SOURCE}08004500002e0000400040110000${'0a0000010a000002'}03e803e9001a0000${'00'.repeat(18)}`,
      'hex',
    ),
  );
  const key = keyOf(frame);
  const put = (port: number) => dp.flowPut(0, key, maskOf([]), [{ type: 'output', port }]);
  put(2);
  const passes = async (what: string, port: number | undefined) => {
    for (const n of [2, 3]) came[n].length = 0;
    for (let i = 0; i < 10; i++) stage.send(frame);
    t.ok(await stage.settled(), `${what}: all are counted`);
    const got = [came[2].length, came[3].length];
    t.same(got, [port === 2 ? 10 : 0, port === 3 ? 10 : 0], what);
  };
  const shorten = async (what: string) => {
    const short = await until(async () => {
      for (let i = 0; i < MEETINGS; i++) {
        stage.send(frame);
        if (i % 8 === 0) await stage.settled();
      }
      await stage.settled();
      const before = stage.batches();
      for (let i = 0; i < 20; i++) stage.send(frame);
      await stage.settled();
      return stage.batches() === before;
    }, 20_000);
    t.ok(short, `${what}: by the kernel alone`);
  };
  await warm(t, stage, frame);
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
  t.equal(dp.portCounters(1).drops.reduce((a, b) => a + b, 0) > 0, true, 'which is counted');
  dp.portState(1, true);
  await shorten('that, too, is up again');
  dp.portMtu(3, 40);
  await passes('longer than the MTU', undefined);
  dp.portMtu(3, 1500);
  await shorten('not any more');
  put(2);
  await passes('put again', 2);
  await shorten('put again');
  const last = await new Promise<number>((done) => dp.flowDelete(0, (c) => done(c.packets)));
  t.ok(last > 20, `deleted, after ${last} packets`);
  t.equal(dp.flowCounters(0).packets, 0, 'and its slot is clear');
  put(3);
  await passes('another in its slot', 3);
  t.equal(dp.flowCounters(0).packets, 10, 'which counts from nothing');
});
