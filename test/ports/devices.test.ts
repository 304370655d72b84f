/** Real devices under the native datapath: veth and TAP with their default offloads, no ethtool, and two flows that join the ports. */
import '../support/isolate.js';

import t from 'tap';
import { labRefusal, until } from '../../src/cli/lab/netlab.js';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { NativeDriver } from '../../src/datapath/driver/native-driver.js';
import { type PortConfig, plainPort } from '../../src/datapath/native.js';
import { conserved, join, stage, traffic, twoHosts } from '../support/wire.js';

const refusal =
  labRefusal() ?? needPrograms({ ip: 'iproute2', ping: 'iputils-ping', iperf3: 'iperf3', ethtool: 'ethtool' });

const DEVICE: PortConfig = { ...plainPort('system'), offload: true };

t.test('veth to veth', { skip: refusal }, async (t) => {
  const [lab, dp] = stage(t, 'wfd', new NativeDriver());
  for (const mtu of [1500, 9000]) {
    const [h1, h2] = twoHosts(lab, mtu);
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
  const [lab, dp] = stage(t, 'wft', new NativeDriver());
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
  const [lab, dp] = stage(t, 'wfo', new NativeDriver());
  const [h1, h2] = twoHosts(lab);
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
  // Without threads: nothing is taken while frames come.
  const [lab, sender, receiver] = stage(
    t,
    'wfl',
    new NativeDriver({ manual: true }),
    new NativeDriver({ manual: true }),
  );
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
