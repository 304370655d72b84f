/**
 * Random pipelines as ovs-ofctl text, for suites that translate them: with weft alone, or with a real ovs-vswitchd beside it. Values come from the
 * same small sets as those of src/packet/random.ts, so that rules are met. Everything is legal: matches fix what their actions stand on.
 */
import type { Random } from '../../src/lib/random.js';
import { actionSet, bare, moreAction, unwrap } from './more-actions.js';

export interface PipelineOptions {
  readonly tables: number;
  /** OpenFlow ports 1 to this. */
  readonly ports: number;
  /** Outcomes that depend on what OVS alone can say: hashes. */
  readonly hashes: boolean;
  /** Outputs with max_len. Where ports have VLAN modes what they cut depends on the order in which a flood before them went out. */
  readonly cuts: boolean;
  /** learn and NORMAL: what a packet does changes what the next one meets. */
  readonly stateful: boolean;
  /** Groups 1 to this are there to be sent to. */
  readonly groups?: number;
  /** Meters 1 to this are there to be passed. */
  readonly meters?: number;
  /** The actions of more-actions.ts, and full action sets. */
  readonly wide?: boolean;
}

export interface Pipeline {
  readonly flows: readonly string[];
  /** For ovs-ofctl -O: the texts need it. */
  readonly version: 'OpenFlow10' | 'OpenFlow13' | 'OpenFlow15';
  /** Groups that the flows send to, as ovs-ofctl add-groups takes them. */
  readonly groups?: readonly string[];
}

interface Protocol {
  readonly words: string;
  readonly ip?: 4 | 6;
  readonly l4?: 'tcp' | 'udp' | 'sctp' | 'icmp' | 'icmp6' | 'nd';
  readonly arp?: boolean;
  readonly mpls?: boolean;
  readonly nsh?: boolean;
  /** Not Ethernet: what an earlier decap left. */
  readonly bare?: boolean;
}

const PROTOCOLS: readonly Protocol[] = [
  { words: '' },
  { words: '' },
  { words: 'ip', ip: 4 },
  { words: 'ip', ip: 4 },
  { words: 'ipv6', ip: 6 },
  { words: 'tcp', ip: 4, l4: 'tcp' },
  { words: 'udp', ip: 4, l4: 'udp' },
  { words: 'sctp', ip: 4, l4: 'sctp' },
  { words: 'icmp', ip: 4, l4: 'icmp' },
  { words: 'tcp6', ip: 6, l4: 'tcp' },
  { words: 'udp6', ip: 6, l4: 'udp' },
  { words: 'icmp6', ip: 6, l4: 'icmp6' },
  { words: 'icmp6,icmp_type=135,icmp_code=0', ip: 6, l4: 'nd' },
  { words: 'arp', arp: true },
  { words: 'mpls', mpls: true },
];
const VERSIONS: readonly Pipeline['version'][] = ['OpenFlow10', 'OpenFlow13', 'OpenFlow15'];

/** Only in wide pipelines. */
const WRAPPED: readonly Protocol[] = [
  { words: 'dl_type=0x894f', nsh: true },
  { words: 'dl_type=0x894f', nsh: true },
  { words: 'dl_type=0x894f,nsh_mdtype=1', nsh: true },
  { words: 'packet_type=(1,0x894f)', bare: true },
  { words: 'packet_type=(1,0x894f),nsh_np=1', bare: true },
  { words: 'packet_type=(1,0x800)', bare: true },
  { words: 'packet_type=(1,0x86dd)', bare: true },
  { words: 'packet_type=(1,0x8847)', bare: true },
];

const hex = (n: number): string => `0x${n.toString(16)}`;
const mac = (r: Random): string => `02:00:00:00:00:0${r.below(4)}`;
const ip4 = (r: Random): string => `10.0.${r.below(2)}.${r.below(4)}`;
const ip6 = (r: Random): string => `fe80::${r.below(4)}`;
const port = (r: Random): number => r.pick([0, 53, 80, 443, 6653, 65535]);
const reg = (r: Random): string => `reg${r.below(4)}`;

function ipv4Match(r: Random): string {
  return r.chance(0.5) ? ip4(r) : `10.0.${r.below(2)}.0/${r.pick([8, 16, 23, 24, 30])}`;
}
function ipv6Match(r: Random): string {
  return r.chance(0.5) ? ip6(r) : `fe80::${r.below(4)}/${r.pick([10, 64, 127, 126])}`;
}
function portMatch(r: Random): string {
  const p = port(r);
  return r.chance(0.6) ? String(p) : `${hex(p)}/${hex(r.pick([0xfff0, 0x8000, 0xff00, 1]))}`;
}
function macMatch(r: Random): string {
  return r.chance(0.7) ? mac(r) : `${mac(r)}/ff:ff:ff:ff:ff:${r.pick(['00', '01', 'f2'])}`;
}

/** Conditions beside the protocol; each may be left out. */
function conditions(r: Random, p: Protocol, table: number, ports: number): string[] {
  const out: string[] = [];
  const maybe = (chance: number, text: () => string): void => {
    if (r.chance(chance)) out.push(text());
  };
  maybe(0.3, () => `in_port=${r.between(1, ports)}`);
  maybe(0.15, () => `dl_src=${macMatch(r)}`);
  maybe(0.2, () => `dl_dst=${macMatch(r)}`);
  if (table > 0) {
    maybe(0.3, () => `${reg(r)}=${r.below(3)}`);
    maybe(0.15, () => `metadata=${hex(r.below(4))}/0x3`);
  }
  if (p.ip) {
    const address = p.ip === 4 ? ipv4Match : ipv6Match;
    const [src, dst] = p.ip === 4 ? ['nw_src', 'nw_dst'] : ['ipv6_src', 'ipv6_dst'];
    maybe(0.3, () => `${src}=${address(r)}`);
    maybe(0.3, () => `${dst}=${address(r)}`);
    maybe(0.1, () => `nw_tos=${r.pick([0, 0xb8])}`);
    maybe(0.1, () => `nw_ttl=${r.pick([0, 1, 64, 255])}`);
    // A later fragment has no ports to set.
    const fragments = p.l4 ? ['no', 'first', 'not_later'] : ['no', 'yes', 'first', 'later', 'not_later'];
    maybe(0.1, () => `ip_frag=${r.pick(fragments)}`);
    if (p.ip === 6) maybe(0.1, () => `ipv6_label=${r.below(4)}`);
  }
  if (p.l4 === 'tcp' || p.l4 === 'udp' || p.l4 === 'sctp') {
    maybe(0.35, () => `tp_src=${portMatch(r)}`);
    maybe(0.35, () => `tp_dst=${portMatch(r)}`);
    if (p.l4 === 'tcp') maybe(0.15, () => `tcp_flags=${r.pick(['+syn', '+ack', '-rst', '+fin-syn'])}`);
  }
  if (p.l4 === 'icmp') maybe(0.4, () => `icmp_type=${r.pick([0, 3, 8, 11])}`);
  if (p.l4 === 'nd') {
    maybe(0.3, () => `nd_target=${ip6(r)}`);
    maybe(0.3, () => `nd_sll=${mac(r)}`);
  }
  if (p.arp) {
    maybe(0.4, () => `arp_op=${r.between(1, 3)}`);
    maybe(0.3, () => `arp_spa=${ipv4Match(r)}`);
    maybe(0.3, () => `arp_tpa=${ipv4Match(r)}`);
    maybe(0.2, () => `arp_sha=${mac(r)}`);
  }
  if (p.mpls) {
    maybe(0.3, () => `mpls_label=${r.pick([0, 1, 16, 0xfffff])}`);
    maybe(0.3, () => 'mpls_bos=1');
    maybe(0.2, () => `mpls_tc=${r.below(8)}`);
  }
  return out;
}

export interface Context {
  readonly r: Random;
  readonly o: PipelineOptions;
  readonly p: Protocol;
  readonly table: number;
  readonly version: Pipeline['version'];
  /** check_pkt_larger is there: what stacks and action sets are after it, OVS and weft see differently (docs/compatibility.md). */
  readonly splits: boolean;
  /** Tags that are known to be there: ovs-ofctl lets nobody push a third. */
  tags: number;
  /** In a clone. */
  readonly copied: boolean;
  /** A label was pushed or popped: what was matched of the packet says nothing any more. */
  changed: boolean;
}

function outputAction({ r, o }: Context): string {
  const number = String(r.between(1, o.ports));
  return r.pick([
    number,
    number,
    number,
    number,
    'in_port',
    'flood',
    'all',
    'LOCAL',
    ...(o.cuts ? [`output(port=${number},max_len=${r.pick([14, 60, 64, 100])})`] : []),
    `output:${reg(r)}[0..15]`,
    ...(o.stateful ? ['NORMAL'] : []),
    '9',
  ]);
}

function goOn({ r, o, table }: Context): string {
  const forward = Math.min(o.tables - 1, table + r.between(1, 2));
  if (r.chance(0.05)) return `resubmit(,${r.below(o.tables)})`;
  return r.chance(0.15) ? `resubmit(${r.between(1, o.ports)},${forward})` : `resubmit(,${forward})`;
}

/** Sets of fields that every packet has. */
function plainSet({ r, splits }: Context): string {
  return r.pick([
    () => `mod_dl_src:${mac(r)}`,
    () => `mod_dl_dst:${mac(r)}`,
    // Not set_field with a mask: ovs-ofctl loses the mask in OpenFlow 1.0.
    () => `load:${r.below(4)}->NXM_OF_ETH_DST[0..${r.pick([1, 7, 15])}]`,
    () => `load:${r.below(3)}->NXM_NX_REG${r.below(4)}[]`,
    () => `load:${r.below(4)}->NXM_NX_REG${r.below(4)}[${r.below(2)}..${r.between(4, 20)}]`,
    () => `load:${hex(r.below(4))}->OXM_OF_METADATA[0..1]`,
    () => 'move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]',
    () => 'move:NXM_OF_ETH_SRC[0..7]->NXM_NX_REG1[0..7]',
    () => 'move:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15]',
    ...(splits
      ? []
      : [
          () => `push:NXM_NX_REG${r.below(4)}[]`,
          () => `pop:NXM_NX_REG${r.below(4)}[]`,
          () => 'push:NXM_OF_ETH_SRC[],pop:NXM_OF_ETH_DST[]',
        ]),
    () => `set_queue:${r.below(3)}`,
    () => 'pop_queue',
    () => `load:${r.below(3)}->NXM_NX_PKT_MARK[]`,
    () => `load:${r.between(1, 4)}->NXM_OF_IN_PORT[]`,
  ])();
}

function headerSet(c: Context): string | undefined {
  const { r, p } = c;
  if (p.ip && r.chance(0.6)) {
    const choices = [
      () => `mod_nw_tos:${r.pick([0, 32, 184])}`,
      () => `mod_nw_ecn:${r.below(4)}`,
      () => 'dec_ttl',
      () => `mod_nw_ttl:${r.pick([1, 2, 64])}`,
    ];
    if (p.ip === 4) {
      choices.push(
        () => `mod_nw_src:${ip4(r)}`,
        () => `mod_nw_dst:${ip4(r)}`,
        () => `load:${r.below(4)}->NXM_OF_IP_DST[0..7]`,
        () => 'move:NXM_OF_IP_SRC[0..7]->NXM_NX_REG2[0..7]',
      );
      if (!c.splits)
        choices.push(() => 'push:NXM_OF_IP_SRC[],push:NXM_OF_IP_DST[],pop:NXM_OF_IP_SRC[],pop:NXM_OF_IP_DST[]');
    } else {
      choices.push(
        () => `set_field:${ip6(r)}->ipv6_src`,
        () => `set_field:${ip6(r)}->ipv6_dst`,
        () => `set_field:${r.below(4)}->ipv6_label`,
        () => 'move:NXM_NX_IPV6_SRC[]->NXM_NX_IPV6_DST[]',
      );
    }
    return r.pick(choices)();
  }
  if (p.l4 === 'tcp' || p.l4 === 'udp' || p.l4 === 'sctp') {
    return r.pick([`set_field:${port(r)}->${p.l4}_src`, `set_field:${port(r)}->${p.l4}_dst`]);
  }
  if (p.l4 === 'nd') return r.pick([`set_field:${ip6(r)}->nd_target`, `set_field:${mac(r)}->nd_sll`]);
  if (p.arp) {
    return r.pick([
      `set_field:${mac(r)}->arp_sha`,
      `set_field:${ip4(r)}->arp_tpa`,
      `load:${r.between(1, 2)}->NXM_OF_ARP_OP[]`,
      'move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[]',
      'move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]',
    ]);
  }
  if (p.mpls) return r.pick([`set_mpls_label:${r.below(20)}`, `set_mpls_tc:${r.below(8)}`, 'dec_mpls_ttl']);
  return undefined;
}

function vlanAction(c: Context): string {
  const { r } = c;
  const vid = r.below(4);
  if (c.version === 'OpenFlow10') {
    const text = r.pick([`mod_vlan_vid:${vid}`, `mod_vlan_pcp:${r.below(8)}`, 'strip_vlan']);
    c.tags = text === 'strip_vlan' ? 0 : 1;
    return text;
  }
  const set = `set_field:${0x1000 + vid}->vlan_vid`;
  if (c.tags > 0 && r.chance(0.3)) {
    c.tags--;
    return 'pop_vlan';
  }
  if (c.tags === 2 || (c.tags === 1 && r.chance(0.4))) return set;
  c.tags++;
  return `push_vlan:0x8100,${set}`;
}

function learnAction({ r, o }: Context): string {
  const kind = r.below(3);
  const what = [
    'NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]',
    'NXM_OF_ETH_SRC[],load:1->NXM_NX_REG0[]',
    'NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:NXM_OF_IN_PORT[]->NXM_NX_REG1[0..15],load:2->NXM_NX_REG0[0..7]',
  ][kind];
  return `learn(table=${o.tables - 1},priority=${r.pick([1, 6]) + kind},${what})`;
}

function action(c: Context): string {
  const { r, o, p } = c;
  if (o.groups && c.table < o.tables - 1 && r.chance(0.25)) return `group:${r.between(1, o.groups)}`;
  if (o.wide && r.chance(0.35)) return moreAction(c, list);
  const roll = r.u32() / 2 ** 32;
  if (roll < 0.32) return outputAction(c);
  if (roll < 0.47 && c.table < o.tables - 1) return goOn(c);
  if (roll < 0.66) return plainSet(c);
  if (roll < 0.8 && !c.changed) return headerSet(c) ?? plainSet(c);
  if (roll < 0.87) return vlanAction(c);
  if (roll < 0.9) return `clone(${list({ ...c, copied: true }, 2)})`;
  if (roll < 0.91 && c.splits) return `check_pkt_larger(${r.pick([60, 64, 100])})->NXM_NX_REG3[0]`;
  if (roll < 0.92) return 'exit';
  if (roll < 0.93 && o.stateful) return learnAction(c);
  if (roll < 0.96 && (p.ip || p.mpls) && !c.changed && c.tags === 0) {
    c.changed = true;
    return p.mpls && r.chance(0.6) ? `pop_mpls:${r.pick(['0x0800', '0x8847'])}` : 'push_mpls:0x8847';
  }
  if (roll < 0.97 && o.hashes) return `multipath(symmetric_l4,${r.below(9)},modulo_n,2,0,NXM_NX_REG1[0..1])`;
  return outputAction(c);
}

function list(c: Context, most: number): string {
  const out: string[] = [];
  for (let n = c.r.between(1, most); n > 0; n--) out.push(action(c));
  return out.join(',');
}

function rule(c0: Pick<Context, 'r' | 'o' | 'version' | 'splits'>, table: number, priority: number): string {
  const { r, o, version, splits } = c0;
  const p = o.wide && version !== 'OpenFlow10' && r.chance(0.1) ? r.pick(WRAPPED) : r.pick(PROTOCOLS);
  const match = p.bare ? [p.words] : [p.words, ...conditions(r, p, table, o.ports)];
  let tags = 0;
  if (!p.bare && r.chance(0.2)) {
    const tci = r.pick(['dl_vlan=0', 'dl_vlan=1', 'dl_vlan=2', 'vlan_tci=0x1000/0x1000', 'vlan_tci=0x0000/0x1fff']);
    match.push(tci);
    if (!tci.endsWith('1fff')) tags = 1;
  }
  const c: Context = { r, o, p, table, version, splits, tags, copied: false, changed: false };
  if (p.bare) return `${headOf(table, priority, match)},actions=${bare(c)}`;
  let actions = r.chance(0.08) ? 'drop' : list(c, 5);
  if ((p.nsh || (p.mpls && o.wide && version !== 'OpenFlow10')) && tags === 0 && r.chance(p.nsh ? 0.5 : 0.2))
    return `${headOf(table, priority, match)},actions=${unwrap(c)}`;
  if (version !== 'OpenFlow10' && actions !== 'drop') {
    if (o.meters && r.chance(0.2)) actions = `meter:${r.between(1, o.meters)},${actions}`;
    if (!splits && o.wide && r.chance(0.2))
      actions += `,${actionSet(r, o, p, Boolean(o.groups) && table < o.tables - 1)}`;
    else if (!splits && r.chance(0.15))
      actions += `,write_actions(${r.pick([`output:${r.between(1, o.ports)}`, `set_field:${mac(r)}->eth_src,output:${r.between(1, o.ports)}`, `set_field:${mac(r)}->eth_dst`])})`;
    if (r.chance(0.15)) actions += `,write_metadata:${hex(r.below(4))}/0x3`;
    if (r.chance(0.35) && table < o.tables - 1) actions += `,goto_table:${table + 1}`;
  }
  return `${headOf(table, priority, match)},actions=${actions}`;
}

function headOf(table: number, priority: number, match: readonly string[]): string {
  return [`table=${table}`, `priority=${priority}`, ...match.filter(Boolean)].join(',');
}

/** Rules of a conjunctive match in a table. */
function conjunction(r: Random, table: number): string[] {
  const id = r.between(1, 3);
  const head = `table=${table},priority=${r.between(0, 9) * 10 + 5}`;
  const n = r.pick([2, 3]);
  const third = (): string[] => [
    `${head},in_port=${r.below(5)},actions=conjunction(${id},3/3)`,
    `${head},dl_src=${mac(r)},actions=conjunction(${id},3/3)`,
  ];
  return [
    `${head},ip,nw_src=${ip4(r)},actions=conjunction(${id},1/${n})`,
    `${head},ip,nw_src=${ipv4Match(r)},actions=conjunction(${id},1/${n})`,
    `${head},dl_dst=${mac(r)},actions=conjunction(${id},2/${n})`,
    `${head},udp,tp_dst=${port(r)},actions=conjunction(${id},2/${n})`,
    ...(n === 3 ? third() : []),
    `${head},conj_id=${id},actions=${r.between(1, 3)}`,
  ];
}

export function randomPipeline(r: Random, o: PipelineOptions): Pipeline {
  const version = r.pick(o.wide ? VERSIONS : VERSIONS.slice(0, 2));
  const splits = version === 'OpenFlow10' || Boolean(o.wide && r.chance(0.4));
  const flows: string[] = [];
  const seen = new Set<string>();
  const add = (flow: string): void => {
    // Two rules of one match and priority replace each other; which match texts are the same is not this file's to know.
    const key = flow.slice(0, flow.indexOf(',actions='));
    if (!seen.has(key)) flows.push(flow);
    seen.add(key);
  };
  for (let table = 0; table < o.tables; table++) {
    // No two of one priority: which of them a packet meets where both match is nobody's promise.
    for (let n = r.between(3, 10); n > 0; n--) add(rule({ r, o, version, splits }, table, n * 10));
    if (r.chance(0.15)) for (const f of conjunction(r, table)) add(f);
    if (r.chance(0.6)) {
      const next = table < o.tables - 1 ? `resubmit(,${table + 1})` : String(r.between(1, o.ports));
      add(`table=${table},priority=0,actions=${next}`);
    }
  }
  return { flows, version };
}
