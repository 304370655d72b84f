/** Translation: what each action asks of the walk. The walk here keeps a flow and writes down the rest. */
import t from 'tap';
import type { ConstantWrite } from '../flow/constant.js';
import type { Subfield } from '../flow/field.js';
import { copyBits, readBits, writeBits } from '../flow/fields.js';
import { formatMatch } from '../flow/format-match.js';
import { newKey } from '../flow/key.js';
import { Match } from '../flow/match.js';
import { parseMatch } from '../flow/parse-match.js';
import { checkPrereqs } from '../flow/prereqs.js';
import { K } from '../packet/key.js';
import type { Action, LearnSpec } from './action.js';
import type { Translator } from './context.js';
import { formatActions, parseActions, translateActions } from './list.js';
import { formatPort, numericCtx } from './ports.js';

class Recorder implements Translator {
  readonly log: string[] = [];
  stopped = false;
  ttl = 64;
  hash = 0;
  readonly up = new Set<number>();
  private readonly stack: bigint[] = [];

  constructor(readonly key: Uint8Array) {}

  read(f: Subfield): bigint {
    return readBits(this.key, f);
  }
  peek(f: Subfield): bigint {
    return readBits(this.key, f);
  }
  write(f: Subfield, value: bigint, mask: bigint): void {
    writeBits(this.key, f, value, mask);
  }
  writeConstant(c: ConstantWrite): void {
    c.apply(this.key, newKey());
  }
  move(src: Subfield, dst: Subfield): void {
    copyBits(this.key, src, this.key, dst);
  }
  prerequisitesHold(f: Subfield): boolean {
    return checkPrereqs(f.field.prereqs, this.key);
  }
  output(port: number, maxLen: number): void {
    this.log.push(`output ${formatPort(port)}${maxLen ? ` ${maxLen}` : ''}`);
  }
  outputTrunc(port: number, maxLen: number): void {
    this.log.push(`trunc ${port} ${maxLen}`);
  }
  controller(a: Extract<Action, { type: 'controller' }>): void {
    this.log.push(`controller ${a.controllerId}`);
  }
  group(id: number): void {
    this.log.push(`group ${id}`);
  }
  resubmit(port: number, table: number): void {
    this.log.push(`resubmit ${formatPort(port)} ${table}`);
  }
  gotoTable(table: number): void {
    this.log.push(`goto ${table}`);
  }
  learn(spec: LearnSpec): void {
    this.log.push(`learn ${spec.table}`);
  }
  pushVlan(ethType: number): void {
    this.log.push(`push_vlan ${ethType.toString(16)}`);
    this.key[K.vlanTci.offset] = 0x10;
  }
  popVlan(): void {
    this.log.push('pop_vlan');
  }
  hasVlan(): boolean {
    return (this.key[K.vlanTci.offset] & 0x10) !== 0;
  }
  pushMpls(ethType: number): void {
    this.log.push(`push_mpls ${ethType.toString(16)}`);
  }
  popMpls(ethType: number): void {
    this.log.push(`pop_mpls ${ethType.toString(16)}`);
  }
  decTtl(ids: readonly number[]): boolean {
    this.log.push(`dec_ttl ${ids}`);
    return --this.ttl > 0;
  }
  decMplsTtl(): boolean {
    this.log.push('dec_mpls_ttl');
    return --this.ttl > 0;
  }
  stackPush(value: bigint): void {
    this.stack.push(value);
  }
  stackPop(): bigint | undefined {
    return this.stack.pop();
  }
  setQueue(queue: number): void {
    this.log.push(`queue ${queue}`);
  }
  enqueue(port: number, queue: number): void {
    this.log.push(`enqueue ${formatPort(port)} ${queue}`);
  }
  popQueue(): void {
    this.log.push('pop_queue');
  }
  finTimeout(idle: number, hard: number): void {
    this.log.push(`fin ${idle} ${hard}`);
  }
  clone(actions: readonly Action[]): void {
    this.log.push('clone');
    translateActions(actions, this);
    this.log.push('end');
  }
  checkPktLarger(length: number): void {
    this.log.push(`larger ${length}`);
  }
  sample(a: Extract<Action, { type: 'sample' }>): void {
    this.log.push(`sample ${a.probability}`);
  }
  meter(id: number): void {
    this.log.push(`meter ${id}`);
  }
  hashFields(fields: string, basis: number): number {
    this.log.push(`hash ${fields} ${basis}`);
    return this.hash;
  }
  portIsUp(port: number): boolean {
    return this.up.has(port);
  }
  actionSetClear(): void {
    this.log.push('set clear');
  }
  actionSetWrite(actions: readonly Action[]): void {
    this.log.push(`set ${formatActions(actions)}`);
  }
  encap(a: Extract<Action, { type: 'encap' }>): boolean {
    this.log.push(`encap ${a.packetType.toString(16)}`);
    return true;
  }
  decap(): boolean {
    this.log.push('decap');
    return true;
  }
  decNshTtl(): boolean {
    this.log.push('dec_nsh_ttl');
    return this.ttl-- > 1;
  }
  exit(): void {
    this.stopped = true;
  }
  fail(reason: string): void {
    this.log.push(`fail ${reason}`);
    this.stopped = true;
  }
  note(): void {}
}

function walk(packet: string, actions: string, prepare?: (x: Recorder) => void): Recorder {
  const x = new Recorder(packet === '' ? new Match().value : parseMatch(packet).value);
  prepare?.(x);
  translateActions(parseActions(actions, numericCtx()), x);
  return x;
}

const CALLS: readonly (readonly [packet: string, actions: string, ...log: string[]])[] = [
  ['', '1,LOCAL,NORMAL,CONTROLLER:5', 'output 1', 'output LOCAL', 'output NORMAL', 'output CONTROLLER 5'],
  ['reg0=5', 'output:reg0', 'output 5 65535'],
  ['reg0=0xfffb', 'output:reg0', 'output FLOOD 65535'],
  ['reg0=0x12345', 'output:reg0'],
  ['', 'output(port=2,max_len=20)', 'trunc 2 20'],
  ['', 'enqueue:1:2', 'enqueue 1 2'],
  ['', 'controller(id=4),group:5', 'controller 4', 'group 5'],
  ['', 'resubmit(,3),resubmit(4,5)', 'resubmit IN_PORT 3', 'resubmit 4 5'],
  ['', '1,exit,2', 'output 1'],
  ['', 'clone(1,exit,2),3', 'clone', 'output 1', 'end'],
  ['', 'dec_ttl,1', 'dec_ttl 0', 'output 1'],
  ['', 'dec_ttl(3,4)', 'dec_ttl 3,4'],
  ['', 'push_vlan:0x88a8,strip_vlan', 'push_vlan 88a8', 'pop_vlan'],
  ['', 'mod_vlan_vid:5', 'push_vlan 8100'],
  ['dl_vlan=3', 'mod_vlan_vid:5'],
  ['', 'set_vlan_vid:5'],
  ['', 'push_mpls:0x8847,pop_mpls:0x0800', 'push_mpls 8847', 'pop_mpls 800'],
  ['', 'learn(table=4,metadata=1)', 'learn 4'],
  [
    '',
    'meter:1,2,clear_actions,write_actions(3),goto_table:4',
    'meter 1',
    'output 2',
    'set clear',
    'set output:3',
    'goto 4',
  ],
  [
    '',
    'sample(probability=7),fin_timeout(idle_timeout=1),note:00,set_queue:4,pop_queue',
    'sample 7',
    'fin 1 0',
    'queue 4',
    'pop_queue',
  ],
  ['', 'check_pkt_larger(100)->reg0[0]', 'larger 100'],
  ['', 'conjunction(1,1/2)'],
];

t.test('what actions ask of the walk', (t) => {
  for (const [packet, actions, ...log] of CALLS)
    t.same(walk(packet, actions).log, log, `${packet || 'any'}: ${actions}`);
  t.end();
});

/** The flow before, the actions, and a match that the flow after must meet. */
const WRITES: readonly (readonly [packet: string, actions: string, after: string])[] = [
  ['', 'load:5->reg0[4..7]', 'reg0=0x50'],
  ['reg0=0xffffffff', 'set_field:0/0xff0->reg0', 'reg0=0xfffff00f'],
  ['reg0=0x1234', 'move:reg0[4..11]->reg1[0..7]', 'reg1=0x23'],
  [
    '',
    'mod_dl_src:02:00:00:00:00:01,mod_dl_dst:02:00:00:00:00:02',
    'dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02',
  ],
  ['ip', 'mod_nw_src:1.2.3.4,mod_nw_dst:5.6.7.8', 'ip,nw_src=1.2.3.4,nw_dst=5.6.7.8'],
  ['arp,arp_spa=9.9.9.9', 'mod_nw_src:1.2.3.4', 'arp,arp_spa=9.9.9.9'],
  ['ip,nw_tos=4,nw_ecn=3', 'mod_nw_tos:40', 'ip,nw_tos=40,nw_ecn=3'],
  ['ip,nw_tos=4', 'mod_nw_ecn:2,mod_nw_ttl:9', 'ip,nw_tos=4,nw_ecn=2,nw_ttl=9'],
  ['udp', 'mod_tp_src:1,mod_tp_dst:2', 'udp,tp_src=1,tp_dst=2'],
  ['sctp6', 'mod_tp_dst:7', 'sctp6,tp_dst=7'],
  ['icmp', 'mod_tp_src:8', 'icmp,icmp_type=8'],
  ['tcp,ip_frag=later', 'mod_tp_src:8', 'ip,nw_proto=6,ip_frag=later'],
  ['dl_vlan=3,dl_vlan_pcp=2', 'mod_vlan_vid:5', 'dl_vlan=5,dl_vlan_pcp=2'],
  ['', 'mod_vlan_pcp:5', 'dl_vlan=0,dl_vlan_pcp=5'],
  ['dl_vlan=3', 'set_field:4101->vlan_vid', 'dl_vlan=5'],
  ['mpls', 'set_mpls_label:10,set_mpls_tc:3,set_mpls_ttl:4', 'mpls,mpls_label=10,mpls_tc=3,mpls_ttl=4'],
  ['', 'set_mpls_label:10', ''],
  ['', 'set_tunnel:0x123456789', 'tun_id=0x123456789'],
  ['metadata=0xff', 'write_metadata:0x5/0xf', 'metadata=0xf5'],
  ['reg0=0xabcd', 'push:reg0[0..15],push:reg0[8..15],pop:reg1[0..7],pop:reg2[0..7]', 'reg1=0xab,reg2=0xcd'],
  ['reg1=7', 'pop:reg1', 'reg1=7'],
  ['arp', 'move:NXM_OF_IP_SRC[]->NXM_NX_REG0[]', 'reg0=0'],
];

t.test('what actions write', (t) => {
  for (const [packet, actions, after] of WRITES) {
    const x = walk(packet, actions);
    const want = after === '' ? new Match() : parseMatch(after);
    const got = want.clone();
    for (let i = 0; i < got.value.length; i++) got.value[i] = x.key[i] & want.mask[i];
    t.equal(formatMatch(got), formatMatch(want), `${packet || 'any'}: ${actions}`);
  }
  t.end();
});

t.test('a TTL that runs out ends its list, and not the ones around it', (t) => {
  const once = (x: Recorder): void => {
    x.ttl = 1;
  };
  t.same(walk('', '1,dec_ttl,2', once).log, ['output 1', 'dec_ttl 0']);
  t.same(walk('', 'clone(dec_ttl,2),3', once).log, ['clone', 'dec_ttl 0', 'end', 'output 3']);
  t.same(walk('', 'dec_mpls_ttl,2', once).log, ['dec_mpls_ttl']);
  t.end();
});

t.test('what the pipeline cannot do stops the walk with a reason', (t) => {
  for (const [actions, log] of [
    ['ct(commit)', ['fail action_error']],
    ['ct_clear', ['output 1']],
  ] as const) {
    t.same(walk('ip', `${actions},1`).log, log, actions);
  }
  t.end();
});

t.test('bundle chooses a port that is up', (t) => {
  const up =
    (...ports: number[]) =>
    (x: Recorder): void => {
      for (const p of ports) x.up.add(p);
    };
  t.same(walk('', 'bundle(eth_src,0,active_backup,ofport,members:4,5,6)', up(5, 6)).log, ['output 5']);
  t.same(walk('', 'bundle(eth_src,0,active_backup,ofport,members:4,5)').log, [], 'none is up');
  t.same(walk('', 'bundle(eth_src,0,hrw,ofport,members:4,5,6)', up(5)).log, ['hash eth_src 0', 'output 5']);
  const load = 'bundle_load(eth_src,0,active_backup,ofport,reg0[0..15],members:4)';
  t.equal(walk('', load, up(4)).read({ field: parsedReg0(), ofs: 0, bits: 16 }), 4n);
  t.equal(walk('', load).read({ field: parsedReg0(), ofs: 0, bits: 16 }), 0xffffn, 'NONE when none is up');
  t.end();
});

function parsedReg0() {
  const [a] = parseActions('push:reg0', numericCtx());
  if (a.type !== 'stack_push') throw new Error('no push');
  return a.field.field;
}

t.test('multipath spreads over all links, and keeps to them', (t) => {
  for (const algorithm of ['modulo_n', 'hash_threshold', 'hrw', 'iter_hash']) {
    for (const links of [1, 5, 100]) {
      const seen = new Set<bigint>();
      for (let i = 0; i < 4000; i++) {
        const x = walk('', `multipath(eth_src,0,${algorithm},${links},0,reg0)`, (r) => {
          r.hash = Math.imul(i, 0x9e3779b1) >>> 0;
        });
        seen.add(x.read({ field: parsedReg0(), ofs: 0, bits: 32 }));
      }
      t.equal(seen.size, links, `${algorithm}, ${links} links`);
      t.ok([...seen].every((l) => l < BigInt(links)));
    }
  }
  t.end();
});
