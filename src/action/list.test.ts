/** Text ↔ actions ↔ bytes, as a table that needs no other program. The bytes are those of ovs-ofctl. */
import t from 'tap';
import { formatHex, parseHex } from '../lib/bytes.js';
import { UserError } from '../lib/errors.js';
import { Random } from '../lib/random.js';
import type { Action } from './action.js';
import { decodeActions, encodeActions } from './codec.js';
import { decodeInstructions, encodeInstructions } from './instructions.js';
import { formatActions, MAX_DEPTH, parseActions } from './list.js';
import { numericCtx } from './ports.js';
import { randomOfActions } from './random.js';
import { Reader, Writer } from './wire.js';

const ctx = numericCtx(
  new Map([
    ['eth0', 7],
    ['p 1', 8],
  ]),
);
const names = new Map([
  [7, 'eth0'],
  [8, 'p 1'],
]);

function bytes(actions: readonly Action[], version: number, put = encodeActions): string {
  const w = new Writer(version);
  put(actions, w);
  return formatHex(w.finish());
}

/** Text as written, as printed where that is another, and the bytes in 1.0 and 1.3. */
const TABLE: readonly { text: string; printed?: string; v1?: string; v4?: string }[] = [
  { text: 'drop', v1: '', v4: '' },
  { text: '1', printed: 'output:1', v1: '0000000800010000', v4: '00000010000000010000000000000000' },
  { text: 'output:LOCAL,normal', printed: 'LOCAL,NORMAL', v1: '00000008fffe000000000008fffa0000' },
  { text: 'controller:128', printed: 'CONTROLLER:128', v1: '00000008fffd0080', v4: '00000010fffffffd0080000000000000' },
  { text: 'resubmit(,2)', v1: 'ffff001000002320000efff802000000', v4: 'ffff001000002320000efff802000000' },
  { text: 'resubmit:3', v4: 'ffff001000002320000e0003ff000000' },
  {
    text: 'mod_dl_src:00:11:22:33:44:55',
    v1: '00040010001122334455000000000000',
    v4: '001900108000080600112233445500' + '00',
  },
  { text: 'mod_nw_dst:1.2.3.4', v1: '0007000801020304', v4: '0019001080001804010203040000' + '0000' },
  { text: 'mod_vlan_vid:5', v1: '0001000800050000', v4: '00110008810000000019001080000c021005000000000000' },
  { text: 'strip_vlan', v1: '0003000800000000', v4: '0012000800000000' },
  { text: 'enqueue(1,2)', printed: 'enqueue:1:2', v1: '000b0010000100000000000000000002' },
  { text: 'set_field:0x1->reg0', v4: '00190010000100040000000100000000' },
  { text: 'load:0x1->NXM_NX_REG0[]', v4: 'ffff0018000023200007001f000100040000000000000001' },
  {
    text: 'load:1->reg0[3..4]',
    printed: 'load:0x1->NXM_NX_REG0[3..4]',
    v1: 'ffff001800002320000700c1000100040000000000000001',
  },
  {
    text: 'move:reg0[0..3]->reg1[4..7]',
    printed: 'move:NXM_NX_REG0[0..3]->NXM_NX_REG1[4..7]',
    v4: 'ffff00180000232000060004000000040001000400010204',
  },
  {
    text: 'push:reg0[0..7]',
    printed: 'push:NXM_NX_REG0[0..7]',
    v4: 'ffff001800002320001b000000010004000800000000' + '0000',
  },
  { text: 'dec_ttl', v1: 'ffff0010000023200012000000000000', v4: '0018000800000000' },
  { text: 'dec_ttl(1,2)', v1: 'ffff0018000023200015000200000000' + '0001000200000000' },
  { text: 'push_mpls:0x8847', v1: 'ffff0010000023200017884700000000', v4: '0013000888470000' },
  { text: 'set_mpls_label(5)', v1: 'ffff001000002320001e000000000005', v4: '0019001080004404000000' + '0500000000' },
  { text: 'set_tunnel:0x5', v1: 'ffff0010000023200002000000000005' },
  { text: 'note:01.02.03.04.05.06', v1: 'ffff0010000023200008010203040506' },
  { text: 'exit', v1: 'ffff0010000023200011000000000000' },
  { text: 'conjunction(10,2/3)', v4: 'ffff0010000023200022010300' + '00000a' },
  {
    text: 'clone(output:1,exit)',
    v1: 'ffff002800002320002a0000000000000000000800010000ffff0010000023200011000000000000',
  },
  { text: 'fin_timeout(idle_timeout=5)', v4: 'ffff0010000023200013000500000000' },
  { text: 'group:7', v1: 'ffff0010000023200028000000000007', v4: '0016000800000007' },
  { text: 'output(port=1,max_len=100)', v4: 'ffff0010000023200027000100000064' },
];

for (const row of TABLE) {
  t.test(row.text, (t) => {
    const actions = parseActions(row.text, ctx);
    t.equal(formatActions(actions), row.printed ?? row.text);
    if (row.v1 !== undefined) t.equal(bytes(actions, 1), row.v1, 'in 1.0');
    if (row.v4 !== undefined) t.equal(bytes(actions, 4), row.v4, 'in 1.3');
    for (const [version, hex] of [
      [1, row.v1],
      [4, row.v4],
    ] as const) {
      if (hex === undefined) continue;
      const back = decodeActions(new Reader(parseHex(hex), version));
      t.equal(bytes(back, version), hex, 'read and written again');
    }
    t.end();
  });
}

t.test('ports by name, both ways', (t) => {
  const actions = parseActions('eth0,output:"p 1",resubmit(eth0,1)', ctx);
  t.same(actions.slice(0, 2), [
    { type: 'output', port: 7, maxLen: 0 },
    { type: 'output', port: 8, maxLen: 0 },
  ]);
  t.equal(formatActions(actions, names), 'output:eth0,output:"p 1",resubmit(eth0,1)');
  t.equal(formatActions(actions), 'output:7,output:8,resubmit(7,1)');
  t.end();
});

t.test('white space and commas part items as they like', (t) => {
  t.equal(formatActions(parseActions(' 1 , ,2\t clone( 3 , 4 )', ctx)), 'output:1,output:2,clone(output:3,output:4)');
  t.end();
});

t.test('instructions', (t) => {
  const text = 'meter:2,output:1,clear_actions,write_actions(output:2),write_metadata:0x5/0xff,goto_table:9';
  const actions = parseActions(text, ctx);
  const hex = bytes(actions, 4, encodeInstructions);
  t.equal(
    hex,
    '0006000800000002' +
      '000400180000000000000010000000010000000000000000' +
      '0005000800000000' +
      '000300180000000000000010000000020000000000000000' +
      '000200180000000000000000000000050000000000' +
      '0000ff' +
      '0001000809000000',
  );
  t.equal(formatActions(decodeInstructions(new Reader(parseHex(hex), 4))), text);
  // In another order they are executed, and printed, in this one.
  const swapped = hex.slice(-16) + hex.slice(0, -16);
  t.equal(formatActions(decodeInstructions(new Reader(parseHex(swapped), 4))), text);
  t.equal(
    bytes(parseActions('output:1,goto_table:3', ctx), 1, encodeInstructions),
    '0000000800010000ffff001000002320000efff803000000',
  );
  t.end();
});

function fault(fn: () => unknown): string | undefined {
  try {
    fn();
  } catch (e) {
    if (e instanceof UserError) return e.ofError;
    throw e;
  }
  return 'none';
}

/** Malformed bytes with their OpenFlow error. */
const BAD_ACTIONS: readonly (readonly [version: number, hex: string, error: string, why: string])[] = [
  [1, '00000008000100', 'OFPBRC_BAD_LEN', 'no multiple of 8'],
  [1, '0000001000010000', 'OFPBAC_BAD_LEN', 'an action longer than the list'],
  [1, '0000000000010000', 'OFPBAC_BAD_LEN', 'an action of no length'],
  [1, '00000010000100000000000000000000', 'OFPBAC_BAD_LEN', 'an output that is too long'],
  [1, '000000080000ffff', 'none', 'port 0 can be output to'],
  [1, '00000008ffff0000', 'OFPBAC_BAD_OUT_PORT', 'output to NONE'],
  [4, '00000010000ffff00000000000000000', 'OFPBAC_BAD_OUT_PORT', 'output to a port that cannot be'],
  [1, '0063000800000000', 'OFPBAC_BAD_TYPE', 'an unknown type'],
  [1, 'ffff00100000232100000000' + '00000000', 'OFPBAC_BAD_VENDOR', 'an unknown experimenter'],
  [1, 'ffff001000002320ffee000000000000', 'OFPBAC_BAD_VENDOR_TYPE', 'an unknown extension'],
  [1, 'ffff000800002320', 'OFPBAC_BAD_LEN', 'an extension without a subtype'],
  [1, '0001000810000000', 'OFPBAC_BAD_ARGUMENT', 'VLAN id 4096'],
  [4, '0011000800990000', 'OFPBAC_BAD_ARGUMENT', 'a tag of type 0x99'],
  [4, 'ffff0010000023200022000100000001', 'NXBAC_BAD_CONJUNCTION', 'a conjunction of one clause'],
  [4, '00190010ffff0004000000010000' + '0000', 'OFPBAC_BAD_SET_TYPE', 'an unknown field'],
  [4, '0019001080000a0208060000' + '00000000', 'OFPBAC_BAD_SET_ARGUMENT', 'a field that cannot be written'],
  [4, 'ffff001800002320000701c1000100040000000000000001', 'none', 'bits 7 and 8 of a register'],
  [4, 'ffff001800002320000707c3000100040000000000000001', 'OFPBAC_BAD_SET_LEN', 'bits that a register does not have'],
  [4, 'ffff001800002320000700c1000100040000000000000004', 'OFPBAC_BAD_ARGUMENT', 'a value wider than its bits'],
  [4, 'ffff0018000023200015' + '0064000000000001000200000000', 'OFPBAC_BAD_LEN', 'fewer controller ids than said'],
  [4, 'ffff0010000023200027000100000004', 'OFPBAC_BAD_ARGUMENT', 'less than an Ethernet header'],
  [4, 'ffff002000002320002a000000000000ffff0010000023200022000200000001', 'none', 'a conjunction in a clone'],
  [4, 'ffff002000002320002a000000000000ffff0010000023200024000000000000', 'OFPBAC_BAD_SET_ARGUMENT', 'nat in a clone'],
];

t.test('malformed actions', (t) => {
  for (const [version, hex, error, why] of BAD_ACTIONS) {
    t.equal(
      fault(() => decodeActions(new Reader(parseHex(hex), version))),
      error,
      why,
    );
  }
  t.end();
});

const BAD_INSTRUCTIONS: readonly (readonly [version: number, hex: string, error: string, why: string])[] = [
  [4, '00010008', 'OFPBIC_BAD_LEN', 'no multiple of 8'],
  [4, '0001001005000000', 'OFPBIC_BAD_LEN', 'longer than the message'],
  [4, '00010010050000000000000000000000', 'OFPBIC_BAD_LEN', 'longer than goto_table is'],
  [4, '0063000800000000', 'OFPBIC_UNKNOWN_INST', 'an unknown instruction'],
  [4, 'ffff000800000000', 'OFPBIC_BAD_EXPERIMENTER', 'an experimenter'],
  [4, '00010008050000000001000806000000', 'OFPBIC_DUP_INST', 'twice the same'],
  [6, '0006000800000001', 'OFPBIC_UNKNOWN_INST', 'meter, which became an action'],
  [4, '0003001800000000ffff0010000023200011000000000000', 'OFPBAC_BAD_TYPE', 'exit in an action set'],
];

t.test('malformed instructions', (t) => {
  for (const [version, hex, error, why] of BAD_INSTRUCTIONS) {
    t.equal(
      fault(() => decodeInstructions(new Reader(parseHex(hex), version))),
      error,
      why,
    );
  }
  t.end();
});

t.test('lists nest only so deep', (t) => {
  t.throws(() => parseActions(`${'clone('.repeat(MAX_DEPTH)}1${')'.repeat(MAX_DEPTH)}`, ctx), /nested too deeply/);
  t.ok(parseActions(`${'clone('.repeat(MAX_DEPTH - 1)}1${')'.repeat(MAX_DEPTH - 1)}`, ctx));
  const nest = (n: number): Action[] => (n === 0 ? [] : [{ type: 'clone', actions: nest(n - 1) }]);
  const deep = parseHex(bytes(nest(MAX_DEPTH + 1), 4));
  t.equal(
    fault(() => decodeActions(new Reader(deep, 4))),
    'OFPBAC_BAD_ARGUMENT',
  );
  t.ok(decodeActions(new Reader(parseHex(bytes(nest(MAX_DEPTH - 1), 4)), 4)));
  t.end();
});

t.test('an action of more than 64 kB is refused', (t) => {
  const long: Action = { type: 'note', data: new Uint8Array(70000) };
  t.equal(
    fault(() => bytes([long], 4)),
    'OFPBAC_BAD_LEN',
  );
  const many: Action[] = Array.from({ length: 10000 }, () => ({ type: 'exit' }));
  t.equal(
    fault(() => bytes(many, 4, encodeInstructions)),
    'OFPBIC_BAD_LEN',
  );
  t.end();
});

t.test('random lists survive text and wire', (t) => {
  const seed = 5;
  const r = new Random(seed);
  const lost: string[] = [];
  for (let i = 0; i < 2000; i++) {
    const actions = randomOfActions(r);
    const text = formatActions(actions);
    if (formatActions(parseActions(text, ctx)) !== text) lost.push(`text: ${text}`);
    for (const version of [3, 4, 6]) {
      const hex = bytes(actions, version, encodeInstructions);
      const back = decodeInstructions(new Reader(parseHex(hex), version));
      if (bytes(back, version, encodeInstructions) !== hex) lost.push(`version ${version}: ${text}`);
    }
  }
  t.same(lost.slice(0, 3), [], `seed ${seed}`);
  t.end();
});

t.test('no bytes make anything but a UserError with an OpenFlow error', (t) => {
  const r = new Random(6);
  let refused = 0;
  for (let i = 0; i < 20000; i++) {
    const version = r.between(1, 6);
    const b = r.bytes(8 * r.between(2, 8));
    b.set([0, r.below(30), 0, 8 * r.between(1, 8)]);
    if (r.chance(0.7)) b.set([0xff, 0xff, 0, 8 * r.between(2, 8), 0, 0, 0x23, 0x20, 0, r.below(52)]);
    const error = fault(() => decodeActions(new Reader(b, version)));
    if (error !== 'none') refused++;
    if (error === undefined) t.fail(formatHex(b));
  }
  t.ok(refused > 10000, `${refused} refused`);
  t.end();
});
