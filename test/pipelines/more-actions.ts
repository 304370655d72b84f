/**
 * Actions that few pipelines have, for random ones: hashes, the stack, labels, copies, learning with its options, packets to controllers, notes. All
 * are legal where `Context` says that they are.
 */
import type { Random } from '../../src/lib/random.js';
import type { Context } from './random-pipeline.js';

const HASHES = ['eth_src', 'symmetric_l4', 'symmetric_l3l4', 'symmetric_l3l4+udp', 'nw_src', 'nw_dst', 'symmetric_l3'];
const MULTIPATH = ['modulo_n', 'hash_threshold', 'hrw', 'iter_hash'];

const hex = (n: number): string => `0x${n.toString(16)}`;

function multipath({ r, o }: Context): string {
  const few = r.chance(0.7);
  const links = few ? r.between(1, 4) : r.between(1, 300);
  const dst = few ? `NXM_NX_REG${r.below(4)}[0..1]` : `NXM_NX_REG${r.below(4)}[0..15]`;
  const arg = r.pick([0, links, links + 1, 2 * links, 1000]);
  const basis = r.pick([0, 1, 50, 65535]);
  const out = few ? '' : `,output:${dst}`;
  return `multipath(${r.pick(HASHES)},${basis},${r.pick(MULTIPATH)},${links},${arg},${dst})${out || (r.chance(0.5) ? `,resubmit(,${o.tables - 1})` : '')}`;
}

function bundle({ r, o }: Context): string {
  const members = Array.from({ length: r.between(1, 6) }, () => r.between(1, o.ports + 1)).join(',');
  const head = `${r.pick(HASHES)},${r.below(100)},${r.pick(['active_backup', 'hrw', 'hrw'])},ofport`;
  if (r.chance(0.5)) return `bundle(${head},members:${members})`;
  const dst = `NXM_NX_REG${r.below(4)}[${r.pick(['', '0..15', '8..23'])}]`;
  return `bundle_load(${head},${dst},members:${members}),output:${dst}`;
}

/** Subfields that every packet has, by width. */
const ANY: readonly (readonly [name: string, bits: number])[] = [
  ['NXM_NX_REG0', 32],
  ['NXM_NX_REG3', 32],
  ['OXM_OF_PKT_REG1', 64],
  ['NXM_NX_XXREG1', 128],
  ['OXM_OF_METADATA', 64],
  ['NXM_OF_ETH_SRC', 48],
  ['NXM_OF_ETH_DST', 48],
  ['NXM_NX_PKT_MARK', 32],
  ['NXM_NX_TUN_ID', 64],
];

function subfields({ p, changed }: Context): readonly (readonly [string, number])[] {
  if (changed) return ANY;
  const out = [...ANY];
  if (p.ip === 4) out.push(['NXM_OF_IP_SRC', 32], ['NXM_OF_IP_DST', 32], ['NXM_NX_IP_TTL', 8]);
  if (p.ip === 6) out.push(['NXM_NX_IPV6_SRC', 128], ['NXM_NX_IPV6_DST', 128], ['NXM_NX_IP_TTL', 8]);
  if (p.l4 === 'tcp') out.push(['NXM_OF_TCP_SRC', 16], ['NXM_OF_TCP_DST', 16]);
  if (p.l4 === 'udp') out.push(['NXM_OF_UDP_SRC', 16], ['NXM_OF_UDP_DST', 16]);
  if (p.l4 === 'nd') out.push(['NXM_NX_ND_TARGET', 128], ['NXM_NX_ND_SLL', 48]);
  if (p.arp) out.push(['NXM_NX_ARP_SHA', 48], ['NXM_OF_ARP_TPA', 32]);
  return out;
}

function part(r: Random, [name, bits]: readonly [string, number]): string {
  if (r.chance(0.4)) return `${name}[]`;
  const from = r.below(bits);
  return `${name}[${from}..${r.between(from, bits - 1)}]`;
}

/** The stack, with values that are cut or grow on their way, and now and then nothing there to pop. */
function stack(c: Context): string {
  const { r } = c;
  const fields = subfields(c);
  const push = (): string => `push:${part(r, r.pick(fields))}`;
  const pop = (): string => `pop:${part(r, r.pick(fields))}`;
  return r.pick([() => `${push()},${pop()}`, () => `${push()},${push()},${pop()},${pop()}`, pop, push])();
}

/** Bits from one place to another, of one width. */
function move(c: Context): string {
  const { r } = c;
  const fields = subfields(c);
  const [from, to] = [r.pick(fields), r.pick(fields)];
  const bits = r.between(1, Math.min(from[1], to[1]));
  const place = ([name, width]: readonly [string, number]): string => {
    const at = r.below(width - bits + 1);
    return `${name}[${at}..${at + bits - 1}]`;
  };
  return `move:${place(from)}->${place(to)}`;
}

/** Several labels on, changed, and some of them off again: what is under the last one is looked at in a later pass. */
function labels(c: Context): string {
  const { r, p } = c;
  const out: string[] = [];
  // What a key has room for is three; a packet may bring one or two.
  let n = p.mpls ? 1 : 0;
  for (let steps = r.between(1, 4); steps > 0; steps--) {
    if (n === 0 || (n < 2 && r.chance(0.4))) {
      out.push(`push_mpls:${r.pick(['0x8847', '0x8847', '0x8848'])}`);
      n++;
    } else if (r.chance(0.4)) {
      out.push(
        r.pick([`set_mpls_label:${r.below(40)}`, `set_mpls_tc:${r.below(8)}`, `set_mpls_ttl:${r.between(1, 255)}`]),
      );
    } else if (r.chance(0.3)) out.push('dec_mpls_ttl');
    else if (n > 1) {
      out.push('pop_mpls:0x8847');
      n--;
    } else {
      out.push(`pop_mpls:${p.ip === 6 ? '0x86dd' : '0x0800'}`);
      break;
    }
  }
  c.changed = true;
  return out.join(',');
}

/**
 * To three ports: one of them is neither that of arrival nor down. OVS forgets to take back an `encap` of a copy that nothing sent, and its next output
 * ends it by an assertion (push_eth on a packet that is Ethernet).
 */
function sendWrapped({ r, o }: Context): string {
  const first = r.between(1, o.ports);
  return [0, 1, 2].map((i) => `output:${((first + i) % o.ports) + 1}`).join(',');
}

/** A copy in NSH, or under labels of its own. */
function wrapped(c: Context): string {
  const { r } = c;
  if (r.chance(0.3)) {
    const label = (): string => {
      const value = r.pick([
        `set_field:${r.below(40)}->mpls_label`,
        `set_field:${r.below(8)}->mpls_tc`,
        'dec_mpls_ttl',
      ]);
      return `encap(${r.pick(['mpls', 'mpls', 'mpls_mc'])})${r.chance(0.7) ? `,${value}` : ''}`;
    };
    const labels = Array.from({ length: r.pick([1, 1, 2]) }, label).join(',');
    return `clone(${labels},encap(ethernet),mod_dl_dst:02:00:00:00:00:0${r.below(8)},${sendWrapped(c)})`;
  }
  const md2 = `md_type=2,tlv(0x${r.below(65536).toString(16)},${r.below(128)},0x${'ab'.repeat(r.between(1, 9))})`;
  const out = [`encap(nsh(${r.chance(0.7) ? 'md_type=1' : md2}))`];
  if (r.chance(0.6)) out.push(`set_field:${hex(r.below(0x1000000))}->nsh_spi`);
  if (r.chance(0.4)) out.push(`set_field:${r.below(256)}->nsh_si`);
  if (r.chance(0.2)) out.push('dec_nsh_ttl');
  if (r.chance(0.1)) out.push('encap(nsh(md_type=1))');
  out.push('encap(ethernet)', `mod_dl_dst:02:00:00:00:00:0${r.below(8)}`, sendWrapped(c));
  return `clone(${out.join(',')})`;
}

/** What NSH carries, as far as it is a packet. No port takes what is not Ethernet. */
export function unwrap(c: Context): string {
  const { r, o } = c;
  if (c.p.mpls)
    return r.pick([
      `decap(),decap(packet_type(ns=1,type=0x800)),resubmit(,${o.tables - 1})`,
      `decap(),resubmit(,${o.tables - 1})`,
      `decap(),encap(${r.pick(['mpls', 'mpls_mc'])}),encap(ethernet),${sendWrapped(c)}`,
    ]);
  const ttl = r.chance(0.3) ? 'dec_nsh_ttl,' : '';
  return r.pick([
    `${ttl}decap(),decap(),resubmit(,${o.tables - 1})`,
    `${ttl}decap(),decap(),output:${r.between(1, o.ports)}`,
    `${ttl}set_field:${r.below(256)}->nsh_si,output:${r.between(1, o.ports)}`,
    `decap(),${ttl}encap(ethernet),mod_dl_src:02:00:00:00:00:07,${sendWrapped(c)}`,
    `decap(),output:${r.between(1, o.ports)}`,
  ]);
}

/** Of a packet that is not Ethernet, which an earlier table unwrapped. */
export function bare(c: Context): string {
  const { r, o } = c;
  return r.pick([
    () => `encap(ethernet),mod_dl_dst:02:00:00:00:00:0${r.below(8)},${sendWrapped(c)}`,
    () => `clone(encap(ethernet),mod_dl_dst:02:00:00:00:00:0${r.below(8)},${sendWrapped(c)}),load:1->NXM_NX_REG1[]`,
    () => `encap(mpls),set_field:${r.below(40)}->mpls_label,encap(ethernet),${sendWrapped(c)}`,
    () => `output:${r.between(1, o.ports)}`,
    () => 'drop',
  ])();
}

function learn(c: Context): string {
  const { r, o } = c;
  const kind = r.below(4);
  // A priority of its own: which of two rules of one priority a packet meets is nobody's promise.
  const head = [`table=${o.tables - 1}`, `priority=${r.pick([11, 21]) + kind}`];
  if (r.chance(0.3)) head.push(`idle_timeout=${r.between(10, 60)}`);
  if (r.chance(0.5)) head.push(`cookie=${hex(r.between(1, 3))}`);
  // In a clone it means nothing to OVS.
  if (!c.copied && r.chance(0.3)) head.push('delete_learned');
  if (r.chance(0.3)) head.push(`limit=${r.between(1, 3)}`, `result_dst=NXM_NX_REG${r.below(4)}[${r.below(3)}]`);
  const what = [
    'NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]',
    'NXM_OF_ETH_SRC[0..7],NXM_OF_IN_PORT[],load:NXM_OF_IN_PORT[]->NXM_OF_ETH_DST[0..15],output:OXM_OF_IN_PORT[]',
    `NXM_NX_REG1[0..3]=${r.below(3)},load:NXM_NX_REG0[]->NXM_NX_REG2[],load:${r.below(9)}->NXM_NX_REG1[4..9]`,
    `NXM_OF_ETH_SRC[],output:NXM_NX_REG${r.below(4)}[]`,
  ][kind];
  return `learn(${head.join(',')},${what})`;
}

function toController({ r }: Context): string {
  return r.pick([
    'CONTROLLER',
    `CONTROLLER:${r.below(200)}`,
    `controller(max_len=${r.below(100)},id=${r.below(3)})`,
    `controller(reason=${r.pick(['action', 'no_match', 'invalid_ttl'])},userdata=0${r.below(9)}.02)`,
  ]);
}

/** Never the last: where after a pop_mpls only notes are left for the next pass, OVS begins again in table 0. */
function note({ r }: Context): string {
  return `note:0${r.below(9)}.ff,load:${r.below(3)}->NXM_NX_REG${r.below(4)}[]`;
}

function vlans(c: Context): string {
  const { r } = c;
  if (c.version === 'OpenFlow10') return note(c);
  if (c.tags > 0) {
    c.tags--;
    return 'pop_vlan';
  }
  c.tags = 1;
  const tag = (): string =>
    `push_vlan:${r.pick(['0x8100', '0x88a8'])},set_field:${0x1000 + r.below(4)}->vlan_vid${r.chance(0.5) ? `,set_field:${r.below(8)}->vlan_pcp` : ''}`;
  return r.chance(0.3) ? `${tag()},${tag()},pop_vlan` : tag();
}

/** An action of these; `nested` makes a list of actions of any kind. */
export function moreAction(c: Context, nested: (c: Context, most: number) => string): string {
  const { r, o, p, version } = c;
  const choices: (() => string)[] = [
    () => multipath(c),
    () => bundle(c),
    () => move(c),
    () => note(c),
    () => toController(c),
    () => `enqueue:${r.between(1, o.ports)}:${r.below(3)}`,
    () => `sample(probability=65535,collector_set_id=${r.below(3)},obs_domain_id=1,obs_point_id=2)`,
    () => `clone(${nested({ ...c, copied: true }, 3)}),${nested(c, 2)}`,
    () => `output:NXM_NX_REG${r.below(4)}[${r.pick(['0..1', '0..15', '4..7', ''])}]`,
    () => vlans(c),
  ];
  if (c.splits)
    choices.push(() => `check_pkt_larger(${r.pick([60, 64, 80, 100])})->NXM_NX_REG${r.below(4)}[${r.below(3)}]`);
  else
    choices.push(
      () => stack(c),
      () => stack(c),
    );
  if (p.ip && !c.changed) choices.push(() => `dec_ttl(${r.below(3)},${r.below(3)})`);
  if (p.l4 === 'tcp' && !c.changed) choices.push(() => `fin_timeout(idle_timeout=${r.between(5, 9)})`);
  if (o.stateful) choices.push(() => learn(c));
  if (o.cuts) {
    const cut = (): string => `output(port=${r.between(1, o.ports)},max_len=${r.between(14, 90)})`;
    choices.push(
      () => `clone(${cut()}),${cut()}`,
      () => `clone(${nested({ ...c, copied: true }, 2)},${cut()})`,
    );
  }
  if ((p.ip || p.mpls) && !c.changed && c.tags === 0)
    choices.push(
      () => labels(c),
      () => labels(c),
    );
  if (version !== 'OpenFlow10' && c.tags === 0 && !p.mpls && !c.changed) choices.push(() => wrapped(c));
  if (version !== 'OpenFlow10') choices.push(() => `set_field:${r.below(4)}->reg${r.below(4)}`);
  return r.pick(choices)();
}

/** Write_actions and clear_actions: what ends up in an action set, in whatever order it is written. */
export function actionSet(r: Random, o: Context['o'], p: Context['p'], groups: boolean): string {
  const set: string[] = [];
  const maybe = (chance: number, text: string): void => {
    if (r.chance(chance)) set.push(text);
  };
  maybe(0.6, `output:${r.between(1, o.ports)}`);
  maybe(0.3, `set_field:02:00:00:00:00:0${r.below(8)}->eth_src`);
  maybe(0.3, `set_field:02:00:00:00:00:0${r.below(8)}->eth_dst`);
  maybe(0.2, `set_queue:${r.below(3)}`);
  maybe(0.15, `load:${r.below(4)}->NXM_OF_ETH_DST[0..7]`);
  maybe(0.15, 'move:NXM_OF_ETH_SRC[0..7]->NXM_OF_ETH_DST[0..7]');
  if (p.ip) maybe(0.3, 'dec_ttl');
  if (groups) maybe(0.2, `group:${r.between(1, o.groups ?? 1)}`);
  for (let i = set.length - 1; i > 0; i--) {
    const j = r.below(i + 1);
    [set[i], set[j]] = [set[j], set[i]];
  }
  return `write_actions(${set.join(',')})`;
}
