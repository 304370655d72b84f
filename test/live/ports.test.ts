/** Ports whose devices come and go under traffic: nothing ends, others' traffic goes on, and the port's state and the log tell. */
import '../support/isolate.js';

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Host, labRefusal, NetLab, until } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { Random } from '../../src/lib/random.js';
import { randomFrame } from '../../src/packet/random.js';
import { LiveSwitch, unbalanced } from '../support/live.js';
import { generate } from '../support/traffic.js';

const refusal =
  labRefusal() ?? needPrograms({ ip: 'iproute2', ping: 'iputils-ping', 'ovs-ofctl': OVS_PROGRAMS['ovs-ofctl'] });

// On a machine whose processors all send at full speed, each command waits for its turn.
t.setTimeout(120_000);
const LAB = 'wfl';
const mac = (n: number) => `02:00:00:00:07:0${n}`;
/** Devices are looked at twice a second; the rest is for a busy machine. */
const SOON = 5000;

/** State of a port as the real ovs-ofctl shows it. */
function stateOf(sw: LiveSwitch, bridge: string, port: string): string {
  const text = sw.run('ovs-ofctl', 'show', bridge).stdout;
  const m = new RegExp(`\\(${port}\\): [^]*?state: +(\\S+)`).exec(text);
  return m?.[1] ?? `not shown: ${text}`;
}

async function becomes(t: Test, sw: LiveSwitch, port: string, state: '0' | 'LINK_DOWN', says: string): Promise<void> {
  t.ok(await until(() => sw.output.endsWith(`${port}: ${says}\n`), SOON), `${port}: ${says}`);
  t.equal(stateOf(sw, `${LAB}0`, port), state, `${port} is shown`);
}

t.test('devices that come and go under traffic', { skip: refusal }, async (t) => {
  const lab = new NetLab(LAB);
  t.teardown(() => lab.close());
  const host = (n: number): Host => lab.host(`${n}`, { address: `10.79.0.${n}/24`, mac: mac(n) });
  const [h1, h2, h3, h4] = [1, 2, 3, 4].map(host);
  const ports = [h1, h2, h3, h4].map((h) => h.outer);
  const sw = new LiveSwitch(['--bridge', `${LAB}0=${[...ports, `${LAB}t`].join(',')}`, '--workers', '2']);
  t.teardown(() => sw.close());
  t.ok(await sw.ready(), sw.output);
  const answers = (from: Host, to: number) => () =>
    lab.insideAsync(from.ns, 'ping', '-c', '1', '-W', '1', `10.79.0.${to}`).then((r) => r.status === 0);
  t.ok(await until(answers(h1, 2), SOON), 'it forwards');

  // What must not notice: a ping for as long as the rest takes. And a load on the devices that go.
  const others = lab.startAsync('ip', ['netns', 'exec', h1.ns, 'ping', '-i', '0.02', '-q', '10.79.0.2']);
  const rng = new Random(1);
  const frames = Array.from({ length: 500 }, () => randomFrame(rng)).filter((f) => f.length >= 14 && f.length <= 1514);
  const load = generate(h3.ns, frames, { rate: 20_000 });
  t.teardown(() => load.stop());

  t.test('down and up', async (t) => {
    lab.ip(`link set ${h4.outer} down`);
    await becomes(t, sw, h4.outer, 'LINK_DOWN', 'link is down');
    lab.ip(`link set ${h4.outer} up`);
    await becomes(t, sw, h4.outer, '0', 'link is up');
    lab.ip(`-n ${h4.ns} link set e0 down`);
    await becomes(t, sw, h4.outer, 'LINK_DOWN', 'link is down: no carrier');
    lab.ip(`-n ${h4.ns} link set e0 up`);
    await becomes(t, sw, h4.outer, '0', 'link is up');
    t.ok(await until(answers(h1, 4), SOON), 'and forwards again');
  });

  t.test('down and up by a controller', async (t) => {
    for (const [action, state, says] of [
      ['down', 'LINK_DOWN', 'link is down'],
      ['up', '0', 'link is up'],
    ] as const) {
      sw.run('ovs-ofctl', 'mod-port', `${LAB}0`, h4.outer, action);
      await becomes(t, sw, h4.outer, state, says);
    }
    t.ok(await until(answers(h1, 4), SOON), 'and forwards again');
  });

  t.test('the namespace of the other end deleted, and all made again', async (t) => {
    lab.ip(`netns del ${h4.ns}`);
    await becomes(t, sw, h4.outer, 'LINK_DOWN', 'its device is gone');
    host(4);
    await becomes(t, sw, h4.outer, '0', 'its device is back');
    t.ok(await until(answers(h1, 4), SOON), 'and forwards again');
  });

  t.test('a tap brought up and deleted', async (t) => {
    lab.ip(`link set ${LAB}t up`);
    await becomes(t, sw, `${LAB}t`, '0', 'link is up');
    lab.ip(`link del ${LAB}t`);
    await becomes(t, sw, `${LAB}t`, 'LINK_DOWN', 'its device is gone');
  });

  t.test('a device that is renamed', async (t) => {
    lab.ip(`link set ${h4.outer} down`);
    lab.ip(`link set ${h4.outer} name ${LAB}r`);
    lab.ip(`link set ${LAB}r up`);
    t.ok(await until(answers(h1, 4), SOON), 'goes on under its number');
    lab.ip(`link del ${LAB}r`);
    await becomes(t, sw, h4.outer, 'LINK_DOWN', 'its device is gone');
  });

  t.test('the device that frames are sent into', async (t) => {
    t.ok(load.counters().sent > 1000, 'the load was on');
    lab.ip(`link del ${h3.outer}`);
    await becomes(t, sw, h3.outer, 'LINK_DOWN', 'its device is gone');
    t.ok(await until(() => load.counters().done || load.counters().refused > 0, SOON), 'its sender noticed');
  });

  t.test('what did not notice', async (t) => {
    load.stop();
    others.child.kill('SIGINT');
    const { stdout } = await others.done;
    const m = /(\d+) packets transmitted, (\d+) received/.exec(stdout);
    t.ok(Number(m?.[1]) > 100, stdout);
    t.ok(Number(m?.[2]) >= Number(m?.[1]) * 0.98, `${m?.[2]} of ${m?.[1]} pings answered`);
    let counters = sw.counters();
    for (let n = 0; n < 20 && unbalanced(counters).length > 0; n++) counters = sw.counters();
    t.same(unbalanced(counters), [], 'received = forwarded + dropped + held');
    t.match(
      sw.output,
      /^weft: ready\n(\S+\|\d+\|bridge\|INFO\|\S+: (link is|its device) [^\n]*\n)+$/,
      'no other word in the log',
    );
  });
});

t.test('stopped under load', { skip: refusal }, async (t) => {
  const lab = new NetLab('wfk');
  t.teardown(() => lab.close());
  const [h1, h2] = [1, 2].map((n) => lab.host(`${n}`, { mac: mac(n) }));
  const rng = new Random(2);
  const frames = Array.from({ length: 2000 }, () => randomFrame(rng)).filter((f) => f.length >= 14 && f.length <= 1514);
  for (const args of [[], ['--workers', '2'], ['--busy']]) {
    const sw = new LiveSwitch(['--bridge', `wfk0=${h1.outer},${h2.outer},wfkt`, ...args]);
    t.teardown(() => sw.close());
    t.ok(await sw.ready(), sw.output);
    const loads = [h1, h2].map((h) => generate(h.ns, frames));
    const received = () => sw.counters().wfk0[h1.outer].rx_packets;
    t.ok(await until(() => received() > 10_000, SOON), 'the load is on');
    t.equal(await sw.stop(), 0, `exit status ${args.join(' ')}`);
    t.equal(sw.output, 'weft: ready\n');
    t.notOk(existsSync(join(sw.dir, 'ovs-vswitchd.pid')), 'it took its files along');
    for (const l of loads) l.stop();
    t.equal(lab.run('ip', ['link', 'show', 'wfkt'], true).status, 1, 'and its tap');
  }
});
