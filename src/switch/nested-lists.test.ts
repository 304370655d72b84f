/** Lists of actions that other lists lead to (buckets, copies, tables), and what is still true in them: against what ovs-vswitchd 3.1 says. */
import t from 'tap';
import { formatHex, parseHex } from '../lib/bytes.js';
import { traceCommand, tracePacketOutCommand } from './commands/trace-command.js';
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

const LABELLED = '02000000000202000000000188470000514045000023000100004011666a0a0000010a0000020035003500080000';
const LABEL = LABELLED.slice(28, 36);

function labelled(flows: string) {
  const sw = new Switch({ datapath: 'reference' });
  const br = sw.bridge('br0');
  const ports = [1, 2, 3, 4].map((number) => br.addPort(`p${number}`, { number }));
  br.addFlows(flows);
  ports[0].send(parseHex(LABELLED));
  sw.run();
  return { sw, sent: ports.map((p) => p.received().map((f) => formatHex(f))) };
}

t.test(
  'a copy that is the last of an inner list is none of what follows in the outer one, in a later pass, too',
  (t) => {
    const wrap = 'clone(encap(nsh(md_type=1)),encap(ethernet),2)';
    const { sw, sent } = labelled(`
    in_port=1,mpls,actions=resubmit(,1),3
    table=1,mpls,actions=pop_mpls:0x0800,${wrap}`);
    const plain = LABELLED.replace(`8847${LABEL}`, '0800');
    t.same([sent[1].length, sent[2]], [1, [plain]]);
    t.ok(sent[1][0].endsWith(plain));
    sw.close();
    t.end();
  },
);

/** What ovs-vswitchd prints of the second pass. */
const THAWED = `
bridge("br0")
-------------
    thaw
            Resuming from table 0
            Restoring action set: dec_ttl,output:4
        Restoring actions: resubmit(,6),unroll_xlate(table=4, cookie=153),dec_ttl,output:4,unroll_xlate(table=3, cookie=0),output:3,set_field:0x7/0xff->metadata,resubmit(,5)
    resubmit(,6)
     6. ip, priority 32768
            output:2
    unroll_xlate(table=4, cookie=153)
    restored state: table=4, cookie=0x9900000000000000
    dec_ttl
    output:4
    unroll_xlate(table=3, cookie=0)
    restored state: table=3, cookie=0
    output:3
    set_field:0x7/0xff->metadata
    resubmit(,5)
     5. No match.
            drop
--. Executing action set:
    dec_ttl
    output:4
`;

t.test('a trace of a later pass says what was left to do, and whose it is', (t) => {
  const { sw } = labelled(`
    in_port=1,mpls,actions=write_actions(dec_ttl,output:4),goto_table:3
    table=3,mpls,actions=resubmit(,4),3,write_metadata:7/0xff,goto_table:5
    table=4,mpls,cookie=0x99,actions=pop_mpls:0x0800,note:01,resubmit(,6),dec_ttl,4
    table=6,ip,actions=2`);
  const trace = (...args: string[]): string => traceCommand(sw.core, args);
  const pass = /recirc\(0x(.*)\)/.exec(trace('br0', 'in_port=1', LABELLED))?.[1];
  const packet = 'eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02),eth_type(0x0800),ipv4(dst=10.0.0.2,proto=17,ttl=64)';
  const text = trace(`recirc_id(0x${pass}),in_port(p1),${packet}`);
  t.equal(text.slice(text.indexOf('\nbridge'), text.indexOf('\nFinal')), THAWED);
  t.match(text, /^Flow: recirc_id=0x[0-9a-f]+,eth,udp,/);
  t.ok(trace('br0', `recirc_id=0x${pass},in_port=1,ip`).includes('    thaw\n'));
  t.ok(
    trace('br0', 'recirc_id=0x7777,in_port=1,ip').includes(
      '\n     >>>> Recirculation context not found for ID 7777 <<<<\n',
    ),
  );
  t.ok(
    tracePacketOutCommand(sw.core, [`recirc_id(0x${pass}),in_port(p1),${packet}`, '2']).includes(
      'thaw\n     >>>> Recirculation conflict (actions)! <<<<\n',
    ),
  );
  sw.close();
  t.end();
});
