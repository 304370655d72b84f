/**
 * Do two lists of actions do the same?
 *
 * A set covers the bits of its field that the walk had looked at by then, and that depends on rules which the packet did not meet: with one of them
 * gone less is looked at, and the same packet gets a set of fewer bits. The bits left out are those the packet has anyway, so both lists are right for all
 * packets of the flow. Here bits are left out of sets that a packet under the mask is known to have.
 *
 * Safe direction of error: "not the same" where they are, which costs a change of the flow. Where headers come or go nothing is known of the packet any more.
 */
import type { DpAction } from '../datapath/action.js';
import { partsOf } from './commit.js';

/** Bits of the packet that are known, and their values: places as in a flow key. */
interface Known {
  readonly bits: Uint8Array;
  readonly value: Uint8Array;
}

type SetAction = Extract<DpAction, { type: 'set' }>;

const copy = (k: Known): Known => ({ bits: k.bits.slice(), value: k.value.slice() });

/** The set without bits that change nothing; undefined when none is left. `known` is then what the set makes of it. */
function needed(a: SetAction, known: Known): SetAction | undefined {
  const mask = a.mask.slice();
  for (const [slot, at, bytes = slot.bytes] of partsOf(a.kind)) {
    const from = slot.offset + slot.bytes - bytes;
    for (let i = 0; i < bytes; i++) {
      const written = a.mask[at + i];
      mask[at + i] &= ~(known.bits[from + i] & ~(known.value[from + i] ^ a.value[at + i]));
      known.bits[from + i] |= written;
      known.value[from + i] = (known.value[from + i] & ~written) | (a.value[at + i] & written);
    }
  }
  if (mask.every((b) => b === 0)) return undefined;
  return { ...a, mask, value: a.value.map((b, i) => b & mask[i]) };
}

function plain(actions: readonly DpAction[], known: Known): DpAction[] {
  const out: DpAction[] = [];
  for (const a of actions) {
    switch (a.type) {
      case 'set': {
        const rest = needed(a, known);
        if (rest) out.push(rest);
        break;
      }
      case 'clone':
      case 'sample':
        out.push({ ...a, actions: plain(a.actions, copy(known)) });
        break;
      case 'check_pkt_len':
        out.push({
          ...a,
          greater: plain(a.greater, copy(known)),
          lessEqual: plain(a.lessEqual, copy(known)),
        });
        break;
      case 'push_mpls':
      case 'pop_mpls':
      case 'add_mpls':
      case 'push_eth':
      case 'pop_eth':
      case 'push_nsh':
      case 'pop_nsh':
      case 'tnl_push':
      case 'tnl_pop':
        known.bits.fill(0);
        out.push(a);
        break;
      default:
        out.push(a);
    }
  }
  return out;
}

/** `actions` without what changes nothing in packets that equal `key` under `mask`: two lists that give equal ones do the same to those. */
export function effective(actions: readonly DpAction[], key: Uint8Array, mask: Uint8Array): DpAction[] {
  return plain(actions, { bits: mask.slice(), value: key.slice() });
}
