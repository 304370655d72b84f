/**
 * Text of datapath flows, as `ovs-appctl dpctl/dump-flows` prints it: what the mask leaves open is not said; the rest is grouped by header.
 * A flow that looks for a tag says "eth_type(0x8100),vlan(...),encap(...)"; one that says nothing about tags takes untagged packets.
 */
import { get16, get32, isZero, put16 } from '../../lib/bytes.js';
import { UserError } from '../../lib/errors.js';
import { CT_STATE_FLAGS, formatFlags, formatFlagsMasked, parseFlags, TCP_FLAGS } from '../../lib/flags.js';
import { DP_KEY_BYTES, FRAG, K, type Slot, updateLines, VLAN_CFI } from '../../packet/key.js';
import type { DpAction, TunnelFormat, TunnelOptionPlace } from '../action.js';
import { formatDpActions } from './actions.js';
import {
  formatMembers,
  formatValue,
  GROUPS,
  type GroupName,
  group,
  inKey,
  isGroup,
  type Masked,
  parseMembers,
  parseValue,
  splitCall,
  splitItems,
} from './members.js';
import {
  formatMplsKey,
  formatTci,
  formatTunnel,
  parseMplsKey,
  parseTci,
  parseTunnel,
  parseWide,
  wideHex,
} from './special.js';
import { formatOptions } from './tunnel.js';

export interface DpTextContext {
  /** Names instead of numbers of vports, where known. */
  readonly portName?: ((vport: number) => string | undefined) | undefined;
  /** Say also what is not matched, as `dump-flows -m` does. */
  readonly verbose?: boolean | undefined;
  /** Cookie of the rule that sent a packet to controllers, by the number of the state it was sent with. */
  readonly ruleCookie?: ((stateId: number) => bigint | undefined) | undefined;
  /** Numbers of port names, for reading. */
  readonly portNumber?: ((name: string) => number | undefined) | undefined;
  /** What the options of packets of a tunnel's vport are called. */
  readonly optionsOf?: ((vport: number) => readonly TunnelOptionPlace[]) | undefined;
  /** What a tunnel's vport takes off, for reading tnl_pop. */
  readonly tunnelOf?: ((vport: number) => TunnelFormat | undefined) | undefined;
}

const HEX: Pick<Parameters<typeof formatValue>[0], 'kind'> = { kind: 'hex' };
const ETH_TYPE = { kind: 'hex4' } as const;

function place(s: Slot): Slot {
  return s;
}

/** Numbers before in_port, in their order: word, slot. */
const SCALARS: readonly (readonly [string, Slot])[] = [
  ['skb_priority', K.skbPriority],
  ['skb_mark', K.pktMark],
  ['recirc_id', K.recircId],
  ['dp_hash', K.dpHash],
  ['ct_zone', K.ctZone],
  ['ct_mark', K.ctMark],
];

function scalar(d: Masked, word: string, slot: Slot): string {
  const text = formatValue(HEX, d, slot);
  return text ? `${word}(${text}),` : '';
}

function wrapped(d: Masked, name: GroupName): string {
  const text = formatMembers(GROUPS[name], d, inKey);
  return text ? `${name}(${text}),` : '';
}

function isTransport(proto: number): GroupName | undefined {
  return ({ 6: 'tcp', 17: 'udp', 132: 'sctp' } as const)[proto as 6 | 17 | 132];
}

function formatConntrack(d: Masked, type: number): string {
  const state = d.mask.subarray(K.ctState.offset, K.ctState.offset + 4);
  let s = '';
  if (isZero(state)) s += d.verbose ? 'ct_state(0/0),' : '';
  else {
    const value = d.value[K.ctState.offset + 3];
    const mask = d.mask[K.ctState.offset + 3];
    s += `ct_state(${formatFlagsMasked(value, mask, 0xff, CT_STATE_FLAGS)}),`;
  }
  s += scalar(d, 'ct_zone', K.ctZone) + scalar(d, 'ct_mark', K.ctMark);
  const label = K.ctLabel.offset;
  if (d.verbose || !isZero(d.mask, label, label + 16)) s += `ct_label(${wideHex(d, label, 16)}),`;
  return s + wrapped({ value: d.value, mask: d.mask }, type === 0x86dd ? 'ct_tuple6' : 'ct_tuple4');
}

/** Headers from the Ethernet type on. */
function formatNetwork(d: Masked, type: number): string {
  // A frame without a type has none in the key's text either.
  const none = type === 0x05ff && get16(d.mask, K.ethType.offset) === 0xffff;
  const typeText = none ? '0/0xffff' : formatValue(ETH_TYPE, d, K.ethType);
  let s = typeText ? `eth_type(${typeText}),` : '';
  if (type === 0x0806 || type === 0x8035) return s + wrapped(d, 'arp');
  if (type === 0x8847 || type === 0x8848) {
    const mpls = formatMplsKey(d);
    return mpls ? `${s}mpls(${mpls}),` : s;
  }
  // Named always, whatever of it is looked at.
  if (type === 0x894f) return s + (wrapped(d, 'nsh') || 'nsh(),');
  if (type !== 0x0800 && type !== 0x86dd) return s;
  s += wrapped(d, type === 0x0800 ? 'ipv4' : 'ipv6');
  if (d.value[K.nwFrag.offset] & FRAG.later) return s;
  const proto = d.value[K.nwProto.offset];
  const transport = isTransport(proto);
  if (transport) s += wrapped(d, transport);
  if (proto === 6) {
    const mask = get16(d.mask, K.tcpFlags.offset) & 0xfff;
    const flags = get16(d.value, K.tcpFlags.offset);
    if (mask) s += `tcp_flags(${formatFlagsMasked(flags, mask, 0xfff, TCP_FLAGS)}),`;
    else if (d.verbose && flags) s += 'tcp_flags(0/0),';
  } else if (proto === 1 && type === 0x0800) s += wrapped(d, 'icmp');
  else if (proto === 58 && type === 0x86dd) {
    s += wrapped(d, 'icmpv6');
    const icmpType = get16(d.value, K.tpSrc.offset);
    if (icmpType === 135 || icmpType === 136)
      s += wrapped(d, 'nd') + wrapped({ value: d.value, mask: d.mask }, 'nd_ext');
  }
  return s;
}

/** Tags, outermost first, around the rest. */
function formatTagged(d: Masked, tags: readonly (readonly [tpid: Slot, tci: Slot])[], type: number): string {
  const [tag, ...inner] = tags;
  if (!tag) return formatNetwork(d, type);
  const [tpid, tci] = tag;
  const mask = get16(d.mask, tci.offset);
  const value = get16(d.value, tci.offset);
  if (mask === 0 || (value & VLAN_CFI) === 0) return formatNetwork(d, type);
  const tpidText = `0x${(get16(d.value, tpid.offset) || 0x8100).toString(16).padStart(4, '0')}`;
  return `eth_type(${tpidText}),vlan(${formatTci(value, mask, d.verbose)}),encap(${formatTagged(d, inner, type).slice(0, -1)}),`;
}

/** Key and mask of DP_KEY_BYTES or more. The value is printed as it is, also where the mask has zeros, as OVS does. */
export function formatDpKey(value: Uint8Array, mask: Uint8Array, ctx: DpTextContext = {}): string {
  const d: Masked = { value, mask, verbose: ctx.verbose ?? false };
  const type = get16(value, K.ethType.offset);
  let s = scalar(d, 'skb_priority', K.skbPriority);
  const options = formatOptions(d, ctx.optionsOf?.(get32(value, K.inPort.offset)) ?? []);
  const tunnel = formatTunnel({ value, mask }, place, options);
  if (tunnel) s += `tunnel(${tunnel}),`;
  s += scalar(d, 'skb_mark', K.pktMark) + formatConntrack(d, type);
  s += scalar(d, 'recirc_id', K.recircId) + scalar(d, 'dp_hash', K.dpHash);
  const port = formatValue({ kind: 'dec' }, d, K.inPort);
  if (port) s += `in_port(${ctx.portName?.(Number(port)) ?? port}),`;
  s += wrapped(d, 'packet_type')
    .replace('(id=', '(ns=0,id=')
    .replace(/\(ns=(\d+)\)/, '(ns=$1,id=0)');
  if (get32(value, K.packetType.offset) === 0) s += wrapped(d, 'eth');
  s += formatTagged(d, [[K.vlanTpid, K.vlanTci] as const, [K.vlan2Tpid, K.vlan2Tci] as const], type);
  return s.slice(0, -1);
}

export interface DpFlowText {
  readonly key: Uint8Array;
  readonly mask: Uint8Array;
  readonly packets: number;
  readonly bytes: number;
  /** Seconds since the last packet; undefined for never. */
  readonly age: number | undefined;
  /** All flags seen. */
  readonly tcpFlags: number;
  readonly actions: readonly DpAction[];
  /** Its name, in front; what carries it out, behind. */
  readonly ufid?: string | undefined;
  readonly layer?: string | undefined;
}

/** "packets:1, bytes:60, used:0.250s, flags:SP." */
export function formatDpStats(f: Pick<DpFlowText, 'packets' | 'bytes' | 'age' | 'tcpFlags'>): string {
  const used = f.age === undefined ? 'never' : `${f.age.toFixed(3)}s`;
  const flags = f.tcpFlags ? `, flags:${tcpLetters(f.tcpFlags)}` : '';
  return `packets:${f.packets}, bytes:${f.bytes}, used:${used}${flags}`;
}

/** A letter a flag; "." is ACK. Bits beyond the eight classic ones follow as a number. */
function tcpLetters(flags: number): string {
  let s = '';
  'FSRP.UEC'.split('').forEach((letter, i) => {
    if (flags & (1 << i)) s += letter;
  });
  const rest = flags & ~0xff;
  return rest ? `${s}[${formatFlags(rest, TCP_FLAGS)}]` : s;
}

/** A line of dump-flows. */
export function formatDpFlow(f: DpFlowText, ctx: DpTextContext = {}): string {
  const ufid = f.ufid === undefined ? '' : `ufid:${f.ufid}, `;
  const layer = f.layer === undefined ? '' : `${f.layer === 'tc' ? ', offloaded:yes' : ''}, dp:${f.layer}`;
  const actions = formatDpActions(f.actions, ctx);
  return `${ufid}${formatDpKey(f.key, f.mask, ctx)}, ${formatDpStats(f)}${layer}, actions:${actions}`;
}

export interface DpKeyMask {
  readonly value: Uint8Array;
  readonly mask: Uint8Array;
}

/** Text of a flow, without counters and actions, to key and mask of DP_KEY_BYTES. Throws UserError. */
export function parseDpKey(text: string, ctx: DpTextContext = {}): DpKeyMask {
  const d = { value: new Uint8Array(DP_KEY_BYTES), mask: new Uint8Array(DP_KEY_BYTES) };
  // Untagged, unless the text says otherwise.
  put16(d.mask, K.vlanTci.offset, 0xffff);
  parseItems(text, d, ctx, 0);
  for (let i = 0; i < DP_KEY_BYTES; i++) d.value[i] &= d.mask[i];
  updateLines(d.value);
  updateLines(d.mask);
  return d;
}

const TAGS: readonly (readonly [Slot, Slot])[] = [
  [K.vlanTpid, K.vlanTci],
  [K.vlan2Tpid, K.vlan2Tci],
];

function parseItems(text: string, d: Masked, ctx: DpTextContext, depth: number): void {
  for (const item of splitItems(text)) {
    const { name, args } = splitCall(item);
    if (args === undefined) throw new UserError(`syntax error at ${item}`);
    try {
      parseItem(name, args, d, ctx, depth);
    } catch (e) {
      if (e instanceof UserError && !e.message.includes(item)) throw new UserError(`${e.message} in ${item}`);
      throw e;
    }
  }
}

function parseItem(name: string, args: string, d: Masked, ctx: DpTextContext, depth: number): void {
  const known = SCALARS.find(([word]) => word === name);
  if (known) return parseValue(HEX, args, d, known[1]);
  if (isGroup(name)) {
    parseMembers(group(name), args, d, inKey);
    if (name === 'icmp' || name === 'icmpv6') markIcmp(d);
    return;
  }
  const parser = PARSERS[name];
  if (!parser) throw new UserError(`syntax error at ${name}(${args})`);
  parser(args, d, ctx, depth);
}

/** ICMP type and code are matched with the high byte of their slot, which is zero. */
function markIcmp(d: Masked): void {
  for (const s of [K.tpSrc, K.tpDst]) if (d.mask[s.offset + 1] !== 0) d.mask[s.offset] = 0xff;
}

const PARSERS: Readonly<Record<string, (args: string, d: Masked, ctx: DpTextContext, depth: number) => void>> = {
  in_port(args, d, ctx) {
    const number = /^\d/.test(args) ? args : String(ctx.portNumber?.(args) ?? args);
    if (!/^\d/.test(number)) throw new UserError(`unknown port "${args}"`);
    parseValue({ kind: 'dec' }, number, d, K.inPort);
  },
  ct_label: (args, d) => parseWide(args, d, K.ctLabel.offset, 16),
  ct_state(args, d) {
    const f = parseFlags(args, CT_STATE_FLAGS);
    d.value[K.ctState.offset + 3] = f.value;
    d.mask[K.ctState.offset + 3] = f.mask;
  },
  tcp_flags(args, d) {
    const f = parseFlags(args, TCP_FLAGS);
    put16(d.value, K.tcpFlags.offset, f.value);
    put16(d.mask, K.tcpFlags.offset, f.mask);
  },
  tunnel: (args, d) => parseTunnel(args, d, place),
  mpls: (args, d) => parseMplsKey(args, d),
  eth_type(args, d) {
    parseValue(ETH_TYPE, args, d, K.ethType);
    // What has no type says 0/0xffff; in the key that is 0x05ff.
    if (args === '0/0xffff') put16(d.value, K.ethType.offset, 0x05ff);
  },
  vlan(args, d, _ctx, depth) {
    const tag = TAGS[depth];
    if (!tag) throw new UserError('more than two VLAN tags');
    const [tpid, tci] = tag;
    const t = parseTci(args);
    put16(d.value, tci.offset, t.value);
    put16(d.mask, tci.offset, t.mask);
    // The eth_type before the tag was the tag's.
    for (const b of [d.value, d.mask]) {
      put16(b, tpid.offset, get16(b, K.ethType.offset));
      put16(b, K.ethType.offset, 0);
    }
  },
  encap: (args, d, ctx, depth) => parseItems(args, d, ctx, depth + 1),
};
