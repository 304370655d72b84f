/**
 * A switch with three devices for the suites of shortcuts (native/port/shortcuts.h); the other ends of their veth pairs are a second datapath, by which frames are sent and seen.
 */
import { existsSync, writeFileSync } from 'node:fs';
import type { Test } from 'tap';
import { labRefusal, NetLab, until } from '../../src/cli/lab/netlab.js';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { NO_OFFLOAD } from '../../src/datapath/datapath.js';
import { NativeDriver } from '../../src/datapath/driver/native-driver.js';
import { type PortConfig, plainPort } from '../../src/datapath/native.js';
import { extract } from '../../src/packet/extract.js';
import { DP_KEY_BYTES, K, type Slot } from '../../src/packet/key.js';

const noKernel = existsSync('/sys/kernel/btf/vmlinux') ? undefined : 'the kernel has no type information';
export const refusal = labRefusal() ?? needPrograms({ ip: 'iproute2' }) ?? noKernel;
export const MEMORY: PortConfig = { ...plainPort('memory'), offload: true };
export const SYSTEM: PortConfig = { ...MEMORY, kind: 'system' };
export const SOURCE = '0200000000aa';
/** Batches before a flow is looked at are 61, and it must have been met 32 times. */
export const MEETINGS = 80;

export const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');

export function keyOf(frame: Uint8Array): Uint8Array {
  const key = new Uint8Array(DP_KEY_BYTES);
  extract(frame, key, 1);
  new DataView(key.buffer).setUint32(K.inPort.offset, 1);
  return key;
}

export class Stage {
  readonly lab = new NetLab('wfs');
  readonly dp: NativeDriver;
  readonly tester = new NativeDriver({ manual: true, maxFlows: 16 });
  /** What left by ports 2 and 3, in hex. */
  readonly came: Readonly<Record<number, string[]>> = { 2: [], 3: [] };
  sent = 0;
  private seen = 0;

  constructor(workers = 1) {
    this.dp = new NativeDriver({ maxFlows: 1024, workers });
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

  /** As fast as it goes. */
  flood(frame: Uint8Array, n: number): void {
    for (let i = 0; i < n; i++) {
      this.tester.inject(11, frame, NO_OFFLOAD);
      if (i % 32 === 31) this.tester.run();
    }
    this.sent = this.tester.portCounters(1).tx_packets;
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

  /** Batches that the workers had from devices. */
  batches(): number {
    let n = 0;
    for (let w = 0; w < this.dp.workers; w++) n += this.dp.workerCounters(w).batches;
    return n;
  }

  drops(): number {
    return this.dp.portCounters(1).drops.reduce((a, b) => a + b, 0);
  }

  /** The flow of a frame, in slot 0. */
  put(frame: Uint8Array, port: number): void {
    this.dp.flowPut(0, keyOf(frame), maskOf([]), [{ type: 'output', port }]);
  }

  /** Every worker has applied what it was told. */
  async applied(): Promise<void> {
    const spare = 1000;
    this.dp.flowPut(spare, new Uint8Array(DP_KEY_BYTES), maskOf([]), []);
    await new Promise((done) => this.dp.flowDelete(spare, done));
  }

  /** Ten of a frame leave by a port; undefined: none, and each is counted. */
  async passes(t: Test, what: string, frame: Uint8Array, port: number | undefined): Promise<void> {
    await this.applied();
    for (const n of [2, 3]) this.came[n].length = 0;
    const drops = this.drops();
    let settled = true;
    for (let i = 0; i < 10; i++) {
      this.send(frame);
      // Five in a row may leave the worker as a burst, of which the kernel does not tell whether the device took it.
      if (i % 4 === 3) settled &&= await this.settled();
    }
    t.ok(settled && (await this.settled()), `${what}: all are counted`);
    const got = [this.came[2].length, this.came[3].length];
    t.same(got, [port === 2 ? 10 : 0, port === 3 ? 10 : 0], what);
    t.equal(this.drops() - drops, port === undefined ? 10 : 0, `${what}: counted as that`);
  }

  /** So many of a frame come to no worker. */
  async isShort(frame: Uint8Array): Promise<boolean> {
    const before = this.batches();
    for (let i = 0; i < 20; i++) this.send(frame);
    await this.settled();
    return this.batches() === before;
  }

  /** Goes on until the kernel alone repeats a frame's flow. */
  async shorten(t: Test, what: string, frame: Uint8Array): Promise<void> {
    const short = await until(async () => {
      for (let i = 0; i < MEETINGS; i++) {
        this.send(frame);
        if (i % 8 === 0) await this.settled();
      }
      await this.settled();
      return this.isShort(frame);
    }, 20_000);
    t.ok(short, `${what}: by the kernel alone`);
  }

  close(): void {
    this.dp.close();
    this.tester.close();
    this.lab.close();
  }
}

export const FRAME = Uint8Array.from(
  Buffer.from(
    `020000000001${SOURCE}08004500002e0000400040110000${'0a0000010a000002'}03e803e9001a0000${'00'.repeat(18)}`,
    'hex',
  ),
);

export function maskOf(fields: readonly Slot[]): Uint8Array {
  const mask = new Uint8Array(DP_KEY_BYTES);
  for (const s of [K.inPort, ...fields]) mask.fill(0xff, s.offset, s.offset + s.bytes);
  return mask;
}

export async function warm(t: Test, stage: Stage, frame: Uint8Array): Promise<void> {
  const short = () => /shortcuts/.test(stage.dp.portPaths(1)?.receive ?? '');
  const busy = until(async () => {
    for (let i = 0; i < 50; i++) stage.send(frame);
    await stage.settled();
    return short();
  }, 20_000);
  t.ok(await busy, `ways: ${stage.dp.portPaths(1)?.receive}`);
}
