/**
 * The NORMAL action: a learning switch with VLANs.
 *
 * What it looks at (link addresses, VLAN, for broadcast ARP what makes it gratuitous) goes into the megaflow mask; the MAC entry that decided, or
 * the lack of one, becomes a dependency of the flow. Learning is a side effect that the caller applies.
 */
import { formatMac } from '../lib/address.js';
import { get16, get32, getUint } from '../lib/bytes.js';
import { K, VLAN_CFI } from '../packet/key.js';
import { type NormalWalk, PORT_CONFIG, PORT_STATE, type PortView } from '../upcall/view.js';
import type { MacTable } from './mac-table.js';
import { isMulticast } from './mac-table.js';
import { admits, carries, inward, outward, putTags, readTags, type Tags, type VlanConfig } from './vlan.js';

export interface NormalPort extends PortView {
  readonly vlan: VlanConfig;
  readonly mirrorOutput: boolean;
  /** Hears nothing of other protected ports. */
  readonly isProtected: boolean;
  /** A member of a bond that carries nothing now. */
  readonly isStandby: boolean;
}

export interface NormalBridge {
  readonly macs: MacTable;
  readonly forwardBpdu: boolean;
  /** How many VLAN tags keys have. */
  readonly maxVlans: number;
  normalPort(number: number): NormalPort | undefined;
  normalPorts(): Iterable<NormalPort>;
}

const BROADCAST = 0xffffffffffff;
const ARP = { type: 0x0806, request: 1, reply: 2 } as const;

/** Protocols between neighbouring switches: value and mask of the addresses that are not for forwarding. */
const RESERVED: readonly (readonly [value: number, mask: number])[] = [
  [0x0180c2000000, 0xfffffffffff0], // STP, pause frames, LLDP, and the rest of the block of IEEE 802.1D
  [0x00e02b000000, 0xffffffffffff], // Extreme discovery
  [0x00e02b000004, 0xffffffffffff], // Extreme ring protection
  [0x00e02b000006, 0xffffffffffff],
  [0x01000c000000, 0xffffffffffff], // Cisco inter-switch link
  [0x01000ccccccc, 0xffffffffffff], // Cisco discovery, trunking, unidirectional link detection
  [0x01000ccccccd, 0xffffffffffff], // Cisco per-VLAN spanning tree
  [0x01000ccdcdcd, 0xffffffffffff], // Cisco uplink fast
  [0x01000cccccc0, 0xfffffffffff8], // Cisco connectivity fault management
];

export function isReserved(mac: number): boolean {
  return RESERVED.some(([value, mask]) => value === and48(mac, mask));
}

/** Bitwise and of 48-bit numbers, which JavaScript's operators cut to 32 bits. */
function and48(a: number, b: number): number {
  const high = Math.floor(a / 0x1000000) & Math.floor(b / 0x1000000);
  return high * 0x1000000 + ((a % 0x1000000) & (b % 0x1000000));
}

/** An ARP packet that announces its sender. Looks at no more than it needs. */
function isGratuitousArp(flow: Uint8Array, mask: Uint8Array, dst: number): boolean {
  if (get16(flow, K.ethType.offset) !== ARP.type || dst !== BROADCAST) return false;
  mask[K.nwProto.offset] = 0xff;
  if (flow[K.nwProto.offset] === ARP.reply) return true;
  if (flow[K.nwProto.offset] !== ARP.request) return false;
  mask.fill(0xff, K.nwSrc.offset, K.nwDst.offset + 4);
  return get32(flow, K.nwSrc.offset) === get32(flow, K.nwDst.offset);
}

/** Sends the frame by a port with these tags, as the port has them on the wire. */
export function send(x: NormalWalk, port: NormalPort, tags: Tags): void {
  const { flow } = x;
  const saved = flow.slice(K.vlanTci.offset, K.vlanTci.offset + 2);
  const savedTpid = flow.slice(K.vlanTpid.offset, K.vlanTpid.offset + 2);
  const saved2 = flow.slice(K.vlan2Tci.offset, K.vlan2Tpid.offset + 2);
  const { priorityTags } = port.vlan;
  if (priorityTags !== 'no') x.mask[K.vlanTci.offset] |= 0xe0;
  const out = outward(port.vlan, tags);
  // Whether a tag of VLAN 0 stays depends on its priority.
  if ((out.vid === 0 && out.tpid !== 0) || (out.vid2 === 0 && out.tpid2 !== 0)) x.mask[K.vlanTci.offset] |= 0xe0;
  putTags(flow, out, priorityTags, get16(flow, K.vlanTci.offset) & 0xe000);
  x.emit(port);
  flow.set(saved, K.vlanTci.offset);
  flow.set(savedTpid, K.vlanTpid.offset);
  flow.set(saved2, K.vlan2Tci.offset);
}

/** What a trace says of a tag under the priority tag that an access port admits. OVS loses it. */
export const INNER_TAG = '-> the tag under the priority tag stays';

/** Forwarding of one frame. */
export function normal(b: NormalBridge, x: NormalWalk): void {
  const { flow, mask } = x;
  mask.fill(0xff, K.ethDst.offset, K.ethSrc.offset + 6);
  mask[K.vlanTci.offset] |= 0x1f;
  mask[K.vlanTci.offset + 1] = 0xff;
  const from = b.normalPort(x.inPort);
  if (!from && x.inPort < 0xffffff00) {
    x.note(() => `>>>> received packet on unknown port ${x.inPort} <<<<`);
    x.note(() => '>> no input bundle, dropping');
    return x.reject('no_such_port');
  }
  const type = get16(flow, K.ethType.offset);
  if ((type === 0x8100 || type === 0x88a8) && !(get16(flow, K.vlanTci.offset) & VLAN_CFI)) {
    if (x.learns && from) {
      x.note(() => `>>>> dropping packet with partial VLAN tag received on port ${from.name} <<<<`);
    }
    x.note(() => '>> partial VLAN tag, dropping');
    return x.reject('malformed');
  }
  // A tag that leaves as it came keeps its type, so the type is looked at.
  if (get16(flow, K.vlanTci.offset) & VLAN_CFI) mask.fill(0xff, K.vlanTpid.offset, K.vlanTpid.offset + 2);
  const outside = readTags(flow);
  const refusal = from && admits(from.vlan, outside.vid, from.name);
  if (refusal) {
    x.note(() => `>>>> ${refusal} <<<<`);
    x.note(() => '>> disallowed VLAN VID for this input port, dropping');
    return x.reject('vlan_filter');
  }
  if (from?.vlan.mode === 'access' && (outside.vid2 | outside.pcp2) !== 0) x.note(() => INNER_TAG);
  const tags = from ? inward(from.vlan, outside) : outside;
  // Which ports carry a frame, and what is put back in a tag, depends on the customer's tag too where the key has it.
  if (b.maxVlans > 1 && outside.tpid !== 0) mask.fill(0xff, K.vlan2Tci.offset, K.vlan2Tpid.offset + 2);
  const dst = getUint(flow, K.ethDst.offset, 6);
  const src = getUint(flow, K.ethSrc.offset, 6);
  if (!b.forwardBpdu && isReserved(dst)) {
    x.note(() => '-> packet has reserved destination MAC, dropping');
    return x.reject('reserved_multicast');
  }
  if (from?.mirrorOutput) {
    x.note(() => `>> dropping packet received on port ${from.name}, which is reserved exclusively for mirroring`);
    return x.reject('policy');
  }
  if (from?.isStandby) {
    x.note(() => '-> bonding refused admissibility, dropping');
    return x.reject('policy');
  }
  const gratuitousArp = isGratuitousArp(flow, mask, dst);
  // The effect is there also when nothing would change now: packets of the flow keep the entry young.
  if (from && !isMulticast(src)) {
    if (x.learns && b.macs.wouldLearn(tags.vid, src, from.number) && x.seenHere(tags.vid, src) !== from.number) {
      const address = formatMac(flow, K.ethSrc.offset);
      x.note(() => `-> learned that ${address} is on port ${from.name} in VLAN ${tags.vid}`);
    }
    x.effect({ kind: 'mac', bridge: x.bridge, vlan: tags.vid, mac: src, port: from.number, gratuitousArp });
  }
  deliver(b, x, tags, dst, from);
}

/** Where this very walk saw the address: learned already, though the table will only hear of it. A trace learns nothing. */
function learnedHere(b: NormalBridge, x: NormalWalk, vlan: number, mac: number): number | undefined {
  if (!x.learns) return undefined;
  const port = x.seenHere(vlan, mac);
  return port !== undefined && b.macs.wouldLearn(vlan, mac, port) ? port : undefined;
}

function deliver(b: NormalBridge, x: NormalWalk, tags: Tags, dst: number, from: NormalPort | undefined): void {
  x.reject('no_recipient');
  const here = learnedHere(b, x, tags.vid, dst);
  const entry = isMulticast(dst) ? undefined : b.macs.lookup(tags.vid, dst);
  if (entry) x.usedMac(entry);
  else if (here !== undefined) x.missedMac(tags.vid, dst);
  const at = here ?? entry?.port;
  if (at !== undefined) {
    const to = b.normalPort(at);
    if (!to) x.note(() => '>> learned port is unknown, dropping');
    else if (from?.isProtected && to.isProtected) {
      x.note(() => '-> learned port is protected, dropping');
      x.reject('policy');
    } else if (to === from) x.note(() => '-> learned port is input port, dropping');
    else {
      x.note(() => '-> forwarding to learned port');
      send(x, to, tags);
    }
    return;
  }
  if (!isMulticast(dst)) x.missedMac(tags.vid, dst);
  x.note(() => '-> no learned MAC for destination, flooding');
  for (const to of b.normalPorts()) {
    if (from?.isProtected && to.isProtected) continue;
    if (
      to === from ||
      to.isStandby ||
      to.mirrorOutput ||
      to.config & PORT_CONFIG.noFlood ||
      to.state & PORT_STATE.blocked
    )
      continue;
    if (carries(to.vlan, tags)) send(x, to, tags);
  }
}
