/**
 * Shortcuts (native/port/shortcuts.h) in a switch: shown, counted, gone with the flow that they repeat, turned off, and gone from the kernel with the program, however it ends.
 */
import '../support/isolate.js';

import t from 'tap';
import { type Host, NetLab, until } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { LiveSwitch, unbalanced } from '../support/live.js';
import { refusal as noStage } from './shortcut-stage.js';

const refusal = noStage ?? needPrograms({ ping: 'iputils-ping', 'ovs-ofctl': OVS_PROGRAMS['ovs-ofctl'] });
const LAB = 'wfz';
const BRIDGE = `${LAB}0`;
const SOON = 20_000;
t.setTimeout(60_000);

t.test('shortcuts of a switch', { skip: refusal }, async (t) => {
  const lab = new NetLab(LAB);
  t.teardown(() => lab.close());
  const [h1, h2] = [1, 2].map((n) => lab.host(`${n}`, { address: `10.78.0.${n}/24`, mac: `02:00:00:00:08:0${n}` }));
  for (const [n, h] of [h1, h2].entries()) lab.ip(`-n ${h.ns} addr add fd78::${n + 1}/64 dev e0 nodad`);
  const start = async (): Promise<LiveSwitch> => {
    const sw = new LiveSwitch(['--bridge', `${BRIDGE}=${h1.outer},${h2.outer}`]);
    t.ok(await sw.ready(), sw.output);
    t.equal(sw.run('weft', 'appctl', 'weft/shortcuts', 'on').status, 0);
    return sw;
  };
  const ping = (to: string, n: number) =>
    lab
      .insideAsync(h1.ns, 'ping', '-i', '0.002', '-W', '1', '-c', `${n}`, '-q', to)
      .then((r) => Number(/(\d+) received/.exec(r.stdout)?.[1] ?? -1));
  const shown = (sw: LiveSwitch) => sw.run('weft', 'appctl', 'weft/shortcuts').stdout;
  const shortened = (sw: LiveSwitch, to: string, both: RegExp) =>
    until(async () => {
      await ping(to, 200);
      return both.test(shown(sw));
    }, SOON);
  const arrived = (h: Host) => Number(lab.inside(h.ns, 'cat', '/sys/class/net/e0/statistics/rx_packets').stdout);

  const sw = await start();
  t.teardown(() => sw.close());
  t.ok(await shortened(sw, '10.78.0.2', /^shortcuts: on, [2-9] flows\n.*eth_type\(0x0800\)/s), shown(sw));
  t.ok(await shortened(sw, 'fd78::2', /eth_type\(0x86dd\).*\n.*eth_type\(0x86dd\)/s), 'of IPv6, too');
  const dump = (...args: string[]) => sw.run('ovs-appctl', 'dpctl/dump-flows', ...args).stdout;
  t.match(dump('-m', 'type=offloaded'), /used:[\d.]+s,(?: flags:\S+)? offloaded:yes, dp:tc, actions:\S+\n/);
  t.notMatch(dump('-m', 'type=non-offloaded'), /offloaded:yes/);

  // Everything that passes is counted, by the flow of the tables, too: the statistics come by half a second later.
  const counted = () => Number(/n_packets=(\d+)/.exec(sw.run('ovs-ofctl', 'dump-flows', BRIDGE).stdout)?.[1] ?? 0);
  t.equal(await ping('10.78.0.2', 200), 200);
  const before = counted();
  t.equal(await ping('10.78.0.2', 200), 200);
  t.ok(await until(() => counted() >= before + 400, SOON), 'counted by the flow');
  t.same(unbalanced(sw.counters()), [], 'conserved');

  // A change that was acknowledged is in force for each frame that comes after: bidirectional pings stop as one.
  const drop = sw.run('ovs-ofctl', 'add-flow', BRIDGE, `priority=60000,in_port=${h1.outer},ip,actions=drop`);
  t.equal(drop.status, 0, drop.stderr);
  const had = arrived(h2);
  t.equal(await ping('10.78.0.2', 50), 0, 'dropped');
  t.ok(arrived(h2) - had < 5, 'and none arrived but what hosts say of themselves');
  t.equal(sw.run('ovs-ofctl', 'del-flows', BRIDGE, 'ip').status, 0);

  // More than an output is the worker's: a mirror, here by hand.
  const two = sw.run(
    'ovs-ofctl',
    'add-flow',
    BRIDGE,
    `priority=60000,in_port=${h1.outer},ip,actions=output:${h2.outer},LOCAL`,
  );
  t.equal(two.status, 0, two.stderr);
  t.equal(await ping('10.78.0.2', 300), 300, 'two ways');
  t.notMatch(shown(sw), new RegExp(`in_port\\(${h1.outer}\\).*eth_type\\(0x0800\\)`), 'have no shortcut');
  t.equal(sw.run('ovs-ofctl', 'del-flows', BRIDGE, 'ip').status, 0);
  t.ok(await shortened(sw, '10.78.0.2', /eth_type\(0x0800\).*\n.*eth_type\(0x0800\)/s), 'one way');

  t.equal(sw.run('weft', 'appctl', 'weft/shortcuts', 'off').status, 0);
  t.equal(shown(sw), 'shortcuts: off, 0 flows\n');
  t.equal(await ping('10.78.0.2', 200), 200, 'by the worker');
  t.equal(shown(sw), 'shortcuts: off, 0 flows\n', 'and none is made');
  t.notMatch(dump('-m'), /offloaded:yes/);
  t.equal(sw.run('weft', 'appctl', 'weft/shortcuts', 'maybe').status, 2);
  t.equal(sw.run('weft', 'appctl', 'weft/shortcuts', 'on').status, 0);
  t.ok(await shortened(sw, '10.78.0.2', /eth_type\(0x0800\).*\n.*eth_type\(0x0800\)/s), 'on again');

  t.equal(await sw.stop('SIGKILL'), 'SIGKILL');
  t.equal(await ping('10.78.0.2', 20), 0, 'nothing is forwarded without the program');
  const next = await start();
  t.teardown(() => next.close());
  t.ok(await shortened(next, '10.78.0.2', /eth_type\(0x0800\).*\n.*eth_type\(0x0800\)/s), 'the next one has its own');
  t.equal(await ping('10.78.0.2', 100), 100);
  lab.ip(`link del ${h2.outer}`);
  t.equal(await ping('10.78.0.2', 20), 0);
  t.same(unbalanced(next.counters()), [], 'conserved when a device is gone');
});
