/** Lines to both, and what differs. */
import { Random } from '../../../src/lib/random.js';
import { flowLine } from './flows.js';
import { realAnswers, weftAnswers } from './judge.js';

export interface Comparison {
  readonly accepted: number;
  /** A line each, with what either said. */
  readonly differences: readonly string[];
}

/** Lines that only one of them has. */
function unlike(real: string, ours: string): string {
  const [a, b] = [real.split('\n'), ours.split('\n')];
  const only = (x: string[], y: string[], sign: string) => x.filter((l) => !y.includes(l)).map((l) => `${sign} ${l}`);
  return [...only(a, b, '  ovs '), ...only(b, a, '  weft')].join('\n');
}

/** Forms that weft reads or shows otherwise on purpose; docs/compatibility.md says why. */
const ON_PURPOSE: readonly RegExp[] = [
  // There is no such table.
  /goto_table:(255|0x0*ff)\b/i,
  // OVS takes the value for the mask, and prints no mask.
  /\btun_(erspan|gtpu)_/,
  /NXOXM_ET_/,
  /(tun_|TUN_)(gbp|GBP)_\w+([=:][^,/]*\/|\[)/i,
  // All flags there are, which OVS sends with a mask and weft without.
  /tcp_flags=[^,]*\/(0xfff|4095)\b/i,
  // The context of a header whose type nothing says.
  /\bnsh_?c[1-4](?!.*nsh_mdtype=(0x)?1\b)/,
  // A mask that begins with a digit is none to OVS.
  /[\da-f:]*:[\da-f:.]*\/\d[\da-f]*:/,
  // A neighbour discovery's option type, in packets that turn out to be of another protocol: to OVS it is their TCP flags.
  /nd_options_type.*((nw|ip)_proto=(?!58|0x3a)|[, ](tcp|udp|sctp|icmp)6?\b)/,
  // A cookie of more than 64 bits, which learn takes for all ones.
  /learn\(.*cookie=(0x[\da-f]{17}|\d{20})/,
  // Fields with a long header have no place in learn, which OVS fills with that of in_port.
  /learn\([^)]*(nsh_|nsh?c\d|nsp|nsi|actset_output|NXOXM|ONFOXM)/,
];
/** Addresses of a connection of one family, in packets of several types: weft has one place for both. */
const isMixed = (line: string): boolean => {
  const v4 = /\bct_nw_[sd]|_CT_NW_[SD]/.test(line);
  const v6 = /\bct_ipv6|_CT_IPV6/.test(line);
  if (!v4 && !v6) return false;
  // Of the other family than the packets.
  if (v4 && /\b(ipv6|ip6|tcp6|udp6|sctp6|icmp6)\b|0x86dd|34525/.test(line)) return true;
  if (v6 && /\b(ip|ipv4|ip4|tcp|udp|sctp|icmp)\b|0x0?800\b|2048/.test(line)) return true;
  const types = /\b(ip|ipv4|ip4|ipv6|ip6|tcp6?|udp6?|sctp6?|icmp6?|r?arp|mplsm?|(dl|eth|packet)_type)\b/g;
  return (v4 && v6) || (line.match(types) ?? []).length !== 1;
};
/** In 1.0 and 1.1 OVS forgets the mask of a set that has an action of its own there. */
const FORGETS_MASK = /set_field:[^,>]*\/[^,>]*->(eth_|dl_|ip_|nw_|vlan_|tcp_|udp_|tp_)/;
export const isOnPurpose = (line: string, version: number): boolean =>
  (version < 2 && FORGETS_MASK.test(line)) || isMixed(line) || ON_PURPOSE.some((p) => p.test(line));

/** OVS looks for the value of a tunnel option in the wrong place when it shows entries one by one. */
export const withoutTunnelOptions = (text: string): string =>
  text.replace(/(NXM_NX_TUN_METADATA\d+(?:_W)?)\([\da-f/]*\)/g, '$1(...)');

/** Where OVS has no name for what is wrong. */
const nameless = (text: string): string => text.replaceAll('invalid (null) "', 'invalid packet length "');

/** What OVS sends although no switch takes it, weft may refuse to send. */
const bothRefuse = (real: string, ours: string): boolean =>
  real.includes('***decode error') && ours.startsWith('ovs-ofctl:') && !ours.includes('FLOW_MOD');

/** Lines without forms that differ on purpose. */
export function linesFor(r: Random, count: number, version: number): string[] {
  const lines: string[] = [];
  while (lines.length < count) {
    const line = flowLine(r);
    if (!isOnPurpose(line, version)) lines.push(line);
  }
  return lines;
}

export async function compareTexts(version: number, count: number, seed: number): Promise<Comparison> {
  const lines = linesFor(new Random(seed * 100 + version), count, version);
  const real = (await realAnswers(lines, version)).map(nameless).map(withoutTunnelOptions);
  const ours = weftAnswers(lines, version).map(withoutTunnelOptions);
  return compareAnswers(lines, real, ours);
}

/** What either said to each line. */
export function compareAnswers(lines: readonly string[], real: readonly string[], ours: readonly string[]): Comparison {
  const differences = lines.flatMap((line, i) =>
    real[i] === ours[i] || bothRefuse(real[i], ours[i]) ? [] : [`${line}\n${unlike(real[i], ours[i])}`],
  );
  return { accepted: real.filter((a) => !a.startsWith('ovs-ofctl:')).length, differences };
}
