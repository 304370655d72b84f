/** Real devices under the native datapath: veth and TAP with their default offloads, no ethtool, and two flows that join the ports. */
import '../support/isolate.js';

import t, { type Test } from 'tap';
import { type Host, labRefusal, NetLab, until } from '../../src/cli/lab/netlab.js';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { NativeDriver } from '../../src/datapath/driver/native-driver.js';
import { DROP_REASONS } from '../../src/datapath/drop-reasons.js';
import { type PortConfig, plainPort } from '../../src/datapath/native.js';
import { DP_KEY_BYTES, K } from '../../src/packet/key.js';

const refusal =
  labRefusal() ?? needPrograms({ ip: 'iproute2', ping: 'iputils-ping', iperf3: 'iperf3', ethtool: 'ethtool' });

const DEVICE: PortConfig = { ...plainPort('system'), offload: true };

/** A wire: what arrives at one port leaves by the other. */
function join(dp: NativeDriver, a: number, b: number): void {
  for (const [slot, from, to] of [
    [0, a, b],
    [1, b, a],
  ]) {
    const key = new Uint8Array(DP_KEY_BYTES);
    const mask = new Uint8Array(DP_KEY_BYTES);
    new DataView(key.buffer).setUint32(K.inPort.offset, from);
    mask.fill(0xff, K.inPort.offset, K.inPort.offset + 4);
    dp.flowPut(slot, key, mask, [{ type: 'output', port: to }]);
  }
}

function conserved(t: Test, dp: NativeDriver, ports: number[]): void {
  for (const p of ports) {
    const c = dp.portCounters(p);
    const drops = c.drops.reduce((a, b) => a + b, 0);
    t.equal(c.rx_packets, c.forwarded + drops + c.held, `port ${p}: received = forwarded + dropped + held`);
    const said = c.drops.map((n, i) => (n ? `${DROP_REASONS[i].name} ${n}` : '')).filter(Boolean);
    if (said.length) t.comment(`port ${p} drops: ${said.join(', ')}`);
  }
}

async function traffic(t: Test, lab: NetLab, h1: Host, h2ns: string, big: number): Promise<void> {
  // Link-local addresses are tentative for a while after a device comes up, and neighbours are not asked before.
  for (const to of ['10.77.0.2', 'fd77::2']) {
    const answers = () => lab.insideAsync(h1.ns, 'ping', '-c', '1', '-W', '1', to).then((r) => r.status === 0);
    t.ok(await until(answers, 10_000), `${to} answers`);
  }
  const ping = (...args: string[]) => lab.insideAsync(h1.ns, 'ping', '-c', '3', '-i', '0.05', '-W', '2', ...args);
  for (const [what, args] of [
    ['IPv4', ['10.77.0.2']],
    ['IPv6', ['fd77::2']],
    ['largest that fits', ['-M', 'do', '-s', String(big - 28), '10.77.0.2']],
    ['IPv4 fragments', ['-s', '4000', '10.77.0.2']],
    ['IPv6 fragments', ['-s', '4000', 'fd77::2']],
  ] as const) {
    const r = await ping(...args);
    t.match(r.stdout, / 3 received/, `ping: ${what}`);
  }
  for (const [what, args] of [
    ['TCP over IPv4', ['-c', '10.77.0.2', '-t', '1']],
    ['TCP over IPv6', ['-c', 'fd77::2', '-t', '1']],
    ['UDP in datagrams of 1,400 bytes', ['-c', '10.77.0.2', '-u', '-b', '200M', '-l', '1400', '-t', '1']],
  ] as const) {
    const server = lab.startAsync('ip', ['netns', 'exec', h2ns, 'iperf3', '-s', '-1', '-J']);
    const listening = () => lab.insideAsync(h2ns, 'ss', '-ltn').then((r) => r.stdout.includes(':5201'));
    t.ok(await until(listening, 5000), 'iperf3 listens');
    const r = await lab.insideAsync(h1.ns, 'iperf3', '-J', ...args);
    server.child.kill();
    await server.done;
    const end = JSON.parse(r.stdout || '{}').end;
    const bps = end?.sum_received?.bits_per_second ?? end?.sum?.bits_per_second ?? 0;
    t.ok(bps > 50e6, `${what} passes`);
    t.comment(`${what}: ${(bps / 1e9).toFixed(2)} Gbit/s`);
  }
}

t.test('veth to veth', { skip: refusal }, async (t) => {
  const lab = new NetLab('wfd');
  const dp = new NativeDriver();
  t.teardown(() => {
    dp.close();
    lab.close();
  });
  for (const mtu of [1500, 9000]) {
    const h1 = lab.host('1', { address: '10.77.0.1/24', mtu });
    const h2 = lab.host('2', { address: '10.77.0.2/24', mtu });
    lab.ip(`-n ${h1.ns} addr add fd77::1/64 dev e0 nodad`);
    lab.ip(`-n ${h2.ns} addr add fd77::2/64 dev e0 nodad`);
    dp.portAdd(1, { ...DEVICE, device: h1.outer });
    dp.portAdd(2, { ...DEVICE, device: h2.outer });
    join(dp, 1, 2);
    await traffic(t, lab, h1, h2.ns, mtu);
    conserved(t, dp, [1, 2]);
    dp.portRemove(1);
    dp.portRemove(2);
  }
});

t.test('veth to a TAP that was moved into a namespace', { skip: refusal }, async (t) => {
  const lab = new NetLab('wft');
  const dp = new NativeDriver();
  t.teardown(() => {
    dp.close();
    lab.close();
  });
  const h1 = lab.host('1', { address: '10.77.0.1/24' });
  lab.ip(`-n ${h1.ns} addr add fd77::1/64 dev e0 nodad`);
  const ns = lab.namespace('2');
  dp.portAdd(1, { ...DEVICE, device: h1.outer });
  dp.portAdd(2, { ...DEVICE, kind: 'tap', device: 'wft-int' });
  join(dp, 1, 2);
  lab.ip(`link set wft-int netns ${ns}`);
  lab.ip(`-n ${ns} addr add 10.77.0.2/24 dev wft-int`);
  lab.ip(`-n ${ns} link set wft-int up`);
  lab.ip(`-n ${ns} addr add fd77::2/64 dev wft-int nodad`);
  await traffic(t, lab, h1, ns, 1500);
  conserved(t, dp, [1, 2]);
});

t.test('segments are cut and checksums finished where the way out has no offload', { skip: refusal }, async (t) => {
  const lab = new NetLab('wfo');
  const dp = new NativeDriver();
  t.teardown(() => {
    dp.close();
    lab.close();
  });
  const h1 = lab.host('1', { address: '10.77.0.1/24' });
  const h2 = lab.host('2', { address: '10.77.0.2/24' });
  lab.ip(`-n ${h1.ns} addr add fd77::1/64 dev e0 nodad`);
  lab.ip(`-n ${h2.ns} addr add fd77::2/64 dev e0 nodad`);
  dp.portAdd(1, { ...DEVICE, device: h1.outer, offload: false });
  dp.portAdd(2, { ...DEVICE, device: h2.outer, offload: false });
  join(dp, 1, 2);
  await traffic(t, lab, h1, h2.ns, 1500);
  conserved(t, dp, [1, 2]);
});

t.test('a port that cannot be made names the reason', { skip: refusal }, (t) => {
  const dp = new NativeDriver();
  t.teardown(() => dp.close());
  t.throws(() => dp.portAdd(1, { ...DEVICE, device: 'no-such-dev' }), /no-such-dev: No such device/);
  t.throws(() => dp.portAdd(1, { ...DEVICE, device: 'x', netns: '/nowhere' }), /namespace \/nowhere: No such file/);
  t.end();
});

t.test('frames that find no room are counted, with and without our programs', { skip: refusal }, async (t) => {
  const lab = new NetLab('wfl');
  // Without threads: nothing is taken while frames come.
  const sender = new NativeDriver({ manual: true });
  const receiver = new NativeDriver({ manual: true });
  t.teardown(() => {
    sender.close();
    receiver.close();
    lab.close();
  });
  const [outer, inner] = ['wfl-a', 'wfl-b'];
  lab.veth(outer, inner);
  sender.portAdd(1, { ...DEVICE, kind: 'memory' });
  sender.portAdd(2, { ...DEVICE, device: inner });
  join(sender, 1, 2);
  const frame = new Uint8Array(1500).fill(0x5a);
  frame.set([0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x88, 0xb5]);
  const FRAMES = 600;
  for (const programs of [false, true]) {
    receiver.portAdd(1, { ...DEVICE, device: outer, rxBytes: 128 << 10, programs });
    // What the kernel itself sends on a device that is new is over by then, or counted like the rest.
    receiver.run();
    const of = () => receiver.portCounters(1);
    const before = of();
    for (let i = 0; i < FRAMES; i++) {
      sender.inject(1, frame);
      sender.run();
    }
    t.equal(sender.portCounters(2).tx_dropped, 0, 'all were sent');
    const all = () => {
      receiver.run(10_000);
      return of().rx_packets - before.rx_packets + of().rx_errors - before.rx_errors;
    };
    t.ok(await until(() => all() >= FRAMES, 5000), `programs ${programs}: received and lost are all`);
    t.ok(of().rx_errors > before.rx_errors, 'some were lost');
    receiver.portRemove(1);
  }
});
