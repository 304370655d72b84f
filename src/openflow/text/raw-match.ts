/** What ovs-ofctl shows of a flow_mod of OpenFlow 1.0 when asked for much: the match as it stands in the message, every member, "*" for what is free. */

import { port16to32 } from '../../flow/fields.js';
import { WILD10 } from '../../flow/match-of10.js';
import { formatIpv4Number, formatMac } from '../../lib/address.js';
import { get16, get32 } from '../../lib/bytes.js';
import { identify } from '../message.js';
import { portText, type TextContext } from './context.js';
import { formatEntries } from './nx-match.js';

/** Where a flow_mod has its match: behind the header of OpenFlow, or of Nicira's message and what stands before the entries there. */
const OF10_MATCH_AT = 8;
const NX_LENGTH_AT = 16 + 24;
const NX_ENTRIES_AT = 16 + 32;

const TYPES: ReadonlyMap<number, string> = new Map([
  [0x0800, 'ip'],
  [0x0806, 'arp'],
  [0x8035, 'rarp'],
  [0x8847, 'mpls'],
  [0x8848, 'mplsm'],
]);
const PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
]);

function address(value: number, wildBits: number): string {
  const n = wildBits & 63;
  if (n >= 32) return '*';
  return n === 0 ? formatIpv4Number(value) : `${formatIpv4Number(value)}/${32 - n}`;
}

/** The 40 bytes at `at`. */
function fixedMatch(b: Uint8Array, at: number, ctx: TextContext): string {
  const wild = get32(b, at);
  const type = wild & WILD10.dlType ? -1 : get16(b, at + 22);
  const protocol = type === 0x0800 && !(wild & WILD10.nwProto) ? PROTOCOLS.get(b[at + 25]) : undefined;
  const kind = protocol ?? TYPES.get(type);
  const isArp = type === 0x0806 || type === 0x8035;
  const isIcmp = b[at + 25] === 1;
  const members: readonly (readonly [name: string, wildcard: number, text: () => string])[] = [
    ['in_port', WILD10.inPort, () => portText(port16to32(get16(b, at + 4)), ctx)],
    ['dl_vlan', WILD10.dlVlan, () => String(get16(b, at + 18))],
    ['dl_vlan_pcp', WILD10.dlVlanPcp, () => String(b[at + 20])],
    ['dl_src', WILD10.dlSrc, () => formatMac(b, at + 6)],
    ['dl_dst', WILD10.dlDst, () => formatMac(b, at + 12)],
    [
      'dl_type',
      WILD10.dlType,
      () =>
        `0x${get16(b, at + 22)
          .toString(16)
          .padStart(4, '0')}`,
    ],
    ['nw_src', 0, () => address(get32(b, at + 28), wild >>> 8)],
    ['nw_dst', 0, () => address(get32(b, at + 32), wild >>> 14)],
    [isArp ? 'arp_op' : 'nw_proto', WILD10.nwProto, () => String(b[at + 25])],
    ['nw_tos', WILD10.nwTos, () => String(b[at + 24])],
    [isIcmp ? 'icmp_type' : 'tp_src', WILD10.tpSrc, () => String(get16(b, at + 36))],
    [isIcmp ? 'icmp_code' : 'tp_dst', WILD10.tpDst, () => String(get16(b, at + 38))],
  ];
  const said = new Set([...(kind ? ['dl_type'] : []), ...(protocol ? ['nw_proto'] : [])]);
  const out = members.flatMap(([name, wildcard, text]) =>
    said.has(name) ? [] : [`${name}=${wild & wildcard ? '*' : text()}`],
  );
  return [...(kind ? [kind] : []), ...out].join(',');
}

/** Of the bytes of a flow_mod of 1.0, or undefined where they are of another version. */
export function rawMatchText(message: Uint8Array, ctx: TextContext): string | undefined {
  const { row, header } = identify(message);
  if (row.kind !== 'flow_mod' || header.version !== 1) return undefined;
  if (row.name === 'OFPT_FLOW_MOD') return fixedMatch(message, OF10_MATCH_AT, ctx);
  return formatEntries(message.subarray(NX_ENTRIES_AT, NX_ENTRIES_AT + get16(message, NX_LENGTH_AT)));
}
