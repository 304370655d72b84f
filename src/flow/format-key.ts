/** A packet's key as text: a match that fixes all the packet has, as OVS prints it in a trace ("Flow: tcp,in_port=1,...") and in packet-ins. */
import { get16, isZero } from '../lib/bytes.js';
import { FRAG, K, type Slot, VLAN_CFI } from '../packet/key.js';
import { OFPP } from './field.js';
import { FIELDS } from './fields.js';
import { formatMatch, type MatchFormatContext } from './format-match.js';
import { getU, OK } from './key.js';
import { Match } from './match.js';
import { completeEthernet } from './packet-type.js';
import { checkPrereqs } from './prereqs.js';

/** What is said only when it is not zero: of little interest else. */
const WHERE_SET: readonly Slot[] = [
  K.skbPriority,
  K.pktMark,
  K.recircId,
  K.dpHash,
  K.packetType,
  OK.metadata,
  OK.conjId,
  ...Array.from({ length: 16 }, (_, i) => ({ ...OK.regs, offset: OK.regs.offset + 4 * i, bytes: 4 })),
  K.tunId,
  K.tunSrc,
  K.tunDst,
  K.tunIpv6Src,
  K.tunIpv6Dst,
  K.tunFlags,
  K.tunTos,
  K.tunTtl,
  K.tunGbpId,
  K.tunGbpFlags,
  K.tunErspanIdx,
  K.tunErspanVer,
  K.tunErspanDir,
  K.tunErspanHwid,
  K.tunGtpuFlags,
  K.tunGtpuMsgtype,
  K.ctState,
  K.ctZone,
  K.ctMark,
  K.ctLabel,
];
const NSH = 0x894f;
/** ICMP, IGMP, TCP, UDP, ICMPv6, SCTP. */
const WITH_PORTS: ReadonlySet<number> = new Set([1, 2, 6, 17, 58, 132]);
const MPLS_BOS = 0x100;
/** Of a packet that has an Ethernet header. */
const ETHERNET: readonly Slot[] = [K.ethSrc, K.ethDst, K.ethType, K.vlanTci];
/** Fields that a packet of their protocol has. Those that only certain packets carry and OVS leaves out are not said. */
const PROTOCOL_FIELDS = FIELDS.filter(
  (f) =>
    f.prereqs !== 'none' &&
    f.prereqs !== 'ethernet' &&
    f.prereqs !== 'vlan' &&
    !/^nd_(reserved|options_type|sll|tll)$/.test(f.name),
);

/** As OVS says it: with a network header of zeros, and with what only one type of NSH has where it is that. */
function onNsh(key: Uint8Array, mask: Uint8Array, on: (s: Slot) => void): void {
  for (const s of [K.nwProto, K.nwTos, K.nwTtl, K.nwFrag]) on(s);
  if (key[K.nshMdtype.offset] === 1) return;
  for (const s of [K.nshC1, K.nshC2, K.nshC3, K.nshC4]) mask.fill(0, s.offset, s.offset + s.bytes);
}

/** Labels to the bottom of the stack, or all that a key has. */
function onLabels(key: Uint8Array, on: (s: Slot) => void): void {
  for (const s of [K.mplsLse0, K.mplsLse1, K.mplsLse2]) {
    on(s);
    if (getU(key, s) & MPLS_BOS) return;
  }
}

/** A mask of everything that the packet of this key has. */
export function packetMask(key: Uint8Array): Uint8Array {
  const m = new Match();
  const on = (s: Slot): void => void m.mask.fill(0xff, s.offset, s.offset + s.bytes);
  on(OK.ofInPort);
  const bare = getU(key, K.packetType) !== 0;
  if (!bare) for (const s of ETHERNET) on(s);
  for (const s of WHERE_SET) if (!isZero(key, s.offset, s.offset + s.bytes)) on(s);
  const options = K.tunMdPresent.offset;
  if (!isZero(key, options, options + 8)) {
    m.mask.set(key.subarray(options, options + 8), options);
    on(K.tunMetadata);
  }
  const output = getU(key, OK.actsetOutput);
  if (output !== 0 && output !== OFPP.unset) on(OK.actsetOutput);
  if (!bare && get16(key, K.vlanTci.offset) & VLAN_CFI) on(K.vlan2Tci);
  for (const f of PROTOCOL_FIELDS) if (checkPrereqs(f.prereqs, key)) on(f.slot);
  const type = get16(key, K.ethType.offset);
  if (type === 0x8847 || type === 0x8848) onLabels(key, on);
  if (type === NSH) onNsh(key, m.mask, on);
  const ip = type === 0x0800 || type === 0x86dd;
  if (ip && (key[K.nwFrag.offset] & FRAG.later) === 0 && WITH_PORTS.has(key[K.nwProto.offset])) {
    on(K.tpSrc);
    on(K.tpDst);
  }
  // Only the first fragment has them.
  if (key[K.nwFrag.offset] & FRAG.later) m.mask.fill(0, K.tpSrc.offset, K.tcpFlags.offset + 2);
  if (checkPrereqs('nd', key)) {
    on(K.arpSha);
    on(K.arpTha);
  }
  return m.mask;
}

export function formatKey(key: Uint8Array, ctx: MatchFormatContext = {}): string {
  const m = new Match();
  m.mask.set(packetMask(key));
  completeEthernet(m);
  for (let i = 0; i < m.value.length; i++) m.value[i] = key[i] & m.mask[i];
  return formatMatch(m, ctx);
}
