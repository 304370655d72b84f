import t from 'tap';
import { formatHex } from '../lib/bytes.js';
import { Random } from '../lib/random.js';
import * as b from './build.js';
import { extract } from './extract.js';
import { frameFromKey } from './from-key.js';
import { DP_KEY_BYTES, K, SLOTS } from './key.js';
import { randomFrame } from './random.js';

const e = b.eth({ dst: '02:00:00:00:00:02', src: '02:00:00:00:00:01' });
const four = { src: '10.0.0.1', dst: '10.0.0.2' };
const six = { src: 'fe80::1', dst: 'fe80::2' };
const A = b.payload(Uint8Array.of(0x41));

/** Bytes as scapy 2.5 makes them from the same description. */
const rows: [string, b.Layer[], string][] = [
  [
    'UDP',
    [e, b.ip4(four), b.udpLayer({ src: 53, dst: 1024 }), A],
    '0200000000020200000000010800' + '4500001d00000000401166ce0a0000010a000002' + '003504000009a6a441',
  ],
  [
    'TCP with tags',
    [
      e,
      b.tag({ vid: 5, pcp: 3, tpid: 0x88a8 }),
      b.tag({ vid: 7 }),
      b.ip4(four),
      b.tcpLayer({ src: 4096, dst: 80, seq: 1, flags: 2, options: Uint8Array.of(2, 4, 5, 0xb4) }),
    ],
    '020000000002020000000001' +
      '88a8600581000007' +
      '0800' +
      '4500002c00000000400666ca0a0000010a000002' +
      '1000005000000001000000006002ffff73d30000020405b4',
  ],
  [
    'ND',
    [
      e,
      b.ip6({ ...six, hopLimit: 255 }),
      b.ndLayer({
        type: 135,
        reserved: 0,
        target: 'fe80::2',
        options: [{ type: 1, body: Uint8Array.of(2, 0, 0, 0, 0, 1) }],
      }),
    ],
    '02000000000202000000000186dd' +
      '6000000000203afffe800000000000000000000000000001fe800000000000000000000000000002' +
      '87007a1b00000000fe8000000000000000000000000000020101020000000001',
  ],
  [
    'ICMP under MPLS',
    [
      e,
      b.label({ label: 16, bottom: false }),
      b.label({ label: 17 }),
      b.ip4(four),
      b.icmp4Layer({ rest: 0x10001 }),
      b.payload(Uint8Array.of(0x46, 0, 0, 0xff)),
    ],
    '0200000000020200000000018847' +
      '0001004000011140' +
      '4500002000000000400166db0a0000010a000002' +
      '0800b0fe00010001460000ff',
  ],
];

t.test('layers compose, with lengths, types and checksums', (t) => {
  for (const [name, layers, hex] of rows) t.equal(formatHex(b.build(layers)), hex, name);
  const padded = b.build(rows[0][1], 60);
  t.equal(padded.length, 60);
  t.equal(formatHex(padded.subarray(0, 43)), rows[0][2], 'padding is not counted by IP');
  t.throws(() => b.eth({ dst: '02:00', src: '02:00:00:00:00:01' }), /"02:00" is not an Ethernet address/);
  t.end();
});

t.test('a frame made from a key has that key, for 20,000 keys of random frames', (t) => {
  const r = new Random(11);
  const faults: string[] = [];
  for (let n = 0; n < 20_000 && faults.length < 5; n++) {
    const frame = randomFrame(r);
    if (frame.length < 14) continue;
    const key = new Uint8Array(DP_KEY_BYTES);
    extract(frame, key, 2);
    const made = frameFromKey(key, r.pick([0, 1, 64]));
    const again = new Uint8Array(DP_KEY_BYTES);
    extract(made, again, 2);
    const at = SLOTS.find(
      (s) => s !== K.lines && key.subarray(s.offset, s.offset + s.bytes).some((x, i) => x !== again[s.offset + i]),
    );
    if (at) faults.push(`${at.name} of ${formatHex(frame)} became ${formatHex(made)}`);
  }
  t.same(faults, []);
  t.end();
});
