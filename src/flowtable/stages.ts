/** In what order a look-up reads the words of a key: first what differs least between packets of one port, last what differs most. */
import { KEY_WORDS } from '../flow/key.js';
import { K, type Slot } from '../packet/key.js';

/** Stages: 0 metadata (ports, registers, tunnel, conntrack, marks), 1 Ethernet and tags, 2 network, 3 transport. */
const [L2, L3, L4] = [1, 2, 3];
export const N_STAGES = 4;

const LAYERS: readonly (readonly [number, readonly Slot[]])[] = [
  [L2, [K.ethDst, K.ethSrc, K.ethType, K.vlanTci, K.vlan2Tci, K.vlan2Tpid, K.mplsLse0, K.mplsLse1, K.mplsLse2]],
  [L3, [K.nwSrc, K.nwDst, K.nwProto, K.nwTos, K.nwTtl, K.nwFrag, K.nshFlags, K.nshPath]],
  [L3, [K.nshC1, K.nshC2, K.nshC3, K.nshC4, K.ipv6Src, K.ipv6Dst, K.ipv6Label]],
  [L4, [K.arpSha, K.arpTha, K.tpSrc, K.tpDst, K.tcpFlags, K.ndTarget, K.ndReserved, K.ndOptionsType]],
];

/** Stage of each word of the key. A word that holds slots of two stages has the later one. */
export const STAGE_OF_WORD: Uint8Array = (() => {
  const stage = new Uint8Array(KEY_WORDS);
  for (const [s, slots] of LAYERS) {
    for (const slot of slots) {
      const last = (slot.offset + slot.bytes - 1) >> 2;
      for (let w = slot.offset >> 2; w <= last; w++) stage[w] = Math.max(stage[w], s);
    }
  }
  // The word of tcp_flags also holds vlan_tpid, which nothing matches on; the hot line's ports and marks stay metadata.
  return stage;
})();

/** All words at once. */
export const ONE_STAGE = new Uint8Array(KEY_WORDS);
