/** Translation against what a real ovs-vswitchd said of the same flows and packets (data/ovs-traces.ts). */
import t from 'tap';
import type { VlanMode } from '../bridge/vlan.js';
import { OFPP } from '../flow/field.js';
import { OK } from '../flow/key.js';
import { parseMatch } from '../flow/parse-match.js';
import { get32, put32 } from '../lib/bytes.js';
import { K } from '../packet/key.js';
import { OVS_TRACES } from './data/ovs-traces.js';
import { type AddPort, Switch, type SwitchBridge } from './switch.js';

/** "p1 tag=10 trunks=20": settings of a port. */
function settings(lines: readonly string[], name: string): AddPort {
  const words =
    lines
      .find((l) => l.startsWith(`${name} `))
      ?.split(' ')
      .slice(1) ?? [];
  const value = (key: string): string | undefined => words.find((w) => w.startsWith(`${key}=`))?.slice(key.length + 1);
  const tag = value('tag');
  return {
    number: Number(name.slice(1)),
    vlanMode: value('vlan_mode') as VlanMode | undefined,
    tag: tag === undefined ? undefined : Number(tag),
    trunks: value('trunks')?.split(',').map(Number),
  };
}

/** Where weft says otherwise on purpose: OVS's text and ours. */
const OTHERWISE: readonly (readonly [ovs: string, weft: string, why: string])[] = [
  [
    'recirc_id=0,eth,udp6,in_port=1,ipv6_label=0x00000/0xfffff,nw_tos=0,nw_frag=no',
    'recirc_id=0,eth,udp6,in_port=1,ipv6_label=0x00000,nw_tos=0,nw_frag=no',
    'OVS prints the mask of a label that has one of all 20 bits',
  ],
];
const expected = (ovs: string): string => OTHERWISE.find(([o]) => o === ovs)?.[1] ?? ovs;

function trace(sw: Switch, br: SwitchBridge, packet: string): { megaflow: string; actions: string } {
  const key = parseMatch(packet).value.slice();
  const inPort = get32(key, OK.ofInPort.offset);
  put32(key, K.inPort.offset, br.bridge.port(inPort)?.vport ?? 0);
  const text = sw.core.upcalls.trace({ bridge: br.bridge, inPort, key });
  return {
    megaflow: /^Megaflow: (.*)$/m.exec(text)?.[1] ?? text,
    actions: /^Datapath actions: (.*)$/m.exec(text)?.[1] ?? text,
  };
}

/** Datapath ports by number: LOCAL is the first in weft. */
function renumber(actions: string): string {
  return actions.replace(/(^|[(,])(\d+)(?=[,)]|$)/g, (all, before: string, n: string, at: number, whole: string) => {
    const inside = whole.slice(0, at).match(/\b(recirc|trunc|skb_priority|skb_mark)$/);
    if (inside) return all;
    return `${before}${n === '1' ? 100 : Number(n) - 1}`;
  });
}

for (const { flows, ports, packets } of OVS_TRACES) {
  t.test([...ports, ...flows].join(' | ').slice(0, 150), (t) => {
    const sw = new Switch({ datapath: 'reference' });
    const br = sw.bridge('br0');
    for (const name of ['p1', 'p2', 'p3', 'p4']) br.addPort(name, settings(ports, name));
    br.addFlows(flows.join('\n'));
    for (const [packet, megaflow, actions] of packets) {
      const got = trace(sw, br, packet);
      t.equal(got.megaflow, expected(megaflow), `${packet}: megaflow`);
      t.equal(renumber(got.actions), actions, `${packet}: actions`);
    }
    sw.close();
    t.end();
  });
}

t.test('LOCAL is the first datapath port, as `renumber` has it', (t) => {
  const sw = new Switch({ datapath: 'reference' });
  t.equal(sw.bridge('br0').bridge.port(OFPP.local)?.vport, 1);
  sw.close();
  t.end();
});
