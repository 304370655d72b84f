/**
 * Matches on Ethernet packets. OpenFlow has packets of other types too, but any condition on a field of a packet means Ethernet unless packet_type
 * says otherwise. So "packet_type is Ethernet" stands in every match with such a condition, though nobody writes it: a packet whose Ethernet header was
 * taken off keeps its Ethernet type in the key, and is not what `ip` speaks of. Two texts that mean the same give one match.
 */
import { get16, isZero, put16 } from '../lib/bytes.js';
import { K } from '../packet/key.js';
import { FIELDS } from './fields.js';
import type { Match } from './match.js';

const IMPLYING = [...new Set(FIELDS.filter((f) => f.prereqs !== 'none').map((f) => f.slot))];
/** Of packet types: the rest is an Ethernet type. */
const ETHERTYPE_NAMESPACE = 1;
const TYPE = K.packetType;
const TYPE_END = TYPE.offset + TYPE.bytes;

/** Does it ask for Ethernet in so many words? */
export function saysEthernet(m: Match): boolean {
  return !isZero(m.mask, TYPE.offset, TYPE_END) && isZero(m.value, TYPE.offset, TYPE_END);
}

/** A condition on a field of a packet was read: packets are Ethernet unless the text said or says otherwise. */
export function assumeEthernet(m: Match): void {
  if (isZero(m.mask, TYPE.offset, TYPE_END)) m.mask.fill(0xff, TYPE.offset, TYPE_END);
}

/** Where a condition says it, the words too. */
export function completeEthernet(m: Match): void {
  if (!m.mask[TYPE.offset] && impliesEthernet(m)) assumeEthernet(m);
}

/** Does another condition say it? Then the words are left out of what is written. */
export function impliesEthernet(m: Match): boolean {
  return IMPLYING.some((s) => !isZero(m.mask, s.offset, s.offset + s.bytes));
}

/** For text, where both types may have been named: the packet's own goes before. */
export function settleTypes(m: Match): void {
  if (get16(m.value, TYPE.offset) === ETHERTYPE_NAMESPACE && get16(m.mask, K.ethType.offset) !== 0) {
    put16(m.value, K.ethType.offset, get16(m.value, TYPE.offset + 2));
  }
  completeEthernet(m);
}
