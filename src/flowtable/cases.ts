/** What every look-up engine must do: rows that each engine's test runs. Rules are named; what is expected is a name and, where it says, the mask. */
import type { Action } from '../action/action.js';
import { newKey, OK } from '../flow/key.js';
import { Match, minify } from '../flow/match.js';
import { K, type Slot } from '../packet/key.js';
import type { Rule } from './rule.js';

/** Fields by the names used below. A value is the slot's number; "value/mask" masks it. */
const FIELD: Readonly<Record<string, Slot>> = {
  ...Object.fromEntries(Object.values(K).map((s) => [s.name, s])),
  ...Object.fromEntries(Object.values(OK).map((s) => [s.name, s])),
};

/** Words "field=value" or "field=value/mask", numbers as JavaScript writes them, decimal, 0x or IPv4 dotted. */
export function matchOf(text: string): Match {
  const m = new Match();
  for (const part of text.split(' ').filter(Boolean)) {
    const [name, rest] = part.split('=');
    const slot = FIELD[name];
    const [value, mask] = rest.split('/');
    const bits = BigInt(slot.bytes * 8);
    const ones = (1n << bits) - 1n;
    const wanted = mask === undefined ? ones : mask.startsWith('0x') ? BigInt(mask) : prefix(bits, BigInt(mask));
    put(m.mask, slot, wanted);
    put(m.value, slot, number(value) & wanted);
  }
  return m;
}

export function keyOf(text: string): Uint8Array {
  const key = newKey();
  key.set(matchOf(text).value);
  return key;
}

function prefix(bits: bigint, n: bigint): bigint {
  return ((1n << n) - 1n) << (bits - n);
}

function number(text: string): bigint {
  if (!text.includes('.')) return BigInt(text);
  return text.split('.').reduce((n, byte) => n * 256n + BigInt(byte), 0n);
}

function put(bytes: Uint8Array, slot: Slot, value: bigint): void {
  for (let i = 0; i < slot.bytes; i++)
    bytes[slot.offset + i] = Number((value >> BigInt(8 * (slot.bytes - 1 - i))) & 255n);
}

let made = 0;

/** A rule as tables make them, of any match; its cookie is unique. */
export function ruleOf(priority: number, match: Match, actions: readonly Action[] = []): Rule {
  return {
    table: 0,
    priority,
    match: minify(match),
    cookie: BigInt(made++),
    idleTimeout: 0,
    hardTimeout: 0,
    flags: 0,
    importance: 0,
    actions,
    created: 0,
    modified: 0,
    used: 0,
    packets: 0,
    bytes: 0,
    live: true,
    generation: 0,
  };
}

export interface EngineCase {
  readonly name: string;
  /** [name, priority, match, clauses "id:clause/count"]; inserted in order. A name with "-" takes the rule named after it out again. */
  readonly rules: readonly (readonly [string, number, string, string?])[];
  /** [key, name of the rule or '' for a miss, largest mask allowed of a minimal engine]. The judge may add more. */
  readonly lookups: readonly (readonly [string, string, string?])[];
}

const IP = 'eth_type=0x0800';

export const CASES: readonly EngineCase[] = [
  { name: 'nothing in it', rules: [], lookups: [['nw_dst=1', '', '']] },
  {
    name: 'matches everything',
    rules: [['all', 0, '']],
    lookups: [
      ['', 'all', ''],
      ['in_port=4 nw_dst=10.0.0.1', 'all', ''],
    ],
  },
  {
    name: 'priority decides, not width',
    rules: [
      ['narrow', 5, 'in_port=1 eth_dst=0x020000000001'],
      ['wide', 6, 'in_port=1'],
      ['all', 1, ''],
    ],
    lookups: [
      ['in_port=1 eth_dst=0x020000000001', 'wide', 'in_port=0'],
      ['in_port=2 eth_dst=0x020000000001', 'all', 'in_port=0'],
    ],
  },
  {
    name: 'between equals the oldest',
    rules: [
      ['a', 5, 'nw_dst=10.0.0.0/8'],
      ['b', 5, 'in_port=1'],
      ['c', 5, 'nw_dst=10.1.0.0/16'],
      ['d', 5, ''],
      ['-a', 0, ''],
    ],
    lookups: [
      ['in_port=1 nw_dst=10.1.0.1', 'b'],
      ['in_port=2 nw_dst=10.1.0.1', 'c'],
      ['in_port=2 nw_dst=11.1.0.1', 'd'],
    ],
  },
  {
    name: 'one match at several priorities',
    rules: [
      ['low', 1, 'in_port=1'],
      ['high', 9, 'in_port=1'],
      ['mid', 5, 'in_port=1'],
      ['other', 7, 'in_port=2'],
      ['-high', 0, ''],
    ],
    lookups: [
      ['in_port=1', 'mid', 'in_port=0'],
      ['in_port=2', 'other', 'in_port=0'],
      ['in_port=3', '', 'in_port=0'],
    ],
  },
  {
    name: 'a rule that cannot win is not looked at',
    rules: [
      ['top', 100, 'in_port=1'],
      ['acl', 50, `${IP} nw_proto=6 tp_dst=80`],
    ],
    lookups: [[`in_port=1 ${IP} nw_proto=6 tp_dst=80`, 'top', 'in_port=0']],
  },
  {
    name: 'a stage that says no hides the later ones',
    rules: [
      ['a', 5, `in_port=1 ${IP} nw_dst=10.0.0.0/0x0ffffff0 tcp_flags=2`],
      ['b', 4, `${IP} nw_proto=6 tcp_flags=16`],
    ],
    lookups: [
      ['in_port=2 eth_type=0x0806', '', 'in_port=0 eth_type=0'],
      [`in_port=2 ${IP} nw_proto=17 tcp_flags=16`, '', 'in_port=0 eth_type=0 nw_proto=0'],
      [`in_port=2 ${IP} nw_proto=6 tcp_flags=16`, 'b', 'in_port=0 eth_type=0 nw_proto=0 tcp_flags=0'],
    ],
  },
  {
    name: 'IPv4 prefixes cost the bits that tell them apart',
    rules: [
      ['8', 8, 'nw_dst=10.0.0.0/8'],
      ['16', 16, 'nw_dst=10.1.0.0/16'],
      ['24', 24, 'nw_dst=10.1.3.0/24'],
      ['32', 32, 'nw_dst=10.1.3.5'],
    ],
    lookups: [
      ['nw_dst=192.0.2.1', '', 'nw_dst=0/1'],
      ['nw_dst=10.128.0.1', '8', 'nw_dst=0/9'],
      ['nw_dst=10.1.128.1', '16', 'nw_dst=0/17'],
      ['nw_dst=10.1.3.200', '24', 'nw_dst=0/25'],
      ['nw_dst=10.1.3.5', '32', 'nw_dst=0'],
      ['nw_dst=10.1.3.4', '24', 'nw_dst=0'],
    ],
  },
  {
    name: 'IPv6 prefixes across words',
    rules: [
      ['32', 32, 'ipv6_dst=0x20010db8000000000000000000000000/32'],
      ['48', 48, 'ipv6_dst=0x20010db8000100000000000000000000/48'],
      ['127', 127, 'ipv6_dst=0x20010db8000100000000000000000010/127'],
    ],
    lookups: [
      ['ipv6_dst=0xfe800000000000000000000000000001', '', 'ipv6_dst=0/1'],
      ['ipv6_dst=0x20010db8800000000000000000000001', '32', 'ipv6_dst=0/33'],
      ['ipv6_dst=0x20010db8000100008000000000000001', '48', 'ipv6_dst=0/65'],
      ['ipv6_dst=0x20010db8000100000000000000000011', '127', 'ipv6_dst=0/127'],
    ],
  },
  {
    name: 'ports cost the bits that tell them apart',
    rules: [
      ['ssh', 5, `${IP} nw_proto=6 tp_dst=22`],
      ['web', 5, `${IP} nw_proto=6 tp_dst=80`],
      ['high', 4, `${IP} nw_proto=6 tp_src=0x8000/1`],
      ['odd', 3, `${IP} nw_proto=6 tp_dst=1/0x0001`],
    ],
    lookups: [
      [`${IP} nw_proto=6 tp_dst=0xc350 tp_src=0x9000`, 'high', 'eth_type=0 nw_proto=0 tp_dst=0/1 tp_src=0/1'],
      [`${IP} nw_proto=6 tp_dst=80`, 'web', 'eth_type=0 nw_proto=0 tp_dst=0'],
      [`${IP} nw_proto=6 tp_dst=0x4001`, 'odd', 'eth_type=0 nw_proto=0 tp_src=0/1 tp_dst=0/0xc001'],
    ],
  },
  {
    name: 'a mask that is no prefix',
    rules: [
      ['a', 5, 'nw_dst=0.0.0.7/0x000000ff'],
      ['b', 4, 'nw_dst=10.0.0.0/0xff00ff00'],
    ],
    lookups: [
      ['nw_dst=10.9.0.7', 'a', 'nw_dst=0/0x000000ff'],
      ['nw_dst=10.9.0.8', 'b', 'nw_dst=0/0xff00ffff'],
      ['nw_dst=11.9.0.8', '', 'nw_dst=0/0xff00ffff'],
    ],
  },
  {
    name: 'removed prefixes stop costing',
    rules: [
      ['host', 5, 'nw_src=10.0.0.1'],
      ['net', 4, 'nw_src=128.0.0.0/8'],
      ['-host', 0, ''],
    ],
    lookups: [['nw_src=10.0.0.2', '', 'nw_src=0/1']],
  },
  {
    name: 'conjunction: all clauses, then the rule of the id',
    rules: [
      ['s1', 50, 'in_port=1', '7:0/2'],
      ['s2', 50, 'in_port=2', '7:0/2'],
      ['d1', 50, 'nw_dst=10.0.0.0/8', '7:1/2'],
      ['id', 50, 'conj_id=7'],
      ['rest', 1, ''],
    ],
    lookups: [
      ['in_port=1 nw_dst=10.0.0.1', 'id'],
      ['in_port=2 nw_dst=10.9.0.1', 'id'],
      ['in_port=3 nw_dst=10.0.0.1', 'rest'],
      ['in_port=1 nw_dst=11.0.0.1', 'rest'],
    ],
  },
  {
    name: 'conjunction: the second search acts by other fields, and may fall to a lower rule',
    rules: [
      ['s', 50, 'in_port=1', '7:0/2 8:0/2'],
      ['d', 50, 'nw_proto=6', '7:1/2'],
      ['e', 50, 'nw_proto=17', '8:1/2'],
      ['id', 9, 'conj_id=7 tp_dst=80'],
      ['rest', 1, ''],
    ],
    lookups: [
      ['in_port=1 nw_proto=6 tp_dst=80', 'id'],
      ['in_port=1 nw_proto=6 tp_dst=81', 'rest'],
      ['in_port=1 nw_proto=17 tp_dst=80', 'rest'],
    ],
  },
  {
    name: 'conjunction: an ordinary rule of the same or a higher priority wins, a lower one loses',
    rules: [
      ['s', 50, 'in_port=1', '7:0/2'],
      ['d', 50, 'nw_proto=6', '7:1/2'],
      ['same', 50, 'tp_dst=80'],
      ['higher', 60, 'tp_dst=81'],
      ['lower', 40, 'tp_dst=82'],
      ['id', 5, 'conj_id=7'],
    ],
    lookups: [
      ['in_port=1 nw_proto=6 tp_dst=80', 'same'],
      ['in_port=1 nw_proto=6 tp_dst=81', 'higher'],
      ['in_port=1 nw_proto=6 tp_dst=82', 'lower'],
      ['in_port=1 nw_proto=6 tp_dst=83', 'id'],
    ],
  },
  {
    name: 'conjunction: clauses of different priorities do not meet; the next priority is tried',
    rules: [
      ['s', 50, 'in_port=1', '7:0/2'],
      ['d', 49, 'nw_proto=6', '7:1/2'],
      ['s2', 40, 'in_port=1', '9:0/2'],
      ['d2', 40, 'nw_proto=6', '9:1/2'],
      ['id7', 90, 'conj_id=7'],
      ['id9', 5, 'conj_id=9'],
    ],
    lookups: [
      ['in_port=1 nw_proto=6', 'id9'],
      ['in_port=2 nw_proto=6', ''],
    ],
  },
  {
    name: 'conjunction: several ids at once, the lowest that leads to a rule',
    rules: [
      ['s', 50, 'in_port=1', '3:0/2 5:0/2 4:0/2'],
      ['d', 50, 'nw_proto=6', '5:1/2 4:1/2 3:1/2'],
      ['id5', 9, 'conj_id=5'],
      ['id4', 8, 'conj_id=4'],
    ],
    lookups: [['in_port=1 nw_proto=6', 'id4']],
  },
];

/** The actions that a case's "id:clause/count ..." stands for. */
export function clausesOf(text: string | undefined): Action[] {
  return (text ?? '')
    .split(' ')
    .filter(Boolean)
    .map((part) => {
      const [id, clause, nClauses] = part.split(/[:/]/).map(Number);
      return { type: 'conjunction', id, clause, nClauses };
    });
}
