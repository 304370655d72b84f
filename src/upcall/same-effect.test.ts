import t from 'tap';
import type { DpAction, SetKind } from '../datapath/action.js';
import { SET_KINDS } from '../datapath/action.js';
import { newKey } from '../flow/key.js';
import { K } from '../packet/key.js';
import { effective } from './same-effect.js';

/** A set of bytes at a place. */
function set(kind: SetKind, at: number, value: readonly number[], bits = 0xff): DpAction {
  const v = new Uint8Array(SET_KINDS[kind]);
  const mask = new Uint8Array(SET_KINDS[kind]);
  v.set(value, at);
  mask.fill(bits, at, at + value.length);
  return { type: 'set', kind, value: v, mask };
}
const out = (port: number): DpAction => ({ type: 'output', port });
const ETH: readonly number[] = [2, 0, 0, 0, 0, 1];

/** What a packet to 02:00:00:00:00:01 from 10.0.0.1 gets, where a mask of all destination bits, but none of its source, was looked at. */
const ROWS: readonly (readonly [string, readonly DpAction[], readonly DpAction[], boolean])[] = [
  ['bits it has', [set('eth', 0, [2, 0, 0, 0, 0, 2]), out(1)], [set('eth', 5, [2], 3), out(1)], true],
  ['a set of nothing else', [set('eth', 0, ETH), out(1)], [out(1)], true],
  ['bits it has not', [set('eth', 5, [2])], [set('eth', 5, [2], 2)], false],
  ['bits that nobody looked at', [set('eth', 6, [0, 0, 0, 0, 0, 0])], [], false],
  ['one that undoes another', [set('eth', 5, [2]), out(1), set('eth', 5, [1])], [set('eth', 5, [2]), out(1)], false],
  [
    'the same again',
    [set('ipv4', 0, [9, 9, 9, 9]), set('ipv4', 0, [9, 9, 9, 9])],
    [set('ipv4', 0, [9, 9, 9, 9])],
    true,
  ],
  [
    'after a header',
    [{ type: 'pop_mpls', ethType: 0x800 }, set('eth', 0, ETH)],
    [{ type: 'pop_mpls', ethType: 0x800 }],
    false,
  ],
  [
    'a copy is on its own',
    [{ type: 'clone', actions: [set('eth', 5, [2])] }, set('eth', 5, [2])],
    [{ type: 'clone', actions: [set('eth', 5, [2])] }],
    false,
  ],
  [
    'in a copy',
    [{ type: 'clone', actions: [set('eth', 0, ETH), out(1)] }],
    [{ type: 'clone', actions: [out(1)] }],
    true,
  ],
  ['other ports', [out(1)], [out(2)], false],
];

t.test('lists that do the same to the packets of a flow', (t) => {
  const key = newKey();
  const mask = newKey();
  key.set(ETH, K.ethDst.offset);
  mask.fill(0xff, K.ethDst.offset, K.ethDst.offset + 6);
  for (const [name, a, b, same] of ROWS) {
    t.equal(JSON.stringify(effective(a, key, mask)) === JSON.stringify(effective(b, key, mask)), same, name);
  }
  t.end();
});
