/** AF_XDP ports on veth pairs with their default offloads: what passes, by which mode, and what the port says of it. */
import '../support/isolate.js';

import t from 'tap';
import { labRefusal, NetLab } from '../../src/cli/lab/netlab.js';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { NativeDriver } from '../../src/datapath/driver/native-driver.js';
import { type PortConfig, plainPort, type XdpMode } from '../../src/datapath/native.js';
import { conserved, join, traffic } from '../support/wire.js';

const refusal =
  labRefusal() ?? needPrograms({ ip: 'iproute2', ping: 'iputils-ping', iperf3: 'iperf3', ethtool: 'ethtool' });

const XDP: PortConfig = { ...plainPort('xdp'), offload: true };

for (const { xdpMode, needWakeup, mode, shortfall } of [
  { xdpMode: 'best-effort', needWakeup: true, mode: 'native', shortfall: /no zero-copy/ },
  { xdpMode: 'native', needWakeup: false, mode: 'native', shortfall: /^$/ },
  { xdpMode: 'generic', needWakeup: true, mode: 'generic', shortfall: /^$/ },
] as const satisfies readonly { xdpMode: XdpMode; needWakeup: boolean; mode: XdpMode; shortfall: RegExp }[]) {
  t.test(`hosts with ${xdpMode}, need-wakeup ${needWakeup}`, { skip: refusal }, async (t) => {
    const lab = new NetLab('wfx');
    const dp = new NativeDriver();
    t.teardown(() => {
      dp.close();
      lab.close();
    });
    const h1 = lab.host('1', { address: '10.77.0.1/24' });
    const h2 = lab.host('2', { address: '10.77.0.2/24' });
    lab.ip(`-n ${h1.ns} addr add fd77::1/64 dev e0 nodad`);
    lab.ip(`-n ${h2.ns} addr add fd77::2/64 dev e0 nodad`);
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
