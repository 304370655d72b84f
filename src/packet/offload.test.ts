import t from 'tap';
import { addBytes, fold, pseudoSum } from './checksum.js';
import { finishChecksum, GSO, NEEDS_CSUM, segment } from './offload.js';

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const u16 = (b: Uint8Array, at: number): number => (b[at] << 8) | b[at + 1];

const macs = '020000000002 020000000001';
const payload = Uint8Array.from({ length: 2500 }, (_, i) => i * 7);
const tcpHeader = '1000 0050 fffffc00 00000001 8099 0400 0000 0000 0101080a0102030405060708'; // CWR, PSH, FIN; 12 bytes of options
const addresses4 = '0a000001 0a000002';
const addresses6 = `fe80${'00'.repeat(13)}01 fe80${'00'.repeat(13)}02`;
const hex16 = (n: number): string => n.toString(16).padStart(4, '0');

function frame(head: string, l4: string): Uint8Array {
  const h = bytes(head + l4);
  const out = new Uint8Array(h.length + payload.length);
  out.set(h);
  out.set(payload, h.length);
  return out;
}
const ip4 = (proto: string, l4: number): string => '4500' + hex16(20 + l4) + `fffe4000 40${proto}0000` + addresses4;

/** Name, frame, where L3 and L4 stand, GSO type, and how many segments of 1000. */
const rows: { name: string; f: Uint8Array; l3: number; l4: number; gso: number; v6: boolean }[] = [
  {
    name: 'TCP over IPv4',
    f: frame(`${macs} 0800 ${ip4('06', 2532)}`, tcpHeader),
    l3: 14,
    l4: 34,
    gso: GSO.tcp4,
    v6: false,
  },
  {
    name: 'TCP over IPv4, two tags',
    f: frame(`${macs} 88a80001 81000002 0800 ${ip4('06', 2532)}`, tcpHeader),
    l3: 22,
    l4: 42,
    gso: GSO.tcp4 | GSO.ecn,
    v6: false,
  },
  {
    name: 'TCP over IPv6',
    f: frame(`${macs} 86dd 60012345 ${hex16(2532)} 06 40 ${addresses6}`, tcpHeader),
    l3: 14,
    l4: 54,
    gso: GSO.tcp6,
    v6: true,
  },
  {
    name: 'TCP over IPv6 with options',
    f: frame(`${macs} 81000003 86dd 60012345 ${hex16(2532 + 8)} 00 40 ${addresses6} 0600010400000000`, tcpHeader),
    l3: 18,
    l4: 66,
    gso: GSO.tcp6,
    v6: true,
  },
  {
    name: 'UDP over IPv4',
    f: frame(`${macs} 0800 ${ip4('11', 2508)}`, `0035 0036 ${hex16(2508)} 0001`),
    l3: 14,
    l4: 34,
    gso: GSO.udpL4,
    v6: false,
  },
];

t.test('segments have true headers and carry the payload once', (t) => {
  for (const { name, f, l3, l4, gso, v6 } of rows) {
    const tcp = (gso & ~GSO.ecn) !== GSO.udpL4;
    const o = { flags: NEEDS_CSUM, gsoType: gso, gsoSize: 1000, csumStart: l4, csumOffset: tcp ? 16 : 6 };
    const out = segment(f, o, 1500);
    if (!out) {
      t.fail(`${name}: refused`);
      continue;
    }
    const data = l4 + (tcp ? 32 : 8);
    t.same(
      out.map((s) => s.length - data),
      [1000, 1000, 500],
      `${name}: sizes`,
    );
    t.same(Buffer.concat(out.map((s) => s.subarray(data))), Buffer.from(payload), `${name}: payload`);
    out.forEach((s, i) => {
      const [from, width] = v6 ? [l3 + 8, 16] : [l3 + 12, 4];
      const length = v6 ? u16(s, l3 + 4) + 40 : u16(s, l3 + 2);
      t.equal(length, s.length - l3, `${name} ${i}: length`);
      const pseudo = pseudoSum(
        s.subarray(from, from + width),
        s.subarray(from + width, from + 2 * width),
        tcp ? 6 : 17,
        s.length - l4,
      );
      t.equal(fold(addBytes(pseudo, s, l4)), 0xffff, `${name} ${i}: checksum`);
      if (!v6) {
        t.equal(fold(addBytes(0, s, l3, l3 + 20)), 0xffff, `${name} ${i}: IP checksum`);
        t.equal(u16(s, l3 + 4), (0xfffe + i) & 0xffff, `${name} ${i}: IP id`);
      }
      if (tcp) {
        t.equal(s[l4 + 13], [0x90, 0x10, 0x19][i], `${name} ${i}: CWR first, PSH and FIN last`);
        t.equal(Buffer.from(s).readUInt32BE(l4 + 4), (0xfffffc00 + 1000 * i) % 2 ** 32, `${name} ${i}: sequence`);
      } else {
        t.equal(u16(s, l4 + 4), s.length - l4, `${name} ${i}: UDP length`);
      }
    });
  }
  t.end();
});

t.test('what is not as its state says is refused', (t) => {
  const [tcp, , , , udp] = rows;
  const o = { flags: NEEDS_CSUM, gsoType: tcp.gso, gsoSize: 1000, csumStart: 34, csumOffset: 16 };
  const cases: [string, Uint8Array, Partial<typeof o>, number][] = [
    ['no segment size', tcp.f, { gsoSize: 0 }, 1500],
    ['another family', tcp.f, { gsoType: GSO.tcp6 }, 1500],
    ['UDP fragments', udp.f, { gsoType: GSO.udpFragments }, 1500],
    ['TCP that is UDP', udp.f, {}, 1500],
    ['an MTU of the headers alone', tcp.f, {}, 52],
    ['datagrams larger than the MTU', udp.f, { gsoType: GSO.udpL4 }, 1027],
    ['cut in the TCP header', tcp.f.slice(0, 50), {}, 1500],
    ['a total length past the end', tcp.f.slice(0, 2000), {}, 1500],
    ['nothing at all', new Uint8Array(0), {}, 1500],
  ];
  for (const [name, f, change, mtu] of cases) t.equal(segment(f, { ...o, ...change }, mtu), undefined, name);
  t.equal(segment(tcp.f, o, 552)?.length, 5, 'TCP is cut smaller for the MTU');
  t.end();
});

t.test('a checksum left to a device', (t) => {
  const f = bytes(`${macs} 0800 4500001d0000400040110000${addresses4} 0035 0036 0009 0000 41`);
  const partial = fold(pseudoSum(f.subarray(26, 30), f.subarray(30, 34), 17, 9));
  f.set([partial >> 8, partial & 0xff], 40);
  const o = { flags: NEEDS_CSUM, gsoType: 0, gsoSize: 0, csumStart: 34, csumOffset: 6 };
  t.notOk(finishChecksum(f.slice(0, 41), o), 'outside the frame');
  t.ok(finishChecksum(f, o));
  t.equal(fold(addBytes(pseudoSum(f.subarray(26, 30), f.subarray(30, 34), 17, 9), f, 34)), 0xffff);
  const again = f.slice();
  t.ok(finishChecksum(again, { ...o, flags: 0 }));
  t.same(again, f, 'nothing to do');
  t.end();
});
