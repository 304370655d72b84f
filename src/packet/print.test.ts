import t from 'tap';
import { Random } from '../lib/random.js';
import * as b from './build.js';
import { printFrame } from './print.js';
import { randomFrame } from './random.js';
import { fragmentExtension } from './wire/ipv6.js';

const e = b.eth({ dst: '02:00:00:00:00:02', src: '02:00:00:00:00:01' });
const four = b.ip4({ src: '10.0.0.1', dst: '10.0.0.2' });
const six = b.ip6({ src: 'fe80::1', dst: 'fe80::2' });
const arp = { sha: '02:00:00:00:00:01', spa: '10.0.0.1', tha: '00:00:00:00:00:00', tpa: '10.0.0.2' };

const rows: [b.Layer[], string][] = [
  [[four, b.udpLayer({ src: 53, dst: 1024 })], 'IPv4 10.0.0.1.53 > 10.0.0.2.1024: UDP length 0, 42 bytes'],
  [
    [four, b.tcpLayer({ src: 4096, dst: 80, seq: 1, flags: 0x12 })],
    'IPv4 10.0.0.1.4096 > 10.0.0.2.80: TCP [S.] seq 1 ack 0 win 65535 length 0, 54 bytes',
  ],
  [
    [b.tag({ vid: 5, pcp: 3, tpid: 0x88a8 }), b.tag({ vid: 7 }), four, b.icmp4Layer({ rest: 0x10002 })],
    's-vlan 5 pcp 3, vlan 7, IPv4 10.0.0.1 > 10.0.0.2: ICMP echo request id 1 seq 2, 50 bytes',
  ],
  [[b.arpLayer(arp)], 'ARP who-has 10.0.0.2 tell 10.0.0.1, 42 bytes'],
  [[b.arpLayer({ ...arp, op: 2 })], 'ARP 10.0.0.1 is-at 02:00:00:00:00:01, 42 bytes'],
  [
    [b.ip4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 17, fragmentOffset: 1480, ttl: 1, tos: 8 })],
    'IPv4 10.0.0.1 > 10.0.0.2: fragment at 1480, proto 17, tos 8, ttl 1, 34 bytes',
  ],
  [
    [
      six,
      b.ndLayer({
        type: 136,
        reserved: 0,
        target: 'fe80::9',
        options: [{ type: 2, body: Uint8Array.of(2, 0, 0, 0, 0, 9) }],
      }),
    ],
    'IPv6 fe80::1 > fe80::2: ICMPv6 fe80::9 is-at 02:00:00:00:00:09, 86 bytes',
  ],
  [
    [b.ip6({ src: 'fe80::1', dst: 'fe80::2', extensions: [fragmentExtension(0, true, 1)] }), b.udpLayer({})],
    'IPv6 fe80::1.0 > fe80::2.0: UDP length 0, first fragment, 70 bytes',
  ],
  [[b.label({ label: 16, bottom: false }), b.label({ label: 17 }), four], 'MPLS 16 ttl 64, MPLS 17 ttl 64, 42 bytes'],
  [
    [b.ip4({ src: '10.0.0.1', dst: '10.0.0.2', totalLength: 99 })],
    'IPv4 [header cut off or a length that lies], 34 bytes',
  ],
  [[b.payload(new Uint8Array(4), { ethType: 0x1234 })], 'type 0x1234, 18 bytes'],
];

t.test('one line a frame', (t) => {
  for (const [layers, text] of rows) {
    t.equal(printFrame(b.build([e, ...layers])), `02:00:00:00:00:01 > 02:00:00:00:00:02, ${text}`);
  }
  t.equal(printFrame(new Uint8Array(5)), '[5 bytes, shorter than an Ethernet header]');
  t.end();
});

t.test('20,000 random frames print without a fault, in one line', (t) => {
  const r = new Random(5);
  const faults: string[] = [];
  for (let n = 0; n < 20_000; n++) {
    const line = printFrame(randomFrame(r));
    if (/NaN|undefined|\n/.test(line) || line.length > 4000) faults.push(line);
  }
  t.same(faults, []);
  t.end();
});
