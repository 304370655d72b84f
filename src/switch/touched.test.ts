// What a change costs: the flows that it may touch are translated again, and no others; the numbers of all flows and of the changes do not multiply.
import t from 'tap';
import { actionContext } from '../bridge/flow-text.js';
import type { GroupMod } from '../flowtable/groups.js';
import { put32 } from '../lib/bytes.js';
import { VirtualClock } from '../lib/clock.js';
import { toGroupMod } from '../openflow/messages/group.js';
import { parseGroup } from '../openflow/text/group-parse.js';
import { build, eth, ip4, payload, udpLayer } from '../packet/build.js';
import { Switch } from './switch.js';

const FLOWS = 300;
const mac = (n: number): Uint8Array => {
  const a = Uint8Array.of(2, 0, 0, 0, 0, 0);
  put32(a, 2, n);
  return a;
};
const frame = (src: number, dst: number, port = 1): Uint8Array =>
  build([
    eth({ dst: mac(dst), src: mac(src) }),
    ip4({ src: '10.0.0.1', dst: '10.0.0.2' }),
    udpLayer({ src: 7, dst: port }),
    payload(new Uint8Array(20)),
  ]);

const group = (text: string, kind: 'add' | 'modify'): GroupMod =>
  toGroupMod(
    parseGroup(
      text,
      kind,
      actionContext(() => undefined),
    ).mod,
  );

function stage(t: { teardown(f: () => void): void }, flows: string) {
  const sw = new Switch({ datapath: 'reference', clock: new VirtualClock() });
  t.teardown(() => sw.close());
  const br = sw.bridge('br0');
  const ports = ['p1', 'p2', 'p3'].map((name) => br.addPort(name));
  br.addGroup('group_id=7,type=all,bucket=output:2');
  br.addFlows(flows);
  const { upcalls } = sw.core;
  /** Flows translated again because of this. */
  const cost = (change: () => void): number => {
    sw.run();
    const before = upcalls.counts.retranslated;
    change();
    sw.run();
    return upcalls.counts.retranslated - before;
  };
  return { sw, br, ports, upcalls, cost };
}

t.test('link addresses', (t) => {
  const { sw, br, ports, upcalls, cost } = stage(t, 'actions=NORMAL');
  const [p1, p2, p3] = ports;
  for (let i = 0; i < FLOWS; i++) p1.send(frame(1, 1000 + (i % 100), i));
  for (let i = 0; i < FLOWS; i++) p1.send(frame(1, 1000 + i));
  sw.run();
  t.equal(upcalls.flows.all.length, FLOWS, 'floods, by destination');
  t.equal(
    cost(() => p2.send(frame(1007, 1))),
    1,
    'a host is heard: its flow',
  );
  t.equal(
    cost(() => p3.send(frame(1007, 1))),
    1,
    'it moves: the same one',
  );
  t.equal(
    cost(() => p2.send(frame(5000, 1))),
    0,
    'one that nobody sends to',
  );
  t.equal(
    cost(() => br.bridge.macs.remove(0, 0x0200_0000_0001)),
    3,
    'who sent is forgotten: those who answered it',
  );
  t.same(upcalls.sweep(), 0, 'everything is as it should be');
  t.end();
});

t.test('rules and groups', (t) => {
  const { sw, br, ports, upcalls, cost } = stage(
    t,
    `table=0,priority=1,udp,tp_dst=1/1,actions=resubmit(,1)
     table=0,priority=1,udp,tp_dst=0/1,actions=resubmit(,2)
     table=1,actions=output:2
     table=2,priority=5,udp,tp_dst=0x10/0x10,actions=group:7
     table=2,priority=1,actions=output:3`,
  );
  for (let i = 0; i < 64; i++) ports[0].send(frame(1, 2, i));
  sw.run();
  const inOne = upcalls.flows.all.filter((f) => f.path.rules.some((r) => r.table === 1)).length;
  const byGroup = upcalls.flows.all.filter((f) => f.details.deps.includes(7)).length;
  t.ok(inOne > 0 && byGroup > 0 && inOne + byGroup < upcalls.flows.all.length);
  t.equal(
    cost(() => br.addFlow('table=1,priority=40000,udp,tp_dst=5,actions=drop')),
    inOne,
    'a rule: the flows that ask its table',
  );
  t.equal(
    cost(() => br.addFlow('table=3,actions=drop')),
    0,
  );
  t.equal(
    cost(() => br.addGroup(group('group_id=7,type=all,bucket=output:3', 'modify'))),
    byGroup,
    'a group: the flows through it',
  );
  t.equal(
    cost(() => br.addGroup('group_id=8,type=all,bucket=output:2')),
    0,
  );
  t.same(upcalls.sweep(), 0);
  t.end();
});
