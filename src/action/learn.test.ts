import t from 'tap';
import type { Subfield } from '../flow/field.js';
import { field, markBits, readBits, writeField } from '../flow/fields.js';
import { formatMatch } from '../flow/format-match.js';
import { newKey } from '../flow/key.js';
import { parseMatch } from '../flow/parse-match.js';
import type { LearnSpec } from './action.js';
import { learnFlow, learnFlowFromKey } from './learn.js';
import { formatActions, parseActions } from './list.js';
import { numericCtx } from './ports.js';

function specOf(text: string): LearnSpec {
  const [a] = parseActions(text, numericCtx());
  if (a.type !== 'learn') throw new Error(text);
  return a.spec;
}

/** A packet as a key: an exact match gives its values. */
function keyOf(text: string): Uint8Array {
  return parseMatch(text).value;
}

/** The action, the packet, and the flow that comes of them. */
const TABLE: readonly (readonly [learn: string, packet: string, match: string, actions: string])[] = [
  [
    'learn(table=1,NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])',
    'in_port=3,dl_vlan=7,dl_src=02:00:00:00:00:01',
    'vlan_tci=0x0007/0x0fff,dl_dst=02:00:00:00:00:01',
    'output:3',
  ],
  [
    'learn(in_port=99,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:NXM_OF_IN_PORT[]->NXM_NX_REG1[16..31])',
    'in_port=5,dl_src=02:00:00:00:00:02',
    'in_port=99,dl_dst=02:00:00:00:00:02',
    'load:0x5->NXM_NX_REG1[16..31]',
  ],
  [
    'learn(eth_type=0x800,nw_proto=6,ip_src=ip_dst,tcp_dst=tcp_src,load:7->reg4)',
    'tcp,nw_dst=10.0.0.1,tp_src=1234',
    'tcp,nw_src=10.0.0.1,tp_dst=1234',
    'load:0x7->NXM_NX_REG4[]',
  ],
  [
    'learn(reg5[0..7]=0x12,fin_idle_timeout=2,fin_hard_timeout=3)',
    '',
    'reg5=0x12/0xff',
    'fin_timeout(idle_timeout=2,hard_timeout=3)',
  ],
  ['learn(metadata=5,output:reg0)', 'reg0=0xfffe', 'metadata=0x5', 'LOCAL'],
  ['learn(metadata=5,output:reg0)', 'reg0=0xfffffffb', 'metadata=0x5', 'FLOOD'],
  // CONTROLLER, NONE, and what is no port cannot be learned.
  ['learn(metadata=5,output:reg0)', 'reg0=0xfffd', 'metadata=0x5', 'drop'],
  ['learn(metadata=5,output:reg0)', 'reg0=0x12345', 'metadata=0x5', 'drop'],
];

t.test('flows learned from packets', (t) => {
  for (const [learn, packet, match, actions] of TABLE) {
    const flow = learnFlowFromKey(specOf(learn), packet === '' ? newKey() : keyOf(packet));
    t.equal(formatMatch(flow.match), formatMatch(parseMatch(match)), `${learn}: match`);
    t.equal(formatActions(flow.actions), actions, `${learn}: actions`);
  }
  t.end();
});

t.test('properties of the flow', (t) => {
  const spec = specOf('learn(table=9,priority=7,idle_timeout=1,hard_timeout=2,cookie=0x5,limit=3,send_flow_rem)');
  t.match(learnFlowFromKey(spec, newKey()), {
    table: 9,
    priority: 7,
    idleTimeout: 1,
    hardTimeout: 2,
    cookie: 5n,
    limit: 3,
    sendFlowRem: true,
  });
  t.end();
});

t.test('every bit that the flow depends on is read, so that it gets into the megaflow mask', (t) => {
  const spec = specOf('learn(NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],reg1=5,load:reg2[4..7]->reg3[0..3],output:in_port)');
  const key = newKey();
  writeField(key, field('in_port'), 3n);
  const mask = newKey();
  const read = (f: Subfield): bigint => {
    markBits(mask, f);
    return readBits(key, f);
  };
  learnFlow(spec, read);
  const want = newKey();
  markBits(want, { field: field('eth_src'), ofs: 0, bits: 48 });
  markBits(want, { field: field('reg2'), ofs: 4, bits: 4 });
  markBits(want, { field: field('in_port'), ofs: 0, bits: 16 });
  t.same(mask, want);
  t.end();
});
