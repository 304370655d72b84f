/**
 * Shortcuts (native/port/shortcuts.h) while their devices change under them, which the switch hears of half a second later or never: what does not leave is counted as
 * dropped, what the host hears it goes on hearing.
 */
import '../support/isolate.js';

import t from 'tap';
import { until } from '../../src/cli/lab/netlab.js';
import { FRAME, refusal, Stage, warm } from './shortcut-stage.js';

const LONG = new Uint8Array(400);
LONG.set(FRAME);

t.test('devices change', { skip: refusal }, async (t) => {
  const stage = new Stage();
  t.teardown(() => stage.close());
  const { dp, lab } = stage;
  const passes = (what: string, port: number | undefined, frame = FRAME) => stage.passes(t, what, frame, port);
  stage.put(FRAME, 3);
  await warm(t, stage, FRAME);
  await stage.shorten(t, 'at first', FRAME);

  lab.ip('link set wfs-a3 down');
  await passes('down', undefined);
  lab.ip('link set wfs-a3 up');
  await stage.shorten(t, 'up', FRAME);
  await passes('up', 3);

  t.ok(await stage.isShort(LONG), 'a longer frame');
  lab.ip('link set wfs-a3 mtu 300');
  t.notOk(await stage.isShort(LONG), 'not to a device that is too narrow');
  t.ok(await stage.isShort(FRAME), 'unlike others');
  lab.ip('link set wfs-a3 mtu 1500');
  await passes('wide', 3, LONG);

  lab.ip('link set wfs-a3 down');
  lab.ip('link set wfs-a3 name wfs-renamed');
  lab.ip('link set wfs-renamed up');
  await passes('of another name', 3);
  lab.ip('link set wfs-renamed down');
  lab.ip('link set wfs-renamed name wfs-a3');
  lab.ip('link set wfs-a3 up');
  await stage.shorten(t, 'of its name again', FRAME);

  const mac = lab
    .ip('-o link show wfs-a1')
    .replace(/.*link\/ether (\S+).*/s, '$1')
    .replaceAll(':', '');
  const own = Uint8Array.from([...Buffer.from(mac, 'hex'), ...FRAME.subarray(6)]);
  t.notOk(await stage.isShort(own), 'frames to the host itself are the workers');
  lab.ip('link add wfs-br type bridge');
  lab.ip('link set wfs-br up');
  lab.ip('link set wfs-a1 master wfs-br');
  t.notOk(await stage.isShort(FRAME), 'nor is anything taken away from a bridge that has the device, too');
  await passes('which hinders nobody', 3);
  lab.ip('link set wfs-a1 nomaster');
  lab.ip('link del wfs-br');
  await stage.shorten(t, 'without', FRAME);

  const ns = lab.namespace('n');
  lab.ip(`link set wfs-a3 netns ${ns}`);
  await passes('in another namespace', undefined);
  lab.inside(ns, 'ip', 'link', 'del', 'wfs-a3');
  await passes('gone', undefined);

  stage.put(FRAME, 2);
  await stage.shorten(t, 'by another', FRAME);
  dp.portRemove(2);
  await passes('without its port', undefined);
  t.same([...dp.shortcuts.slots()], [], 'no shortcut');
  const c = dp.portCounters(1);
  t.equal(c.rx_packets, c.forwarded + stage.drops() + c.held, 'conserved');
});

t.test('a flood is for two processors', { skip: refusal }, async (t) => {
  const stage = new Stage();
  t.teardown(() => stage.close());
  stage.put(FRAME, 2);
  await warm(t, stage, FRAME);
  await stage.shorten(t, 'singly', FRAME);
  const flooded = await until(async () => {
    const before = stage.batches();
    stage.flood(FRAME, 640);
    await stage.settled();
    return stage.batches() > before;
  }, 20_000);
  t.ok(flooded, 'frames in haste come to the worker');
  await stage.shorten(t, 'singly again', FRAME);
});

t.test('queues move between workers', { skip: refusal }, async (t) => {
  const stage = new Stage(2);
  t.teardown(() => stage.close());
  const { dp } = stage;
  const steer = (...workers: number[]) =>
    dp.steer(
      workers.length > 0 ? [-1, -1] : [-1],
      workers.map((worker, i) => ({ vport: i + 1, queue: 0, worker })),
    );
  steer(0, 0, 0);
  stage.put(FRAME, 2);
  await warm(t, stage, FRAME);
  await stage.shorten(t, 'of one worker', FRAME);
  steer(0, 1, 1);
  t.same([...dp.shortcuts.slots()], [], 'none between two');
  await stage.passes(t, 'moved', FRAME, 2);
  for (let i = 0; i < 400; i++) stage.send(FRAME);
  await stage.settled();
  t.same([...dp.shortcuts.slots()], [], 'nor later: what one lends the other would be overtaken');
  steer(1, 1, 1);
  await stage.shorten(t, 'of one worker again', FRAME);
  await stage.passes(t, 'together', FRAME, 2);
  dp.portsPause([1, 2, 3]);
  steer();
  await stage.shorten(t, 'of the only one', FRAME);
});
