// A port whose packets would each make a mask of their own in the datapath's cache gets so many and no more; others have theirs all the same.
import t from 'tap';
import { parseHex, put16, put32 } from '../lib/bytes.js';
import { VirtualClock } from '../lib/clock.js';
import { MASKS_A_PORT } from '../upcall/mask-shapes.js';
import { UPKEEP_MS } from './core.js';
import { Switch } from './switch.js';

const RULES = [
  'priority=30,udp,tp_dst=2000,actions=output:3',
  'priority=20,ip,nw_src=192.168.0.1,actions=output:3',
  'priority=10,udp,tp_src=12345,actions=output:3',
  'priority=0,actions=drop',
];
const SENDERS = 40;

function udp(source: number, ports: readonly [number, number]): Uint8Array {
  const f = parseHex(`0202020202020101010101010800${'4500002e0000000040110000'}${'00'.repeat(36)}`);
  put32(f, 26, source);
  put32(f, 30, 0x0a010001);
  put16(f, 34, ports[0]);
  put16(f, 36, ports[1]);
  put16(f, 38, 26);
  return f;
}

/** Misses each rule by another bit. */
const attack = (n: number): Uint8Array =>
  udp(0xc0a80001 ^ (1 << (31 - (Math.floor(n / 16) % 32))), [
    12345 ^ (1 << (15 - Math.floor(n / 512))),
    2000 ^ (1 << (15 - (n % 16))),
  ]);

for (const datapath of ['reference', 'native'] as const) {
  t.test(datapath, (t) => {
    const sw = new Switch({ datapath, clock: new VirtualClock(), maxFlows: 8192 });
    const br = sw.bridge('br0');
    const [bad, good, out] = [br.addPort('bad'), br.addPort('good'), br.addPort('out')];
    for (const rule of RULES) br.addFlow(rule);
    const { flows, counts } = sw.core.upcalls;
    const send = (n: number): void => {
      bad.send(attack(n));
      sw.run();
    };
    const n = MASKS_A_PORT + 300;
    for (let i = 0; i < n; i++) send(i);
    t.ok(flows.masks > MASKS_A_PORT / 2, `it is an attack: ${flows.masks} masks`);
    t.ok(flows.masks <= MASKS_A_PORT + 2, 'and bounded');
    t.ok(counts.excess > 0, `${counts.excess} packets over the budget`);
    t.equal(flows.all.length, n, 'a flow each');
    const { misses } = counts;
    for (let i = 0; i < n; i++) send(i);
    t.equal(counts.misses, misses, 'which takes the packet when it comes again');
    t.equal(out.received().length, 0, 'and drops it');

    bad.send(udp(0x01020304, [1, 2000]));
    sw.run();
    t.equal(out.received().length, 1, 'what the rules let through passes');

    const before = flows.masks;
    const excess = counts.excess;
    for (let i = 0; i < SENDERS; i++) {
      good.send(attack(n + 16 * i));
      good.send(udp(i, [i, 2000]));
      sw.run();
    }
    t.equal(out.received().length, SENDERS);
    t.ok(flows.masks > before, 'another port has a budget of its own');
    t.equal(counts.excess, excess);

    for (let i = 0; i < 30; i++) sw.advance(UPKEEP_MS);
    t.equal(flows.masks, 0, 'flows that nobody uses go');
    const later = counts.excess;
    send(0);
    t.equal(counts.excess, later, 'and what they had of the budget comes back');
    sw.close();
    t.end();
  });
}
