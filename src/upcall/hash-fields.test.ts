import t from 'tap';
import { newKey } from '../flow/key.js';
import { parseMatch } from '../flow/parse-match.js';
import { K } from '../packet/key.js';
import { hashFields } from './hash-fields.js';

const ETH = 'dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02';
const FLOWS = [
  `tcp,${ETH},nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_src=1024,tp_dst=80`,
  `udp6,${ETH},dl_vlan=5,ipv6_src=fe80::1,ipv6_dst=fe80::2,udp_src=53,udp_dst=1000`,
  'arp,dl_src=02:00:00:00:00:01,dl_dst=ff:ff:ff:ff:ff:ff',
];

/** What ovs-vswitchd gives for them: the low 16 bits, with basis 50. */
const HASHES: readonly (readonly [fields: string, ...low: number[]])[] = [
  ['eth_src', 0xb17f, 0xb17f, 0xb17f],
  ['symmetric_l4', 0xc90c, 0xec2a, 0x99f7],
  ['symmetric_l3l4', 0x4026, 0xa5ed, 0x6506],
  ['symmetric_l3l4+udp', 0x4026, 0xdb77, 0x6506],
  ['nw_src', 0x3000, 0x5ef4, 0x32],
  ['nw_dst', 0xfcfb, 0xa647, 0x32],
  ['symmetric_l3', 0xb195, 0x4dd8, 0x7f81],
];

t.test('hashes are those of Open vSwitch', (t) => {
  for (const [fields, ...low] of HASHES) {
    for (const [i, flow] of FLOWS.entries()) {
      const hash = hashFields(fields, 50, parseMatch(flow).value, newKey());
      t.equal(hash & 0xffff, low[i], `${fields} of ${flow}`);
    }
  }
  t.end();
});

/** The type of what is carried says which fields there are, and is in every mask: so is whether it is a fragment. */
const ALWAYS = [K.ethType.offset, K.ethType.offset + 1, K.nwFrag.offset];

t.test('what is hashed is in the mask: other bits change nothing', (t) => {
  for (const [fields] of HASHES) {
    for (const flow of FLOWS) {
      const key = parseMatch(flow).value;
      const mask = newKey();
      const hash = hashFields(fields, 1, key, mask);
      const other = key.map((v, i) => (ALWAYS.includes(i) ? v : v ^ ~mask[i]));
      t.equal(hashFields(fields, 1, other, newKey()), hash, `${fields} of ${flow}`);
    }
  }
  t.end();
});
