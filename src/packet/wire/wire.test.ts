import t from 'tap';
import { formatHex, parseHex } from '../../lib/bytes.js';
import { arp } from './arp.js';
import { ethernet, ethernetView } from './ethernet.js';
import { icmp } from './icmp.js';
import { ipv4, ipv4View } from './ipv4.js';
import { fragmentExtension, ipv6, ipv6View } from './ipv6.js';
import { mpls } from './mpls.js';
import { nd, ndView } from './nd.js';
import { sctp } from './sctp.js';
import { tcp, tcpView } from './tcp.js';
import { udp } from './udp.js';
import { vlan } from './vlan.js';
import type { Wire } from './wire.js';

const h = parseHex;
const a1 = h('0a000001');
const a2 = h('0a000002');
const m1 = h('020000000001');
const m2 = h('020000000002');
const s1 = h('fe80000000000000 0000000000000001');
const s2 = h('fe80000000000000 0000000000000002');
const none = new Uint8Array(0);

/** A header and its payload as bytes, and the value. `pseudo` is the sum of the pseudo-header where the checksum has one. */
interface Row<V> {
  name: string;
  bytes: string;
  value: V;
  pseudo?: number;
  /** Lengths below its own at which it is legal too. */
  legal?: number[];
}

function suite<V>(name: string, wire: Wire<V>, rows: Row<V>[], malformed: [string, string][]): void {
  t.test(name, (t) => {
    for (const row of rows) {
      const bytes = h(row.bytes);
      t.same(wire.parse(bytes, 0, bytes.length), row.value, `${row.name}: parse`);
      const n = wire.length(row.value);
      // Every byte is written, wherever the header stands.
      const out = new Uint8Array(bytes.length + 3).fill(0xa5);
      out.set(bytes.subarray(n), 3 + n);
      wire.emit(row.value, out, 3);
      wire.seal?.(out, 3, out.length, row.pseudo ?? 0);
      t.equal(formatHex(out.subarray(3)), formatHex(bytes), `${row.name}: emit`);
      for (let end = 0; end < n; end++) {
        if (!row.legal?.includes(end)) t.equal(wire.parse(bytes, 0, end), undefined, `${row.name}: ${end} bytes`);
      }
    }
    for (const [reason, text] of malformed) t.equal(wire.parse(h(text), 0, h(text).length), undefined, reason);
    t.end();
  });
}

suite(
  'ethernet',
  ethernet,
  [{ name: 'IPv4', bytes: '020000000002 020000000001 0800', value: { dst: m2, src: m1, type: 0x800 } }],
  [],
);
suite(
  'vlan',
  vlan,
  [
    { name: 'tag', bytes: 'a005 0800', value: { vid: 5, pcp: 5, dei: false, type: 0x800 } },
    { name: 'all ones', bytes: 'ffff 8100', value: { vid: 4095, pcp: 7, dei: true, type: 0x8100 } },
  ],
  [],
);
suite(
  'arp',
  arp,
  [
    {
      name: 'request',
      bytes: '0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002',
      value: { op: 1, sha: m1, spa: a1, tha: new Uint8Array(6), tpa: a2 },
    },
    {
      name: 'unknown op',
      bytes: '0001 0800 06 04 0105 020000000001 0a000001 020000000002 0a000002',
      value: { op: 0x105, sha: m1, spa: a1, tha: m2, tpa: a2 },
    },
  ],
  [
    ['other hardware', `0006 0800 06 04 0001 ${'00'.repeat(20)}`],
    ['other protocol', `0001 86dd 06 04 0001 ${'00'.repeat(20)}`],
    ['address of 8 bytes', `0001 0800 08 04 0001 ${'00'.repeat(20)}`],
  ],
);

const v4 = {
  src: h('c0a80001'),
  dst: h('c0a800c7'),
  proto: 17,
  tos: 0,
  ttl: 64,
  id: 0,
  dontFragment: true,
  moreFragments: false,
  fragmentOffset: 0,
  options: none,
  totalLength: 0x16,
};
suite(
  'ipv4',
  ipv4,
  [
    { name: 'plain', bytes: '45000016 00004000 4011b8be c0a80001 c0a800c7 0102', value: v4 },
    {
      name: 'options and fragment',
      bytes: '46b80018 12342001 4011c2ce c0a80001 c0a800c7 01010100',
      value: {
        ...v4,
        tos: 0xb8,
        id: 0x1234,
        dontFragment: false,
        moreFragments: true,
        fragmentOffset: 8,
        options: h('01010100'),
        totalLength: 24,
      },
    },
  ],
  [
    ['version', '65000014 00004000 40110000 c0a80001 c0a800c7'],
    ['header below 20', '44000014 00004000 40110000 c0a80001 c0a800c7'],
    ['total length below the header', '45000013 00004000 40110000 c0a80001 c0a800c7'],
    ['total length past the end', '45000015 00004000 40110000 c0a80001 c0a800c7'],
    ['options past the end', '4f000014 00004000 40110000 c0a80001 c0a800c7'],
  ],
);

const v6 = {
  src: s1,
  dst: s2,
  trafficClass: 0xab,
  label: 0x12345,
  hopLimit: 64,
  extensions: [],
  proto: 17,
  payloadLength: 2,
};
const addresses = formatHex(s1) + formatHex(s2);
suite(
  'ipv6',
  ipv6,
  [
    { name: 'plain', bytes: `6ab12345 0002 11 40 ${addresses} 0102`, value: v6 },
    {
      name: 'extensions',
      bytes: `6ab12345 0018 00 40 ${addresses} 2c00010400000000 3300000100000007 1100000000000001`,
      value: {
        ...v6,
        payloadLength: 24,
        extensions: [
          { type: 0, body: h('00010400000000') },
          fragmentExtension(0, true, 7),
          { type: 51, body: h('00000000000001') },
        ],
      },
    },
    {
      name: 'a later fragment ends the chain',
      bytes: `6ab12345 000a 2c 40 ${addresses} 3300000900000007 ffff`,
      value: { ...v6, payloadLength: 10, extensions: [fragmentExtension(8, true, 7)], proto: 51 },
    },
  ],
  [
    ['version', `4ab12345 0000 11 40 ${addresses}`],
    ['payload past the end', `6ab12345 0001 11 40 ${addresses}`],
    ['extension past the payload', `6ab12345 0008 00 40 ${addresses} 1101000000000000 0000000000000000`],
    ['extension of 4 bytes', `6ab12345 0004 3c 40 ${addresses} 11000000`],
  ],
);

suite(
  'udp',
  udp,
  [
    {
      name: 'one byte',
      bytes: '0035 0400 0009 a6a4 41',
      value: { src: 53, dst: 1024, length: 9 },
      pseudo: 0x0a00 + 1 + 0x0a00 + 2 + 17 + 9,
    },
  ],
  [
    ['length below 8', '0035 0400 0007 0000'],
    ['length past the end', '0035 0400 0009 0000'],
  ],
);
suite(
  'tcp',
  tcp,
  [
    {
      name: 'SYN',
      bytes: '1000 0050 00000001 00000000 6002 ffff 73d3 0000 020405b4',
      value: { src: 4096, dst: 80, seq: 1, ack: 0, flags: 2, window: 65535, urgent: 0, options: h('020405b4') },
      pseudo: 0x0a00 + 1 + 0x0a00 + 2 + 6 + 24,
    },
    {
      name: 'all flags',
      bytes: '1000 0050 ffffffff 00000000 5fff 0000 7b93 0000',
      value: { src: 4096, dst: 80, seq: 0xffffffff, ack: 0, flags: 0xfff, window: 0, urgent: 0, options: none },
      pseudo: 0x0a00 + 1 + 0x0a00 + 2 + 6 + 20,
    },
  ],
  [
    ['header below 20', '1000 0050 00000001 00000000 4002 ffff 0000 0000'],
    ['options past the end', '1000 0050 00000001 00000000 6002 ffff 0000 0000'],
  ],
);
suite(
  'sctp',
  sctp,
  [{ name: 'header', bytes: '1000 0050 00000007 58c9f63e', value: { src: 4096, dst: 80, tag: 7 } }],
  [],
);
suite(
  'icmp',
  icmp,
  [{ name: 'echo', bytes: '08 00 b0fe 0001 0001 4600 00ff', value: { type: 8, code: 0, rest: 0x10001 } }],
  [],
);
suite(
  'nd',
  nd,
  [
    {
      name: 'solicit',
      bytes: `87 00 7a1b 00000000 ${formatHex(s2)} 01 01 020000000001`,
      value: { type: 135, reserved: 0, target: s2, options: [{ type: 1, body: m1 }] },
      pseudo: 2 * 0xfe80 + 1 + 2 + 58 + 32,
      legal: [24],
    },
    {
      name: 'advert with an unknown option',
      bytes: `88 00 1f1b 60000000 ${formatHex(s2)} fd 01 000000000000`,
      value: { type: 136, reserved: 0x60000000, target: s2, options: [{ type: 253, body: new Uint8Array(6) }] },
      pseudo: 2 * 0xfe80 + 1 + 2 + 58 + 32,
      legal: [24],
    },
  ],
  [
    ['code', `87 01 0000 00000000 ${formatHex(s2)}`],
    ['another ICMPv6', `80 00 0000 00000000 ${formatHex(s2)}`],
    ['option of length 0', `87 00 0000 00000000 ${formatHex(s2)} 01 00 020000000001`],
    ['option past the end', `87 00 0000 00000000 ${formatHex(s2)} 01 02 020000000001`],
  ],
);
suite(
  'mpls',
  mpls,
  [{ name: 'bottom', bytes: 'fffffb40', value: { label: 0xfffff, tc: 5, bottom: true, ttl: 64 } }],
  [],
);

t.test('views write through, and say where the payload is', (t) => {
  const frame = h(`020000000002 020000000001 0800 46000019 00004000 40110000 0a000001 0a000002 01010100 aa`);
  const eth = ethernetView(frame)!;
  eth.type = 0x86dd;
  t.equal(formatHex(frame.subarray(12, 14)), '86dd');
  const ip = ipv4View(frame, 14)!;
  t.same([ip.payload, ip.end, formatHex(ip.src)], [38, 39, '0a000001']);
  t.equal(ipv4View(frame, 14, frame.length - 1), undefined);
  t.equal(ipv6View(h(`6ab12345 0000 11 40 ${addresses}`), 0)?.label, 0x12345);
  t.equal(tcpView(h('1000 0050 00000001 00000000 5fff ffff 0000 0000'), 0)?.flags, 0xfff);
  const solicit = h(`87 00 0000 00000000 ${formatHex(s2)} 02 01 020000000009 01 01 020000000001`);
  t.same(ndView(solicit, 0)?.linkAddress(1), m1);
  t.equal(ndView(solicit, 0)?.linkAddress(3), undefined);
  t.end();
});
