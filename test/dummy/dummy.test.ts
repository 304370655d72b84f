// Scripts of scripts/ on ovs-vswitchd and on weft: dummy ports, a clock that is moved by hand, and the same words from both. With names of scripts: those only.
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { until } from '../../src/cli/lab/netlab.js';
import { LiveSwitch } from '../support/live.js';
import { sayTheSame, scriptsRefusal } from '../support/scripts.js';
import { DummyWorld } from './world.js';
import '../support/isolate.js';

const SOON = 10_000;

const SCRIPTS = fileURLToPath(new URL('../../../test/dummy/scripts/', import.meta.url));
t.setTimeout(900_000);

t.test('scripts say the same', { skip: scriptsRefusal ?? false, timeout: 900_000 }, (t) => sayTheSame(t, SCRIPTS));

t.test('a wire from one switch to the other', { skip: scriptsRefusal ?? false }, async (t) => {
  const world = new DummyWorld();
  t.teardown(() => world.close());
  t.equal(await world.ready(), '');
  const onOvs = (...words: string[]) => world.ovs.try(words[0], words.slice(1)).stdout.trim();
  const onWeft = (...words: string[]) => world.weft.run(words[0], ...words.slice(1)).stdout.trim();
  const sides = [
    { on: onOvs, wire: `pstream=punix:${world.ovs.dir}/wire` },
    { on: onWeft, wire: `stream=unix:${world.ovs.dir}/wire` },
  ];
  for (const { on, wire } of sides) {
    const port = (n: number, more: string[]) => [
      '--',
      'add-port',
      'br0',
      `p${n}`,
      '--',
      'set',
      'interface',
      `p${n}`,
      'type=dummy',
      `ofport_request=${n}`,
      ...more,
    ];
    const wired = [...port(1, []), ...port(2, [`options:${wire}`])];
    on('ovs-vsctl', 'add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath_type=dummy', ...wired);
    on('ovs-ofctl', 'add-flow', 'br0', 'in_port=1,actions=2');
    on('ovs-ofctl', 'add-flow', 'br0', 'in_port=2,actions=1');
  }
  t.ok(await until(() => onWeft('ovs-appctl', 'netdev-dummy/conn-state', 'p2') === 'p2: connected', SOON));
  const sent = (on: typeof onOvs) => /tx pkts=(\d+), bytes=(\d+)/.exec(on('ovs-ofctl', 'dump-ports', 'br0', '1'))?.[0];
  for (const length of [60, 61, 1400]) {
    for (const { on } of sides)
      on('ovs-appctl', 'netdev-dummy/receive', 'p1', 'eth_type(0x1234)', '--len', String(length));
  }
  for (const { on } of sides) t.ok(await until(() => sent(on) === 'tx pkts=3, bytes=1521', SOON), `${sent(on)}`);
});

t.test('which ports are dummies', { skip: scriptsRefusal ?? false }, async (t) => {
  for (const [option, inDummy, inSystem] of [
    ['--enable-dummy', ['dummy-internal', 'dummy'], ['dummy']],
    ['--enable-dummy=system', ['dummy-internal', 'dummy', 'system'], ['dummy-internal', 'dummy', 'system']],
    [
      '--enable-dummy=override',
      ['dummy-internal', 'dummy', 'system', 'tap'],
      ['dummy-internal', 'dummy', 'system', 'tap'],
    ],
  ] as const) {
    const sw = new LiveSwitch([option]);
    t.teardown(() => sw.close());
    t.ok(await sw.ready(), sw.output);
    for (const [bridge, type, want] of [
      ['brd', 'dummy', inDummy],
      ['brs', 'system', inSystem],
    ] as const) {
      const ports = [`${bridge}a`, 'type=dummy', `${bridge}b`, 'type=system', `${bridge}c`, 'type=tap'];
      const words = ['add-br', bridge, '--', 'set', 'bridge', bridge, `datapath_type=${type}`];
      for (let i = 0; i < ports.length; i += 2)
        words.push('--', 'add-port', bridge, ports[i], '--', 'set', 'interface', ports[i], ports[i + 1]);
      sw.run('ovs-vsctl', '--timeout=20', '--no-wait', ...words);
      const isThere = (name: string) =>
        sw.run('ovs-appctl', 'netdev-dummy/receive', name, 'eth_type(0x1234)').status === 0;
      const all = { 'dummy-internal': bridge, dummy: `${bridge}a`, system: `${bridge}b`, tap: `${bridge}c` };
      t.ok(await until(() => isThere(all.dummy), SOON), sw.output);
      const got = Object.entries(all).flatMap(([kind, name]) => (isThere(name) ? [kind] : []));
      t.same(got, want, `${option}, ${type}`);
    }
    await sw.close();
  }
});
