/** Rewriting the link layer, tags, labels, ARP and NSH; offload state; lengths. */
import t from 'tap';
import type { DpAction } from '../action.js';
import { NO_OFFLOAD, type Offload } from '../datapath.js';
import { check, IP, natively, OUT, plainly, type Row, set, setBits, T, U, unfinished } from './test-support/both.js';
import { arp, eth, hex, ip4, lse, tcp, udp, w16, w32 } from './test-support/frames.js';

const DST = '0a630203';

t.test('link layer', (t) => {
  const tagged = { tags: [[0x8100, 0x2005]] as [number, number][] };
  const double = {
    tags: [
      [0x88a8, 0x0007],
      [0x8100, 0x2005],
    ] as [number, number][],
  };
  const body = ip4(U);
  const rows: Row[] = [
    ['eth_dst', eth(IP, body), [set('eth', { 0: 'aabbccddeeff' })], eth(IP, body, { dst: 'aabbccddeeff' })],
    ['eth_src', eth(IP, body), [set('eth', { 6: 'aabbccddeeff' })], eth(IP, body, { src: 'aabbccddeeff' })],
    ['bits of eth_dst', eth(IP, body), [setBits('eth', 0, 'ffff', '0110')], eth(IP, body, { dst: '031000000002' })],
    ['push', eth(IP, body), [{ type: 'push_vlan', tpid: 0x8100, tci: 0x3005 }], eth(IP, body, tagged)],
    ['push on a tag', eth(IP, body, tagged), [{ type: 'push_vlan', tpid: 0x88a8, tci: 0x1007 }], eth(IP, body, double)],
    ['pop', eth(IP, body, tagged), [{ type: 'pop_vlan' }], eth(IP, body)],
    ['pop the outer', eth(IP, body, double), [{ type: 'pop_vlan' }], eth(IP, body, tagged)],
    ['pop nothing', eth(IP, body), [{ type: 'pop_vlan' }], eth(IP, body)],
    [
      'pop behind the limit',
      eth(IP, body, double),
      [{ type: 'pop_vlan' }, { type: 'pop_vlan' }],
      eth(IP, body, tagged),
      { vlans: 1 },
    ],
    [
      'vlan id, DEI stays',
      eth(IP, body, { tags: [[0x8100, 0x3005]] }),
      [setBits('vlan', 0, '0fff', '1fff')],
      eth(IP, body, { tags: [[0x8100, 0x3fff]] }),
    ],
    [
      'priority',
      eth(IP, body, tagged),
      [setBits('vlan', 0, 'e000', 'e000')],
      eth(IP, body, { tags: [[0x8100, 0xe005]] }),
    ],
    ['vlan id of nothing', eth(IP, body), [set('vlan', { 0: '0123' })], eth(IP, body)],
    [
      'IP behind a pushed tag',
      eth(IP, body),
      [{ type: 'push_vlan', tpid: 0x8100, tci: 0x3005 }, set('ipv4', { 4: DST })],
      eth(IP, ip4(U, { dst: DST }), tagged),
      { vlans: 0 },
    ],
    ['IP behind the limit', eth(IP, body, double), [set('ipv4', { 4: DST })], eth(IP, body, double), { vlans: 1 }],
    [
      'IP in SNAP',
      eth(60, [...hex('aaaa03000000 0800'), ...body]),
      [set('ipv4', { 4: DST })],
      eth(60, [...hex('aaaa03000000 0800'), ...ip4(U, { dst: DST })]),
    ],
  ];
  check(t, rows);
  t.end();
});

t.test('MPLS', (t) => {
  const outer = lse(16, 3, 0, 64);
  const inner = lse(1000, 0, 1, 60);
  const body = ip4(U);
  const stack = (...labels: number[]) => [...labels.flatMap(w32), ...body];
  const tags: [number, number][] = [[0x8100, 5]];
  check(t, [
    ['push', eth(IP, body), [{ type: 'push_mpls', lse: inner, ethType: 0x8847 }], eth(0x8847, stack(inner))],
    [
      'push behind a tag',
      eth(IP, body, { tags }),
      [{ type: 'push_mpls', lse: inner, ethType: 0x8848 }],
      eth(0x8848, stack(inner), { tags }),
    ],
    [
      'push in front of a tag behind the limit',
      eth(IP, body, { tags }),
      [{ type: 'push_mpls', lse: inner, ethType: 0x8847 }],
      eth(0x8847, [...w32(inner), 0, 5, 8, 0, ...body]),
      { vlans: 0 },
    ],
    [
      'push on a label',
      eth(0x8847, stack(inner)),
      [{ type: 'push_mpls', lse: outer, ethType: 0x8847 }],
      eth(0x8847, stack(outer, inner)),
    ],
    [
      'pop one of two',
      eth(0x8847, stack(outer, inner)),
      [{ type: 'pop_mpls', ethType: 0x8847 }],
      eth(0x8847, stack(inner)),
    ],
    ['pop the last', eth(0x8847, stack(inner), { tags }), [{ type: 'pop_mpls', ethType: IP }], eth(IP, body, { tags })],
    [
      'pop, then rewrite',
      eth(0x8847, stack(inner)),
      [{ type: 'pop_mpls', ethType: IP }, set('ipv4', { 10: '3f' })],
      eth(IP, ip4(U, { ttl: 63 })),
    ],
    ['pop nothing', eth(IP, body), [{ type: 'pop_mpls', ethType: 0x1234 }], eth(IP, body)],
    ['pop half a label', eth(0x8847, [0, 1]), [{ type: 'pop_mpls', ethType: IP }], eth(0x8847, [0, 1])],
    [
      'the outer label',
      eth(0x8847, stack(outer, inner)),
      [set('mpls', { 0: '00010040' })],
      eth(0x8847, stack(0x00010040, inner)),
    ],
    [
      'its TTL',
      eth(0x8847, stack(outer, inner)),
      [set('mpls', { 3: '3f' })],
      eth(0x8847, stack(lse(16, 3, 0, 63), inner)),
    ],
    ['a label of nothing', eth(IP, body), [set('mpls', { 0: '00010040' })], eth(IP, body)],
  ]);
  t.end();
});

t.test('ARP', (t) => {
  const all = { op: 2, sha: 'aabbccddee01', spa: '0a010101', tha: 'aabbccddee02', tpa: '0a010102' };
  check(t, [
    [
      'all',
      eth(0x0806, arp()),
      [set('arp', { 0: all.spa, 4: all.tpa, 8: '0002', 10: all.sha, 16: all.tha })],
      eth(0x0806, arp(all)),
    ],
    ['the target', eth(0x0806, arp()), [set('arp', { 4: all.tpa })], eth(0x0806, arp({ tpa: all.tpa }))],
    [
      'of other hardware',
      eth(0x0806, [0, 2, ...arp().slice(2)]),
      [set('arp', { 4: all.tpa })],
      eth(0x0806, [0, 2, ...arp().slice(2)]),
    ],
    ['cut short', eth(0x0806, arp().slice(0, 27)), [set('arp', { 0: all.spa })], eth(0x0806, arp().slice(0, 27))],
  ]);
  t.end();
});

t.test('NSH', (t) => {
  // version 0, flags 2 bits, TTL 6 bits, length 6 words; MD type 1; next protocol 3
  const nsh = (flags: number, ttl: number, path: string, contexts: string) =>
    eth(0x894f, [...w16((flags << 12) | (ttl << 6) | 6), 1, 3, ...hex(path), ...hex(contexts)]);
  const before = nsh(0, 63, '000001ff', '0000000100000002 0000000300000004');
  check(t, [
    [
      'flags, TTL and path',
      before,
      [set('nsh', { 0: '02', 1: '3e', 4: '00000afe' })],
      nsh(2, 62, '00000afe', '0000000100000002 0000000300000004'),
    ],
    [
      'third context',
      before,
      [set('nsh', { 16: 'cafecafe' })],
      nsh(0, 63, '000001ff', '0000000100000002 cafecafe00000004'),
    ],
    ['MD type and protocol are not set', before, [set('nsh', { 2: '02', 3: '01' })], before],
  ]);
  t.end();
});

t.test('offload state moves with the headers', (t) => {
  const state = (hdrLen: number, csumStart: number): Offload => ({
    flags: 1,
    gsoType: 1,
    hdrLen,
    gsoSize: 100,
    csumStart,
    csumOffset: 16,
  });
  const tagged = eth(IP, ip4(T), { tags: [[0x8100, 5]] });
  check(t, [
    [
      'push',
      eth(IP, ip4(T)),
      [{ type: 'push_vlan', tpid: 0x8100, tci: 5 }],
      tagged,
      { offload: state(54, 34), after: state(58, 38) },
    ],
    ['pop', tagged, [{ type: 'pop_vlan' }], eth(IP, ip4(T)), { offload: state(58, 38), after: state(54, 34) }],
    [
      'no hint stays none',
      eth(IP, ip4(T)),
      [{ type: 'push_vlan', tpid: 0x8100, tci: 5 }],
      tagged,
      { offload: state(0, 34), after: state(0, 38) },
    ],
    ['not below 0', tagged, [{ type: 'pop_vlan' }], eth(IP, ip4(T)), { offload: state(2, 1), after: state(0, 0) }],
    ['a cut that cuts nothing', tagged, [{ type: 'trunc', maxLen: 1000 }], tagged, { offload: state(58, 38) }],
    [
      'a cut',
      tagged,
      [{ type: 'trunc', maxLen: 40 }],
      tagged.subarray(0, 40),
      { offload: state(58, 38), after: NO_OFFLOAD },
    ],
  ]);
  t.end();
});

t.test('check_pkt_len compares what will be on the wire', (t) => {
  const long = eth(IP, ip4(tcp(1, 2, 'pseudo', new Array<number>(3000).fill(7)))); // 54 bytes of headers
  const datagrams = eth(IP, ip4(udp(1, 2, 'pseudo', new Array<number>(3000).fill(7)))); // 42
  const gso = (gsoType: number, gsoSize: number): Offload => ({ ...unfinished(34, 16), gsoType, gsoSize });
  const rows: [string, Uint8Array, Offload, number][] = [
    ['a frame', long, NO_OFFLOAD, 3054],
    ['TCP segments', long, gso(1, 1000), 1054],
    ['with ECN', long, gso(0x81, 1000), 1054],
    ['a frame of one segment', long, gso(1, 9000), 3054],
    ['datagrams', datagrams, gso(5, 1000), 1042],
    ['fragments', datagrams, gso(3, 1000), 3042],
    ['not what it says', datagrams, gso(1, 1000), 3042],
  ];
  for (const [name, frame, offload, length] of rows) {
    for (const run of [plainly, natively]) {
      const answer = (limit: number) =>
        run(frame, [{ type: 'check_pkt_len', length: limit, greater: [OUT], lessEqual: [] }], offload, 2).length;
      t.same([answer(length - 1), answer(length)], [1, 0], `${name}: ${length}`);
    }
  }
  t.end();
});

t.test('headroom ends', (t) => {
  const pushes = (n: number): DpAction[] =>
    Array.from({ length: n }, () => ({ type: 'push_vlan', tpid: 0x8100, tci: 5 }));
  for (const run of [plainly, natively]) {
    t.equal(run(eth(IP, ip4(U)), [...pushes(48), OUT], NO_OFFLOAD, 1).length, 1);
    t.equal(run(eth(IP, ip4(U)), [...pushes(49), OUT], NO_OFFLOAD, 1).length, 0);
  }
  t.end();
});
