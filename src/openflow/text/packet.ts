/** Packets sent to and from controllers. */
import { formatActions } from '../../action/list.js';
import { OFPP } from '../../flow/field.js';
import { formatMatch } from '../../flow/format-match.js';
import { Match } from '../../flow/match.js';
import { get16 } from '../../lib/bytes.js';
import { formatHexDump } from '../../lib/hex-dump.js';
import { extract } from '../../packet/extract.js';
import { FRAG, K, type Slot } from '../../packet/key.js';
import { decodeContinuation } from '../messages/continuation.js';
import { inPortOf, NO_BUFFER, type PacketInMessage } from '../messages/packet.js';
import { type Formatters, hex, portText, type TextContext, tableText } from './context.js';
import { actionsText } from './flow.js';

const REASONS = ['no_match', 'action', 'invalid_ttl', 'action_set', 'group', 'packet_out'] as const;
const MAX_U64 = 0xffffffffffffffffn;
const TYPE = {
  ipv4: 0x0800,
  ipv6: 0x86dd,
  arp: 0x0806,
  rarp: 0x8035,
  mpls: 0x8847,
  mplsMulticast: 0x8848,
  nsh: 0x894f,
} as const;
/** Protocols with a checksum that is shown: where it stands in the header, and its name. */
const CHECKSUMS: ReadonlyMap<string, readonly [at: number, bytes: number, name: string]> = new Map([
  [`${TYPE.ipv4}/6`, [16, 2, 'tcp_csum']],
  [`${TYPE.ipv6}/6`, [16, 2, 'tcp_csum']],
  [`${TYPE.ipv4}/17`, [6, 2, 'udp_csum']],
  [`${TYPE.ipv6}/17`, [6, 2, 'udp_csum']],
  [`${TYPE.ipv4}/132`, [8, 4, 'sctp_csum']],
  [`${TYPE.ipv6}/132`, [8, 4, 'sctp_csum']],
  [`${TYPE.ipv4}/1`, [2, 2, 'icmp_csum']],
  [`${TYPE.ipv6}/58`, [2, 2, 'icmp6_csum']],
]);

/** Slots that a packet of this kind has, to be shown whatever their value. */
function slotsOf(type: number, key: Uint8Array): Slot[] {
  const ip = [K.nwProto, K.nwTos, K.nwTtl, K.nwFrag];
  const ports = key[K.nwFrag.offset] & FRAG.later ? [] : transport(type, key[K.nwProto.offset]);
  if (type === TYPE.ipv4) return [K.nwSrc, K.nwDst, ...ip, ...ports];
  if (type === TYPE.ipv6) return [K.ipv6Src, K.ipv6Dst, K.ipv6Label, ...ip, ...ports, ...discovery(key)];
  if (type === TYPE.arp || type === TYPE.rarp) return [K.nwSrc, K.nwDst, K.nwProto, K.arpSha, K.arpTha];
  if (type === TYPE.mpls || type === TYPE.mplsMulticast) return [K.mplsLse0];
  return [];
}

function transport(type: number, proto: number): Slot[] {
  if (proto === 6) return [K.tpSrc, K.tpDst, K.tcpFlags];
  const known = proto === 17 || proto === 132 || (type === TYPE.ipv4 ? proto === 1 || proto === 2 : proto === 58);
  return known ? [K.tpSrc, K.tpDst] : [];
}

function discovery(key: Uint8Array): Slot[] {
  const type = get16(key, K.tpSrc.offset);
  if (key[K.nwProto.offset] !== 58 || (type !== 135 && type !== 136)) return [];
  return [K.ndTarget, K.arpSha, K.arpTha];
}

function matchOf(frame: Uint8Array): Match | undefined {
  const m = new Match();
  if (!extract(frame, m.value, 2)) return undefined;
  // Only conditions are shown: which lines are in use is none.
  m.value[K.lines.offset] = 0;
  const type = get16(m.value, K.ethType.offset);
  const slots = [K.vlanTci, K.ethSrc, K.ethDst, K.ethType, ...slotsOf(type, m.value)];
  if (get16(m.value, K.vlanTci.offset) !== 0) slots.push(K.vlan2Tci);
  for (const s of slots) m.mask.fill(0xff, s.offset, s.offset + s.bytes);
  for (let i = 0; i < m.value.length; i++) m.value[i] &= m.mask[i];
  return m;
}

/** Where the transport header begins, or undefined. */
function transportAt(frame: Uint8Array, type: number): number | undefined {
  let at = 12;
  while (at + 2 <= frame.length && (get16(frame, at) === 0x8100 || get16(frame, at) === 0x88a8)) at += 4;
  at += 2;
  if (type === TYPE.ipv4) return at + (frame[at] & 0xf) * 4;
  return type === TYPE.ipv6 ? at + 40 : undefined;
}

function checksum(frame: Uint8Array, m: Match): string {
  const type = get16(m.value, K.ethType.offset);
  if (m.value[K.nwFrag.offset] & FRAG.later) return '';
  const place = CHECKSUMS.get(`${type}/${m.value[K.nwProto.offset]}`);
  const start = place && transportAt(frame, type);
  if (!place || start === undefined || start + place[0] + place[1] > frame.length) return '';
  let v = 0;
  for (let i = 0; i < place[1]; i++) v = v * 256 + frame[start + place[0] + i];
  return ` ${place[2]}:${hex(v)}`;
}

/** One line of what a frame is. */
export function frameText(frame: Uint8Array): string {
  const m = matchOf(frame);
  if (!m) return `(***truncated to ${frame.length} bytes***)\n`;
  return `${formatMatch(m)}${checksum(frame, m)}\n`;
}

function dump(data: Uint8Array): string {
  // Without the column of characters.
  return formatHexDump(data).replace(/ *\|.*\|$/gm, '');
}

const number = (v: bigint): string => (v === 0n ? '0' : `0x${v.toString(16)}`);

function continuationText(bytes: Uint8Array, version: number, ctx: TextContext): string {
  const c = decodeContinuation(bytes, version, true);
  const lines: string[] = [];
  if (c.bridge) lines.push(`bridge=${formatUuid(c.bridge)}`);
  if (c.stack.length > 0) {
    const items = [...c.stack].reverse().map((i) => number(i.value));
    lines.push(`stack=(top) ${items.join(' ')} (bottom)`);
  }
  if (c.mirrors) lines.push(`mirrors=0x${hex(c.mirrors)}`);
  if (c.conntracked) lines.push('conntracked=true');
  if (c.groups.length > 0) {
    const list = c.groups.map(
      (g) => `unroll_xlate(table=${g.table}, cookie=${g.cookie}),${formatActions(g.actions, ctx.ports)}`,
    );
    lines.push(`actions=${list.join(',')}`);
  }
  if (c.actionSet.length > 0) lines.push(`action_set=${formatActions(c.actionSet, ctx.ports)}`);
  if (c.odpPort) lines.push(`odp_port=${c.odpPort}`);
  return lines.map((l) => ` continuation.${l}\n`).join('');
}

function formatUuid(b: Uint8Array): string {
  const text = Buffer.from(b).toString('hex');
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function packetInText(v: PacketInMessage, version: number, ctx: TextContext): string {
  let s = '';
  if (v.table !== 255 && v.table !== 0) s += ` table_id=${tableText(v.table, ctx)}`;
  if (v.cookie !== MAX_U64) s += ` cookie=0x${hex(v.cookie)}`;
  const metadata = formatMatch(v.metadata, { portNames: ctx.ports });
  s += ` total_len=${v.totalLen} ${metadata} (via ${REASONS[v.reason] ?? v.reason})`;
  s += ` data_len=${v.data.length}`;
  s += v.bufferId === NO_BUFFER ? ' (unbuffered)' : ` buffer=0x${hex(v.bufferId, 8)}`;
  if (v.totalLen < v.data.length) s += ' (***total_len < data_len***)';
  s += '\n';
  if (v.userdata?.length) s += ` userdata=${Array.from(v.userdata, (b) => hex(b, 2)).join('.')}\n`;
  if (v.continuation) s += continuationText(v.continuation, version, ctx);
  if (v.data.length) s += frameText(v.data);
  return ctx.verbosity > 2 ? s + dump(v.data) : s;
}

export const packetFormatters: Formatters = {
  packet_in: ({ value, version }, ctx) => packetInText(value, version, ctx),
  resume: ({ value, version }, ctx) => packetInText(value, version, ctx),
  packet_out: ({ value: v }, ctx) => {
    const port = inPortOf(v.metadata);
    let s = ` in_port=${port === OFPP.none ? 'ANY' : portText(port, ctx)} ${actionsText(v.actions, ctx)}`;
    if (v.bufferId !== NO_BUFFER) return `${s} buffer=0x${hex(v.bufferId, 8)}\n`;
    s += ` data_len=${v.data.length}\n`;
    if (v.data.length && ctx.verbosity >= 0) s += frameText(v.data);
    return ctx.verbosity > 2 ? s + dump(v.data) : s;
  },
};
