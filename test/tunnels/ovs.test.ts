// Tunnels between weft and a real ovs-vswitchd in another network namespace, by both underlays. With names of tunnels: those only.
import t, { type Test } from 'tap';
import { labRefusal, NetLab } from '../../src/cli/lab/netlab.js';
import { needPrograms, OVS_PROGRAMS } from '../../src/cli/lab/packages.js';
import { LiveSwitch } from '../support/live.js';
import { RealOvs } from '../support/ovs.js';
import '../support/isolate.js';
import { INNER_MTU, Traffic } from './traffic.js';

t.setTimeout(240_000);
const TIMEOUT_MS = 100_000;
const ENDS = {
  4: { ours: '172.30.0.1', theirs: '172.30.0.2', bits: 24 },
  6: { ours: 'fd00:30::1', theirs: 'fd00:30::2', bits: 64 },
} as const;

interface Row {
  readonly name: string;
  readonly type: string;
  readonly family: 4 | 6;
  /** Its packets are told from other tunnels' by their key. */
  readonly keyed?: boolean;
  readonly options?: readonly string[];
  /** Value of tun_metadata0, which is set and matched. */
  readonly metadata?: string;
}
const ROWS: readonly Row[] = [
  { name: 'vxlan', type: 'vxlan', family: 4 },
  { name: 'vxlan6', type: 'vxlan', family: 6 },
  { name: 'gre', type: 'gre', family: 4 },
  // Not csum with seq: ovs-vswitchd makes the sum first and then writes the number, so that from the second packet on it is wrong.
  { name: 'grecsum', type: 'gre', family: 4, keyed: true, options: ['csum=true'] },
  { name: 'greseq', type: 'gre', family: 4, keyed: true, options: ['seq=true'] },
  { name: 'geneve', type: 'geneve', family: 4, metadata: '0x123456789abcdef0fedcba98' },
  { name: 'geneve6', type: 'geneve', family: 6, metadata: '0x3' },
  { name: 'ip6gre', type: 'ip6gre', family: 6 },
];
const TLV = '{class=0x102,type=0x80,len=12}->tun_metadata0';
/** With both gre and ip6gre ports ovs-vswitchd takes all GRE for one of the types. Weft has all of them, always. */
const GROUPS: readonly ((r: Row) => boolean)[] = [(r) => r.type !== 'ip6gre', (r) => r.type === 'ip6gre'];

const only = process.argv.slice(2);
const rows = ROWS.filter((r) => only.length === 0 || only.includes(r.name));
const tunId = (r: Row): number => 0x100 + rows.indexOf(r);
const number = (r: Row): number => 10 + rows.indexOf(r);
const inner = (r: Row, end: 0 | 1 | 2): string => `10.9.${rows.indexOf(r)}.${end}`;

/** Words of ovs-vsctl. */
function port(bridge: string, r: Row, other: 'ours' | 'theirs'): string[] {
  const key = [`in_key=${r.keyed ? tunId(r) : 'flow'}`, 'out_key=flow'];
  const options = [`remote_ip=${ENDS[r.family][other]}`, ...key, ...(r.options ?? [])].map((o) => `options:${o}`);
  const words = ['set', 'interface', r.name, `type=${r.type}`, `ofport_request=${number(r)}`, ...options];
  return ['--', 'add-port', bridge, r.name, '--', ...words];
}

/** A subnet to and from a tunnel. */
function flows(r: Row): string[] {
  const said = r.metadata ? `,set_field:${r.metadata}->tun_metadata0` : '';
  const seen = r.metadata ? `,tun_metadata0=${r.metadata}` : '';
  const out = `actions=set_field:${tunId(r)}->tun_id${said},output:${number(r)}`;
  return [
    `in_port=LOCAL,ip,nw_dst=${inner(r, 0)}/24,${out}`,
    `in_port=LOCAL,arp,arp_tpa=${inner(r, 0)}/24,${out}`,
    `in_port=${number(r)},tun_id=${tunId(r)}${seen},actions=LOCAL`,
  ];
}

/** One of the two switches. */
interface End {
  readonly carrier: string;
  readonly bridge: string;
  readonly at: 'ours' | 'theirs';
  readonly other: 'ours' | 'theirs';
  /** What goes before a command of ip. */
  readonly ns: string;
  readonly tunnels: readonly Row[];
  run(program: string, ...args: string[]): { readonly status: number; readonly stderr: string };
}

const refusal = labRefusal() ?? needPrograms(OVS_PROGRAMS);

/** Both switches with a wire between them; `theirs`: the tunnels that ovs-vswitchd has. */
async function world(t: Test, underlay: 'bridge' | 'host', theirs: readonly Row[]) {
  const lab = new NetLab('tovs');
  const ns = lab.namespace('k');
  const ovs = new RealOvs('', ns);
  const sw = new LiveSwitch([]);
  t.teardown(async () => {
    await sw.closeWithPorts();
    ovs.close();
    lab.close();
  });
  t.ok(await sw.ready(), sw.output);
  lab.veth('tovsw', 'e0', ns);
  lab.ip(`-n ${ns} link set e0 up`);
  // ovs-vswitchd does not hear of checksums that a device is to make.
  lab.run('ethtool', ['-K', 'tovsw', 'tx', 'off']);
  const device = underlay === 'bridge' ? 'tovsphy' : 'tovsw';
  const ends: readonly End[] = [
    { carrier: device, bridge: 'tovsint', at: 'ours', other: 'theirs', ns: '', tunnels: rows, run: sw.run.bind(sw) },
    {
      ...{ carrier: 'phy', bridge: 'int', at: 'theirs', other: 'ours', ns: `-n ${ns} `, tunnels: theirs },
      run: (program: string, ...args: string[]) => ovs.try(program, args),
    },
  ];
  for (const { carrier, bridge, at, other, ns, tunnels, run } of ends) {
    const ok = (program: string, ...words: string[]): void => {
      const r = run(program, ...words);
      if (r.status !== 0) t.fail(`${words.join(' ')}: ${r.stderr}`);
    };
    const add = (name: string): string[] => ['add-br', name, '--', 'set', 'bridge', name, 'datapath_type=netdev'];
    if (carrier !== 'tovsw')
      ok('ovs-vsctl', ...add(carrier), '--', 'add-port', carrier, at === 'ours' ? 'tovsw' : 'e0');
    for (const end of Object.values(ENDS)) {
      lab.ip(`${ns}addr add ${end[at]}/${end.bits} dev ${carrier}${end[at].includes(':') ? ' nodad' : ''}`);
    }
    lab.ip(`${ns}link set ${carrier} up`);
    ok('ovs-vsctl', ...add(bridge), 'fail_mode=secure', ...tunnels.flatMap((r) => port(bridge, r, other)));
    for (const r of tunnels) lab.ip(`${ns}addr add ${inner(r, at === 'ours' ? 1 : 2)}/24 dev ${bridge}`);
    lab.ip(`${ns}link set ${bridge} up mtu ${INNER_MTU}`);
    ok('ovs-ofctl', 'add-tlv-map', bridge, TLV);
    for (const f of tunnels.flatMap(flows)) ok('ovs-ofctl', 'add-flow', bridge, f);
  }
  return {
    traffic: await Traffic.between(lab, ns),
    dumps: () => [sw.run('ovs-appctl', 'dpctl/dump-flows').stdout, ovs.appctl('dpctl/dump-flows')],
  };
}

for (const underlay of ['bridge', 'host'] as const) {
  for (const group of GROUPS) {
    const theirs = rows.filter(group);
    if (theirs.length === 0) continue;
    const name = `${underlay}: ${theirs.map((r) => r.name).join(', ')}`;
    t.test(name, { skip: refusal ?? false, timeout: TIMEOUT_MS }, async (t) => {
      const { traffic, dumps } = await world(t, underlay, theirs);
      for (const r of theirs) {
        const way = await traffic.hasWay(inner(r, 2));
        t.ok(way, `${r.name}: a way${way ? '' : `\n${dumps().join('==\n')}`}`);
        if (!way) continue;
        t.same(await traffic.faults(inner(r, 1), inner(r, 2)), [], r.name);
        for (const dump of dumps()) t.match(dump, `tunnel(tun_id=0x${tunId(r).toString(16)},`, `${r.name} in dumps`);
      }
      traffic.close();
    });
  }
}
