/**
 * Two megaflows of one packet that are not the same. Which bits a look-up reads depends on the order in which a switch asks its tables, and both answers
 * are right (docs/compatibility.md). So what weft leaves open is put to the test: other packets under its mask, described to OVS, must get the
 * same actions from it.
 */
import { FIELDS, readField, writeField } from '../../src/flow/fields.js';
import { formatKey } from '../../src/flow/format-key.js';
import { newKey } from '../../src/flow/key.js';
import { parseExactFlow } from '../../src/flow/parse-exact.js';
import { parseMatch } from '../../src/flow/parse-match.js';
import { checkPrereqs } from '../../src/flow/prereqs.js';
import { parseIpv4, parseIpv6, parseMac } from '../../src/lib/address.js';
import { getBig, lowBits } from '../../src/lib/bytes.js';
import type { Random } from '../../src/lib/random.js';

const MEGAFLOW = /^Megaflow: (.*)$/m;
const ACTIONS = /^Datapath actions: (.*)$/m;
/** Addresses, types of service and ports: what may be anything in a packet. */
const FREE = FIELDS.filter((f) =>
  /^(eth_src|eth_dst|ip_src|ip_dst|ipv6_src|ipv6_dst|arp_sha|arp_tha|arp_spa|arp_tpa|(tcp|udp|sctp)_(src|dst))$/.test(
    f.name,
  ),
);
/** As they stand in a megaflow. */
const FREE_WORDS = /^(dl_src|dl_dst|nw_src|nw_dst|ipv6_src|ipv6_dst|arp_[a-z]+|tp_src|tp_dst)=/;
const VARIANTS = 3;

export const actionsOf = (text: string): string => ACTIONS.exec(text)?.[1] ?? text;

/** The texts but for the masks: of the megaflow, and of what is set, whose bits are those that were looked at. */
export function sameButForMasks(ovs: string, weft: string): boolean {
  const rest = (text: string): string => text.replace(MEGAFLOW, 'Megaflow:').replace(ACTIONS, 'Datapath actions:');
  return rest(ovs) === rest(weft) && sameSets(actionsOf(ovs), actionsOf(weft));
}

const VALUE = /=([0-9a-fx:.]+)(?:\/([0-9a-fx:.]+))?/g;

/** The same actions, where what is set is the same in the bits that both set. */
export function sameSets(ovs: string, weft: string): boolean {
  if (ovs === weft) return true;
  if (ovs.replace(VALUE, '=') !== weft.replace(VALUE, '=')) return false;
  const others = [...weft.matchAll(VALUE)];
  return [...ovs.matchAll(VALUE)].every(([, value, mask], i) => {
    const [, value2, mask2] = others[i];
    if (mask === undefined && mask2 === undefined) return value === value2;
    const common = number(mask) & number(mask2);
    return (number(value) & common) === (number(value2) & common);
  });
}

/** No mask is all ones. */
function number(text: string | undefined): bigint {
  if (text === undefined) return lowBits(128);
  const address = parseMac(text) ?? parseIpv4(text) ?? parseIpv6(text);
  return address ? getBig(address, 0, address.length) : BigInt(text);
}

const PORT_WORDS: readonly (readonly [RegExp, string, string])[] = [
  [/(^|,)tcp6?,/, 'tcp_', ''],
  [/(^|,)udp6?,/, 'udp_', ''],
  [/(^|,)sctp6?,/, 'sctp_', ''],
  [/(^|,)icmp6,/, '', 'icmpv6_'],
  [/(^|,)icmp,/, '', 'icmp_'],
];

/** A flow as it is printed in the words in which it can be read again; undefined where there are none for all of it. */
export function describable(flow: string): string | undefined {
  if (/,(dl_vlan1|mpls_lse[12]|nsh_)|packet_type|recirc_id/.test(flow)) return undefined;
  const [, ports, icmp] = PORT_WORDS.find(([word]) => word.test(flow)) ?? [undefined, '', ''];
  return flow
    .replace(/,vlan_tci1=0x0000/, '')
    .replace(/,tp_(src|dst)=(\d+)/g, ports === '' ? '' : `,${ports}$1=$2`)
    .replace(/,icmp_(type|code)=/g, icmp === '' ? '' : `,${icmp}$1=`)
    .replace(/,nd_target=[^,]*(,nd_sll=[^,]*)?(,nd_tll=[^,]*)?/, '');
}

/** Flows like this one, under the mask of weft's megaflow; none where it cannot be described as one. */
export function variants(r: Random, flow: string, weft: string): string[] {
  const text = MEGAFLOW.exec(weft)?.[1] ?? '';
  const described = describable(flow);
  if (described === undefined) return [];
  const { mask } = parseMatch(
    text
      .split(',')
      .filter((condition) => FREE_WORDS.test(condition))
      .join(','),
  );
  return Array.from({ length: VARIANTS }, () => {
    const key = newKey();
    key.set(parseExactFlow(described));
    for (const f of FREE) {
      if (!checkPrereqs(f.prereqs, key)) continue;
      const fixed = readField(mask, f);
      const value = getBig(r.bytes(16), 0, 16) & f.valid;
      writeField(key, f, (readField(key, f) & fixed) | (value & ~fixed));
    }
    return describable(formatKey(key)) ?? flow;
  });
}
