/** AF_XDP ports on veth pairs with their default offloads: what passes, by which mode, and what the port says of it. */
import '../support/isolate.js';

import { readFileSync } from 'node:fs';
import t from 'tap';
import { labRefusal, until } from '../../src/cli/lab/netlab.js';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { NativeDriver } from '../../src/datapath/driver/native-driver.js';
import { type PortConfig, plainPort, type XdpMode } from '../../src/datapath/native.js';
import { conserved, join, stage, traffic, twoHosts } from '../support/wire.js';

const refusal =
  labRefusal() ?? needPrograms({ ip: 'iproute2', ping: 'iputils-ping', iperf3: 'iperf3', ethtool: 'ethtool' });

const XDP: PortConfig = { ...plainPort('xdp'), offload: true };

for (const { xdpMode, needWakeup, mode, shortfall } of [
  { xdpMode: 'best-effort', needWakeup: true, mode: 'native', shortfall: /no zero-copy/ },
  { xdpMode: 'generic', needWakeup: false, mode: 'generic', shortfall: /^$/ },
] as const satisfies readonly { xdpMode: XdpMode; needWakeup: boolean; mode: XdpMode; shortfall: RegExp }[]) {
  t.test(`hosts with ${xdpMode}, need-wakeup ${needWakeup}`, { skip: refusal }, async (t) => {
    const [lab, dp] = stage(t, 'wfx', new NativeDriver());
    const [h1, h2] = twoHosts(lab);
    dp.portAdd(1, { ...XDP, xdpMode, needWakeup, device: h1.outer });
    dp.portAdd(2, { ...XDP, xdpMode, needWakeup, device: h2.outer });
    t.match(dp.portPaths(1), { mode, shortfall, receive: /^AF_XDP/ });
    join(dp, 1, 2);
    await traffic(t, lab, h1, h2.ns, 1500);
    conserved(t, dp, [1, 2]);
    dp.portRemove(1);
    dp.portRemove(2);
  });
}

t.test('what cannot be had is named', { skip: refusal }, (t) => {
  const [lab, dp] = stage(t, 'wfe', new NativeDriver());
  lab.veth('wfe-a', 'wfe-b');
  t.throws(() => dp.portAdd(1, { ...XDP, device: 'wfe-none' }), /^no device wfe-none: No such device/);
  t.throws(() => dp.portAdd(1, { ...XDP, device: 'x', netns: '/nowhere' }), /namespace \/nowhere: No such file/);
  t.throws(
    () => dp.portAdd(1, { ...XDP, device: 'wfe-a', queues: 2 }),
    /bind .*wfe-a: Invalid argument \(has it so many/,
  );
  dp.portAdd(1, { ...XDP, device: 'wfe-a' });
  t.throws(
    () => dp.portAdd(2, { ...XDP, device: 'wfe-a' }),
    /attach an XDP program to wfe-a: .* \(it has an XDP program or an AF_XDP/,
  );
  dp.portRemove(1);
  dp.portAdd(1, { ...XDP, device: 'wfe-a' });
  t.match(dp.portPaths(1), { mode: 'native' }, 'right after it was removed it can be had again');
  lab.ip('link del wfe-a');
  lab.ip('link add wfe-d type bridge');
  dp.portAdd(2, { ...XDP, device: 'wfe-d' });
  t.match(dp.portPaths(2), { mode: 'generic', shortfall: /^native: cannot attach .*: Operation not supported/ });
  t.throws(
    () => dp.portAdd(3, { ...XDP, device: 'wfe-d', xdpMode: 'native' }),
    /cannot attach an XDP program to wfe-d/,
  );
  t.end();
});

/** Bytes of memory of this process that is no file's. */
function resident(): number {
  const found = /RssAnon:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(found?.[1]) * 1024;
}

/** Of a port of one queue: 4,096 places to receive and 512 to send. */
const ONE_MEMORY = 4608 * 2048;

for (const xdpMode of ['native', 'generic'] as const) {
  t.test(`a device with several queues, ${xdpMode}`, { skip: refusal }, async (t) => {
    const [lab, dp] = stage(t, 'wfq', new NativeDriver());
    const [h1, h2] = twoHosts(lab);
    const QUEUES = 2;
    for (const h of [h1, h2]) {
      lab.run('ethtool', ['-L', h.outer, 'rx', String(QUEUES), 'tx', String(QUEUES)]);
      lab.inside(h.ns, 'ethtool', '-L', 'e0', 'rx', String(QUEUES), 'tx', String(QUEUES));
    }
    const atFirst = resident();
    dp.portAdd(1, { ...XDP, xdpMode, queues: QUEUES, device: h1.outer });
    const more = (resident() - atFirst) / ONE_MEMORY;
    t.ok(more > 0.9 && more < 1.5, `one memory for all of them (${more})`);
    dp.portAdd(2, { ...XDP, xdpMode, queues: QUEUES, device: h2.outer });
    t.match(dp.portPaths(1), { mode: xdpMode, receive: /2 queues of one memory/ });
    join(dp, 1, 2);
    const ping = () => lab.insideAsync(h1.ns, 'ping', '-c', '1', '-W', '1', '10.77.0.2').then((r) => r.status === 0);
    t.ok(await until(ping, 10_000), 'forwards');
    // Which queue a frame takes depends on its addresses and ports. More of them than a queue has places, so that places are used again.
    const before = dp.portCounters(1).rx_packets;
    const TIMES = 8000;
    const many = `for i in $(seq ${TIMES / 40}); do for p in $(seq 9001 9040); do echo x >/dev/udp/10.77.0.2/$p; done; done`;
    t.equal(lab.inside(h1.ns, 'bash', '-c', many).status, 0);
    t.ok(
      await until(() => dp.portCounters(1).rx_packets >= before + TIMES, 5000),
      'whichever queue they take, all come',
    );
    t.ok(await until(ping, 10_000), 'and goes on');
    conserved(t, dp, [1, 2]);
    dp.portRemove(1);
    dp.portRemove(2);
    t.ok(await until(() => resident() < atFirst + ONE_MEMORY, 10_000), 'given back when they are gone');
  });
}

t.test('frames that find no room are counted', { skip: refusal }, async (t) => {
  // Without threads: nothing is taken while frames come.
  const [lab, dp] = stage(t, 'wfl', new NativeDriver({ manual: true }));
  lab.veth('wfl-a', 'wfl-b');
  dp.portAdd(1, { ...plainPort('memory'), offload: true });
  dp.portAdd(2, { ...plainPort('system'), offload: true, device: 'wfl-b' });
  join(dp, 1, 2);
  const frame = new Uint8Array(1500).fill(0x5a);
  frame.set([0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x88, 0xb5]);
  const FRAMES = 4500;
  for (const xdpMode of ['native', 'generic'] as const) {
    const receiver = new NativeDriver({ manual: true });
    t.teardown(() => receiver.close());
    receiver.portAdd(1, { ...XDP, device: 'wfl-a', xdpMode });
    const of = () => receiver.portCounters(1);
    receiver.run();
    const before = of();
    for (let i = 0; i < FRAMES; i++) {
      dp.inject(1, frame);
      dp.run();
    }
    const all = () => {
      receiver.run(10_000);
      return of().rx_packets - before.rx_packets + of().rx_errors - before.rx_errors;
    };
    t.ok(await until(() => all() >= FRAMES, 5000), `${xdpMode}: received and lost are all`);
    t.ok(of().rx_errors > before.rx_errors, `${xdpMode}: some were lost`);
    t.ok(all() < FRAMES + 50, `${xdpMode}: and no more than were sent, with what the kernel sends by itself`);
    receiver.portRemove(1);
  }
  t.equal(dp.portCounters(2).tx_dropped, 0, 'all were sent');
});

t.test('a flood is polled by a timer, and its end noticed', { skip: refusal }, async (t) => {
  const [lab, dp, receiver] = stage(t, 'wfd', new NativeDriver({ manual: true }), new NativeDriver({ manual: true }));
  lab.veth('wfd-a', 'wfd-b');
  dp.portAdd(1, { ...plainPort('memory'), offload: true });
  dp.portAdd(2, { ...plainPort('system'), offload: true, device: 'wfd-b' });
  join(dp, 1, 2);
  receiver.portAdd(1, { ...XDP, device: 'wfd-a' });
  const isFlood = () => receiver.portPaths(1)?.receive.includes('flood') ?? false;
  const frame = new Uint8Array(60).fill(0x5a);
  frame.set([0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x88, 0xb5]);
  const send = (count: number) => {
    for (let i = 0; i < count; i++) {
      dp.inject(1, frame);
      dp.run();
    }
    receiver.run(10_000);
  };
  t.notOk(isFlood());
  // As many as the receive ring holds wait together: taken within a few milliseconds they are a flood, however slowly they were sent.
  t.ok(
    await until(() => {
      send(4000);
      for (let i = 0; i < 100 && !isFlood(); i++) send(1);
      return isFlood();
    }, 10_000),
    'begins',
  );
  const all = () => receiver.portCounters(1).rx_packets;
  const before = all();
  send(100);
  t.ok(
    await until(() => {
      receiver.run(100);
      return all() >= before + 100;
    }, 5000),
    'all come meanwhile',
  );
  t.ok(
    await until(() => {
      send(1);
      return !isFlood();
    }, 10_000),
    'ends',
  );
  t.equal(receiver.portCounters(1).rx_errors, 0, 'none was lost');
});
