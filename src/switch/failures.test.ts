/** What ends a whole translation, and what was counted until then; as ovs-vswitchd does it. */
import t from 'tap';
import { parseHex } from '../lib/bytes.js';
import { Switch } from './switch.js';

const PLAIN = '02000000000302000000000108004500001c00010000401166cf0a0000010a0000020035003500080000';
const TAGGED = `${PLAIN.slice(0, 24)}81000005${PLAIN.slice(24)}`;

interface Row {
  readonly what: string;
  readonly flows: readonly string[];
  readonly frame: string;
  /** Packets of each flow, in order. */
  readonly counts: readonly number[];
}

const ROWS: readonly Row[] = [
  {
    what: 'decap of a packet with a tag, however deep it happens',
    flows: ['table=0,actions=resubmit(,1),output:2', 'table=1,actions=decap(),output:2'],
    frame: TAGGED,
    counts: [1, 1],
  },
  {
    what: 'check_pkt_larger is no level of its own: 64 resubmits, and no second way once that failed',
    flows: ['table=0,actions=check_pkt_larger(60)->reg0[0],resubmit(,0),output:2'],
    frame: PLAIN,
    counts: [65],
  },
  {
    what: 'nor is clone',
    flows: ['table=0,actions=clone(resubmit(,0)),output:2'],
    frame: PLAIN,
    counts: [65],
  },
  {
    what: 'copies in copies end before the stack does: 400 of them',
    flows: [`table=0,actions=${'clone('.repeat(62)}resubmit(,0)${')'.repeat(62)},output:2`],
    frame: PLAIN,
    counts: [7],
  },
];

for (const { what, flows, frame, counts } of ROWS)
  t.test(what, (t) => {
    const sw = new Switch({ datapath: 'reference' });
    const br = sw.bridge('br0');
    const [p1, p2] = [1, 2].map((number) => br.addPort(`p${number}`, { number }));
    for (const flow of flows) br.addFlow(flow);
    p1.send(parseHex(frame));
    sw.run();
    sw.core.upcalls.pushStatistics();
    t.same(p2.received(), [], 'nothing is sent');
    const met = [...br.dumpFlows().matchAll(/n_packets=(\d+)/g)].map((m) => Number(m[1]));
    t.same(met, counts, 'what was met counts');
    sw.close();
    t.end();
  });
