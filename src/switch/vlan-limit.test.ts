/** The limit of VLAN tags, changed while packets come: each is read with the limit in force, by both datapaths. */
import t from 'tap';
import { parseHex } from '../lib/bytes.js';
import { Switch } from './switch.js';
import { vlanLimitOf } from './vlan-limit.js';

t.test('what the database may say', (t) => {
  const said: readonly (readonly [string | undefined, number | undefined])[] = [
    [undefined, undefined],
    ['1', 1],
    ['2', 2],
    ['3', 2],
    ['0', 2],
    ['-1', 2],
    ['01', 1],
    ['', undefined],
    ['two', undefined],
    ['1x', undefined],
  ];
  for (const [text, limit] of said) t.equal(vlanLimitOf(text), limit, String(text));
  t.end();
});

/** Tags 10 and 20 around a UDP packet. */
const FRAME = parseHex(
  '0000000000020000000000018100000a8100001408004500001c000000004011000001020304050607080001000200080000',
);

for (const datapath of ['native', 'reference'] as const) {
  t.test(`${datapath}: flows do not outlive the limit`, (t) => {
    const sw = new Switch({ datapath });
    const br = sw.bridge('br0');
    const ports = [1, 2, 3].map((number) => br.addPort(`p${number}`, { number }));
    br.addFlow('dl_vlan=10,dl_type=0x8100,actions=2');
    br.addFlow('dl_vlan=10,udp,tp_dst=2,actions=3');
    const limits = [undefined, 2, 1, 2, 2, undefined] as const;
    for (const limit of limits) {
      sw.core.vlans.set(limit);
      for (let again = 0; again < 3; again++) {
        ports[0].send(FRAME);
        sw.run();
        const got = ports.map((p) => p.received().length);
        t.same(got, limit === 2 ? [0, 0, 1] : [0, 1, 0], `limit ${limit}, time ${again}`);
      }
    }
    t.equal(sw.core.vlans.probed, 1, 'what the first bridge found');
    sw.close();
    t.end();
  });
}
