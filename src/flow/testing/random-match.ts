/** Random legal matches for tests: conditions on fields whose prerequisites the match itself fixes. */
import type { Random } from '../../lib/random.js';
import type { FieldRow } from '../field.js';
import { FIELDS, field } from '../fields.js';
import { Match } from '../match.js';
import { completeEthernet } from '../packet-type.js';
import { PROTOCOLS } from '../parse-match.js';
import { matchHasPrereqs } from '../prereqs.js';
import { setField, setNumber } from '../set.js';

/** Not chosen on their own: they overlap others, are set by the protocol, or cannot be matched. */
const LEFT_OUT = new Set(['eth_type', 'nw_proto', 'packet_type', 'skb_priority', 'in_port', 'tun_ttl', 'tun_tos']);
const USABLE = FIELDS.filter((f) => f.tunMetadata === undefined && !LEFT_OUT.has(f.name));

export function randomBits(r: Random, bits: number): bigint {
  let v = 0n;
  for (let n = 0; n < bits; n += 32) v = (v << 32n) | BigInt(r.u32());
  return v & ((1n << BigInt(bits)) - 1n);
}

function randomMask(r: Random, row: FieldRow): bigint {
  if (row.maskable === 'no' || r.chance(0.4)) return row.valid;
  if (row.maskable === 'cidr_or_arbitrary' && r.chance(0.6)) {
    const n = BigInt(r.between(1, row.bits));
    return row.valid & ~((1n << (BigInt(row.bits) - n)) - 1n);
  }
  return randomBits(r, row.bits) & row.valid;
}

export interface RandomMatchOptions {
  /** Fields to leave out. */
  readonly without?: (row: FieldRow) => boolean;
  /** How many conditions to try; default 6. */
  readonly conditions?: number;
}

export function randomMatch(r: Random, options: RandomMatchOptions = {}): Match {
  const m = new Match();
  const protocol = r.pick([...PROTOCOLS.values(), [0x894f, -1], [0x1234, -1], [-1, -1]] as const);
  if (protocol[0] >= 0) setNumber(m, field('eth_type'), protocol[0]);
  if (protocol[1] >= 0) setNumber(m, field('nw_proto'), protocol[1]);
  if (protocol[1] === 58 && r.chance(0.7)) {
    setNumber(m, field('icmpv6_type'), r.pick([135, 136]));
    setNumber(m, field('icmpv6_code'), 0);
  }
  for (let i = r.below((options.conditions ?? 6) + 1); i > 0; i--) {
    const row = r.pick(USABLE);
    if (options.without?.(row) || !matchHasPrereqs(row.prereqs, m)) continue;
    // One place in the key for both families.
    if (/^ct_(nw_[sd]|ipv6)/.test(row.name) && protocol[0] !== (row.format === 'ipv6' ? 0x86dd : 0x0800)) continue;
    // What others stand on is not changed again.
    if (row.prereqs === 'icmpv6' || row.name === 'ip_frag') continue;
    if (row.values) setNumber(m, row, r.pick(row.values));
    else setField(m, row, randomBits(r, row.format === 'of_port' ? 8 : row.bits) & row.valid, randomMask(r, row));
  }
  completeEthernet(m);
  return m;
}
