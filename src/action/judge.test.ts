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
