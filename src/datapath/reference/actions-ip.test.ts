/** Rewriting IP and what it carries: headers and their checksums. */
import t from 'tap';
import type { SetKind } from '../action.js';
import { check, IP, IPV6, set, setBits, T, U, unfinished } from './test-support/both.js';
import { eth, hex, IP6_DST, icmp, icmpv6, ip4, ip6, sctp, tcp, udp, w16 } from './test-support/frames.js';

const DST = '0a630203';
const DST6 = '20010db8000000001122334455667788';

/** A UDP port for which the sum comes out as 0. */
function portOfZero(): number {
  for (let port = 0; port < 65536; port++) {
    if (Buffer.from(ip4(udp(port, 2000))).readUInt16BE(26) === 0xffff) return port;
  }
  throw new Error('no such port');
}

t.test('IPv4', (t) => {
  const dst = [set('ipv4', { 4: DST })];
  const other = { dst: DST };
  const zero = portOfZero();
  const cut = ip4(U, { frag: 0x2000 });
  check(t, [
    [
      'addresses over UDP',
      eth(IP, ip4(U)),
      [set('ipv4', { 0: '01020304', 4: DST })],
      eth(IP, ip4(U, { src: '01020304', dst: DST })),
    ],
    ['destination over TCP', eth(IP, ip4(T)), dst, eth(IP, ip4(T, other))],
    ['destination over ICMP', eth(IP, ip4(icmp(8, 0))), dst, eth(IP, ip4(icmp(8, 0), other))],
    ['destination over SCTP', eth(IP, ip4(sctp(1, 2))), dst, eth(IP, ip4(sctp(1, 2), other))],
    [
      'half an address',
      eth(IP, ip4(T)),
      [setBits('ipv4', 4, 'ffff0000', '0fff0000')],
      eth(IP, ip4(T, { dst: '0fff0002' })),
    ],
    ['TTL', eth(IP, ip4(T)), [set('ipv4', { 10: '3f' })], eth(IP, ip4(T, { ttl: 63 }))],
    ['TOS', eth(IP, ip4(T, { tos: 3 })), [setBits('ipv4', 9, 'b8', 'fc')], eth(IP, ip4(T, { tos: 0xbb }))],
    [
      'behind options',
      eth(IP, ip4(T, { options: hex('94040000') })),
      dst,
      eth(IP, ip4(T, { options: hex('94040000'), dst: DST })),
    ],
    ['no UDP checksum', eth(IP, ip4(udp(1, 2, 'none'))), dst, eth(IP, ip4(udp(1, 2, 'none'), other))],
    ['a wrong checksum stays wrong', eth(IP, ip4(udp(1, 2, 'wrong'))), dst, eth(IP, ip4(udp(1, 2, 'wrong'), other))],
    [
      'a sum of 0 is not "none"',
      eth(IP, ip4(udp(zero ^ 1, 2000))),
      [set('udp', { 0: Buffer.from(w16(zero)).toString('hex') })],
      eth(IP, ip4(udp(zero, 2000))),
    ],
    [
      'and back',
      eth(IP, ip4(udp(zero, 2000))),
      [set('udp', { 0: Buffer.from(w16(zero ^ 1)).toString('hex') })],
      eth(IP, ip4(udp(zero ^ 1, 2000))),
    ],
    ['first fragment', eth(IP, cut), dst, eth(IP, ip4(U, { frag: 0x2000, dst: DST }))],
    ['later fragment', eth(IP, ip4(U, { frag: 0x2001 })), dst, eth(IP, later(DST))],
    [
      'unfinished checksum',
      eth(IP, ip4(tcp(1, 2, 'pseudo'))),
      dst,
      eth(IP, ip4(tcp(1, 2, 'pseudo'), other)),
      { offload: unfinished(34, 16) },
    ],
    [
      'another one is unfinished',
      eth(IP, ip4(udp(1, 2))),
      dst,
      eth(IP, ip4(udp(1, 2), other)),
      { offload: unfinished(84, 16) },
    ],
    ['of IPv6', eth(IPV6, ip6(U)), dst, eth(IPV6, ip6(U))],
    ['header longer than the frame', lying(0x4f), dst, lying(0x4f)],
    ['header shorter than a header', lying(0x44), dst, lying(0x44)],
  ]);
  t.end();

  /** A fragment's payload is no header: only the IP checksum changes. */
  function later(to: string) {
    const body = ip4(U, { frag: 0x2001 }).slice(20);
    return ip4(
      Object.assign(() => body, { proto: 17 }),
      { frag: 0x2001, dst: to },
    );
  }
  function lying(first: number) {
    const bytes = ip4(U);
    bytes[0] = first;
    return eth(IP, bytes);
  }
});

t.test('IPv6', (t) => {
  const dst = [set('ipv6', { 16: DST6 })];
  const hop: [number, number[]] = [0, hex('00 05 02 0000 0100')];
  const routing = (left: number): [number, number[]] => [
    43,
    [...hex('02 02'), left, ...hex('00000000'), ...hex(IP6_DST)],
  ];
  const fragment = (offset: number): [number, number[]] => [44, [0, ...w16(offset | 1), ...hex('00000009')]];
  check(t, [
    ['source over TCP', eth(IPV6, ip6(T)), [set('ipv6', { 0: DST6 })], eth(IPV6, ip6(T, { src: DST6 }))],
    ['destination over UDP', eth(IPV6, ip6(U)), dst, eth(IPV6, ip6(U, { dst: DST6 }))],
    ['destination over ICMPv6', eth(IPV6, ip6(icmpv6(128, 0))), dst, eth(IPV6, ip6(icmpv6(128, 0), { dst: DST6 }))],
    [
      'behind hop-by-hop options',
      eth(IPV6, ip6(T, { extensions: [hop] })),
      dst,
      eth(IPV6, ip6(T, { extensions: [hop], dst: DST6 })),
    ],
    [
      'with segments left',
      eth(IPV6, ip6(T, { extensions: [routing(1)], lastDst: IP6_DST })),
      dst,
      eth(IPV6, ip6(T, { extensions: [routing(1)], lastDst: IP6_DST, dst: DST6 })),
    ],
    [
      'with no segments left',
      eth(IPV6, ip6(T, { extensions: [routing(0)] })),
      dst,
      eth(IPV6, ip6(T, { extensions: [routing(0)], dst: DST6 })),
    ],
    [
      'first fragment',
      eth(IPV6, ip6(T, { extensions: [fragment(0)] })),
      dst,
      eth(IPV6, ip6(T, { extensions: [fragment(0)], dst: DST6 })),
    ],
    [
      'later fragment',
      eth(IPV6, ip6(T, { extensions: [fragment(8)] })),
      dst,
      eth(IPV6, ip6(T, { extensions: [fragment(8)], dst: DST6, lastDst: IP6_DST })),
    ],
    [
      'class, label and hop limit',
      eth(IPV6, ip6(T)),
      [set('ipv6', { 33: '0abcde', 37: 'b9', 38: '01' })],
      eth(IPV6, ip6(T, { label: 0xabcde, tclass: 0xb9, hlimit: 1 })),
    ],
    [
      'label only',
      eth(IPV6, ip6(T, { tclass: 0xff })),
      [set('ipv6', { 32: 'fff00001' })],
      eth(IPV6, ip6(T, { tclass: 0xff, label: 1 })),
    ],
    [
      'ECN only',
      eth(IPV6, ip6(T, { label: 0xfffff })),
      [setBits('ipv6', 37, 'ff', '03')],
      eth(IPV6, ip6(T, { tclass: 3, label: 0xfffff })),
    ],
    [
      'unfinished checksum',
      eth(IPV6, ip6(udp(1, 2, 'pseudo'))),
      dst,
      eth(IPV6, ip6(udp(1, 2, 'pseudo'), { dst: DST6 })),
      { offload: unfinished(54, 6) },
    ],
  ]);
  t.end();
});

t.test('transport', (t) => {
  const ports = (kind: SetKind) => [set(kind, { 0: '1234', 2: '5678' })];
  check(t, [
    ['TCP ports', eth(IP, ip4(T)), ports('tcp'), eth(IP, ip4(tcp(0x1234, 0x5678)))],
    ['TCP ports over IPv6', eth(IPV6, ip6(T)), ports('tcp'), eth(IPV6, ip6(tcp(0x1234, 0x5678)))],
    ['UDP ports', eth(IP, ip4(U)), ports('udp'), eth(IP, ip4(udp(0x1234, 0x5678)))],
    ['bits of a port', eth(IP, ip4(U)), [setBits('udp', 2, 'ffff', '0001')], eth(IP, ip4(udp(1000, 2001)))],
    [
      'UDP ports without checksum',
      eth(IP, ip4(udp(1, 2, 'none'))),
      ports('udp'),
      eth(IP, ip4(udp(0x1234, 0x5678, 'none'))),
    ],
    [
      'unfinished',
      eth(IP, ip4(tcp(1, 2, 'pseudo'))),
      ports('tcp'),
      eth(IP, ip4(tcp(0x1234, 0x5678, 'pseudo'))),
      { offload: unfinished(34, 16) },
    ],
    ['SCTP ports', eth(IP, ip4(sctp(1, 2))), ports('sctp'), eth(IP, ip4(sctp(0x1234, 0x5678)))],
    ['SCTP ports over IPv6', eth(IPV6, ip6(sctp(1, 2))), ports('sctp'), eth(IPV6, ip6(sctp(0x1234, 0x5678)))],
    ['UDP has no TCP ports', eth(IP, ip4(U)), ports('tcp'), eth(IP, ip4(U))],
    ['a later fragment has none', eth(IP, ip4(U, { frag: 1 })), ports('udp'), eth(IP, ip4(U, { frag: 1 }))],
    ['ICMP', eth(IP, ip4(icmp(8, 0))), [set('icmp', { 0: '0005' })], eth(IP, ip4(icmp(0, 5)))],
    ['ICMP code', eth(IP, ip4(icmp(3, 0))), [set('icmp', { 1: '04' })], eth(IP, ip4(icmp(3, 4)))],
    ['ICMPv6', eth(IPV6, ip6(icmpv6(128, 0))), [set('icmpv6', { 0: '8100' })], eth(IPV6, ip6(icmpv6(129, 0)))],
    ['ICMPv6 is no ICMP', eth(IPV6, ip6(icmpv6(128, 0))), [set('icmp', { 0: '8100' })], eth(IPV6, ip6(icmpv6(128, 0)))],
  ]);
  t.end();
});

t.test('neighbor discovery', (t) => {
  const nd = (type: number, target: string, option: string, reserved = '00000000') =>
    eth(IPV6, ip6(icmpv6(type, 0, hex(`${reserved}${target}${option}`))));
  const before = nd(135, DST6, '0101020000000001');
  check(t, [
    ['target', before, [set('nd', { 0: IP6_DST })], nd(135, IP6_DST, '0101020000000001')],
    ['source address', before, [set('nd', { 16: 'aabbccddeeff' })], nd(135, DST6, '0101aabbccddeeff')],
    ['not the target address', before, [set('nd', { 22: 'aabbccddeeff' })], before],
    [
      'target address',
      nd(136, DST6, '0201020000000001'),
      [set('nd', { 22: 'aabbccddeeff' })],
      nd(136, DST6, '0201aabbccddeeff'),
    ],
    [
      'behind another option',
      nd(135, DST6, '05010000000005dc 0101020000000001'),
      [set('nd', { 16: 'aabbccddeeff' })],
      nd(135, DST6, '05010000000005dc 0101aabbccddeeff'),
    ],
    [
      'an option of no length',
      nd(135, DST6, '0500000000000000 0101020000000001'),
      [set('nd', { 16: 'aabbccddeeff' })],
      nd(135, DST6, '0500000000000000 0101020000000001'),
    ],
    [
      'flags',
      nd(136, DST6, '0201020000000001'),
      [set('nd_ext', { 0: '60000000' })],
      nd(136, DST6, '0201020000000001', '60000000'),
    ],
    ['type of the option', before, [set('nd_ext', { 4: '02' })], nd(135, DST6, '0201020000000001')],
    [
      'an echo has no target',
      eth(IPV6, ip6(icmpv6(128, 0, hex(`00000000${DST6}`)))),
      [set('nd', { 0: IP6_DST })],
      eth(IPV6, ip6(icmpv6(128, 0, hex(`00000000${DST6}`)))),
    ],
  ]);
  t.end();
});
