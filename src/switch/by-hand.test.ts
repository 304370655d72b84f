// What hands may do to the datapath's flows: put them in past the tables, stand in their way, make them exact, and count them.
import t from 'tap';
import { parseDpActions } from '../datapath/text/actions.js';
import { parseDpKey } from '../datapath/text/flow.js';
import { parseHex } from '../lib/bytes.js';
import { VirtualClock } from '../lib/clock.js';
import { UPKEEP_MS } from './core.js';
import { Switch, type SwitchOptions } from './switch.js';

/** Ethernet with an IPv4/UDP packet inside. */
function udp(source: number): Uint8Array {
  const port = source.toString(16).padStart(4, '0');
  return parseHex(
    `0202020202020101010101010800${'4500001c0000000040110000'}0a0000010a000002${`${port}000200080000`.padEnd(64, '0')}`,
  );
}

for (const datapath of ['reference', 'native'] as const) {
  const make = (options: SwitchOptions = {}) => {
    const sw = new Switch({ datapath, clock: new VirtualClock(), ...options });
    const br = sw.bridge('br0');
    return { sw, br, p1: br.addPort('p1'), p2: br.addPort('p2'), upcalls: sw.core.upcalls };
  };
  const KEY = 'recirc_id(0),in_port(2),eth_type(0x0800),ipv4(frag=no)';

  t.test(`${datapath}: a flow by hand works until the tables are asked`, (t) => {
    const { sw, br, p1, p2, upcalls } = make();
    br.addFlow('ip,in_port=1,actions=drop');
    // Of what changed so far nothing is to be looked for any more.
    sw.run();
    const { value, mask } = parseDpKey(KEY);
    upcalls.putByHand(undefined, value, mask, parseDpActions('3'));
    p1.send(udp(1));
    sw.run();
    t.equal(p2.received().length, 1, 'it forwards');
    const flow = upcalls.flows.match(value);
    t.ok(flow !== undefined && flow === upcalls.flows.exact(value, mask), 'found by its packets and by its name');
    t.match(sw.dumpDatapathFlows(), /in_port\(p1\).* packets:1, .* actions:p2\n$/);
    sw.advance(UPKEEP_MS + 1);
    t.match(sw.dumpDatapathFlows(), /^(recirc_id\(0\),in_port\(p1\).* actions:drop\n)?$/, 'the tables say otherwise');
    p1.send(udp(1));
    sw.run();
    t.equal(p2.received().length, 0);

    sw.core.pause(true);
    upcalls.putByHand(upcalls.flows.match(value), value, mask, parseDpActions('3'));
    sw.advance(10 * UPKEEP_MS);
    p1.send(udp(1));
    sw.run();
    t.equal(p2.received().length, 1, 'paused, it stays');
    br.addFlow('priority=9,ip,in_port=1,actions=LOCAL');
    sw.advance(UPKEEP_MS);
    t.match(sw.dumpDatapathFlows(), / actions:p2\n$/, 'whatever changes');
    sw.core.pause(false);
    sw.advance(UPKEEP_MS + 1);
    t.notMatch(sw.dumpDatapathFlows(), / actions:p2\n/);
    sw.close();
    t.end();
  });

  t.test(`${datapath}: exact flows, a limit, and rounds that are measured`, (t) => {
    const { sw, br, p1, upcalls } = make({ maxFlows: 100 });
    br.addFlow('in_port=1,actions=output:2');
    const send = (from: number, to: number): void => {
      for (let n = from; n < to; n++) p1.send(udp(n));
      sw.run();
    };
    send(0, 10);
    t.equal(upcalls.flows.all.length, 1, 'one flow for all');
    upcalls.exact = true;
    upcalls.removeAll();
    send(0, 10);
    t.equal(upcalls.flows.all.length, 10, 'one each');
    t.match(sw.dumpDatapathFlows(), /ipv4\(src=10\.0\.0\.1,dst=10\.0\.0\.2,proto=17,.*udp\(src=9,dst=2\)/);
    sw.advance(UPKEEP_MS + 1);
    t.equal(upcalls.flows.all.length, 10, 'they hold when they are translated again');
    const { average, most, lastMs } = upcalls.rounds;
    t.ok(average > 0 && average <= 10, `average ${average}`);
    t.equal(most, 10);
    t.ok(lastMs >= 0);
    upcalls.flows.setLimit(12);
    send(10, 20);
    t.equal(upcalls.flows.all.length, 12);
    t.equal(upcalls.flows.counts.full, 8);
    t.equal(upcalls.flows.limit, 12);
    upcalls.flows.setLimit(1000);
    t.equal(upcalls.flows.limit, 100, 'as many as the datapath has room for');
    sw.close();
    t.end();
  });
}
