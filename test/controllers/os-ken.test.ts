/** Real controllers over os-ken: learning switches of five versions, a poller beside them, a router, and one in the way of DragonFlow. */
import '../support/isolate.js';

import t from 'tap';
import { NetLab, until } from '../../src/cli/lab/netlab.js';
import { LiveSwitch } from '../support/live.js';
import { controllersRefusal, freePort, OsKen } from './os-ken.js';

const refusal = controllersRefusal({ 'osken-manager': 'python3-os-ken', 'ovs-ofctl': 'openvswitch-common' });
const VERSIONS = ['10', '12', '13', '14', '15'] as const;

/** Devices of a machine: the bridge they lead to, its number there, an address. A machine is in all bridges, so that few are needed. */
interface Leg {
  readonly bridge: string;
  readonly machine: string;
  readonly address: string;
  readonly route?: string;
}
const LEGS: readonly Leg[] = [
  ...VERSIONS.flatMap((v) =>
    ['1', '2'].map((m): Leg => ({ bridge: `wcl${v}`, machine: m, address: `10.82.${v}.${m}/24` })),
  ),
  { bridge: 'wcrt', machine: '1', address: '10.83.1.2/24', route: '10.83.2.0/24 via 10.83.1.1' },
  { bridge: 'wcrt', machine: '2', address: '10.83.2.2/24', route: '10.83.1.0/24 via 10.83.2.1' },
  { bridge: 'wcdf', machine: '1', address: '10.84.1.3/24', route: '10.84.2.0/24 via 10.84.1.1' },
  { bridge: 'wcdf', machine: '2', address: '10.84.2.3/24', route: '10.84.1.0/24 via 10.84.2.1' },
  { bridge: 'wcdf', machine: '3', address: '10.84.1.4/24', route: '10.84.2.0/24 via 10.84.1.1' },
];
const bridges = [...new Set(LEGS.map((l) => l.bridge))];
const mac = (l: Leg): string =>
  ['02', ...l.address.split('/')[0].split('.').slice(1), l.machine]
    .map((x) => (x === '02' ? x : Number(x).toString(16).padStart(2, '0')))
    .join(':')
    .concat(':00');

t.setTimeout(180_000);
t.test('controllers over os-ken', { skip: refusal }, async (t) => {
  const lab = new NetLab('wctl');
  const ports = {
    learning: await freePort(),
    poller: await freePort(),
    router: await freePort(),
    df: await freePort(),
  };
  const machines = LEGS.filter((l) => l.bridge === 'wcdf').map((l, i) => ({
    port: i + 1,
    ip: l.address.split('/')[0],
    mac: mac(l),
    segment: l.address.startsWith('10.84.1.') ? 0x1f42 : 0x1f43,
  }));
  const learning = new OsKen('learning', ports.learning);
  const poller = new OsKen('poller', ports.poller);
  const router = new OsKen('router', ports.router);
  const df = new OsKen('dragonflow', ports.df, { MACHINES: JSON.stringify(machines) });
  const apps = { learning, poller, router, df };
  const devices = new Map<string, string[]>(bridges.map((b) => [b, []]));
  for (const m of ['1', '2', '3']) lab.namespace(`h${m}`);
  for (const leg of LEGS) {
    const ns = `wctlh${leg.machine}`;
    const outer = `${leg.bridge}.${leg.machine}`;
    const inner = leg.bridge;
    lab.veth(outer, inner, ns);
    lab.ip(`-n ${ns} link set ${inner} address ${mac(leg)}`);
    lab.ip(`-n ${ns} addr add ${leg.address} dev ${inner}`);
    lab.ip(`-n ${ns} link set ${inner} up`);
    if (leg.route) lab.ip(`-n ${ns} route add ${leg.route}`);
    devices.get(leg.bridge)?.push(outer);
  }
  // The poller is slow to read, and thereby to answer.
  const to = (bridge: string, port: number, probe = 3000) => [
    '--controller',
    `${bridge}=tcp:127.0.0.1:${port},max_backoff=1000,inactivity_probe=${probe}`,
  ];
  const sw = new LiveSwitch([
    ...[...devices].flatMap(([b, d]) => ['--bridge', `${b}=${d.join(',')}`]),
    ...VERSIONS.flatMap((v) => [
      ...['--protocols', `wcl${v}=OpenFlow${v}`],
      ...to(`wcl${v}`, ports.learning),
      ...to(`wcl${v}`, ports.poller, 20_000),
    ]),
    ...to('wcrt', ports.router),
    ...to('wcdf', ports.df),
  ]);
  t.teardown(async () => {
    for (const a of Object.values(apps)) a.close();
    await sw.close();
    lab.close();
  });
  if (!(await sw.ready())) {
    t.fail(sw.output);
    return;
  }
  const ping = async (machine: string, address: string, count = 3): Promise<number> =>
    (await lab.pings(`wctlh${machine}`, address, count)).length;

  await t.test('learning switches', async (t) => {
    for (const v of VERSIONS) t.ok(await learning.hears('connected', { version: v }), `1.${v[1]} is connected`);
    const got = await Promise.all(VERSIONS.map((v) => ping('1', `10.82.${v}.2`)));
    VERSIONS.forEach((v, i) => {
      t.equal(got[i], 3, `1.${v[1]}: pings pass`);
      const ups = learning.all('packet_in', { version: v });
      t.ok(ups.length >= 3, `1.${v[1]}: ${ups.length} packets came up`);
      t.ok(
        ups.every((p) => p.whole && p.unbuffered && p.reason === 0),
        `1.${v[1]}: whole, without a buffer, for want of a flow`,
      );
    });
    for (const v of VERSIONS) {
      const gone = await learning.hears('flow_removed', { version: v });
      t.match(
        gone,
        { cookie: 0x10, reason: 0, priority: 10, idle_timeout: 1 },
        `1.${v[1]}: a flow that was idle says so`,
      );
      // One that was learnt from the answer to ARP carries nothing.
      const carried = () => learning.all('flow_removed', { version: v }).some((f) => Number(f.packets) > 0);
      t.ok(await until(carried, 20_000), `1.${v[1]}: and what it carried`);
    }
  });

  await t.test('ports that change are told', async (t) => {
    for (const v of VERSIONS) {
      const r = sw.run('ovs-ofctl', '-O', `OpenFlow${v}`, 'mod-port', `wcl${v}`, '1', 'no-forward');
      t.equal(r.status, 0, r.stderr);
    }
    for (const v of VERSIONS) {
      const told = await learning.hears('port_status', { version: v, name: `wcl${v}.1` });
      t.match(told, { reason: 2, config: 0x20 }, `1.${v[1]}`);
    }
  });

  await t.test('a second controller reads all statistics in every version', async (t) => {
    const missing = (v: string): string[] => {
      const replied = new Set(poller.all('reply', { version: v }).map((r) => r.xid));
      const kinds = new Map<string, boolean>();
      for (const a of poller.all('asked', { version: v })) {
        kinds.set(String(a.kind), kinds.get(String(a.kind)) || replied.has(a.xid));
      }
      return [...kinds].filter(([, done]) => !done).map(([kind]) => kind);
    };
    const told = (v: string, what: RegExp): boolean =>
      poller.all('reply', { version: v }).some((r) => (r.body as string[]).some((x) => what.test(x)));
    const facts: Readonly<Record<string, RegExp>> = {
      description: /Open vSwitch/,
      'ports count': /rx_packets=[1-9]/,
      'tables count': /lookup_count=[1-9]/,
    };
    const complete = (v: string): boolean =>
      poller.all('asked', { version: v }).length > 0 &&
      missing(v).length === 0 &&
      Object.values(facts).every((what) => told(v, what));
    await until(() => VERSIONS.every(complete), 120_000);
    for (const v of VERSIONS) {
      t.same(missing(v), [], `1.${v[1]}: every question has its answer`);
      for (const [name, what] of Object.entries(facts)) t.ok(told(v, what), `1.${v[1]}: ${name}`);
    }
    t.same(poller.all('error'), [], 'no errors');
  });

  await t.test('the router', async (t) => {
    t.ok(await router.hears('connected'), 'is connected');
    t.equal(await ping('1', '10.83.2.2'), 3, 'pings pass between subnets');
    t.ok(router.all('routed').length <= 4, 'the switch repeats what the router said');
    const gone = await router.hears('flow_removed', { dst: '10.83.2.2' });
    t.match(gone, { cookie: 0x1e3, reason: 0 });
    t.ok(Number(gone?.packets) >= 2, `${gone?.packets} packets went by it`);
  });

  await t.test('in the way of DragonFlow', async (t) => {
    t.ok(await df.hears('ready'), 'flows are in');
    t.equal(await ping('1', '10.84.1.4'), 3, 'within a subnet');
    t.same(df.all('packet_in'), [], 'the switch alone carries that');
    t.equal(await ping('1', '10.84.2.3', 5), 5, 'between subnets');
    const first = await df.hears('packet_in');
    t.match(first, {
      table: 52,
      reason: 1,
      metadata: 0x1f42,
      in_port: 1,
      unbuffered: true,
      total_len: 98,
      data_len: 98,
    });
    t.equal(df.all('packet_in').length, 1, 'the first packet of both directions is all that comes up');
    for (const [src, dst] of [
      ['10.84.1.3', '10.84.2.3'],
      ['10.84.2.3', '10.84.1.3'],
    ]) {
      const gone = await df.hears('flow_removed', { src, dst });
      t.match(gone, { table: 52, cookie: 0xd4a6, reason: 0, priority: 100 }, `${src} → ${dst} expired`);
      t.ok(Number(gone?.packets) >= 4, `${gone?.packets} packets went by it`);
    }
  });

  for (const [name, a] of Object.entries(apps)) {
    if (process.env.KEEP) t.comment(`${name}: ${JSON.stringify(a.said).slice(0, 200_000)}\n${a.log}`);
    t.same(a.all('error'), [], `${name} got no errors`);
    t.notMatch(a.log, /Traceback|Error/, `${name} could read everything`);
  }
  const status = JSON.parse(sw.run('weft', 'appctl', 'weft/controllers').stdout);
  for (const b of bridges) {
    for (const c of status[b].controllers) t.match(c, { isConnected: true, attempts: Number }, `${b} ${c.target}`);
  }
  t.equal(await sw.stop(), 0, 'ends as asked');
  t.notMatch(sw.output, /Error|weft bug/, 'no fault of ours');
});
