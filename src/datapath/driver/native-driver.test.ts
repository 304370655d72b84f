import { existsSync } from 'node:fs';
import t from 'tap';
import { DP_KEY_BYTES } from '../../packet/key.js';
import { DROP } from '../drop-reasons.js';
import { type MakeEngine, MEMORY, out, runSuite, sum, UDP } from '../suite.js';
import { MISS_CASES } from '../suite-miss.js';
import { runTunnelSuite } from '../suite-tunnel.js';
import { loadAddon } from './load.js';
import { NativeDriver } from './native-driver.js';

t.test('native engine', (t) => {
  const make: MakeEngine = (config) => new NativeDriver({ ...config, manual: true, maxFlows: 4096 });
  runSuite(t, make);
  runSuite(t, make, MISS_CASES);
  runTunnelSuite(t, make);
  t.end();
});

t.test('native engine without the microflow cache', (t) => {
  const make: MakeEngine = (config) => new NativeDriver({ ...config, manual: true, maxFlows: 4096, microflow: false });
  runSuite(t, make);
  runSuite(t, make, MISS_CASES);
  t.end();
});

t.test('threads: upcalls come by the bell, deletes are answered, counters add up', async (t) => {
  const dp = new NativeDriver({ workers: 2, maxFlows: 64 });
  t.teardown(() => dp.close());
  const frames: number[] = [];
  let slot = 0;
  let wanted = 0;
  let enough = () => {};
  dp.setHandlers({
    upcall(u) {
      const mask = new Uint8Array(DP_KEY_BYTES).fill(0xff);
      dp.flowPut(slot, u.key, mask, [out(2), out(3)]);
      dp.resume(u.worker, u.pending, slot++, [out(2), out(3)]);
    },
    frame(vport) {
      frames.push(vport);
      if (frames.length === wanted) enough();
    },
    portEvent() {},
  });
  for (const vport of [1, 2, 3]) dp.portAdd(vport, MEMORY);
  for (let round = 1; round <= 50; round++) {
    wanted = round * 6;
    await new Promise<void>((done) => {
      enough = done;
      for (const vport of [1, 2, 3]) t.ok(dp.inject(vport, UDP));
    });
  }
  t.equal(slot, 3, 'one upcall a microflow');
  const last = await new Promise<number>((done) => dp.flowDelete(0, (c) => done(c.packets)));
  t.equal(last, 50);
  t.equal(dp.flowCounters(0).packets, 0);
  dp.portRemove(3);
  dp.close();
  dp.close();
  for (const vport of [1, 2, 3]) {
    const c = dp.portCounters(vport);
    t.match(c, { rx_packets: 50, forwarded: 50, held: 0, tx_packets: vport === 1 ? 0 : 150 });
  }
});

t.test('huge pages: packets go as ever, and it is told what the memory became', (t) => {
  const addon = loadAddon();
  const [before] = addon.heldMemory();
  addon.wantHugePages(true);
  const dp = new NativeDriver({ manual: true, maxFlows: 1 << 16 });
  addon.wantHugePages(false);
  t.teardown(() => dp.close());
  const [plain, advised, reserved] = addon.heldMemory();
  // A kernel that makes none leaves everything plain.
  const made = existsSync('/sys/kernel/mm/transparent_hugepage/enabled');
  t.equal(advised + reserved > 20 << 20, made);
  t.equal(plain - before < 20 << 20, made);
  for (const vport of [1, 2]) dp.portAdd(vport, MEMORY);
  dp.setHandlers({ upcall: (u) => dp.resume(u.worker, u.pending, undefined, [out(2)]), frame() {}, portEvent() {} });
  dp.inject(1, UDP);
  dp.run();
  t.equal(dp.portCounters(2).tx_packets, 1);
  t.end();
});

t.test('more frames than the ring holds: refused, and commands still pass', (t) => {
  const dp = new NativeDriver({ manual: true, maxFlows: 64, commandRingBytes: 1 << 19, buffers: 128 });
  for (const vport of [1, 2]) dp.portAdd(vport, MEMORY);
  let taken = 0;
  while (dp.inject(1, UDP)) taken++;
  t.ok(taken > 1000, `${taken} were taken`);
  const key = new Uint8Array(DP_KEY_BYTES);
  dp.flowPut(0, key, key, [out(2)]);
  dp.run();
  t.ok(dp.inject(1, UDP));
  t.ok(dp.inject(1, new Uint8Array(70000)));
  dp.run();
  const c = dp.portCounters(1);
  t.equal(c.rx_packets, taken + 2);
  t.equal(c.drops[DROP.too_long], 1);
  t.equal(c.rx_packets, sum(c));
  dp.close();
  t.end();
});

t.test('a port that floods with new flows leaves room for one that has few', (t) => {
  const dp = new NativeDriver({ manual: true, maxFlows: 64, buffers: 1024 });
  const asked: number[] = [0, 0, 0];
  dp.setHandlers({ upcall: (u) => void asked[u.port]++, frame() {}, portEvent() {} });
  for (const vport of [1, 2]) dp.portAdd(vport, MEMORY);
  const flood = UDP.slice();
  for (let i = 0; i < 2000; i++) {
    flood[34] = i >> 8;
    flood[35] = i;
    dp.inject(1, flood);
    if (i % 100 === 0) dp.run();
  }
  dp.run();
  for (let i = 0; i < 50; i++) {
    flood[35] = i;
    dp.inject(2, flood);
  }
  dp.run();
  t.ok(asked[1] >= 200 && asked[1] < 300, `half of what may wait: ${asked[1]}`);
  t.equal(asked[2], 50);
  const c = dp.portCounters(1);
  t.equal(c.drops[DROP.upcall_queue_full], 2000 - asked[1]);
  t.equal(c.rx_packets, sum(c));
  dp.close();
  t.end();
});

t.test('what cannot be is refused with its reason', (t) => {
  const dp = new NativeDriver({ manual: true, maxFlows: 64 });
  t.throws(() => dp.portAdd(1, { ...MEMORY, kind: 'pcap', device: '/nowhere/f.pcap' }), /No such file/);
  t.throws(() => dp.portAdd(1, { ...MEMORY, kind: 'pcap', output: '/nowhere/f.pcap' }), /No such file/);
  t.throws(() => dp.portAdd(5000, MEMORY), /out of range/);
  t.throws(() => dp.flowPut(64, UDP, UDP, [out(2)]), { name: 'UserError' });
  t.throws(() => new NativeDriver({ workers: 0 }), /workers/);
  t.throws(() => new NativeDriver({ commandRingBytes: 1000000 }), /power of two/);
  dp.close();
  t.end();
});

t.test('closed datapaths keep no buffers, and a handler may close the one that calls it', (t) => {
  const before = process.memoryUsage.rss();
  for (let i = 0; i < 20; i++) {
    const dp = new NativeDriver({ manual: true, maxFlows: 64 });
    dp.setHandlers({ upcall: () => dp.close(), frame() {}, portEvent() {} });
    dp.portAdd(1, MEMORY);
    dp.inject(1, UDP);
    dp.run();
    t.equal(dp.portCounters(1).rx_packets, 1);
    t.throws(() => dp.inject(1, UDP), { message: 'datapath port 1 does not exist' });
    dp.setClock(1);
    dp.setMicroflow(false);
    dp.close();
  }
  const grown = (process.memoryUsage.rss() - before) / (1 << 20);
  t.ok(grown < 200, `20 datapaths of 36 MB each leave ${grown.toFixed(0)} MB`);
  t.end();
});
