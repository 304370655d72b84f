/** Text and bytes held against the real ovs-ofctl, over random lists of actions for flows of several kinds. */
import t from 'tap';
import { bytesOf, faultOf, judgeBytes, ofctlMissing, textOf } from '../../test/support/ofctl.js';
import type { FieldRow } from '../flow/field.js';
import { Match } from '../flow/match.js';
import { parseMatch } from '../flow/parse-match.js';
import { matchHasPrereqs } from '../flow/prereqs.js';
import { UserError } from '../lib/errors.js';
import { Random } from '../lib/random.js';
import type { Action } from './action.js';
import { checkActions } from './check.js';
import { decodeInstructions, encodeInstructions } from './instructions.js';
import { formatActions, parseActions } from './list.js';
import { numericCtx } from './ports.js';
import { DEFAULT_TYPES, randomOfActions } from './random.js';
import { Reader, Writer } from './wire.js';

const missing = ofctlMissing();
const LISTS = 700;

interface Scenario {
  readonly name: string;
  readonly match: string;
  readonly versions: readonly number[];
  readonly types?: readonly Action['type'][];
  readonly allows?: (row: FieldRow) => boolean;
}

/** What OpenFlow 1.0 cannot say at all makes the tool refuse the flow. */
const IN_1_0 = DEFAULT_TYPES.filter((type) => type !== 'push_vlan');
/** After these, fields are no longer what the match says. */
const KEEPS_HEADERS = DEFAULT_TYPES.filter((type) => type !== 'push_vlan');
const hasNxm = (row: FieldRow): boolean =>
  row.nxm !== undefined && (row.prereqs === 'none' || row.prereqs === 'ethernet');

const SCENARIOS: readonly Scenario[] = [
  { name: 'any packet', match: '', versions: [3, 4, 5, 6] },
  { name: 'any packet in 1.0', match: '', versions: [1], types: IN_1_0, allows: hasNxm },
  { name: 'TCP', match: 'tcp', versions: [3, 4, 5, 6], types: [...KEEPS_HEADERS, 'dec_ttl', 'fin_timeout'] },
  { name: 'UDP over IPv6', match: 'udp6', versions: [3, 4, 6], types: [...KEEPS_HEADERS, 'dec_ttl'] },
  { name: 'ARP', match: 'arp', versions: [4, 6], types: KEEPS_HEADERS },
  {
    name: 'MPLS',
    match: 'mpls',
    versions: [4, 6],
    types: ['set_mpls_label', 'set_mpls_tc', 'set_mpls_ttl', 'dec_mpls_ttl', 'set_field', 'output'],
  },
];

function encode(actions: readonly Action[], version: number): Uint8Array {
  const w = new Writer(version);
  encodeInstructions(actions, w);
  return w.finish();
}

const hexOf = (b: Uint8Array): string => Buffer.from(b).toString('hex');

/** In 1.0 the tool forgets the mask of a set_field of these and sets all of the field; weft sets what was asked for. */
const FORGETS_MASK = /set_field:[^->]*\/[^>]*->(eth|ip)_(src|dst)\b/;

/** The first differences, or none: an assertion a list would be thousands. */
function differences(flows: readonly string[], match: Match, version: number, real: readonly Uint8Array[]): string[] {
  const out: string[] = [];
  const sent = textOf(flows, version);
  const texts = judgeBytes(version, real, version === 1 ? 'actions' : 'instructions');
  flows.forEach((flow, i) => {
    if (version === 1 && FORGETS_MASK.test(flow)) return;
    const text = /actions=(.*)$/.exec(flow)?.[1] ?? '';
    const mine = encode(checkActions(parseActions(text, numericCtx()), match, { version }), version);
    if (hexOf(mine) !== hexOf(real[i])) out.push(`${flow}\n  ovs  ${hexOf(real[i])}\n  weft ${hexOf(mine)}`);
    const verdict = texts[i];
    let back: readonly Action[];
    try {
      back = decodeInstructions(new Reader(mine, version));
    } catch (e) {
      // In 1.0 there is no room for instructions, and what stands for them may be in an order that is refused.
      if (!(e instanceof UserError) || version !== 1) throw e;
      if (verdict.error === undefined) out.push(`${flow}\n  ovs  ${verdict.text}\n  weft ${e.ofError}`);
      return;
    }
    const isListOnly = version === 1 && verdict.error === 'OFPBIC_UNSUP_INST';
    // Bytes alone are judged as a flow that matches everything; with its match the same tool prints what it sent.
    const isUnmatched = verdict.error === 'OFPBAC_MATCH_INCONSISTENT';
    const said = isUnmatched ? /actions=(.*)$/.exec(sent[i])?.[1] : verdict.text;
    if (!isListOnly && said !== formatActions(back)) {
      out.push(`${flow}\n  ovs  ${said ?? verdict.error}\n  weft ${formatActions(back)}`);
    }
    if (hexOf(encode(back, version)) !== hexOf(mine))
      out.push(`${flow}\n  encoded again ${hexOf(encode(back, version))}`);
  });
  return out.slice(0, 5);
}

t.test('random lists have the bytes and the text of ovs-ofctl', { skip: missing }, async (t) => {
  const seed = 20231;
  t.comment(`seed ${seed}`);
  for (const s of SCENARIOS) {
    const r = new Random(seed);
    const match = s.match === '' ? new Match() : parseMatch(s.match);
    const allows = s.allows ?? ((row: FieldRow) => matchHasPrereqs(row.prereqs, match));
    const flows: string[] = [];
    while (flows.length < LISTS) {
      const actions = randomOfActions(r, { allows, ...(s.types ? { types: s.types } : {}) });
      // Empty lists have no bytes to show to the judge.
      if (encode(actions, s.versions[0]).length > 0)
        flows.push(`${s.match ? `${s.match},` : ''}actions=${formatActions(actions)}`);
    }
    for (const version of s.versions) {
      const real = await bytesOf(flows, version);
      t.equal(real.length, flows.length, `${s.name}: every flow was sent in version ${version}`);
      t.same(differences(flows, match, version, real), [], `${s.name}, version ${version}: the same bytes and text`);
    }
  }
});

const REFUSED = [
  'group:x',
  'group:',
  'push_vlan:zz',
  'push_vlan:0x99',
  'set_queue:1x',
  'enqueue:1',
  'foo',
  'output:foo',
  'set_tunnel:x',
  'learn(foo)',
  'conjunction(1,1/1)',
  'conjunction(1,3/2)',
  'conjunction(1,1/65)',
  'conjunction(x)',
  'conjunction(1,1/2),output:1',
  'note:zz',
  'note:0',
  'goto_table:300',
  'resubmit()',
  'resubmit:p1',
  'resubmit(1,2,3)',
  'resubmit(,foo)',
  'drop,1',
  'goto_table:1,2',
  'goto_table:1,write_metadata:1',
  'goto_table:1,goto_table:2',
  'clone(goto_table:1)',
  'controller(reason=foo)',
  'controller(userdata=zz)',
  'controller(max_len=x)',
  'controller(foo=1)',
  'apply_actions(1)',
  'mod_nw_tos:3',
  'mod_nw_ecn:4',
  'mod_vlan_vid:4096',
  'mod_vlan_pcp:8',
  'mod_tp_src:70000',
  'mod_dl_src:1',
  'mod_nw_src:1.1',
  'output(port=1,max_len=10)',
  'output(port=FLOOD,max_len=100)',
  'set_mpls_label:0x100000',
  'set_mpls_tc:8',
  'set_mpls_label:',
  'set_field:1',
  'set_field:1->',
  'set_field:1->foo',
  'set_field:1->eth_type',
  'set_field:5->eth_src',
  'load:1->foo',
  'load:x->reg0',
  'load:16->reg0[0..3]',
  'load:1->reg0[0..40]',
  'load:1->reg0[5..3]',
  'load:1->reg0[',
  'move:reg0[0..3]->reg1[0..4]',
  'move:reg0[0..3]',
  'push:foo',
  'sample(collector_set_id=1)',
  'sample(probability=0)',
  'sample(foo=1)',
  'fin_timeout(foo=1)',
  'bundle(eth_src,0)',
  'bundle(foo,0,hrw,ofport,members:1)',
  'bundle(eth_src,0,foo,ofport,members:1)',
  'multipath(eth_src,50,modulo_n,1)',
  'multipath(foo,50,modulo_n,1,0,NXM_NX_REG0[])',
  'multipath(eth_src,50,modulo_n,300,0,NXM_NX_REG0[0..7])',
  'multipath(eth_src,50,modulo_n,70000,0,NXM_NX_REG0[])',
  'check_pkt_larger(1500)->reg0[0..1]',
  'ct(force)',
  'ct(table=255)',
  'ct(alg=foo)',
  'ct(nat(src=1.1.1.1,dst=2.2.2.2))',
  'ct(nat(hash))',
  'ct(nat(src=1.1.1.1,hash,random))',
  'ct(foo)',
  'ct(commit,exec(output:1))',
  'ct(commit,exec(load:1->reg0))',
  'load:1->ct_mark',
  'decap(foo)',
  'decap(packet_type(ns=5,type=0))',
  'write_metadata:x',
  'dec_ttl(,)',
];

t.test('what ovs-ofctl refuses is refused in its words', { skip: missing }, (t) => {
  for (const text of REFUSED) {
    let mine = 'accepted';
    try {
      parseActions(text, numericCtx());
    } catch (e) {
      mine = e instanceof UserError ? e.message : String(e);
    }
    t.equal(mine, faultOf(`actions=${text}`), text);
  }
  t.end();
});

/** Forms that random lists do not reach: flows, each with the versions that can say it. */
const FORMS: readonly (readonly [flow: string, ...versions: number[]])[] = [
  ['ip,actions=ct(commit)', 1, 4, 6],
  ['ip,actions=ct(commit,force,table=1,zone=5)', 1, 4],
  ['ip,actions=ct(zone=reg0[0..15])', 1, 4],
  ['ip,actions=ct(zone=NXM_NX_REG3[4..19],table=7)', 4],
  ['tcp,actions=ct(commit,nat(src=1.1.1.1-1.1.1.5:1-5,random),exec(load:1->ct_mark),alg=ftp)', 1, 4, 6],
  ['udp,actions=ct(commit,alg=tftp,exec(set_field:5/0xff->ct_mark,set_field:0x1->ct_label))', 4, 6],
  ['ip,actions=ct(nat),ct_clear,output:1', 1, 4],
  ['ip,actions=ct(commit,nat(dst=10.0.0.1,persistent,hash))', 4],
  ['ip,actions=ct(commit,nat(src))', 4],
  ['ip,actions=ct(commit,nat(src=10.0.0.1-10.0.0.1:80))', 4],
  ['ip6,actions=ct(commit,nat(src=[fd00::1]-[fd00::5]:80-90))', 4],
  ['ip6,actions=ct(commit,nat(dst=fd00::1))', 4],
  ['actions=encap(ethernet)', 4, 6],
  ['actions=encap(nsh)', 4],
  ['actions=encap(nsh(md_type=1))', 4],
  ['actions=encap(nsh(md_type=2,tlv(0x1000,10,0x12345678),tlv(0x2000,1,0x12)))', 4],
  ['actions=encap(mpls),encap(ethernet)', 4],
  ['actions=encap(mpls_mc)', 4],
  ['actions=decap,output:1', 4],
  ['actions=decap(packet_type(ns=1,type=0x800))', 4],
  ['eth_type=0x894f,actions=dec_nsh_ttl', 4],
  ['actions=conjunction(1,1/2),conjunction(2,3/64),note:00.01.02.03.04.05', 1, 4],
  ['actions=meter:5,output:1', 4, 5, 6],
  ['vlan_tci=0x1000/0x1000,actions=strip_vlan', 1, 3, 4],
  ['vlan_tci=0x1000/0x1000,actions=mod_vlan_vid:5,mod_vlan_pcp:3', 1, 3, 4, 6],
  ['vlan_tci=0x1000/0x1000,actions=set_vlan_vid:5,set_vlan_pcp:3', 3, 4, 6],
  ['vlan_tci=0x1000/0x1000,actions=set_field:4101->vlan_vid,set_field:3->vlan_pcp', 3, 4, 6],
  ['vlan_tci=0x1000/0x1000,actions=load:5->OXM_OF_VLAN_VID[]', 3],
  ['actions=push_vlan:0x8100,set_field:4101->vlan_vid', 4, 6],
  ['actions=set_field:0x1005->vlan_tci', 1, 4, 6],
  ['actions=set_field:0->vlan_tci', 1, 4],
  ['actions=mod_vlan_vid:5,mod_vlan_pcp:1', 1, 3, 4, 6],
  ['tcp,actions=mod_tp_src:1,mod_tp_dst:2', 1, 3, 4, 6],
  ['udp,actions=mod_tp_src:1,mod_tp_dst:2', 1, 4],
  ['sctp6,actions=mod_tp_src:1,mod_tp_dst:2', 1, 4],
  ['actions=mod_tp_src:1', 1],
  ['ip,actions=mod_nw_tos:40,mod_nw_ecn:2,mod_nw_ttl:9,set_nw_ttl:10', 1, 3, 4, 6],
  ['ip,actions=set_field:40->nw_tos,set_field:3->ip_dscp,set_field:1->nw_ecn,set_field:1.2.3.4->ip_src', 4, 6],
  ['ip,actions=set_field:1.2.3.0/255.255.255.0->ip_src', 4, 6],
  ['ip6,actions=set_field:fd00::/8->ipv6_src,set_field:0x12->ipv6_label', 4, 6],
  ['arp,actions=set_field:2->arp_op,move:NXM_OF_ETH_SRC[]->NXM_NX_ARP_SHA[],load:0x2->NXM_OF_ARP_OP[]', 1, 4, 6],
  ['icmp6,icmpv6_type=135,icmpv6_code=0,actions=set_field:00:00:00:00:00:01->nd_sll', 4],
  ['actions=load:0x123456789abcdef0123456789abcdef->NXM_NX_XXREG0[]', 1, 4],
  ['actions=set_field:0x123456789abcdef0123456789abcdef->xxreg0', 4, 6],
  ['actions=set_field:LOCAL->in_port,load:0->NXM_OF_IN_PORT[]', 4],
  ['actions=set_field:0x1234->tun_metadata0,set_field:0x12/0xff->tun_metadata1', 4, 6],
  ['actions=set_field:10.0.0.1->tun_dst,set_field:0x5->tun_id,set_field:oam->tun_flags', 4],
  ['actions=output:NXM_NX_REG0[],output:tun_erspan_idx,output:OXM_OF_METADATA[0..31]', 1, 4, 6],
  ['actions=output(port=LOCAL,max_len=100),output(max_len=50,port=1)', 1, 4],
  ['actions=LOCAL,IN_PORT,NORMAL,FLOOD,ALL,CONTROLLER,CONTROLLER:5,TABLE,1', 1, 4],
  ['actions=controller,controller(),controller(max_len=7),controller(reason=no_match)', 1, 4],
  ['actions=resubmit:5,resubmit(5,6),resubmit(,6),resubmit(IN_PORT,3)', 1, 4],
  ['ct_state=+trk-inv,ip,actions=resubmit(,6,ct)', 4],
  ['actions=bundle(nw_dst,1,hrw,ofport,slaves:[1,2,3])', 4],
  ['actions=bundle_load(symmetric_l4,60,hrw,ofport,NXM_NX_REG0[0..15],members:1,2)', 1, 4],
  ['tcp,actions=learn(table=1,NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])', 1, 4],
  ['tcp,actions=learn(eth_type=0x800,nw_proto=6,tcp_dst=tcp_src,ip_src=1.2.3.4,load:reg1->reg2,load:3->reg4)', 1, 4],
  ['actions=learn(in_port=99,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:NXM_OF_IN_PORT[]->NXM_NX_REG1[16..31])', 1, 4],
  ['actions=learn(limit=4096,result_dst=reg0[0],reg5[0..7]=0x12,fin_idle_timeout=2,fin_hard_timeout=3)', 1, 4],
  ['actions=learn(table=10,dl_type=0x800,metadata=5,cookie=0x12,delete_learned,send_flow_rem)', 1, 4],
  [
    'actions=write_actions(set_field:00:00:00:00:00:01->eth_src,output:1),write_metadata:0x1/0xff,goto_table:5',
    3,
    4,
    6,
  ],
  ['actions=clear_actions,write_actions(group:5),goto_table:9', 3, 4, 6],
  ['actions=drop', 1, 4, 6],
  ['actions=enqueue:1:5,enqueue(2,6),set_queue:3,pop_queue', 1, 4],
  ['actions=clone(clone(output:1,clone(drop)),push:reg0,pop:reg1[0..3]),exit', 1, 4],
  ['mpls,actions=pop_mpls:0x0800,dec_ttl', 1, 4],
  ['ip,actions=push_mpls:0x8847,set_mpls_label:10,set_mpls_tc:3,set_mpls_ttl:4,dec_mpls_ttl', 1, 3, 4, 6],
];

t.test('every form has the text and the bytes of ovs-ofctl', { skip: missing }, async (t) => {
  for (const version of [1, 3, 4, 5, 6]) {
    const flows = FORMS.filter(([, ...versions]) => versions.includes(version)).map(([flow]) => flow);
    const real = await bytesOf(flows, version);
    const said = textOf(flows, version);
    flows.forEach((flow, i) => {
      const [matchText, text] = flow.split(/,?actions=/);
      const match = matchText === '' ? new Match() : parseMatch(matchText);
      let mine = '';
      let back = '';
      try {
        const bytes = encode(checkActions(parseActions(text, numericCtx()), match, { version, table: 0 }), version);
        mine = hexOf(bytes);
        back = formatActions(decodeInstructions(new Reader(bytes, version)));
      } catch (e) {
        back = String(e);
      }
      t.equal(mine, hexOf(real[i]), `${flow}, bytes in version ${version}`);
      t.equal(back, /actions=(.*)$/.exec(said[i])?.[1], `${flow}, text in version ${version}`);
    });
  }
});

/** Flips, zeroes and overwrites bytes. */
function spoil(r: Random, bytes: Uint8Array): void {
  for (let k = r.between(1, 3); k > 0; k--) {
    const at = r.below(bytes.length);
    const how = r.below(4);
    if (how === 0) bytes[at] ^= 1 << r.below(8);
    else if (how === 1) bytes[at] = r.below(256);
    else if (how === 2) bytes[at] = 0;
    else bytes[at | 1] = r.below(64);
  }
}

t.test('what weft accepts of spoilt bytes, OVS accepts and reads the same', { skip: missing }, (t) => {
  for (const version of [1, 4, 6]) {
    const r = new Random(77 + version);
    const lists: Uint8Array[] = [];
    while (lists.length < 3000) {
      const bytes = encode(
        randomOfActions(r, { length: 3, ...(version === 1 ? { types: IN_1_0, allows: hasNxm } : {}) }),
        version,
      );
      if (bytes.length === 0) continue;
      spoil(r, bytes);
      lists.push(bytes);
    }
    const verdicts = judgeBytes(version, lists, 'instructions');
    const wrong: string[] = [];
    let sameFault = 0;
    let faults = 0;
    lists.forEach((bytes, i) => {
      let said: string | undefined;
      let fault: string | undefined;
      try {
        const actions = checkActions(decodeInstructions(new Reader(bytes, version)), new Match(), {
          version,
          table: 0,
        });
        said = formatActions(actions);
      } catch (e) {
        if (!(e instanceof UserError) || !e.ofError) throw e;
        fault = e.ofError;
      }
      if (fault !== undefined) faults++;
      if (fault !== undefined && fault === verdicts[i].error) sameFault++;
      if (said !== undefined && said !== verdicts[i].text)
        wrong.push(`${hexOf(bytes)}: ovs ${verdicts[i].text ?? verdicts[i].error}, weft ${said}`);
    });
    t.same(wrong.slice(0, 3), [], `version ${version}: nothing is accepted that OVS reads otherwise`);
    t.ok(sameFault > faults * 0.95, `version ${version}: of ${faults} refusals, ${sameFault} with the same error`);
  }
  t.end();
});
