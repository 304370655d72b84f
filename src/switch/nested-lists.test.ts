/** Lists of actions that other lists lead to (buckets, copies, tables), and what is still true in them: against what ovs-vswitchd 3.1 says. */
import t from 'tap';
import { Switch } from './switch.js';

function traced(groups: readonly string[], flows: readonly string[]): string {
  const sw = new Switch({ datapath: 'reference' });
  const br = sw.bridge('br0');
  for (const number of [1, 2, 3, 4]) br.addPort(`p${number}`, { number });
  for (const g of groups) br.addGroup(g);
  for (const f of flows) br.addFlow(f);
  const text = br.trace('in_port=1,tcp,nw_dst=10.0.0.2,nw_ttl=9');
  sw.close();
  return text;
}

const [ACTION, ACTION_SET, GROUP, MISS] = [1, 3, 4, 6];
const TO_TABLE_1 = 'group_id=1,type=indirect,bucket=actions=resubmit(,1)';
const TO_CONTROLLER = 'group_id=1,type=indirect,bucket=actions=CONTROLLER';

/** Groups, flows, and the reasons that controllers are told. */
const REASONS: readonly (readonly [groups: readonly string[], flows: readonly string[], reasons: readonly number[]])[] =
  [
    [[TO_CONTROLLER], ['actions=group:1'], [GROUP]],
    [[TO_CONTROLLER], ['actions=write_actions(group:1)'], [GROUP]],
    [[TO_TABLE_1], ['actions=group:1', 'table=1,actions=CONTROLLER'], [ACTION]],
    [[TO_TABLE_1], ['actions=group:1', 'table=1,priority=0,actions=CONTROLLER'], [MISS]],
    [[TO_TABLE_1], ['actions=group:1', 'table=1,actions=write_actions(CONTROLLER)'], [ACTION_SET]],
    [[TO_TABLE_1], ['actions=write_actions(group:1)', 'table=1,actions=CONTROLLER'], [ACTION_SET]],
    [
      [TO_TABLE_1],
      ['actions=group:1', 'table=1,actions=clone(CONTROLLER),check_pkt_larger(100)->NXM_NX_REG0[0],CONTROLLER'],
      [ACTION, ACTION, ACTION],
    ],
    [
      ['group_id=1,type=all,bucket=actions=group:2,bucket=actions=CONTROLLER', TO_CONTROLLER.replace('=1', '=2')],
      ['actions=group:1'],
      [GROUP, GROUP],
    ],
    [[], ['actions=write_actions(resubmit(,1))', 'table=1,actions=CONTROLLER'], [ACTION_SET]],
    [
      [],
      [
        'actions=write_actions(resubmit(,1))',
        'table=1,actions=clone(resubmit(,2)),CONTROLLER',
        'table=2,actions=write_actions(CONTROLLER)',
      ],
      [ACTION_SET, ACTION],
    ],
  ];

t.test('a controller is told what list its action stands in', (t) => {
  for (const [groups, flows, reasons] of REASONS) {
    const text = traced(groups, flows);
    t.same(
      [...text.matchAll(/reason=(\d+)/g)].map((m) => Number(m[1])),
      reasons,
      [...groups, ...flows].join(' '),
    );
  }
  t.end();
});

const POPPED = 'clone(push_mpls:0x8847,pop_mpls:0x0800)';

/** Groups, flows, and the datapath actions: P2 is port 2. */
const WAITS: readonly (readonly [groups: readonly string[], flows: readonly string[], actions: string])[] = [
  [[], [`ip,actions=${POPPED}`], 'drop'],
  [[], [`ip,actions=${POPPED},dec_ttl,3`], 'recirc(0x1)'],
  [[], [`ip,actions=${POPPED},2,dec_ttl,3`], 'P2,recirc(0x1)'],
  [[], [`ip,actions=clone(${POPPED}),dec_ttl,3`], 'recirc(0x1)'],
  [[], [`ip,actions=${POPPED},write_actions(output:2)`], 'recirc(0x1)'],
  [[], ['ip,actions=resubmit(,1),dec_ttl,2', `table=1,ip,actions=${POPPED}`], 'recirc(0x1)'],
  // What the copy changed is put right before.
  [
    [],
    [`ip,actions=clone(dec_ttl,push_mpls:0x8847,pop_mpls:0x0800),resubmit(,1)`],
    'set(ipv4(ttl=8)),set(ipv4(ttl=9)),recirc(0x1)',
  ],
  [
    [],
    [`ip,actions=dec_ttl,${POPPED},set_field:5->reg0,2,set_field:10.0.0.9->ip_src,3`],
    'set(ipv4(ttl=8)),P2,recirc(0x1)',
  ],
  // A clone of the datapath's, and a bucket, end without a trace.
  [
    [],
    ['ip,actions=clone(output(port=2,max_len=100),push_mpls:0x8847,pop_mpls:0x0800),dec_ttl,3'],
    'clone(trunc(100),P2),set(ipv4(ttl=8)),P3',
  ],
  [
    ['group_id=1,type=all,bucket=actions=push_mpls:0x8847,pop_mpls:0x0800,bucket=actions=resubmit(,1)'],
    ['ip,actions=group:1,dec_ttl,3', `table=1,ip,actions=${POPPED}`],
    'set(ipv4(ttl=8)),P3',
  ],
];

t.test('after the last label came off in a copy, a look at a header waits', (t) => {
  for (const [groups, flows, actions] of WAITS) {
    const got = /^Datapath actions: (.*)$/m.exec(traced(groups, flows))?.[1];
    // LOCAL is the first datapath port.
    t.equal(
      got,
      actions.replace(/P(\d)/g, (_, n) => String(Number(n) + 1)),
      [...groups, ...flows].join(' '),
    );
  }
  t.end();
});

/** Conditions of table 1, and whether an IPv4 packet has them whose Ethernet header was taken off. */
const BARE: readonly (readonly [match: string, matches: boolean])[] = [
  ['', true],
  ['in_port=1', true],
  ['reg0=0', true],
  ['packet_type=(1,0x800)', true],
  ['packet_type=(1,0x800),nw_dst=10.0.0.2', true],
  ['packet_type=(1,0x86dd)', false],
  ['packet_type=(0,0)', false],
  ['ip', false],
  ['tcp,nw_dst=10.0.0.2', false],
  ['dl_src=00:00:00:00:00:00', false],
  ['vlan_tci=0', false],
  ['dl_vlan=0xffff', false],
];

t.test('of a packet without an Ethernet header nothing of that header is set', (t) => {
  const set =
    'set_field:02:00:00:00:00:02->eth_dst,load:5->NXM_OF_VLAN_TCI[],move:NXM_OF_IN_PORT[]->NXM_OF_ETH_DST[0..15]';
  const text = traced([], ['actions=decap(),resubmit(,1)', `table=1,actions=${set},2`]);
  for (const said of [
    '>> unmet prerequisites for eth_dst, set_field ignored',
    '>> unmet prerequisites for vlan_tci, set_field ignored',
    '-> NXM_OF_ETH_DST[0..15] is now 0\n',
  ]) {
    t.ok(text.includes(`     ${said}`), said);
  }
  t.end();
});

t.test('conditions on Ethernet and what is in it are not met by a packet without that header', (t) => {
  for (const [match, matches] of BARE) {
    const rule = `table=1${match === '' ? '' : `,${match}`},actions=note:77`;
    const text = traced([], ['actions=decap(),resubmit(,1)', rule]);
    t.equal(text.includes('note:77'), matches, rule);
  }
  t.end();
});
