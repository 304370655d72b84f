/** The ways between a switch and its controllers: to them and from them, in the clear and not, lost and found; and the bridge without any. */
import '../support/isolate.js';

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import t from 'tap';
import { labRefusal, NetLab, until } from '../../src/cli/lab/netlab.js';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { LiveSwitch } from '../support/live.js';
import { flowMod, OfPeer } from '../support/of-peer.js';
import { freePort } from './os-ken.js';

const refusal =
  labRefusal() ??
  needPrograms({ ip: 'iproute2', ping: 'iputils-ping', openssl: 'openssl', 'ovs-ofctl': 'openvswitch-common' });
t.setTimeout(120_000);

const PROBE_MS = 1000;
const SOON = 20_000;

/** A controller that switches come to. */
class Listener {
  readonly peers: OfPeer[] = [];
  /** When each came, milliseconds. */
  readonly cameAt: number[] = [];
  answers = true;
  private readonly server: Server;

  constructor(tls?: Parameters<typeof createTlsServer>[0]) {
    const serve = (socket: Socket): void => {
      this.cameAt.push(performance.now());
      const peer = new OfPeer(socket, 4);
      peer.answers = this.answers;
      peer.send('hello', {});
      this.peers.push(peer);
    };
    this.server = tls ? createTlsServer(tls, serve) : createServer(serve);
  }

  listen(): Promise<number> {
    return new Promise((resolve) =>
      this.server.listen(0, '127.0.0.1', () => {
        const at = this.server.address();
        resolve(typeof at === 'object' && at ? at.port : 0);
      }),
    );
  }

  get last(): OfPeer | undefined {
    return this.peers.at(-1);
  }

  close(): void {
    for (const p of this.peers) p.close();
    this.server.close();
  }
}

/** An authority, and a key and certificate that it signed, for each name. */
function keys(lab: NetLab, dir: string, names: readonly string[]): void {
  const ssl = (text: string) => lab.run('openssl', text.split(' '));
  ssl(`req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ${dir}/ca.key -out ${dir}/ca.pem`);
  for (const n of names) {
    ssl(`req -newkey rsa:2048 -nodes -subj /CN=${n} -keyout ${dir}/${n}.key -out ${dir}/${n}.csr`);
    ssl(
      `x509 -req -days 2 -in ${dir}/${n}.csr -CA ${dir}/ca.pem -CAkey ${dir}/ca.key -CAcreateserial -out ${dir}/${n}.pem`,
    );
  }
}

t.test('ways to controllers and from them', { skip: refusal }, async (t) => {
  const lab = new NetLab('wcn');
  t.teardown(() => lab.close());
  const dir = mkdtempSync(join(tmpdir(), 'weft-links-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  keys(lab, dir, ['switch', 'controller']);
  const file = (name: string) => readFileSync(join(dir, name));
  const tls = { key: file('controller.key'), cert: file('controller.pem'), ca: file('ca.pem') };
  const [one, two, three] = [new Listener(), new Listener(), new Listener({ ...tls, requestCert: true })];
  t.teardown(() => {
    for (const l of [one, two, three]) l.close();
  });
  const ports = [await one.listen(), await two.listen(), await three.listen()];
  const nobody = await freePort();
  const pssl = await freePort();

  // Standalone and secure, each with a controller that is not there; and one with all kinds.
  const pair = (b: string): string => {
    const outer = [1, 2].map((n) => {
      lab.veth(`${b}.${n}`, b, `wcn${n}`);
      lab.ip(`-n wcn${n} addr add 10.89.${b === 'wcn-a' ? 1 : b === 'wcn-s' ? 2 : 3}.${n}/24 dev ${b}`);
      lab.ip(`-n wcn${n} link set ${b} up`);
      return `${b}.${n}`;
    });
    return `${b}=${outer.join(',')}`;
  };
  for (const n of ['1', '2']) lab.namespace(n);
  const keysOf = ['-p', join(dir, 'switch.key'), '-c', join(dir, 'switch.pem'), '-C', join(dir, 'ca.pem')];
  const quick = `max_backoff=1000,inactivity_probe=${PROBE_MS}`;
  const all = [
    `tcp:127.0.0.1:${ports[0]},${quick}`,
    `tcp:127.0.0.1:${ports[1]},${quick}`,
    `ssl:127.0.0.1:${ports[2]},${quick}`,
    `punix:${dir}/come.sock`,
    `pssl:${pssl}:127.0.0.1`,
  ];
  const sw = new LiveSwitch([
    ...['--bridge', pair('wcn-a'), '--fail-mode', 'wcn-a=secure'],
    ...all.flatMap((target) => ['--controller', `wcn-a=${target}`]),
    ...['--bridge', pair('wcn-s'), '--controller', `wcn-s=tcp:127.0.0.1:${nobody},${quick}`],
    ...['--bridge', pair('wcn-x'), '--fail-mode', 'wcn-x=secure'],
    ...['--controller', `wcn-x=tcp:127.0.0.1:${nobody},${quick}`],
    ...keysOf,
  ]);
  t.teardown(() => sw.close());
  if (!(await sw.ready())) {
    t.fail(sw.output);
    return;
  }
  const status = () => JSON.parse(sw.run('weft', 'appctl', 'weft/controllers').stdout);
  const ping = (subnet: number) =>
    lab.insideAsync('wcn1', 'ping', '-c', '1', '-W', '1', `10.89.${subnet}.2`).then((r) => r.status === 0);

  await t.test('several at once', async (t) => {
    for (const [l, what] of [
      [one, 'tcp'],
      [two, 'a second one'],
      [three, 'ssl'],
    ] as const) {
      t.ok(await until(() => l.last?.got.some((m) => m.kind === 'hello') ?? false, SOON), what);
    }
    const come = await OfPeer.at(join(dir, 'come.sock'));
    t.ok(Number.isFinite(await come.echo()), 'who comes to a Unix socket');
    const secure = `ssl:127.0.0.1:${pssl}`;
    const auth = [`--private-key=${dir}/switch.key`, `--certificate=${dir}/switch.pem`, `--ca-cert=${dir}/ca.pem`];
    const show = sw.run('ovs-ofctl', ...auth, 'show', secure);
    t.match(show, { status: 0, stdout: /wcn-a\.1/ }, 'who comes by ssl');
    t.not(sw.run('ovs-ofctl', 'show', `tcp:127.0.0.1:${pssl}`).status, 0, 'but not in the clear');
    come.close();
  });

  await t.test('each is told what the bridge sees', async (t) => {
    for (const l of [one, two, three]) if (l.last) l.last.got.length = 0;
    one.last?.send('flow_mod', flowMod('actions=controller'));
    void ping(1);
    for (const l of [one, two, three]) {
      t.ok(await until(() => l.last?.got.some((m) => m.kind === 'packet_in') ?? false, SOON), 'a packet');
    }
    one.last?.send('flow_mod', flowMod('actions=normal'));
    t.ok(await until(() => ping(1), SOON), 'and one of them is enough to forward');
  });

  await t.test('a silent one is asked, then left, and tried again', async (t) => {
    const before = two.peers.length;
    two.answers = false;
    if (two.last) two.last.answers = false;
    const left = performance.now();
    t.ok(await until(() => two.peers.length >= before + 3, SOON), 'again and again');
    const gaps = two.cameAt.slice(-2).map((at, i) => at - two.cameAt.at(-3 + i)!);
    // A probe, as long again for the answer, and a second of back-off.
    t.ok(
      gaps.every((g) => g > 2 * PROBE_MS),
      `after ${gaps.map(Math.round)} ms`,
    );
    t.ok(performance.now() - left > 4 * PROBE_MS);
    two.answers = true;
    const known = two.peers.length;
    t.ok(await until(() => two.peers.length > known && Number.isFinite(two.cameAt.at(-1) ?? Number.NaN), SOON));
    t.ok(await until(() => status()['wcn-a'].controllers[1].isConnected === true, SOON), 'until it answers');
    t.equal(one.peers.length, 1, 'the other one stayed');
    t.ok(await ping(1), 'and the flows did');
  });

  await t.test('without a controller', async (t) => {
    t.ok(await until(() => ping(2), SOON), 'a standalone bridge learns by itself');
    t.match(status()['wcn-s'], { failOpen: true });
    t.notOk(await ping(3), 'a secure one forwards nothing');
    t.match(status()['wcn-x'], { failOpen: false, controllers: [{ isConnected: false }] });
    const tries = () => status()['wcn-x'].controllers[0].attempts;
    const first = tries();
    t.ok(await until(() => tries() > first, SOON), 'and goes on trying');
  });

  await t.test('the end', async (t) => {
    t.equal(await sw.stop(), 0);
    t.notMatch(sw.output, /Error:|weft bug/);
    for (const l of [one, two, three]) t.ok(await until(() => l.last?.closed ?? false, SOON), 'controllers notice');
  });
});
