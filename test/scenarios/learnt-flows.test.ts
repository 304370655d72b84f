/** An hour of br-tun's table 20 under a virtual clock: what was learnt stays as long as packets come, though the cache carries them, and then expires. */
import t from 'tap';
import { VirtualClock } from '../../src/lib/clock.js';
import { build, eth, payload } from '../../src/packet/build.js';
import { Switch } from '../../src/switch/switch.js';
import { tunnelFlows } from './dvr.js';

const MINUTE = 60_000;
const FAR = 'fa:16:3e:5e:2c:03';
const NEAR = 'fa:16:3e:5e:2c:01';

for (const datapath of ['reference', 'native'] as const) {
  t.test(`an hour of what was learnt, ${datapath}`, (t) => {
    const clock = new VirtualClock();
    const sw = new Switch({ datapath, clock });
    t.teardown(() => sw.close());
    const br = sw.bridge('br-tun');
    const [inner, network, compute2] = [1, 3, 4].map((number) => br.addPort(`p${number}`, { number }));
    for (const f of tunnelFlows('compute1')) br.addFlow(f.replace(' actions', ',actions'));
    // No tunnel here: what comes from compute2 is of the first network.
    br.addFlow('table=0,priority=9,in_port=4,actions=load:0x3e9->NXM_NX_TUN_ID[],resubmit(,4)');
    const frame = build([eth({ src: FAR, dst: NEAR, type: 0x1234 }), payload(new Uint8Array(46))]);
    const learnt = (): boolean => br.dumpFlows().includes(`dl_dst=${FAR}`);
    const minute = (): void => {
      // Expiry and the cache's statistics are looked at every second.
      for (let s = 0; s < 60; s++) {
        clock.advance(MINUTE / 60);
        sw.run();
      }
    };
    t.notOk(learnt());
    for (let m = 0; m < 60; m++) {
      compute2.send(frame);
      sw.run();
      if (m === 0) t.ok(learnt(), 'learnt by the first packet');
      minute();
    }
    t.equal(inner.received().length, 60);
    t.ok(learnt(), 'there after an hour, twelve times its timeout');
    const back = build([
      eth({ src: NEAR, dst: FAR, type: 0x8100 }),
      payload(Uint8Array.of(0, 1, 0x12, 0x34)),
      payload(new Uint8Array(46)),
    ]);
    inner.send(back);
    sw.run();
    t.same([network.received().length, compute2.received().length], [0, 1], 'it leads back');
    for (let m = 0; m < 3; m++) minute();
    t.ok(learnt(), 'its own use does not matter');
    for (let m = 0; m < 2; m++) minute();
    t.notOk(learnt(), 'five minutes without a packet: expired');
    inner.send(back);
    sw.run();
    t.same([network.received().length, compute2.received().length], [1, 1], 'and its packets go everywhere again');
    t.end();
  });
}
