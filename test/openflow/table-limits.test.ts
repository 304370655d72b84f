/** Tables with a limit: which flows a full one refuses or gives up, as ovs-vswitchd does for a Flow_Table record of the same words. */
import t from 'tap';
import { needPrograms } from '../../src/cli/lab/packages.js';
import { parseSubfield } from '../../src/flow/subfield.js';
import type { TableOwner } from '../../src/flowtable/table-settings.js';
import { type CommandRow, row } from './commands.js';
import { FourWays, type Outcome, type Place } from './four-ways.js';

t.setTimeout(120_000);
const missing = needPrograms({ 'ovs-vswitchd': 'openvswitch-switch', 'ovs-ofctl': 'openvswitch-common' });

interface Case {
  readonly name: string;
  readonly limit: number;
  readonly evict: boolean;
  readonly groups?: readonly string[];
  readonly flows: readonly string[];
}

const numbered = (n: number, more: string): string[] =>
  Array.from({ length: n }, (_, i) => `ip,nw_dst=10.0.0.${i + 1},${more},actions=drop`);

const CASES: readonly Case[] = [
  { name: 'refused', limit: 3, evict: false, flows: numbered(5, 'idle_timeout=100') },
  {
    name: 'replaced, not added',
    limit: 2,
    evict: false,
    flows: [...numbered(2, 'cookie=1'), ...numbered(2, 'cookie=2')],
  },
  { name: 'nothing may go', limit: 2, evict: true, flows: numbered(4, 'priority=3') },
  {
    name: 'soonest first',
    limit: 2,
    evict: true,
    flows: [
      'tcp,hard_timeout=500,actions=1',
      'udp,hard_timeout=100,actions=1',
      'icmp,hard_timeout=300,actions=1',
      'arp,actions=1',
    ],
  },
  {
    name: 'idle and hard',
    limit: 3,
    evict: true,
    flows: [
      'tcp,hard_timeout=500,idle_timeout=50,actions=1',
      'udp,hard_timeout=100,actions=1',
      'icmp,idle_timeout=300,actions=1',
      'arp,actions=1',
      'ipv6,idle_timeout=1,actions=1',
    ],
  },
  {
    name: 'least important first',
    limit: 2,
    evict: true,
    flows: [
      'tcp,hard_timeout=10,importance=5,actions=1',
      'udp,hard_timeout=500,importance=1,actions=1',
      'icmp,hard_timeout=300,importance=2,actions=1',
      'arp,importance=1,hard_timeout=400,actions=1',
    ],
  },
  {
    name: 'largest group first',
    limit: 5,
    evict: true,
    groups: ['NXM_OF_IN_PORT[]'],
    flows: [
      'in_port=1,tcp,hard_timeout=1000,actions=drop',
      'in_port=1,udp,hard_timeout=900,actions=drop',
      'in_port=1,icmp,hard_timeout=800,actions=drop',
      'in_port=1,arp,hard_timeout=700,actions=drop',
      'in_port=2,tcp,hard_timeout=10,actions=drop',
      'in_port=2,udp,hard_timeout=20,actions=drop',
      'in_port=3,arp,actions=drop',
    ],
  },
  {
    name: 'groups of bits',
    limit: 4,
    evict: true,
    groups: ['NXM_OF_IP_SRC[24..31]', 'NXM_OF_IN_PORT[]'],
    flows: [
      'ip,nw_src=10.0.0.1,hard_timeout=100,actions=drop',
      'ip,nw_src=10.0.0.2,hard_timeout=200,actions=drop',
      'ip,nw_src=10.0.0.3,hard_timeout=300,actions=drop',
      'ip,nw_src=11.0.0.3,hard_timeout=5,actions=drop',
      'ip,nw_src=12.0.0.3,actions=drop',
      'ip,nw_src=12.0.0.4,actions=drop',
    ],
  },
];

async function all(four: FourWays, rows: readonly CommandRow[], on: Place): Promise<Outcome[]> {
  const out: Outcome[] = [];
  for (const r of [row('del-flows BR'), ...rows]) out.push(await four.run('ovs-ofctl', r, on));
  return out.slice(1);
}

t.test('a full table', { skip: missing ?? false, timeout: 120_000 }, async (t) => {
  const four = await FourWays.start((e) => t.fail(e instanceof Error ? (e.stack ?? e.message) : String(e)));
  t.teardown(() => four.close());
  const { bridge } = four.sw.bridge('br0');
  for (const c of CASES) {
    const groups = c.groups ?? [];
    const record = [`flow_limit=${c.limit}`, `overflow_policy=${c.evict ? 'evict' : 'refuse'}`];
    if (groups.length > 0) record.push(`groups=[${groups.map((g) => `"${g}"`).join(',')}]`);
    four.ovs.vsctl(
      '--',
      '--id=@t',
      'create',
      'Flow_Table',
      ...record,
      '--',
      'set',
      'bridge',
      'br0',
      'flow_tables:0=@t',
    );
    const owner: TableOwner = {
      flowLimit: c.limit,
      overflow: c.evict ? 'evict' : 'refuse',
      groups: groups.map((g) => parseSubfield(g)),
    };
    bridge.configureTable(0, owner);
    const rows = [
      ...c.flows.map((f) => row(`-O OpenFlow14 add-flow BR ${f}`)),
      row('-O OpenFlow14 --no-stats dump-flows BR'),
      row('-O OpenFlow14 dump-table-desc BR'),
      row('-O OpenFlow13 dump-table-features BR'),
    ];
    const expected = await all(four, rows, four.theirs);
    const found = await all(four, rows, four.ours);
    for (const [i, r] of rows.entries()) t.same(found[i], expected[i], `${c.name}: ${r.args.join(' ')}`);
  }
  four.ovs.vsctl('clear', 'bridge', 'br0', 'flow_tables');
  bridge.configureTable(0, {});
});

t.test('limits that come later', { skip: missing ?? false }, async (t) => {
  const four = await FourWays.start((e) => t.fail(String(e)));
  t.teardown(() => four.close());
  const rows = Array.from({ length: 6 }, (_, i) =>
    row(`-O OpenFlow14 add-flow BR ip,nw_dst=10.0.0.${i + 1},hard_timeout=${1000 - 100 * i},actions=drop`),
  );
  const dump = [row('-O OpenFlow14 --no-stats dump-flows BR')];
  await all(four, rows, four.theirs);
  await all(four, rows, four.ours);
  const record = ['flow_limit=2', 'overflow_policy=evict'];
  four.ovs.vsctl('--', '--id=@t', 'create', 'Flow_Table', ...record, '--', 'set', 'bridge', 'br0', 'flow_tables:0=@t');
  four.sw.bridge('br0').bridge.configureTable(0, { flowLimit: 2, overflow: 'evict' });
  const expected = await four.run('ovs-ofctl', dump[0], four.theirs);
  t.same(await four.run('ovs-ofctl', dump[0], four.ours), expected);
  t.match(expected.out, /nw_dst/);
});
